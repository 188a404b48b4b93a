"""`python -m openpanel_worker` as a process: ready, killed, stopped, with its stores away."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from rq.exceptions import NoSuchJobError
from rq.job import Job, JobStatus

from openpanel import metadata
from openpanel.metadata import ProjectRecord
from openpanel.stream import PoolDepth, depths
from openpanel.stream.keys import keys_of
from openpanel.warehouse import Warehouse
from openpanel.warehouse.migrations import migrate
from openpanel.warehouse.schema import Single
from openpanel_worker.orders import Orders, order_id
from openpanel_worker.surroundings import Enrichers
from tests.stream.builders import a_pool
from tests.stream.ports import reserved_port
from tests.worker.builders import BOB, PROJECT, World, a_world, track

PATIENCE_S = 120.0
MANY = 300  # events; a worker that takes them one by one is at it for many seconds


def eventually(holds: Callable[[], bool]) -> None:
    """Wait for another process; a clock of its own moves it, so only waiting helps."""
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


@dataclass
class Process:
    """One worker process and its health page."""

    environment: dict[str, str]
    port: int
    log: Path
    running: subprocess.Popen[bytes] = field(init=False)

    def __post_init__(self) -> None:
        with self.log.open("ab") as log:
            self.running = subprocess.Popen(
                [sys.executable, "-m", "openpanel_worker"], env=self.environment, stdout=log, stderr=log
            )

    def status(self, path: str) -> int:
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"http://127.0.0.1:{self.port}{path}", timeout=PATIENCE_S).status_code
        return 0

    def page(self, path: str) -> str:
        return httpx.get(f"http://127.0.0.1:{self.port}{path}", timeout=PATIENCE_S).text

    def wait_until_ready(self) -> None:
        eventually(lambda: self.status("/healthz/ready") == 200)

    def kill(self) -> None:
        self.running.kill()
        self.running.wait()

    def kill_at(self, moment: Callable[[], bool]) -> None:
        """Kill it at such a moment: it stands still while that is looked at."""

        def standing_still() -> bool:
            self.running.send_signal(signal.SIGSTOP)
            os.waitpid(self.running.pid, os.WUNTRACED)
            if moment():
                return True
            self.running.send_signal(signal.SIGCONT)
            return False

        eventually(standing_still)
        self.kill()

    def stop(self, by: signal.Signals = signal.SIGTERM) -> bool:
        """Stop it; whether it was done with everything, rather than left in the middle of something that hangs."""
        self.running.send_signal(by)
        assert self.running.wait(PATIENCE_S) == 0
        return b"left while a store did not answer" not in self.log.read_bytes()


@pytest.fixture
async def shop(
    valkey_url: str,
    tmp_path: Path,
    clickhouse: Any,
    clickhouse_database: Callable[[], str],
    enrichers: Enrichers,
) -> AsyncIterator[World]:
    """A world with tables of its own: what a process of another test leaves behind may come in late."""
    with Warehouse(clickhouse.url, database=clickhouse_database()) as warehouse:
        migrate(warehouse, form=Single())
        async with a_world(valkey_url, tmp_path, warehouse=warehouse, enrichers=enrichers) as made:
            yield made


@pytest.fixture(scope="module")
def metadata_url(postgres_database: Callable[[], str]) -> str:
    """The shop's metadata, from which the processes only read."""
    url = postgres_database()
    metadata.migrate(url)
    with metadata.Database(url) as database:
        metadata.organizations.ensure(database, organization="acme", name="Acme")
        metadata.projects.put(database, wanted=ProjectRecord(id=PROJECT, name="Shop", organization="acme"))
    return url


@pytest.fixture
def begin(
    valkey_url: str, metadata_url: str, clickhouse: Any, tmp_path: Path
) -> Iterator[Callable[..., Process]]:
    """Starts workers with these stores and what else they are told."""
    started: list[Process] = []
    ports = contextlib.ExitStack()

    def make(**settings: str) -> Process:
        port = ports.enter_context(reserved_port())
        told = {
            "redis_url": valkey_url,
            "postgres_url": metadata_url,
            "clickhouse_url": clickhouse.url,
            "pool": a_pool().name,
            "worker_port": str(port),
            "worker_linger_ms": "20",
            **settings,
        }
        environment = {**os.environ, **{f"OPENPANEL_{name.upper()}": value for name, value in told.items()}}
        started.append(Process(environment, port, tmp_path / "worker.log"))
        return started[-1]

    with ports:
        yield make
        for process in started:
            if process.running.poll() is None:
                process.kill()


@pytest.fixture
def start(shop: World, begin: Callable[..., Process]) -> Callable[..., Process]:
    """Starts workers of the shop."""
    return partial(begin, pool=shop.stream.pool.name, clickhouse_database=shop.warehouse.database)


def orders_of(world: World) -> Orders:
    return Orders(world.stream.redis, pool=world.stream.pool, now=lambda: datetime.now(UTC))


def count(world: World, name: str = "event") -> int:
    [(number,)] = world.rows("count()", where=f"name = '{name}'", order="1")
    return int(number)


async def test_event_is_visible_when_the_sweep_makes_its_order_and_a_moment_after_an_order(
    shop: World, start: Callable[..., Process]
) -> None:
    process = start()
    process.wait_until_ready()
    await shop.send(track("event"))
    eventually(lambda: count(shop) == 1)  # nobody has made an order but the sweep

    await shop.send(track("event"), device=BOB)
    orders_of(shop).make(0)

    eventually(lambda: count(shop) == 2)
    eventually(lambda: 'openpanel_worker_rows_total{table="events"}' in process.page("/metrics"))
    for counter in (
        'dead_letters_total{reason="refused by the warehouse"}',
        'store_away_total{store="redis"}',
    ):
        assert f"openpanel_worker_{counter} 0.0" in process.page("/metrics"), (
            "growth needs something to grow from"
        )
    assert process.status("/healthz/live") == 200
    assert process.status("/nothing") == 404
    assert process.stop()


async def send_many(world: World) -> None:
    """More than a worker of single events brings in before a test has looked."""
    for begin in range(0, MANY, 30):
        await asyncio.gather(*(world.send(track("event"), minute=begin + place) for place in range(30)))


def is_at_work(world: World) -> bool:
    """Whether a worker has begun its order and is not through with a block."""
    with contextlib.suppress(NoSuchJobError):
        job = Job.fetch(order_id(world.stream.pool.name, 0), connection=world.stream.redis)
        return job.get_status() is JobStatus.STARTED and bool(
            world.stream.redis.exists(world.stream.keys.range)
        )
    return False


@pytest.fixture
async def wide(valkey_url: str, tmp_path: Path, shop: World, enrichers: Enrichers) -> AsyncIterator[World]:
    """A pool of two shards, whose events come into the tables of the shop."""
    folder = tmp_path / "wide"
    async with a_world(valkey_url, folder, warehouse=shop.warehouse, enrichers=enrichers, shards=2) as made:
        yield made


async def test_worker_of_a_pool_does_everything_for_that_pool_alone(
    wide: World, shop: World, start: Callable[..., Process]
) -> None:
    """Drains all of its shards, makes its orders, ends its sessions; what other pools have stays."""
    for device in range(1, 9):
        await wide.send(track("event"), device=device)
    assert all(wide.stream.redis.xlen(keys.stream) for keys in keys_of(wide.stream.pool))
    await shop.send(track("event"))
    pools = [wide.stream.pool, shop.stream.pool]

    process = start(pool=wide.stream.pool.name, shards="2")
    process.wait_until_ready()

    eventually(lambda: count(wide) == 8)
    eventually(lambda: count(wide, "session_end") == 8)
    found = depths(wide.stream.redis, pools=pools)
    assert found[shop.stream.pool.name] == PoolDepth(1)
    assert wide.stream.redis.exists(f"op:schedule:{wide.stream.pool.name}")
    assert not shop.stream.redis.exists(f"op:schedule:{shop.stream.pool.name}")
    assert process.stop()
    assert depths(wide.stream.redis, pools=pools)[wide.stream.pool.name] == PoolDepth()


async def test_killed_workers_order_is_freed_and_nothing_counts_twice(
    shop: World, start: Callable[..., Process]
) -> None:
    await send_many(shop)
    orders_of(shop).make(0)
    first = start(worker_max_block="1")
    eventually(lambda: count(shop) > 3)
    first.kill_at(lambda: is_at_work(shop))
    shop.stream.redis.delete(shop.stream.keys.lease)  # ten seconds that the test need not wait

    start().wait_until_ready()

    eventually(lambda: shop.stream.redis.xlen(shop.stream.keys.stream) == 0)
    assert count(shop) == MANY
    assert shop.rows("sum(events)", table="r_day", where="name = 'event'", order="1") == [(MANY,)]
    eventually(lambda: not Job.exists(order_id(shop.stream.pool.name, 0), connection=shop.stream.redis))


async def test_stop_finishes_the_block_in_hand_and_gives_the_lease_back(
    shop: World, start: Callable[..., Process]
) -> None:
    await send_many(shop)
    orders_of(shop).make(0)
    process = start(worker_max_block="1")
    eventually(lambda: count(shop) > 3)

    assert process.stop()

    assert not shop.stream.redis.exists(shop.stream.keys.lease)
    assert not shop.stream.redis.exists(shop.stream.keys.range)
    start().wait_until_ready()
    eventually(lambda: count(shop) == MANY)


def test_worker_without_stores_is_alive_and_not_ready(begin: Callable[..., Process]) -> None:
    process = begin(clickhouse_url="http://openpanel:x@127.0.0.1:9")

    eventually(lambda: process.status("/healthz/live") == 200)
    assert process.status("/healthz/ready") == 503
    assert "waiting for the stores" in process.page("/healthz/ready")

    assert process.stop(signal.SIGINT)


def test_stop_does_not_wait_for_a_store_that_hangs(begin: Callable[..., Process]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        process = begin(clickhouse_url=f"http://openpanel:x@127.0.0.1:{silent.getsockname()[1]}")
        eventually(lambda: process.status("/healthz/live") == 200)
        accepted, _ = silent.accept()
        with accepted:
            assert not process.stop()
