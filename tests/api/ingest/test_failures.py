"""Guesses at one process count at the others."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import redis.asyncio

from openpanel_api.ingest import failures
from openpanel_api.ingest.buckets import BadCredentials
from tests.api.ingest.rig import NOON, WAIT_SECONDS

GUESSER, NEIGHBOUR = "198.51.100.66", "198.51.100.67"


@dataclass
class Processes:
    """Two processes that tell each other."""

    first: BadCredentials
    second: BadCredentials
    store: redis.asyncio.Redis


@pytest.fixture
async def processes(valkey_url: str) -> AsyncIterator[Processes]:
    store = redis.asyncio.Redis.from_url(valkey_url)
    await until_listening(store, 0)  # those of the test before may not have gone yet
    both = [BadCredentials(burst=5), BadCredentials(burst=5)]
    tasks = []
    for name, bad in zip("ab", both, strict=True):
        tasks.append(asyncio.create_task(failures.tell(store, bad, teller=name)))
        tasks.append(asyncio.create_task(failures.hear(store, bad, teller=name, now_ms=lambda: NOON)))
    await until_listening(store, 2)
    yield Processes(both[0], both[1], store)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await store.aclose()


async def until_listening(store: redis.asyncio.Redis, number: int) -> None:
    async with asyncio.timeout(WAIT_SECONDS):
        while dict(await store.pubsub_numsub(failures.CHANNEL))[failures.CHANNEL.encode()] != number:  # noqa: ASYNC110 (bounded by the timeout)
            await asyncio.sleep(0.02)


async def until_exhausted(bad: BadCredentials, address: str) -> None:
    async with asyncio.timeout(WAIT_SECONDS):
        while bad.exhausted(address, NOON) is None:  # noqa: ASYNC110 (bounded by the timeout)
            await asyncio.sleep(0.02)


async def test_guesses_count_everywhere(processes: Processes) -> None:
    for _ in range(5):
        processes.first.count(GUESSER, NOON)

    await until_exhausted(processes.second, GUESSER)

    assert processes.second.exhausted(NEIGHBOUR, NOON) is None


async def test_own_guesses_count_once(processes: Processes) -> None:
    processes.first.count(GUESSER, NOON)
    for _ in range(5):
        processes.first.count(NEIGHBOUR, NOON)

    await until_exhausted(processes.second, NEIGHBOUR)

    for _ in range(3):
        processes.first.count(GUESSER, NOON)
    assert processes.first.exhausted(GUESSER, NOON) is None


async def test_junk_on_the_channel_is_ignored(processes: Processes) -> None:
    await processes.store.publish(failures.CHANNEL, b"\xc1 no message")
    for _ in range(5):
        processes.first.count(GUESSER, NOON)

    await until_exhausted(processes.second, GUESSER)


def test_what_is_told_is_told_once_and_bounded() -> None:
    bad = BadCredentials()
    for number in range(5_000):
        bad.count(f"2001:db8:{number:x}::1", NOON)

    assert len(bad.untold()) == 1_000
    assert bad.untold() == {}
