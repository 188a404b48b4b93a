"""A Redis whose memory runs out: calls are turned away in time, and workers can empty it whatever happens."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import redis
import redis.asyncio

from openpanel.stream.errors import Overloaded
from openpanel.stream.room import Room
from tests.stream.builders import Stream, a_bare_append, a_stream
from tests.stream.servers import Server


@asynccontextmanager
async def watched(server: Server, folder: Path) -> AsyncIterator[tuple[Stream, Room]]:
    """A stream that heeds the memory of its Redis."""
    async with redis.asyncio.Redis.from_url(server.url) as client:
        room = Room(client)
        async with a_stream(server.url, folder, has_room=room.is_there) as stream:
            yield stream, room


def bound(stream: Stream, *, taken: float) -> None:
    """Give Redis a bound of which this share is taken now."""
    used = stream.redis.info("memory")["used_memory"]
    stream.redis.config_set("maxmemory", int(used / taken))


async def test_calls_are_turned_away_while_little_memory_is_left(server: Server, tmp_path: Path) -> None:
    async with watched(server, tmp_path) as (stream, room):
        await stream.committer.append(a_bare_append(1))
        bound(stream, taken=0.9)
        await room.refresh()

        with pytest.raises(Overloaded):
            await stream.committer.append(a_bare_append(2))
        bound(stream, taken=0.5)
        await room.refresh()
        await stream.committer.append(a_bare_append(3))

        assert [int(message.envelope.body) for message in stream.messages()] == [1, 3]


async def test_redis_without_a_bound_has_room(server: Server, tmp_path: Path) -> None:
    async with watched(server, tmp_path) as (stream, room):
        stream.redis.config_set("maxmemory", 0)
        await room.refresh()

        assert room.is_there()


async def test_spool_waits_until_there_is_memory_again(server: Server, tmp_path: Path) -> None:
    tries = asyncio.Semaphore(0)
    rooms = [False]

    def has_room() -> bool:
        tries.release()
        return rooms[-1]

    async with a_stream(server.url, tmp_path, has_room=has_room) as stream:
        server.kill()
        await stream.committer.append(a_bare_append(1))
        server.start()
        while not tries.locked():
            await tries.acquire()
        for _ in range(3):  # the first may have begun before Redis was back, the last may not have ended
            await tries.acquire()
        spooled = stream.committer.spooled_bytes
        rooms.append(True)
        await stream.committer.caught_up()

        assert spooled > 0
        assert [int(message.envelope.body) for message in stream.messages()] == [1]


async def test_full_redis_is_emptied(stream_of_one: Stream) -> None:
    stream = stream_of_one
    await stream.committer.append(a_bare_append(1))
    bound(stream, taken=2.0)
    with pytest.raises(redis.OutOfMemoryError):
        stream.redis.set("no", "room")

    assert [int(message.envelope.body) for message in stream.messages()] == [1]
    shard = stream.shard()
    assert shard.acquire()
    shard.renew()
    assert shard.clear_order()


@pytest.fixture
async def stream_of_one(server: Server, tmp_path: Path) -> AsyncIterator[Stream]:
    """A stream on a Redis of this test alone."""
    async with a_stream(server.url, tmp_path) as stream:
        yield stream
