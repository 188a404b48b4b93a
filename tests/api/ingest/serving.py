"""The ingest application on a real socket of this process."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from openpanel_api.direct import DirectProtocol
from openpanel_api.ingest.app import IngestApp
from openpanel_api.ingest.parts import Parts
from openpanel_api.ingest.plain import Known, Ready
from openpanel_api.protocol import BoundedProtocol, DirectAnswers
from openpanel_api.server import Port, config_of
from openpanel_api.sockets import listening
from tests.api.ingest.rig import (
    CHROME,
    ORIGIN,
    READ,
    SECRET,
    WAIT_SECONDS,
    WRITE,
    Ingest,
    an_event,
    an_ingest,
)

BODY = json.dumps(an_event()).encode()
FIELDS = (
    f"host: localhost\r\ncontent-type: application/json\r\n"
    f"openpanel-client-id: {WRITE}\r\norigin: {ORIGIN}\r\nuser-agent: {CHROME}\r\n"
).encode()
IMPORTER = (
    f"host: localhost\r\ncontent-type: application/json\r\n"
    f"openpanel-client-id: {READ}\r\nopenpanel-client-secret: {SECRET}\r\n"
).encode()
HEAD = b"POST /track HTTP/1.1\r\n" + FIELDS


def a_call(body: bytes, *, path: str = "/track", fields: bytes = b"", sender: bytes = FIELDS) -> bytes:
    """A whole request, with more header fields where given."""
    return b"POST %b HTTP/1.1\r\n%b%bcontent-length: %d\r\n\r\n%b" % (
        path.encode(), sender, fields, len(body), body,
    )  # fmt: skip


class Watched(IngestApp):
    """The application as it is, with a note of what became of each call that came to it in one piece."""

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self.direct: list[bool] = []

    def ready(self, known: Known, body: bytes) -> Ready | None:
        call = super().ready(known, body)
        self.direct.append(call is not None)
        return call


@dataclass
class Served:
    """The application and the port that it is on."""

    ingest: Ingest
    app: Watched
    server: Port
    port: int

    async def exchange(self, *pieces: bytes, answers: int = 1) -> list[tuple[bytes, bytes]]:
        """Send these pieces on one connection and read so many answers: head and body of each."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)
            return [await an_answer(reader) for _ in range(answers)]
        finally:
            writer.close()

    async def begun(self, first: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection whose first bytes are there before its time begins to run."""
        connection = socket.create_connection(("127.0.0.1", self.port))
        connection.sendall(first)
        return await asyncio.open_connection(sock=connection)


async def an_answer(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """Head and body of the next answer."""
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), WAIT_SECONDS)
    length = next(int(line[16:]) for line in head.split(b"\r\n") if line.startswith(b"content-length: "))
    return head, await reader.readexactly(length)


@asynccontextmanager
async def served(
    url: str,
    folder: Path,
    *,
    head_seconds: float = WAIT_SECONDS,
    idle_seconds: int = 60,
    way: type[BoundedProtocol] = DirectProtocol,
    application: type[Watched] = Watched,
    **more: Any,
) -> AsyncIterator[Served]:
    """The service as its process runs it, with its own bounds on time; `more` is what `an_ingest` takes."""
    protocol = type("Protocol", (way,), {"head_seconds": head_seconds})
    async with an_ingest(url, folder, **more) as ingest:
        app = application(replace(ingest.parts, send_accepted=DirectAnswers().send_accepted))
        config = config_of(app, protocol=protocol)
        config.timeout_keep_alive = idle_seconds
        server = Port(config)
        port = listening("127.0.0.1", 0)
        serving = asyncio.create_task(server.serve(sockets=[port]))
        yield Served(ingest, app, server, port.getsockname()[1])
        server.should_exit = True
        await serving
