"""Idempotency keys of what was taken while Redis was away, in a pool with several shards."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from openpanel.stream.frames import Resolved
from openpanel.stream.holds import CLAIM_MS
from openpanel.stream.keys import ShardKeys
from openpanel.stream.outcomes import Outcome, answer_of
from tests.stream.builders import MINUTE, NOON, PATIENCE_S, Stream, a_pool, a_run, a_stream, an_append
from tests.stream.servers import Server

SHARDS = 4


@pytest.fixture
async def wide(server: Server, tmp_path: Path) -> AsyncIterator[Stream]:
    async with a_stream(server.url, tmp_path, shards=SHARDS) as running:
        yield running


def key_in(stream: Stream, shard: int, *, prefix: str = "device") -> str:
    return next(key for number in range(1_000) if stream.pool.shard_of(key := f"{prefix}{number}") == shard)


async def send(stream: Stream, *, shard: int, key: str, minute: int = 0) -> Resolved:
    """One page view with this key from an address of this shard."""
    run = a_run(NOON + minute * MINUTE, device=0xA0 + shard)
    return await stream.append(run, shard_key=key_in(stream, shard), idempotency=(key,))


async def refused_step(logs: Sequence[Mapping[str, object]], reason: str) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not any(reason in str(entry.get("reason")) for entry in logs):  # noqa: ASYNC110 (bounded by the timeout)
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("home", range(SHARDS))
async def test_key_of_a_spooled_request_is_known_to_all_shards_afterwards(
    server: Server, wide: Stream, home: int
) -> None:
    key = key_in(wide, home, prefix="key")
    server.kill()
    first = await send(wide, shard=0, key=key)
    server.start()
    await wide.committer.caught_up()

    again = await send(wide, shard=1, key=key, minute=1)

    assert (again.device, again.session) == (first.device, first.session)
    assert [message.device for message in wide.messages()] == [0xA0]
    assert not any(wide.redis.exists(ShardKeys(wide.pool, shard).claim(key)) for shard in range(SHARDS))


@pytest.mark.parametrize("home", range(SHARDS))
async def test_repeat_of_an_answered_key_is_not_taken_from_the_spool(
    server: Server, wide: Stream, home: int
) -> None:
    key = key_in(wide, home, prefix="key")
    await send(wide, shard=0, key=key)
    server.kill()
    await send(wide, shard=1, key=key, minute=1)
    await send(wide, shard=1, key="another", minute=2)
    server.start()
    await wide.committer.caught_up()

    assert [(message.item.at_ms - NOON) // MINUTE for message in wide.messages()] == [0, 2]


async def test_same_key_from_many_addresses_in_an_outage_is_kept_once(server: Server, wide: Stream) -> None:
    server.kill()
    await asyncio.gather(*(send(wide, shard=shard, key="k") for shard in range(SHARDS)))
    for shard in range(SHARDS):
        await send(wide, shard=shard, key="k", minute=1)
        await send(wide, shard=shard, key=f"own {shard}", minute=2)
    server.start()
    await wide.committer.caught_up()

    minutes = [(message.item.at_ms - NOON) // MINUTE for message in wide.messages()]
    assert sorted(minutes) == [0, *[2] * SHARDS]


async def test_spools_of_two_processes_bring_in_a_key_once(server: Server, tmp_path: Path) -> None:
    pool = a_pool(SHARDS)
    async with (
        a_stream(server.url, tmp_path / "one", pool=pool) as one,
        a_stream(server.url, tmp_path / "two", pool=pool) as two,
    ):
        server.kill()
        for key in ("a", "b", "c"):
            await send(one, shard=0, key=key)
        for key in ("c", "b", "a"):
            await send(two, shard=1, key=key)
        server.start()
        await asyncio.gather(one.committer.caught_up(), two.committer.caught_up())

        assert len(one.messages()) == 3


async def test_batch_is_taken_from_the_spool_without_what_was_answered(server: Server, wide: Stream) -> None:
    await send(wide, shard=2, key="known")
    server.kill()
    runs = [a_run(NOON + minute * MINUTE, device=0xB) for minute in (1, 2, 3)]
    await wide.committer.append(
        an_append(*runs, shard_key=key_in(wide, 1), idempotency=("fresh", "known", ""))
    )
    server.start()
    await wide.committer.caught_up()

    kept = [(message.item.at_ms - NOON) // MINUTE for message in wide.messages() if message.device == 0xB]
    assert kept == [1, 3]


async def test_replay_waits_for_who_is_answering_a_key(server: Server, wide: Stream) -> None:
    home = ShardKeys(wide.pool, wide.pool.shard_of("k"))
    wide.redis.set(home.claim("k"), f"2|{NOON}|somebody-0")
    server.kill()
    await send(wide, shard=1, key="k")
    with capture_logs() as logs:
        server.start()
        await refused_step(logs, "being answered")
    wide.redis.set(home.idempotency("k"), answer_of(Outcome(0, 7, NOON << 2), a_run(device=0xC)))
    await wide.committer.caught_up()

    assert wide.messages() == []


async def test_replay_takes_a_key_over_whose_owner_died(server: Server, wide: Stream) -> None:
    home = ShardKeys(wide.pool, wide.pool.shard_of("k"))
    wide.redis.set(home.claim("k"), f"2|{NOON}|gone-0")
    server.kill()
    await send(wide, shard=1, key="k")
    wide.clock.now_ms = NOON + CLAIM_MS + 1
    server.start()
    await wide.committer.caught_up()

    assert len(wide.messages()) == 1
    assert not wide.redis.exists(home.claim("k"))


async def test_heir_of_a_process_that_died_while_replaying_tells_the_other_shards(
    server: Server, tmp_path: Path
) -> None:
    """The commit was in, but the home shard of the key had not heard of it yet."""
    pool = a_pool(SHARDS)
    async with a_stream(server.url, tmp_path / "dead", pool=pool) as dead:
        key = key_in(dead, 3, prefix="key")
        server.kill()
        await send(dead, shard=0, key=key)
        (left,) = (tmp_path / "dead").glob("*.spool")
        (tmp_path / "heir").mkdir()
        shutil.copy(left, tmp_path / "heir" / left.name)
        server.start()
        await dead.committer.caught_up()
        dead.redis.delete(ShardKeys(pool, 3).idempotency(key))

    async with a_stream(server.url, tmp_path / "heir", pool=pool) as heir:
        await heir.committer.caught_up()
        await send(heir, shard=1, key=key, minute=1)

        assert [message.device for message in heir.messages()] == [0xA0]
