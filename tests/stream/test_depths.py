"""What waits in many pools at once, and who is busy there."""

from openpanel.stream import PoolDepth, depths
from openpanel.stream.keys import Pool, ShardKeys
from tests.stream.builders import Stream, a_pool


def fill(stream: Stream, pool: Pool, *, shard: int, events: int, owner: str = "") -> None:
    keys = ShardKeys(pool, shard)
    stream.redis.set(keys.depth, events)
    if owner:
        stream.redis.set(keys.lease, owner)


async def test_depths_of_pools_are_told_apart(stream: Stream) -> None:
    wide, idle = a_pool(3), a_pool()
    fill(stream, wide, shard=0, events=5, owner="worker-b:7:ab")
    fill(stream, wide, shard=1, events=0, owner="worker-a:9:cd")
    fill(stream, wide, shard=2, events=2, owner="worker-b:7:ab")
    await stream.visit(0)

    found = depths(stream.redis, pools=[wide, idle, stream.pool])

    assert found == {
        wide.name: PoolDepth(7, ("worker-b:7:ab", "worker-a:9:cd")),
        idle.name: PoolDepth(),
        stream.pool.name: PoolDepth(1),
    }
    assert found[wide.name].busy_hosts == {"worker-a", "worker-b"}


async def test_worker_is_busy_while_it_holds_a_shard(stream: Stream) -> None:
    await stream.visit(0)
    shard = stream.shard(owner="worker-1:2:ff")
    shard.acquire()
    block = shard.next_block(max_events=10)
    assert block is not None

    busy = depths(stream.redis, pools=[stream.pool])[stream.pool.name]
    shard.acknowledge(block)
    shard.release()
    idle = depths(stream.redis, pools=[stream.pool])[stream.pool.name]

    assert busy == PoolDepth(1, ("worker-1:2:ff",))
    assert idle == PoolDepth()


async def test_no_pools_are_no_question(stream: Stream) -> None:
    assert depths(stream.redis, pools=[]) == {}
