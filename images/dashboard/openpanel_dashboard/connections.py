"""How the dashboard is served: uvicorn, with bounds on the head of a request in bytes and in time.

httptools keeps a line of a header until it is complete, and uvicorn waits for it for ever; it keeps the lines that may
come after a chunked body as well. Without these bounds one connection that never ends them fills the memory, before
anybody has signed in.
"""

import asyncio
from collections import deque
from typing import Any, Final

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES: Final = 64 * 1024  # of the request line and all headers
HEAD_SECONDS: Final = 15.0  # from the first byte of a head, or of the connection, to the head's end
REST_BYTES: Final = 256 * 1024  # of a request after its head: a form, and what it is wrapped in
STOP_S: Final = 5  # seconds that running requests get to end

_NOWHERE: Final[deque[tuple[bytes, bytes]]] = deque(maxlen=0)
_REASON: Final = b"The headers of a request may have %d bytes.\n" % HEAD_BYTES
_TOO_LARGE: Final = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: text/plain; charset=utf-8\r\n"
    b"connection: close\r\ncontent-length: %d\r\n\r\n%b" % (len(_REASON), _REASON)
)


class BoundedProtocol(HttpToolsProtocol):
    """Closes connections whose headers grow or take too long, those that send nothing at all, and those that go on
    without end about a request that needs no more."""

    head_seconds = HEAD_SECONDS
    _head_scope: Any = None  # the request whose head is being received
    _head_bytes = 0
    _head_timer: asyncio.TimerHandle | None = None
    _rest_scope: Any = None  # the request of which more came after its head
    _rest_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._settle_head()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._head_is_whole():
            if (
                self._is_answered()
            ):  # its rest, or blank lines: they begin nothing and get the time of one head
                if self._head_timer is None:
                    self._await_head()
            else:
                self._settle_head()
            self._rest_grew(len(data))
            return
        if self._head_scope is not self.scope:
            self._settle_head()
            self._head_scope = self.scope
        self._head_bytes += len(data)
        if self._head_bytes > HEAD_BYTES and not self.transport.is_closing():
            self.transport.write(_TOO_LARGE)
            self.transport.close()
        elif self._head_timer is None:
            self._await_head()

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        if self._head_is_whole():
            self.headers = _NOWHERE  # type: ignore[assignment]  # nobody asks for trailers, uvicorn only appends them

    def _rest_grew(self, size: int) -> None:
        if self._rest_scope is not self.scope:
            self._rest_scope, self._rest_bytes = self.scope, 0
        self._rest_bytes += size
        if self._rest_bytes > REST_BYTES:
            self.transport.close()

    def _head_is_whole(self) -> bool:
        cycle: Any = self.cycle  # None before the first request, whatever uvicorn's annotation says
        return cycle is not None and cycle.scope is self.scope

    def _is_answered(self) -> bool:
        return bool(self.cycle.response_complete)

    def _await_head(self) -> None:
        self._head_timer = self.loop.call_later(self.head_seconds, self._head_is_late)

    def _settle_head(self) -> None:
        self._head_bytes = 0
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _head_is_late(self) -> None:
        self._head_timer = None
        self.transport.close()


def config_of(
    app: ASGIApp, *, host: str, port: int, protocol: type[BoundedProtocol] = BoundedProtocol
) -> uvicorn.Config:
    """How uvicorn serves the dashboard."""
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        http=protocol,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=STOP_S,
    )
