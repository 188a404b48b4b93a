"""A primary that becomes a replica and goes on, with the new one behind the same address."""

import asyncio
from pathlib import Path

import pytest
import redis

from openpanel.stream.blocking import blocking_client
from tests.stream.builders import a_bare_append, a_stream
from tests.stream.failover import Address, an_address

CALLS = 100  # more than leave in one commit


async def test_commits_find_the_new_primary(tmp_path: Path) -> None:
    async with an_address(tmp_path) as address, a_stream(address.url, tmp_path / "spool") as stream:
        await asyncio.gather(*(stream.committer.append(a_bare_append(number)) for number in range(CALLS)))
        address.fail_over()
        await asyncio.gather(
            *(stream.committer.append(a_bare_append(number)) for number in range(CALLS, 2 * CALLS))
        )
        async with asyncio.timeout(60):
            await stream.committer.caught_up()
        await stream.committer.append(a_bare_append(2 * CALLS))
        spooled = stream.committer.spooled_bytes

        kept = await asyncio.to_thread(_entries, address, stream.keys.stream)

    assert spooled == 0
    assert kept == 2 * CALLS + 1


async def test_replay_that_waits_for_a_replica_finds_the_new_primary(tmp_path: Path) -> None:
    tries = asyncio.Semaphore(0)

    def has_room() -> bool:
        tries.release()
        return True

    async with (
        an_address(tmp_path) as address,
        a_stream(address.url, tmp_path / "spool", has_room=has_room) as stream,
    ):
        await stream.committer.append(a_bare_append(0))
        address.demote()
        await stream.committer.append(a_bare_append(1))
        spooled = stream.committer.spooled_bytes
        while not tries.locked():
            await tries.acquire()
        for _ in range(2):  # before the second the first one was answered
            await tries.acquire()
        address.promote()
        async with asyncio.timeout(60):
            await stream.committer.caught_up()

        kept = await asyncio.to_thread(_entries, address, stream.keys.stream)

    assert spooled > 0
    assert kept == 2


async def test_worker_finds_the_new_primary(tmp_path: Path) -> None:
    async with an_address(tmp_path) as address:
        with blocking_client(address.url) as client:
            await asyncio.to_thread(client.set, "before", "1")
            address.fail_over()
            with pytest.raises(redis.ReadOnlyError):
                await asyncio.to_thread(client.set, "refused", "1")

            await asyncio.to_thread(client.set, "after", "1")


async def test_transaction_finds_the_new_primary(tmp_path: Path) -> None:
    def write(client: redis.Redis) -> None:
        with client.pipeline() as pipeline:
            pipeline.set("one", "1")
            pipeline.set("two", "2")
            pipeline.execute()

    async with an_address(tmp_path) as address:
        with blocking_client(address.url) as client:
            await asyncio.to_thread(write, client)
            address.fail_over()
            with pytest.raises(redis.ReadOnlyError):
                await asyncio.to_thread(write, client)

            await asyncio.to_thread(write, client)


def _entries(address: Address, name: str) -> int:
    """Messages in a stream of the primary; each entry says how many it has."""
    with redis.Redis.from_url(address.primary) as client:
        return sum(int(fields[b"n"]) for _, fields in client.xrange(name))
