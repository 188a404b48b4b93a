"""How much waits in the streams of pools, and who is busy with it: what the autoscaler, metrics and pages show.

One round trip for any number of pools. Safe beside everything else; changes nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import redis

from openpanel.stream.keys import Pool, keys_of


@dataclass(frozen=True, slots=True)
class PoolDepth:
    """The state of one pool."""

    events: int = 0
    """Events that wait, those in hand included."""
    holders: tuple[str, ...] = ()
    """The workers that hold a shard, each once: `<host>:<rest>`, and in a cluster a pod is its host."""

    @property
    def busy_hosts(self) -> frozenset[str]:
        """The hosts (pods) that would be interrupted in something."""
        return frozenset(holder.partition(":")[0] for holder in self.holders)


def depths(redis: redis.Redis, *, pools: Iterable[Pool]) -> dict[str, PoolDepth]:
    """The state of each pool by its name."""
    asked = list(pools)
    pipeline = redis.pipeline(transaction=False)
    for pool in asked:
        for keys in keys_of(pool):
            pipeline.mget(keys.depth, keys.lease)
    answers = iter(pipeline.execute())
    found = {}
    for pool in asked:
        shards = [next(answers) for _ in range(pool.shards)]
        holders = dict.fromkeys(lease.decode() for _, lease in shards if lease is not None)
        found[pool.name] = PoolDepth(sum(int(waiting or 0) for waiting, _ in shards), tuple(holders))
    return found


def depth(redis: redis.Redis, *, pool: Pool) -> int:
    """Events that wait in the streams of the pool, those in hand included."""
    return depths(redis, pools=[pool])[pool.name].events
