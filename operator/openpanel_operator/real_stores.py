"""The stores as they are: PostgreSQL, ClickHouse and Redis, by the rooms that own them, in threads.

One set of connections per cluster, made anew when an address changes; the set before is closed then. What the rooms
raise becomes `StoreAway` or `StoreRefused` (`store_errors`), so nobody above knows a driver.
"""

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from typing import Final, TypeVar

import redis

from openpanel import metadata, tenancy
from openpanel.identity.credentials import new_secret
from openpanel.metadata import Database, DeletionPolicy
from openpanel.tenancy import provisioning, removal, snapshots
from openpanel.tenancy.snapshot_errors import SnapshotError
from openpanel.tenancy.snapshot_places import S3
from openpanel.warehouse import Warehouse, errors, topology
from openpanel.warehouse.schema import Clustered, Form, Single
from openpanel_operator import pools, servers
from openpanel_operator.clients import Verified, ensuring, ensuring_user
from openpanel_operator.copying import Copying, StillCopying
from openpanel_operator.desired import KeeperFacts, Node
from openpanel_operator.owning import owning
from openpanel_operator.project_streams import ProjectStreams
from openpanel_operator.store_errors import must_be_usable, translated, urls_of
from openpanel_operator.stores import (
    Addresses,
    Ensured,
    PlaceFault,
    PoolAsk,
    PoolSeen,
    SnapshotUnderWay,
    Store,
    StoreAway,
    StoreRefused,
    Wanted,
)
from openpanel_operator.trying import StillTrying, Trying

CHANGES: Final = "op:changes"  # the channel on which services hear of changed clients and projects
THREADS: Final = 8
ENSURED_AT_ONCE: Final = 4  # projects; each takes two connections, and 19 MiB while a secret is hashed
SETTLE: Final = timedelta(seconds=30)  # until what was accepted from clients that are stopped is written
REDIS_S: Final = 5.0  # seconds for one answer of Redis
KEPT_CLUSTERS: Final = 64  # connections of that many clusters are kept

T = TypeVar("T")


class Opened:
    """The connections to the stores of one cluster; each opens when it is first used."""

    def __init__(self, at: Addresses) -> None:
        """Raises `StoreRefused` for an address that cannot be used."""
        must_be_usable(at)
        self.at = at
        self.redis = _redis(at.redis)
        self.database = Database(at.postgres, pool_size=THREADS, application="openpanel-operator")
        self.warehouse = Warehouse(at.clickhouse, database=at.database)
        self.nodes = {node: Warehouse(url, database=at.database) for node, url in at.nodes.items()}
        self.verified = Verified()
        self._others: dict[str, Warehouse] = {}

    @property
    def form(self) -> Form:
        """How the tables look there."""
        return Clustered(cluster=self.at.clustered) if self.at.clustered else Single()

    def servers(self) -> Sequence[Warehouse]:
        """Every server that is told things on its own; a cluster that somebody else runs is asked which it has."""
        if self.nodes or not self.at.clustered:
            return tuple(self.nodes.values()) or (self.warehouse,)
        urls = topology.server_urls(self.at.clickhouse, cluster=self.at.clustered)
        if not urls:
            raise errors.Refused(
                0, f"no cluster {self.at.clustered!r} in its remote_servers (system.clusters)"
            )
        for url in urls:
            if url not in self._others:
                self._others[url] = Warehouse(url, database=self.at.database)
        return tuple(self._others[url] for url in urls)

    def announce(self, topic: str) -> None:
        """Tell caches everywhere."""
        self.redis.publish(CHANGES, topic)

    def close(self) -> None:
        """Close all."""
        self.database.close()
        self.redis.close()
        for warehouse in (self.warehouse, *self.nodes.values(), *self._others.values()):
            warehouse.close()


class RealStores:
    """Implements `stores.Stores`."""

    def __init__(self, *, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="stores")
        self._opened: dict[str | Addresses, Opened] = {}  # by owner, or by what nobody owns
        self._copying = Copying()
        self._trying = Trying()
        self._ensuring = asyncio.Semaphore(ENSURED_AT_ONCE)

    async def faults(self, at: Addresses) -> Mapping[Store, str]:
        """What is wrong with which store; empty: all answer. With an address that cannot be used none is asked."""
        try:
            opened = self._open(at)
        except StoreRefused as error:
            not_asked = f"not asked, since the address of {error.store} cannot be used"
            return dict.fromkeys(urls_of(at), not_asked) | {error.store: error.message}
        checks: dict[Store, Callable[[], object]] = {
            "Redis": opened.redis.ping,
            "PostgreSQL": opened.database.ping,
            "ClickHouse": lambda: servers.answers(opened.warehouse),
        }
        found = await asyncio.gather(
            *(self._run(at, store, check) for store, check in checks.items()), return_exceptions=True
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
        if not await self._run(at, "PostgreSQL", lambda: metadata.is_current(opened.database)):
            return False
        every = await self._run(at, "ClickHouse", opened.servers)
        checks = [lambda server=server: servers.is_furnished(server, opened.form) for server in every]
        return all(await asyncio.gather(*(self._run(at, "ClickHouse", check) for check in checks)))

    async def furnished(self, at: Addresses, *, like: frozenset[Node] = frozenset()) -> Mapping[Node, bool]:
        """Whether each server has the whole schema, or that of those in `like` while its migration has not come.

        One that does not answer is left out.
        """
        form = self._open(at).form
        found = await self._of_each_node(at, lambda server: servers.furniture(server, form))
        return servers.furnished(found, form, like=like)

    async def delays(self, at: Addresses) -> Mapping[Node, int]:
        """By how many seconds each server is behind its shard; one that does not answer or write is left out."""
        return await self._of_each_node(at, servers.delay)

    async def releasable(self, at: Addresses, nodes: Sequence[Node]) -> frozenset[Node]:
        """Those of `nodes` whose data are on other servers; one that cannot be asked is not."""
        opened = self._open(at)
        is_spare = partial(
            servers.is_spare, leaving=frozenset(nodes), servers=opened.nodes, cluster=at.clustered
        )

        async def one(node: Node) -> Node | None:
            try:
                spare = await self._run(at, "ClickHouse", lambda: is_spare(node))
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
        for server in opened.nodes.values():
            try:
                members = await self._run(at, "ClickHouse", partial(servers.members, server))
            except (StoreAway, StoreRefused):
                continue
            return KeeperFacts(members=members, stable=synced == len(members))
        return None

    async def projects(self, at: Addresses) -> frozenset[str]:
        """The projects that are known and not deleted."""
        opened = self._open(at)
        listed = await self._run(at, "PostgreSQL", lambda: metadata.projects.listed(opened.database))
        return frozenset(project.id for project in listed)

    async def ensure(self, wanted: Wanted, at: Addresses) -> Ensured:
        """Make the project what it should be."""
        opened = self._open(at)
        async with self._ensuring:
            return await self._run(at, "PostgreSQL", lambda: self._ensure(wanted, opened))

    async def stop(
        self, project: str, *, policy: DeletionPolicy, user: bool, namespace: str = "", at: Addresses
    ) -> None:
        """Stop the project's clients, mark it as deleted, and with `user` drop its own user: at once, and no more.

        It is noted as the `namespace`'s if nobody noted whose it is; what another one owns is left as it is.
        """
        opened = self._open(at)
        world, how = self._going(opened, user=user), tenancy.Removal(policy, owner=namespace or None)
        await self._run(at, "PostgreSQL", lambda: removal.stop(project, world=world, how=how))

    async def remove(
        self,
        project: str,
        *,
        policy: DeletionPolicy,
        user: bool,
        place: S3 | None = None,
        namespace: str = "",
        at: Addresses,
    ) -> str:
        """What `stop` does; and with "Delete" erase what was collected.

        With "Snapshot" what has stopped is copied to `place` before: `SnapshotUnderWay` until it is, and
        `SnapshotFailed` if it is not. Only a call that finds the copy made erases: one that is still being made when
        the policy changes deletes nothing. What is returned is where the copy lies; "": there is none.
        """
        opened = self._open(at)
        world = self._going(opened, user=user)
        how = tenancy.Removal(policy, place, SETTLE, ProjectStreams(opened.redis), namespace or None)
        copy = "" if policy == "Retain" else await self._copy(project, world, how, at)
        await self._run(at, "PostgreSQL", lambda: removal.remove(project, world=world, how=how))
        return copy

    async def _copy(self, project: str, world: removal.World, how: tenancy.Removal, at: Addresses) -> str:
        """Where the project's copy lies; one that is being made is finished first, also where none is wanted now."""

        def copying() -> str:
            with translated("PostgreSQL", at=at):
                return _copied(project, world, how)

        what = (at.owner or at, project)
        try:
            if how.policy != "Snapshot":
                return await self._copying.finish(what)
            return await self._copying.run(what, copying)
        except StillCopying as error:
            raise SnapshotUnderWay("ClickHouse", str(error)) from error

    async def try_place(self, place: S3, at: Addresses) -> PlaceFault | None:
        """Why a copy to `place` would fail, by writing and reading there; None: it would not.

        `SnapshotUnderWay` until that is known.
        """
        warehouse = self._open(at).warehouse
        try:
            return await self._trying.run(at.owner or at, place, lambda: _fault_of(place, warehouse, at))
        except StillTrying as error:
            raise SnapshotUnderWay("ClickHouse", str(error)) from error

    async def pools(self, asks: Sequence[PoolAsk], at: Addresses) -> Sequence[PoolSeen]:
        """All these pools, read in one go."""
        opened = self._open(at)
        now_ms = int(self._clock().timestamp() * 1_000)
        return await self._run(at, "Redis", lambda: pools.look(opened.redis, asks, now_ms=now_ms))

    async def close(self) -> None:
        """Close every connection."""
        for opened in self._opened.values():
            await asyncio.get_running_loop().run_in_executor(self._threads, opened.close)
        self._opened.clear()
        self._threads.shutdown(wait=True)

    def _open(self, at: Addresses) -> Opened:
        key = at.owner or at
        opened = self._opened.get(key)
        if opened is None or opened.at != at:
            superseded = [opened] if opened is not None else []
            opened = self._opened[key] = Opened(at)
            while len(self._opened) > KEPT_CLUSTERS:
                superseded.append(self._opened.pop(next(iter(self._opened))))
            for each in superseded:
                self._threads.submit(each.close)
        return opened

    async def _of_each_node(self, at: Addresses, ask: Callable[[Warehouse], T | None]) -> dict[Node, T]:
        """What each server says; one that does not answer, or says nothing, is left out."""
        nodes = self._open(at).nodes

        async def one(server: Warehouse) -> T | None:
            try:
                return await self._run(at, "ClickHouse", lambda: ask(server))
            except (StoreAway, StoreRefused):
                return None

        found = await asyncio.gather(*map(one, nodes.values()))
        return {node: said for node, said in zip(nodes, found, strict=True) if said is not None}

    async def _run(self, at: Addresses, store: Store, call: Callable[[], T]) -> T:
        """In a thread, with the room's errors as this protocol's; `store` is told of what does not say."""

        def guarded() -> T:
            with translated(store, at=at):
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
        steps = ensuring(wanted.credentials, verified=opened.verified, servers=opened.servers())
        steps = owning(wanted.namespace, consent=wanted.consent, steps=steps)
        if wanted.user_secret is not None:
            steps += (ensuring_user(wanted.user_secret, refuse=refusals.append),)
        report = provisioning.run(wanted.manifest, world=world, steps=steps)
        listed = metadata.clients.listed(opened.database, project=wanted.manifest.name)
        return Ensured(
            changes=tuple(str(change) for change in report.changes),
            client_ids={client.name: client.id for client in listed},
            user_refused=" ".join(refusals),
        )

    def _going(self, opened: Opened, *, user: bool) -> removal.World:
        """What the removal of a project works on."""
        return removal.World(
            database=opened.database,
            warehouse=opened.warehouse,
            announce=opened.announce,
            clock=self._clock,
            forget=ProjectStreams(opened.redis).forget,
            form=opened.form,
            access_storage=user,
        )


def _copied(project: str, world: removal.World, how: tenancy.Removal) -> str:
    """Copy the project; where that lies, and "" if there is nothing to copy."""
    copies = [change.subject for change in removal.copy(project, world=world, how=how).changes]
    return f"{how.place.url}/{copies[0]}" if how.place is not None and copies else ""


def _redis(url: str) -> redis.Redis:
    """A client; an option of the address that it does not know is refused here, not where it connects."""
    try:
        client = redis.Redis.from_url(
            url, socket_timeout=REDIS_S, socket_connect_timeout=REDIS_S, health_check_interval=30
        )
        client.connection_pool.make_connection()
    except (TypeError, ValueError, redis.RedisError):
        message = "its address has an option that Redis's client does not take: correct what follows its ?"
        raise StoreRefused("Redis", message) from None
    return client


def _fault_of(place: S3, warehouse: Warehouse, at: Addresses) -> PlaceFault | None:
    with translated("ClickHouse", at=at):
        try:
            snapshots.check(warehouse=warehouse, place=place)
        except SnapshotError as error:
            return PlaceFault(error.reason, error.message)
    return None
