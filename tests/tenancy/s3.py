"""An S3-compatible server on a free loopback port: signatures checked, everything in memory (`s3_server/main.go`)."""

import contextlib
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from openpanel_local.engines import Command
from openpanel_local.engines.process import running
from tests.stream.ports import reserved_port

SOURCE: Final = Path(__file__).parent / "s3_server"
BUILD_WITHIN_S: Final = 280


@dataclass(frozen=True, slots=True)
class Server:
    """Where it answers, and the one key that it knows."""

    url: str
    key: str = "AKIATESTSTESTSTESTS0"
    secret: str = "vErY/sEcReT+tEsTs"

    def bucket(self, name: str) -> str:
        """`snapshots` takes everything, `full` has no room, `closed` is not for this key."""
        return f"{self.url}/{name}"


def built(folder: Path) -> Path:
    """The server's program; what Go has built before takes it a moment."""
    program = folder / "s3-server"
    subprocess.run(["go", "build", "-o", str(program), "."], cwd=SOURCE, check=True, timeout=BUILD_WITHIN_S)
    return program


@contextlib.contextmanager
def serving(program: Path, folder: Path) -> Iterator[Server]:
    """The server until the end of the block."""
    with reserved_port() as port:
        server = Server(f"http://127.0.0.1:{port}")
        argv = (
            *(str(program), "-address", f"127.0.0.1:{port}"),
            *("-key", server.key, "-secret", server.secret),
        )
        log = folder / "s3-server.log"
        command = Command("s3-server", argv, cwd=folder, log=log, stop_signal=signal.SIGTERM)
        with running(command, ready=lambda: _answers(server)):
            yield server


def _answers(server: Server) -> bool:
    try:
        return httpx.get(server.url).status_code > 0
    except httpx.TransportError:
        return False
