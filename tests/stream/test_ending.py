"""The end of a project's streams: what may still wait, and that nothing of a pool of its own stays."""

from collections.abc import Iterator
from typing import Any

import pytest
import redis

from openpanel.stream import ending
from openpanel.stream.keys import Pool, keys_of

POOL = Pool("going", 3)


@pytest.fixture
def valkey(valkey_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(valkey_url) as client:
        yield client
        for name in list(client.scan_iter(match="op:{going*")):
            client.delete(name)


def fill(valkey: redis.Redis, pool: Pool, *, shard: int, at_ms: int, events: int) -> None:
    keys = keys_of(pool)[shard]
    valkey.xadd(keys.stream, {"f": b"frame"}, id=f"{at_ms}-0")
    valkey.incrby(keys.depth, events)


def test_shards_whose_oldest_was_taken_later_have_nothing_of_before(valkey: redis.Redis) -> None:
    assert ending.waiting_since(valkey, pool=POOL, until_ms=2_000) == 0

    fill(valkey, POOL, shard=0, at_ms=1_000, events=5)
    fill(valkey, POOL, shard=0, at_ms=3_000, events=2)
    fill(valkey, POOL, shard=2, at_ms=2_001, events=11)

    assert ending.waiting_since(valkey, pool=POOL, until_ms=2_000) == 7
    assert ending.waiting_since(valkey, pool=POOL, until_ms=999) == 0
    assert ending.waiting_since(valkey, pool=POOL, until_ms=2_001) == 18


def test_pool_that_is_dropped_leaves_nothing_and_takes_nobody_elses(valkey: redis.Redis) -> None:
    others = Pool("going-on", 1), Pool("going_", 1), Pool("goings", 1)
    for pool in (POOL, *others):
        for keys in keys_of(pool):
            fill(valkey, pool, shard=keys.index, at_ms=1_000, events=1)
            valkey.set(keys.fence, 3)
            valkey.set(keys.session(project="going", device=7), b"state")
            valkey.hset(keys.commit("writer"), "seq", 1)
    kept = {key for key in valkey.scan_iter(match="op:{going*") if b"{going:" not in key}

    ending.drop(valkey, pool=Pool("going", 1))  # of more shards than it has now

    assert set(valkey.scan_iter(match="op:{going*")) == kept
    assert len(kept) == 15


class Scanned(redis.Redis):
    """Counts how often all of it is looked through, and dies of it when told to."""

    scans = 0
    dies = False

    def scan_iter(self, *wanted: Any, **more: Any) -> Iterator[Any]:
        self.scans += 1
        if self.dies:
            raise redis.ConnectionError("it went away")
        yield from super().scan_iter(*wanted, **more)


@pytest.fixture
def scanned(valkey_url: str) -> Iterator[Scanned]:
    with Scanned.from_url(valkey_url) as client:
        assert isinstance(client, Scanned)
        yield client


@pytest.mark.usefixtures("valkey")
def test_redis_is_not_looked_through_for_a_pool_that_never_was(scanned: Scanned) -> None:
    ending.drop(scanned, pool=POOL)
    assert scanned.scans == 0

    fill(scanned, POOL, shard=2, at_ms=1_000, events=1)
    ending.drop(scanned, pool=POOL)
    ending.drop(scanned, pool=POOL)
    assert scanned.scans == 1


def test_drop_that_was_cut_off_is_finished_by_the_next(valkey: redis.Redis, scanned: Scanned) -> None:
    fill(valkey, POOL, shard=0, at_ms=1_000, events=1)
    valkey.set(keys_of(POOL)[1].session(project="going", device=7), b"state")
    scanned.dies = True
    with pytest.raises(redis.ConnectionError):
        ending.drop(scanned, pool=POOL)
    assert not valkey.exists(keys_of(POOL)[0].stream)

    scanned.dies = False
    ending.drop(scanned, pool=POOL)

    assert not list(valkey.scan_iter(match="op:{going:*"))
