"""The public API on a real socket over a real Redis, with hands to move visitors and counts."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
import pytest
from redis.asyncio import Redis
from websockets.asyncio.client import ClientConnection, connect

from openpanel.metadata.records import SHARED_POOL
from openpanel.stream import Pool
from openpanel.stream.keys import keys_of
from openpanel.stream.usage import month_of
from openpanel_api.public.services import Services
from openpanel_api.server import Port, config_of
from openpanel_api.sockets import listening
from tests.api.public.conftest import Clock, Place, an_app

KEYS = keys_of(Pool(SHARED_POOL, 1))[0]
WAIT_S = 60.0  # for what comes within a second on a machine that has time


@dataclass
class Live:
    """A served API."""

    place: Place
    redis: Redis
    clock: Clock
    port: int
    services: Services
    stopping: asyncio.Event

    async def come(self, *devices: str, project: str = "mine") -> None:
        """Visitors do something now."""
        await self.redis.zadd(KEYS.live(project), dict.fromkeys(devices, self.clock.ms))

    async def count(self, events: int, *, project: str = "mine") -> None:
        """So many events are counted."""
        await self.redis.hincrby(KEYS.usage(month_of(self.clock.ms)), project, events)

    @asynccontextmanager
    async def socket(self, path: str, *, who: str | None = "mine/reader") -> AsyncIterator[ClientConnection]:
        """A websocket."""
        headers = self.place.headers(who) if who else {}
        address = f"ws://127.0.0.1:{self.port}/live/{path}"
        async with connect(address, additional_headers=headers, open_timeout=WAIT_S, proxy=None) as socket:
            yield socket

    @asynccontextmanager
    async def stream(
        self, path: str, *, who: str | None = "mine/reader"
    ) -> AsyncIterator[AsyncIterator[tuple[str, str]]]:
        """The events of a stream: name and data."""
        headers = {"accept": "text/event-stream", **(self.place.headers(who) if who else {})}
        async with (
            httpx.AsyncClient(timeout=WAIT_S, trust_env=False) as client,
            client.stream("GET", f"http://127.0.0.1:{self.port}/live/{path}", headers=headers) as answer,
        ):
            assert answer.status_code == 200, await answer.aread()
            assert answer.headers["content-type"].startswith("text/event-stream")
            yield _events(answer)


async def _events(answer: httpx.Response) -> AsyncIterator[tuple[str, str]]:
    name = ""
    async for line in answer.aiter_lines():
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield name, line.removeprefix("data: ")


async def following(events: AsyncIterator[tuple[str, str]]) -> tuple[str, str]:
    """The next event."""
    async with asyncio.timeout(WAIT_S):
        return await anext(events)


async def said(socket: ClientConnection) -> str:
    """The next message."""
    async with asyncio.timeout(WAIT_S):
        return str(await socket.recv())


@asynccontextmanager
async def serving(services: Services) -> AsyncIterator[int]:
    """The API as its process runs it; its port."""
    server = Port(config_of(an_app(services)))
    socket = listening("127.0.0.1", 0)
    running = asyncio.create_task(server.serve(sockets=[socket]))
    try:
        yield socket.getsockname()[1]
    finally:
        server.should_exit = True
        await running


@pytest.fixture
async def live(place: Place, clock: Clock, redis: Redis) -> AsyncIterator[Live]:
    """The API over real stores."""
    stopping = asyncio.Event()
    services = Services(
        place.database, place.warehouse, redis=redis, clock_ms=clock, stopping=stopping.is_set
    )
    async with serving(services) as port:
        yield Live(place, redis, clock, port, services, stopping)
        stopping.set()
