"""The streams of a project that goes: what may still wait in them, and the end of those that were its own.

Synchronous. What waits is read from the counters that acknowledgements take from, so that blocks in a worker's hands
count; reading changes nothing.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import Final

import redis

from openpanel.stream.keys import NAMESPACE, Pool, ShardKeys, keys_of

CHUNK: Final = 1_000  # keys of one UNLINK


def waiting_since(redis: redis.Redis, *, pool: Pool, until_ms: int) -> int:
    """Events of those shards whose oldest was taken until then: what was taken later waits behind it."""
    pipeline = redis.pipeline(transaction=False)
    shards = keys_of(pool)
    for keys in shards:
        pipeline.get(keys.depth)
        pipeline.xrange(keys.stream, "-", "+", count=1)
    answers = iter(pipeline.execute())
    waiting = 0
    for _ in shards:
        depth, oldest = int(next(answers) or 0), next(answers)
        if any(int(entry.split(b"-")[0]) <= until_ms for entry, _fields in oldest):
            waiting += depth
    return waiting


def drop(redis: redis.Redis, *, pool: Pool) -> None:
    """Take away all keys of the pool, also those of more shards than it has: nobody writes or drains it any more.

    What belongs together in a shard goes at once, so that a worker that has a block in hand finds its lease lost. To
    find the rest, all of Redis is looked through: only for a pool that has something, not for one that never was. The
    counters of what waits go last: as long as one is there, a call that was cut off is repeated as a whole.
    """
    counters = [keys.depth for keys in keys_of(pool)]
    pipeline = redis.pipeline(transaction=False)
    for keys in keys_of(pool):
        pipeline.unlink(*_fixed(keys))
        pipeline.exists(keys.depth)
    if not any(pipeline.execute()):
        return
    last = {name.encode() for name in counters}
    for chunk in _chunks(redis, f"{NAMESPACE}:{{{pool.name}:*}}:*", but=last):
        redis.unlink(*chunk)
    redis.unlink(*counters)


def _fixed(keys: ShardKeys) -> tuple[str, ...]:
    """What a shard has once, but the counter of what waits in it."""
    return (
        keys.stream,
        keys.order,
        keys.projects,
        keys.lease,
        keys.fence,
        keys.range,
        keys.cuts,
        keys.epoch,
    )


def _chunks(redis: redis.Redis, pattern: str, *, but: Collection[bytes]) -> Iterator[Sequence[bytes]]:
    chunk: list[bytes] = []
    for name in redis.scan_iter(match=pattern, count=CHUNK):
        if name not in but:
            chunk.append(name)
        if len(chunk) >= CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
