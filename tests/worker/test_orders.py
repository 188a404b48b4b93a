"""Drain orders in RQ: one per shard, none lost, none stuck."""

import itertools
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
import redis
from rq import Queue
from rq.job import Job, JobStatus

from openpanel.stream.drain import Shard
from openpanel.stream.keys import Pool, ShardKeys
from openpanel_worker import context
from openpanel_worker.drain import Drain
from openpanel_worker.drain import drain as drain_order
from openpanel_worker.forgetting import Forgetting
from openpanel_worker.orders import Orders, order_id
from openpanel_worker.worker import DrainWorker
from tests.stream.builders import a_pool
from tests.worker.builders import World, track

LATER = timedelta(hours=1)
_names = itertools.count(1)


@dataclass
class Desk:
    """Orders of one pool and time that only the test moves; RQ's own goes on meanwhile."""

    redis: redis.Redis
    pool: Pool
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    orders: Orders = field(init=False)

    def __post_init__(self) -> None:
        self.orders = Orders(self.redis, pool=self.pool, now=lambda: self.now)

    def fill(self, shard: int = 0) -> None:
        self.redis.xadd(ShardKeys(self.pool, shard).stream, {"f": b"x", "n": 1})

    def job(self, shard: int = 0) -> Job:
        return Job.fetch(order_id(self.pool.name, shard), connection=self.redis)

    def begin(self, shard: int = 0) -> None:
        """A worker takes the order off the queue, says so, and dies."""
        job = self.job(shard)
        self.redis.lpop(self.orders.queue.key)
        self.redis.hset(
            job.key,
            mapping={
                "status": JobStatus.STARTED.value,
                "started_at": f"{self.now:%Y-%m-%dT%H:%M:%S.%fZ}",
            },
        )


@pytest.fixture
def desk(valkey_url: str) -> Iterator[Desk]:
    with redis.Redis.from_url(valkey_url) as client:
        yield Desk(client, a_pool(2))


def test_order_is_made_once(desk: Desk) -> None:
    assert desk.orders.make(0)
    assert not desk.orders.make(0)
    assert desk.orders.make(1)
    assert desk.orders.waiting() == 2


def test_sweep_makes_what_is_missing_and_nothing_else(desk: Desk) -> None:
    desk.fill(1)

    assert desk.orders.sweep() == 1
    assert desk.orders.sweep() == 0
    assert desk.orders.queue.job_ids == [order_id(desk.pool.name, 1)]


def test_order_of_a_killed_worker_is_freed_once_the_lease_is_gone(desk: Desk) -> None:
    desk.fill()
    desk.orders.make(0)
    desk.begin()
    lease = ShardKeys(desk.pool, 0).lease
    desk.redis.set(lease, "dead worker")
    desk.now += LATER

    assert desk.orders.sweep() == 0
    desk.redis.delete(lease)
    assert desk.orders.sweep() == 1
    assert desk.job().get_status() == JobStatus.QUEUED
    assert desk.orders.queue.job_ids == [order_id(desk.pool.name, 0)]


def test_order_that_has_just_begun_is_left_alone(desk: Desk) -> None:
    desk.fill()
    desk.orders.make(0)
    desk.begin()

    assert desk.orders.sweep() == 0


def test_order_that_was_taken_off_and_never_begun_is_made_again(desk: Desk) -> None:
    desk.fill()
    desk.orders.make(0)
    desk.redis.lpop(desk.orders.queue.key)
    assert desk.orders.sweep() == 0
    desk.now += LATER

    assert desk.orders.sweep() == 1


def test_heartbeat_that_outlives_its_order_keeps_nobody_from_making_another(desk: Desk) -> None:
    desk.fill()
    desk.redis.hset(Job.key_for(order_id(desk.pool.name, 0)), "last_heartbeat", "2026-01-01T12:00:00.000000Z")

    assert not desk.orders.make(0)
    assert desk.orders.sweep() == 1
    assert desk.job().get_status() is JobStatus.QUEUED


def test_order_is_made_again_only_where_something_waits(desk: Desk) -> None:
    assert not desk.orders.make_if_wanted(0)
    desk.fill()
    assert desk.orders.make_if_wanted(0)


def a_worker(world: World, orders: Orders, *, drain: Drain) -> DrainWorker:
    forgetting = cast("Forgetting", None)  # no order of these tests asks for it
    context.install(context.Context(drain=lambda _pool, _shard: drain, forgetting=forgetting))
    connection = redis.Redis.from_url(world.values.redis_url)
    queues = [Queue(orders.queue.name, connection=connection), Queue("jobs", connection=connection)]
    name = f"test-{os.getpid()}-{next(_names)}"
    return DrainWorker(queues, connection=connection, name=name, orders=orders, stopping=threading.Event())


@pytest.fixture
def orders_of(world: World) -> Orders:
    return Orders(world.stream.redis, pool=world.stream.pool, now=lambda: datetime.now(UTC))


async def test_worker_carries_an_order_out(world: World, orders_of: Orders) -> None:
    await world.send(track("one"))
    orders_of.make(0)

    a_worker(world, orders_of, drain=world.new_drain()).work(burst=True)

    assert world.rows("count()", where="name = 'one'", order="1") == [(1,)]
    assert orders_of.queue.job_ids == []
    assert not Job.exists(order_id(world.stream.pool.name, 0), connection=world.stream.redis)


class LateShard:
    """A shard in which something comes in between the last look and the end of the order."""

    def __init__(self, shard: Shard, late: Callable[[], object]) -> None:
        self._shard = shard
        self._late = late

    def __getattr__(self, name: str) -> Any:
        return getattr(self._shard, name)

    def release(self) -> None:
        self._shard.release()
        self._late()
        self._late = lambda: None


async def test_wake_up_at_the_very_end_of_an_order_is_not_lost(world: World, orders_of: Orders) -> None:
    """What comes after the last look finds the id taken; the worker looks again once the id is free."""
    stream, client = world.stream.keys.stream, world.stream.redis
    await world.send(track("one"))
    await world.send(track("late"), minute=1)
    entries: Any = client.xrange(stream)
    [_, (name, fields)] = entries
    client.xdel(stream, name)
    orders_of.make(0)

    def late() -> None:
        client.xadd(stream, fields)
        assert not orders_of.make(0)

    a_worker(world, orders_of, drain=world.new_drain(shard=LateShard(world.shard(), late))).work(burst=True)

    assert world.rows("name", where="name != 'session_start'", order="created_at") == [("one",), ("late",)]


async def test_order_goes_on_where_its_time_ended(world: World, orders_of: Orders) -> None:
    for minute in range(4):
        await world.send(track("event"), minute=minute)
    orders_of.make(0)

    a_worker(world, orders_of, drain=world.new_drain(max_events=1, budget_s=0)).work(burst=True)

    assert world.rows("count()", where="name = 'event'", order="1") == [(4,)]


async def test_order_of_a_shard_that_is_held_is_not_made_again_at_once(
    world: World, orders_of: Orders
) -> None:
    await world.send(track("event"))
    assert world.shard(owner="other").acquire()
    orders_of.make(0)

    a_worker(world, orders_of, drain=world.new_drain()).work(burst=True)

    assert orders_of.queue.job_ids == []
    assert world.rows("count()", order="1") == [(0,)]


async def test_order_that_fails_frees_its_id(world: World, orders_of: Orders) -> None:
    await world.send(track("event"))
    orders_of.make(0)

    def fail(_in_hand: Callable[[], int], _inserting_s: float) -> None:
        raise RuntimeError("defect")

    a_worker(world, orders_of, drain=world.new_drain(linger=fail)).work(burst=True)

    assert orders_of.sweep() == 1


def test_orders_run_in_a_worker_only() -> None:
    context._installed.clear()

    with pytest.raises(context.NoContext):
        drain_order("shared", 0)
