"""Everything a worker works with, opened in order and closed in reverse.

The one place that knows which parts fit together. Takes plain values; the entry point reads the settings.
"""

import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import redis
from rq import Queue

from openpanel import metadata
from openpanel.enrich.agents import Agents
from openpanel.enrich.bots import BotList
from openpanel.enrich.geo import Geo, Networks
from openpanel.enrich.referrer import Referrers
from openpanel.enrich.user_agent import AgentParser
from openpanel.metadata import Database
from openpanel.stream import Pool
from openpanel.stream.blocking import blocking_client
from openpanel.stream.drain import Shard, depth, sweep_sessions
from openpanel.stream.forgetting import forget_person
from openpanel.stream.keys import ShardKeys
from openpanel.stream.sweep import forget
from openpanel.tenancy import remove_due
from openpanel.tenancy.announcing import tell
from openpanel.tenancy.workload import MOST_PODS
from openpanel.warehouse import Warehouse
from openpanel.warehouse.schema import Clustered, Form, Single
from openpanel_worker import metrics
from openpanel_worker.changes import CHANNEL
from openpanel_worker.drain import Drain
from openpanel_worker.erasures import Erasures, erased_among
from openpanel_worker.forgetting import Forgetting, ForgettingOrders
from openpanel_worker.fragments import Fragments
from openpanel_worker.imported_sessions import ImportedSessions
from openpanel_worker.late_words import LateWords
from openpanel_worker.lingering import WORTHWHILE, linger
from openpanel_worker.orders import JOBS_QUEUE, Orders
from openpanel_worker.people import People
from openpanel_worker.projects import Projects
from openpanel_worker.schedule import (
    FORGETTING_EVERY_S,
    ORDERS_EVERY_S,
    PERSONS_EVERY_S,
    REMOVALS_EVERY_S,
    SALTS_EVERY_S,
    SESSIONS_EVERY_S,
    Lease,
    Schedule,
    Task,
)
from openpanel_worker.surroundings import Enrichers
from openpanel_worker.tallies import Tallies
from openpanel_worker.transform import Transform
from openpanel_worker.visits import Visits
from openpanel_worker.worker import DrainWorker

SOCKET_TIMEOUT_S: Final = 10.0
SESSIONS_AT_ONCE: Final = 5_000  # of one shard and sweep
SALT_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Values:
    """What a worker is told from outside."""

    redis_url: str
    postgres_url: str
    clickhouse_url: str
    clickhouse_database: str
    pool: Pool
    clickhouse_cluster: str = ""
    """The cluster whose tables are inserted into, on the one shard that the address leads to; empty: one server."""
    max_block: int = 50_000
    linger_ms: int = 300
    geo_city_file: Path | None = None
    geo_asn_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Deps:
    """The opened parts of a worker."""

    values: Values
    owner: str
    stopping: threading.Event
    redis: redis.Redis
    database: Database
    warehouse: Warehouse
    projects: Projects
    transform: Transform
    orders: Orders
    erasures: Erasures
    late_words: LateWords
    forgetting: Forgetting

    def drain(self, pool: str, shard: int) -> Drain:
        """What an order for this shard works with."""
        if pool != self.values.pool.name:
            raise ValueError(f"this worker drains {self.values.pool.name}, not {pool}")
        return Drain(
            shard=Shard(self.redis, pool=self.values.pool, index=shard, owner=self.owner, clock=now_ms),
            index=shard,
            transform=self.transform,
            warehouse=self.warehouse,
            erasures=self.erasures,
            late_words=self.late_words,
            stopping=self.stopping,
            max_events=self.values.max_block,
            linger=partial(self._linger, shard),
        )

    def schedule(self) -> Schedule:
        """What this worker does by the clock."""
        return Schedule(
            (
                Task("orders", self.sweep_orders, ORDERS_EVERY_S),
                Task("sessions", self.sweep_sessions, SESSIONS_EVERY_S, once=True),
                Task("salts", self.ensure_salts, SALTS_EVERY_S, once=True),
                Task("forgetting", self.forget_expired, FORGETTING_EVERY_S, once=True),
                Task("removals", self.remove_due, REMOVALS_EVERY_S, once=True),
                Task("persons", self.forget_persons, PERSONS_EVERY_S, once=True),
            ),
            lease=Lease(self.redis, pool=self.values.pool.name, owner=self.owner),
        )

    def sweep_orders(self) -> None:
        """Make missing orders, and say how much waits."""
        pool = self.values.pool
        metrics.ORDERS_MADE.inc(self.orders.sweep())
        metrics.DEPTH.labels(pool.name).set(depth(self.redis, pool=pool))
        metrics.ORDERS.labels(self.orders.queue.name).set(self.orders.waiting())

    def sweep_sessions(self) -> None:
        """End what has been idle for half an hour; all of it, however much that is."""
        ended = SESSIONS_AT_ONCE
        while ended >= SESSIONS_AT_ONCE and not self.stopping.is_set():
            ended = sweep_sessions(self.redis, pool=self.values.pool, now_ms=now_ms(), limit=SESSIONS_AT_ONCE)
            metrics.SESSIONS_ENDED.inc(ended)
        self.orders.sweep()

    def ensure_salts(self) -> None:
        """Have tomorrow's salt before it is tomorrow."""
        today = datetime.now(UTC).date()
        metadata.salts.ensure(self.database, today=today, fresh=lambda: secrets.token_bytes(SALT_BYTES))

    def forget_expired(self) -> None:
        """Delete what is over in the metadata, and tell whose secrets have become fewer."""
        now = datetime.now(UTC)
        metadata.clients.forget_expired(self.database, at=now)
        metadata.dashboard_sessions.forget_expired(self.database, at=now)
        metadata.person_erasures.forget_numbers(self.database)
        tell(self.database, announce=self._announce)

    def forget_persons(self) -> None:
        """Make the orders that are missing for persons who are to be erased."""
        queue = Queue(JOBS_QUEUE, connection=self.redis)
        ForgettingOrders(queue, database=self.database, now=lambda: datetime.now(UTC)).sweep()

    def remove_due(self) -> None:
        """Remove the projects whose time of grace is over."""
        remove_due(
            database=self.database,
            warehouse=self.warehouse,
            announce=self._announce,
            clock=lambda: datetime.now(UTC),
            forget=self._forget,
        )

    def worker(self) -> DrainWorker:
        """A new RQ worker; its connection is its own, because it waits on it for minutes."""
        connection = blocking_client(self.values.redis_url)
        queues = [self.orders.queue_on(connection), Queue(JOBS_QUEUE, connection=connection)]
        name = f"{self.owner}:{secrets.token_hex(2)}"
        return DrainWorker(
            queues, connection=connection, name=name, orders=self.orders, stopping=self.stopping
        )

    def _forget(self, project: str) -> None:
        """Whoever is removed by the clock is in the streams of all, whichever this worker drains."""
        forget(self.redis, pool=Pool(metadata.SHARED_POOL, MOST_PODS), project=project)

    def _announce(self, topic: str) -> None:
        self.redis.publish(CHANNEL, topic)

    def _linger(self, shard: int, in_hand: Callable[[], int], inserting_s: float) -> None:
        """Wait for a fuller block, unless enough waits beside the messages in hand."""
        key = ShardKeys(self.values.pool, shard).depth

        def waiting() -> int:
            held = in_hand()
            depth: Any = self.redis.get(key)
            return int(depth or 0) - held

        linger(
            waiting,
            self.stopping.wait,
            enough=min(WORTHWHILE, self.values.max_block),
            shortest_s=self.values.linger_ms / 1000,
            inserting_s=inserting_s,
        )


@contextmanager
def opened(values: Values, *, stopping: threading.Event) -> Iterator[Deps]:
    """Open data files and clients. Nothing is connected yet but what the system gives for free."""
    with ExitStack() as stack:
        client = blocking_client(values.redis_url, socket_timeout=SOCKET_TIMEOUT_S)
        stack.callback(client.close)
        database = stack.enter_context(Database(values.postgres_url))
        form = form_of(values.clickhouse_cluster)
        warehouse = stack.enter_context(Warehouse(values.clickhouse_url, database=values.clickhouse_database))
        geo = stack.enter_context(Geo(city_file=values.geo_city_file))
        networks = None
        if values.geo_asn_file is not None:
            networks = stack.enter_context(closing(Networks(asn_file=values.geo_asn_file)))
        agents = Agents(parser=AgentParser(), bots=BotList())
        enrichers = Enrichers(agents, geo, Referrers.shipped(), networks)

        def publish(topic: str) -> None:
            client.publish(CHANNEL, topic)

        projects = Projects(
            lambda project: metadata.projects.standing(database, project=project), clock=now_ms
        )
        yield Deps(
            values=values,
            owner=owner(),
            stopping=stopping,
            redis=client,
            database=database,
            warehouse=warehouse,
            projects=projects,
            transform=transform_of(values, enrichers, projects=projects, client=client, warehouse=warehouse),
            orders=Orders(client, pool=values.pool, now=lambda: datetime.now(UTC)),
            erasures=Erasures(warehouse, form=form, erased_among=partial(erased_among, database)),
            late_words=LateWords(
                warehouse,
                forgotten_among=lambda among: metadata.person_erasures.forgotten(database, projects=among),
                look_again=lambda erasure, persons: metadata.person_erasures.look_again(
                    database, erasure=erasure, persons=persons
                ),
                forget_traces=partial(forget_person, client, pool=values.pool),
            ),
            forgetting=Forgetting(
                client,
                database=database,
                warehouse=warehouse,
                form=form,
                announce=lambda: tell(database, announce=publish),
            ),
        )


def transform_of(
    values: Values,
    enrichers: Enrichers,
    *,
    projects: Projects,
    client: redis.Redis,
    warehouse: Warehouse,
    clock: Callable[[], int] | None = None,
) -> Transform:
    """The one maker of rows of a process, with all its caches."""
    fragments = Fragments()
    return Transform(
        enrichers=enrichers,
        projects=projects,
        visits=Visits(client, pool=values.pool, fragments=fragments),
        tallies=Tallies(client, pool=values.pool),
        people=People(warehouse, fragments=fragments),
        imported_sessions=ImportedSessions(warehouse),
        fragments=fragments,
        clock=clock or now_ms,
    )


def form_of(cluster: str) -> Form:
    """The form of the tables: a cluster's where one is named."""
    return Clustered(cluster=cluster) if cluster else Single()


def owner() -> str:
    """A name that is this process's alone, also among its predecessors of the same number."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"


def now_ms() -> int:
    """Wall-clock time in milliseconds."""
    return time.time_ns() // 1_000_000
