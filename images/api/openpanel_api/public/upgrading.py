"""The HTTP protocol of the public port: bounded like that of ingest, until a connection becomes a websocket."""

from typing import Final

from openpanel_api.protocol import BoundedProtocol

MESSAGE_BYTES: Final = 4_096  # of what a websocket's client says; nothing is expected of it
PING_SECONDS: Final = 15.0  # between pings; who does not answer one within them again is dropped


class UpgradingProtocol(BoundedProtocol):
    """Lets a websocket be silent: only the headers that began it are limited in time."""

    _is_websocket = False

    def handle_websocket_upgrade(self) -> None:
        super().handle_websocket_upgrade()
        self._is_websocket = True

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._is_websocket and self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
