"""One address with two Valkeys behind it, as a Service or a floating address has them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import redis

from openpanel_local.engines import valkey

WITHIN_MS = 60_000
PASSWORD = "of-both"


class Address:
    """Leads each new connection to the Valkey that is the primary then; those that are there stay where they are."""

    def __init__(self, first: str, second: str) -> None:
        self._behind = [first, second]
        self.url = ""
        self._piping: set[asyncio.Task[None]] = set()

    @property
    def primary(self) -> str:
        """The URL of the one that it leads to."""
        return self._behind[0]

    def fail_over(self) -> None:
        """Make the other one the primary; the old one goes on as its replica."""
        self.demote()
        self.promote()

    def demote(self) -> None:
        """Make the primary a replica of the other one: nobody takes writes."""
        old, new = self._behind
        _await_replica(old)
        with redis.Redis.from_url(old) as client:
            client.replicaof("127.0.0.1", str(urlsplit(new).port))

    def promote(self) -> None:
        """Make the other one the primary."""
        self._behind.reverse()
        with redis.Redis.from_url(self.primary) as client:
            client.replicaof("NO", "ONE")

    async def lead(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry a new connection."""
        theirs, ours = await asyncio.open_connection("127.0.0.1", urlsplit(self.primary).port)
        for source, sink in ((reader, ours), (theirs, writer)):
            task = asyncio.create_task(_carry(source, sink))
            self._piping.add(task)
            task.add_done_callback(self._piping.discard)

    async def close(self) -> None:
        """Let go of all connections."""
        for task in tuple(self._piping):
            task.cancel()
        await asyncio.gather(*self._piping, return_exceptions=True)


@asynccontextmanager
async def an_address(folder: Path) -> AsyncIterator[Address]:
    """Two Valkeys with one password, the second a replica of the first, behind one address."""
    with contextlib.ExitStack() as servers:
        urls = []
        for name in ("first", "second"):
            (folder / name).mkdir(parents=True)
            (folder / name / "password").write_text(PASSWORD)
            urls.append(servers.enter_context(valkey.running(folder / name)).url)
        for url in urls:
            with redis.Redis.from_url(url) as client:
                client.config_set("primaryauth", PASSWORD)
                client.config_set("repl-diskless-sync-delay", 0)
        with redis.Redis.from_url(urls[1]) as client:
            client.replicaof("127.0.0.1", str(urlsplit(urls[0]).port))
        _await_replica(urls[0])
        address = Address(*urls)
        leading = await asyncio.start_server(address.lead, "127.0.0.1", 0)
        port = leading.sockets[0].getsockname()[1]
        address.url = urls[0].replace(f":{urlsplit(urls[0]).port}/", f":{port}/")
        try:
            yield address
        finally:
            leading.close()
            await address.close()


async def _carry(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    try:
        with contextlib.suppress(ConnectionError):
            while data := await source.read(65_536):
                sink.write(data)
                await sink.drain()
    finally:
        sink.close()


def _await_replica(primary: str) -> None:
    """Wait until its replica has all that it has."""
    with redis.Redis.from_url(primary, socket_timeout=None) as client:
        client.set("marked", "1")
        assert client.wait(1, WITHIN_MS) == 1
