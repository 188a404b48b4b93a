"""A Valkey that one test has for itself, to take it away."""

import contextlib
import os
import signal
from pathlib import Path

from openpanel_local.engines import valkey
from tests.stream.ports import reserved_port


class Server:
    """A Valkey of one test, which may be killed and started again on the same folder and port."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._place = contextlib.ExitStack()
        self._port = self._place.enter_context(reserved_port())  # also while it is away
        self._running = contextlib.ExitStack()
        self.pid = 0
        self.start()
        self.url = valkey.url(folder, port=self._port)

    def start(self) -> None:
        self.pid = self._running.enter_context(valkey.running(self._folder, port=self._port)).pid

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        self.stop()

    def stop(self) -> None:
        self._running.close()

    def close(self) -> None:
        """Stop it for good."""
        self.stop()
        self._place.close()
