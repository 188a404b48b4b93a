"""The stores as they are: PostgreSQL, ClickHouse and Redis, by the rooms that own them, in threads.

One set of connections per cluster, made anew when an address changes. What the rooms raise becomes `StoreAway` or
`StoreRefused`, so nobody above knows a driver.
"""

import asyncio
import contextlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from typing import Final, Literal, TypeVar

import redis

from openpanel import metadata, tenancy
from openpanel.identity.credentials import new_secret
from openpanel.metadata import Database
from openpanel.tenancy import provisioning
from openpanel.warehouse import Warehouse, errors
from openpanel.warehouse.schema import Clustered, Form, Single
from openpanel_operator import pools, servers
from openpanel_operator.clients import Verified, ensuring, ensuring_user
from openpanel_operator.desired import KeeperFacts, Node
from openpanel_operator.stores import (
    Addresses,
    Ensured,
    PoolAsk,
    PoolSeen,
    Store,
    StoreAway,
    StoreRefused,
    Wanted,
)

CHANGES: Final = "op:changes"  # the channel on which services hear of changed clients and projects
THREADS: Final = 8
ENSURED_AT_ONCE: Final = 4  # projects; each takes two connections, and 19 MiB while a secret is hashed
REDIS_S: Final = 5.0  # seconds for one answer of Redis
KEPT_CLUSTERS: Final = 64  # connections of that many clusters are kept

T = TypeVar("T")


class Opened:
    """The connections to the stores of one cluster; each opens when it is first used."""

    def __init__(self, at: Addresses) -> None:
        self.at = at
        self.database = Database(at.postgres, pool_size=THREADS, application="openpanel-operator")
        self.warehouse = Warehouse(at.clickhouse, database=at.database)
        self.redis = redis.Redis.from_url(
            at.redis, socket_timeout=REDIS_S, socket_connect_timeout=REDIS_S, health_check_interval=30
        )
        self.nodes = {node: Warehouse(url, database=at.database) for node, url in at.nodes.items()}
        self.verified = Verified()

    @property
    def form(self) -> Form:
        """How the tables look there."""
        return Clustered(cluster=self.at.clustered) if self.at.clustered else Single()

    @property
    def servers(self) -> Sequence[Warehouse]:
        """Every server that is told things on its own."""
        return tuple(self.nodes.values()) or (self.warehouse,)

    def announce(self, topic: str) -> None:
        """Tell caches everywhere."""
        self.redis.publish(CHANGES, topic)

    def close(self) -> None:
        """Close all."""
        self.database.close()
        self.redis.close()
        for warehouse in (self.warehouse, *self.nodes.values()):
            warehouse.close()


class RealStores:
    """Implements `stores.Stores`."""

    def __init__(self, *, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="stores")
        self._opened: dict[Addresses, Opened] = {}
        self._ensuring = asyncio.Semaphore(ENSURED_AT_ONCE)

    async def faults(self, at: Addresses) -> Mapping[Store, str]:
        """What is wrong with which store; empty: all answer."""
        opened = self._open(at)
        checks: dict[Store, Callable[[], object]] = {
            "Redis": opened.redis.ping,
            "PostgreSQL": opened.database.ping,
            "ClickHouse": lambda: servers.answers(opened.warehouse),
        }
        found = await asyncio.gather(
            *(self._run(store, check) for store, check in checks.items()), return_exceptions=True
        )
        faults: dict[Store, str] = {}
        for store, outcome in zip(checks, found, strict=True):
            if isinstance(outcome, StoreAway | StoreRefused):
                faults[store] = outcome.message
            elif isinstance(outcome, BaseException):
                raise outcome
        return faults

    async def schema_is_current(self, at: Addresses) -> bool:
        """Whether metadata and warehouse have the tables of this version."""
        opened = self._open(at)
        if not await self._run("PostgreSQL", lambda: metadata.is_current(opened.database)):
            return False
        checks = [
            lambda server=server: servers.is_furnished(server, opened.form) for server in opened.servers
        ]
        return all(await asyncio.gather(*(self._run("ClickHouse", check) for check in checks)))

    async def furnished(self, at: Addresses) -> Mapping[Node, bool]:
        """Whether each server has the whole schema; one that does not answer is left out."""
        opened = self._open(at)

        async def one(server: Warehouse) -> bool | None:
            try:
                return await self._run("ClickHouse", lambda: servers.is_furnished(server, opened.form))
            except (StoreAway, StoreRefused):
                return None

        found = await asyncio.gather(*map(one, opened.nodes.values()))
        return {node: whole for node, whole in zip(opened.nodes, found, strict=True) if whole is not None}

    async def releasable(self, at: Addresses, nodes: Sequence[Node]) -> frozenset[Node]:
        """Those of `nodes` whose data are on other servers; one that cannot be asked is not."""
        opened = self._open(at)
        leaving = frozenset(nodes)

        async def one(node: Node) -> Node | None:
            try:
                spare = await self._run(
                    "ClickHouse", lambda: servers.is_spare(node, leaving=leaving, servers=opened.nodes)
                )
            except (StoreAway, StoreRefused):
                return None
            return node if spare else None

        return frozenset(node for node in await asyncio.gather(*map(one, nodes)) if node is not None)

    async def keeper(self, at: Addresses) -> KeeperFacts | None:
        """What the ensemble says of itself; None: it could not be read."""
        if not at.keepers:
            return None
        opened = self._open(at)
        synced = await servers.synced_members(at.keepers)
        for server in opened.servers:
            try:
                members = await self._run("ClickHouse", partial(servers.members, server))
            except (StoreAway, StoreRefused):
                continue
            return KeeperFacts(members=members, stable=synced == len(members))
        return None

    async def projects(self, at: Addresses) -> frozenset[str]:
        """The projects that are known and not deleted."""
        opened = self._open(at)
        listed = await self._run("PostgreSQL", lambda: metadata.projects.listed(opened.database))
        return frozenset(project.id for project in listed)

    async def ensure(self, wanted: Wanted, at: Addresses) -> Ensured:
        """Make the project what it should be."""
        opened = self._open(at)
        async with self._ensuring:
            return await self._run("PostgreSQL", lambda: self._ensure(wanted, opened))

    async def remove(
        self, project: str, *, policy: Literal["Retain", "Delete"], user: bool, at: Addresses
    ) -> None:
        """Stop the project's clients; with "Delete" erase what was collected; with `user` drop its own user."""
        opened = self._open(at)
        await self._run("PostgreSQL", lambda: self._remove(project, policy, user, opened))

    async def pools(self, asks: Sequence[PoolAsk], at: Addresses) -> Sequence[PoolSeen]:
        """All these pools, read in one go."""
        opened = self._open(at)
        now_ms = int(self._clock().timestamp() * 1_000)
        return await self._run("Redis", lambda: pools.look(opened.redis, asks, now_ms=now_ms))

    async def close(self) -> None:
        """Close every connection."""
        for opened in self._opened.values():
            await asyncio.get_running_loop().run_in_executor(self._threads, opened.close)
        self._opened.clear()
        self._threads.shutdown(wait=True)

    def _open(self, at: Addresses) -> Opened:
        opened = self._opened.get(at)
        if opened is None or opened.at != at:
            opened = self._opened[at] = Opened(at)
            while len(self._opened) > KEPT_CLUSTERS:
                oldest = next(iter(self._opened))
                self._threads.submit(self._opened.pop(oldest).close)
        return opened

    async def _run(self, store: Store, call: Callable[[], T]) -> T:
        """In a thread, with the room's errors as this protocol's; `store` is told of what does not say."""

        def guarded() -> T:
            with _translated(store):
                return call()

        return await asyncio.get_running_loop().run_in_executor(self._threads, guarded)

    def _ensure(self, wanted: Wanted, opened: Opened) -> Ensured:
        world = provisioning.World(
            database=opened.database,
            warehouse=opened.warehouse,
            announce=opened.announce,
            clock=self._clock,
            fresh_secret=lambda: new_secret(os.urandom),
            pool=wanted.pool,
            pool_shards=wanted.shards,
            form=opened.form,
        )
        refusals: list[str] = []
        steps = ensuring(wanted.credentials, verified=opened.verified, servers=opened.servers)
        if wanted.user_secret is not None:
            steps += (ensuring_user(wanted.user_secret, refuse=refusals.append),)
        report = provisioning.run(wanted.manifest, world=world, steps=steps)
        listed = metadata.clients.listed(opened.database, project=wanted.manifest.name)
        return Ensured(
            changes=tuple(str(change) for change in report.changes),
            client_ids={client.name: client.id for client in listed},
            user_refused=" ".join(refusals),
        )

    def _remove(self, project: str, policy: Literal["Retain", "Delete"], user: bool, opened: Opened) -> None:
        tenancy.remove(
            project,
            database=opened.database,
            warehouse=opened.warehouse,
            announce=opened.announce,
            clock=self._clock,
            policy=policy,
            form=opened.form,
            access_storage=user,
        )


@contextlib.contextmanager
def _translated(store: Store) -> Iterator[None]:
    try:
        yield
    except metadata.Unavailable as error:
        raise StoreAway("PostgreSQL", str(error)) from error
    except metadata.MetadataError as error:
        raise StoreRefused("PostgreSQL", str(error)) from error
    except errors.Unavailable as error:
        raise StoreAway("ClickHouse", str(error)) from error
    except errors.WarehouseError as error:
        raise StoreRefused("ClickHouse", str(error)) from error
    except (redis.ConnectionError, redis.TimeoutError, redis.BusyLoadingError) as error:
        raise _redis_fault(error) from error
    except redis.RedisError as error:
        raise StoreRefused("Redis", str(error)) from error
    except (OSError, ValueError) as error:
        raise StoreAway(store, str(error)) from error


def _redis_fault(error: redis.RedisError) -> StoreAway | StoreRefused:
    kind = StoreRefused if isinstance(error, redis.AuthenticationError) else StoreAway
    return kind("Redis", str(error))
