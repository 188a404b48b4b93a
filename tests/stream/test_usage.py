"""Events taken per project and month: counted once each, whatever is repeated."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
import redis.asyncio

from openpanel.stream import usage
from openpanel.stream.drain import LeaseLost
from openpanel.stream.frames import Append, Kind
from openpanel.stream.messages import Item
from tests.stream.builders import NOON, PROJECT, Stream, a_pool, a_run, an_envelope


def months() -> set[str]:
    """The month that it is, and the one that it was when the test began."""
    now = datetime.now(UTC)
    return {usage.month_of(int(at.timestamp() * 1000)) for at in (now, now - timedelta(hours=1))}


def counts(stream: Stream, *projects: str) -> dict[str, int]:
    asked = projects or (PROJECT,)
    found = [usage.used(stream.redis, pools=[stream.pool], projects=asked, month=month) for month in months()]
    return {project: sum(one[project] for one in found) for project in asked}


def test_months_end_where_the_next_begins() -> None:
    end = usage.month_ends_ms(NOON)

    assert usage.month_of(end - 1) == "2026-01"
    assert usage.month_of(end) == "2026-02"
    assert usage.month_of(usage.month_ends_ms(end)) == "2026-03"


async def test_events_count_when_they_are_acknowledged(stream: Stream) -> None:
    await stream.visit(0)
    await stream.visit(1)
    assert counts(stream) == {PROJECT: 0}

    stream.drained()

    assert counts(stream, PROJECT, "other") == {PROJECT: 2, "other": 0}


async def test_what_is_said_of_people_does_not_count(stream: Stream) -> None:
    items = [
        Item(kind=kind, index=place, at_ms=NOON, flags=0, run=-1, device=0) for place, kind in enumerate(Kind)
    ]
    envelope = msgspec.structs.replace(an_envelope([a_run()]), items=items)
    await stream.committer.append(Append("key", "", (), envelope))

    stream.drained()

    assert counts(stream) == {PROJECT: 2}  # an event and an imported one


async def test_repeated_acknowledgement_counts_once(stream: Stream) -> None:
    await stream.visit(0)
    shard = stream.shard()
    shard.acquire()
    block = shard.next_block(max_events=10)
    assert block is not None

    shard.acknowledge(block)
    shard.acknowledge(block)

    assert counts(stream) == {PROJECT: 1}


async def test_worker_without_its_lease_counts_nothing(stream: Stream) -> None:
    await stream.visit(0)
    shard = stream.shard()
    shard.acquire()
    block = shard.next_block(max_events=10)
    assert block is not None
    stream.redis.delete(stream.keys.lease)
    stream.shard(owner="heir").acquire()

    with pytest.raises(LeaseLost):
        shard.acknowledge(block)

    assert counts(stream) == {PROJECT: 0}


async def test_pools_add_up_and_months_are_forgotten(stream: Stream, valkey_url: str) -> None:
    await stream.visit(0)
    stream.drained()
    pools = [stream.pool, a_pool(3)]

    async with redis.asyncio.Redis.from_url(valkey_url) as client:
        found = [
            await usage.used_soon(client, pools=pools, projects=[PROJECT], month=month) for month in months()
        ]

    assert sum(one[PROJECT] for one in found) == 1
    left_s = max(stream.redis.ttl(stream.keys.usage(month)) for month in months())
    assert 0 < left_s <= usage.KEPT_SECONDS
