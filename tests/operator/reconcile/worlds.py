"""A world for passes over resources: the real API server, stores in memory, a clock that stands until it is moved.

No controller runs behind the API server: `serve` does what kubelet and controllers would do.
"""
# ruff: noqa: ARG002 - the protocols decide about arguments

import contextlib
import itertools
import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_DNS, uuid5

from openpanel.metadata import DeletionPolicy
from openpanel.tenancy.snapshot_places import S3
from openpanel_operator.desired import KeeperFacts, Node
from openpanel_operator.kube import Index, Key, Kind, Object, Ref, ref_of
from openpanel_operator.kube.kinds import CLUSTER, DEPLOYMENT, EVENT, JOB, OWNED, PROJECT, STATEFUL_SET
from openpanel_operator.reconcile import owners, retention
from openpanel_operator.reconcile.applying import Applier
from openpanel_operator.reconcile.claims import Claims
from openpanel_operator.reconcile.conditions import found, stamp
from openpanel_operator.reconcile.events import Recorder
from openpanel_operator.reconcile.reconciling import Failed, Reconciler
from openpanel_operator.reconcile.world import Installed, World
from openpanel_operator.stores import (
    Addresses,
    Ensured,
    PlaceFault,
    PoolAsk,
    PoolSeen,
    Store,
    StoreAway,
    StoreError,
    Wanted,
)
from tests.operator.reconcile.watched import Watched

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
VERSION = "1.0.0"


@dataclass
class MemoryStores:
    """Keeps what it was told; each store can be away."""

    away: dict[Store, str] = field(default_factory=dict)
    known: dict[str, Wanted] = field(default_factory=dict)
    stopped: dict[str, str] = field(default_factory=dict)  # project → policy
    removed: dict[str, str] = field(default_factory=dict)
    copied: dict[str, S3] = field(default_factory=dict)  # project → where its snapshot lies
    copying: StoreError | None = None  # why there is no copy yet
    place_fault: PlaceFault | StoreError | None = None  # what the trial of a place says
    keeps: dict[str, Mapping[str, int | None]] = field(default_factory=dict)  # project → days of each kind
    valid: dict[tuple[str, str], list[str]] = field(
        default_factory=dict
    )  # project, client → secrets, newest last
    waiting: Counter[str] = field(default_factory=Counter)
    busy: set[str] = field(default_factory=set)
    users: dict[str, str] = field(default_factory=dict)  # project → secret of its own ClickHouse user
    refuses_users: str = ""
    owners: dict[str, str] = field(default_factory=dict)  # project → namespace, also when its data were kept
    spare: set[Node] = field(default_factory=set)  # servers whose data are elsewhere, or that have none
    behind: dict[Node, int] = field(default_factory=dict)  # seconds
    refusing: set[Node] = field(default_factory=set)  # servers that cannot be asked
    current: bool = True
    asked: Counter[str] = field(default_factory=Counter)

    async def faults(self, at: Addresses) -> Mapping[Store, str]:
        return dict(self.away)

    async def schema_is_current(self, at: Addresses) -> bool:
        self._need("PostgreSQL", "ClickHouse")
        return self.current

    async def furnished(self, at: Addresses, *, like: frozenset[Node] = frozenset()) -> Mapping[Node, bool]:
        return dict.fromkeys(at.nodes.keys() - self.refusing, True)

    async def delays(self, at: Addresses) -> Mapping[Node, int]:
        return {node: self.behind.get(node, 0) for node in at.nodes.keys() - self.refusing}

    async def releasable(self, at: Addresses, nodes: Sequence[Node]) -> frozenset[Node]:
        return frozenset(nodes) & self.spare

    async def keeper(self, at: Addresses) -> KeeperFacts | None:
        return KeeperFacts(members=tuple(range(len(at.keepers))), stable=True) if at.keepers else None

    async def projects(self, at: Addresses) -> frozenset[str]:
        self._need("PostgreSQL")
        return frozenset(self.known)

    async def ensure(self, wanted: Wanted, at: Addresses) -> Ensured:
        self._need("PostgreSQL", "ClickHouse")
        name = wanted.manifest.name
        self.asked[name] += 1
        owner = self.owners.get(name)
        owners.must_be_free(name, owner=owner, namespace=wanted.namespace, consent=wanted.consent)
        organization = wanted.manifest.organization
        if name not in self.known or self.known[name].manifest.organization != organization:
            there = {
                each.namespace for each in self.known.values() if each.manifest.organization == organization
            }
            owners.must_have_place(
                organization, owners=there, namespace=wanted.namespace, consent=wanted.consent
            )
        self.owners[name] = wanted.namespace
        if name in self.keeps:
            retention.must_not_cut(wanted.manifest, stored=self.keeps[name])
        self.keeps[name] = wanted.manifest.spec.retention.model_dump(by_alias=True)
        changes = [] if self.known.get(name) == wanted else [f"project {name}: changed"]
        self.known[name] = wanted
        for client, credential in wanted.credentials.items():
            secrets = self.valid.setdefault((name, client), [])
            if credential.secret not in secrets:
                secrets.append(credential.secret)
        ids = {client: str(uuid5(NAMESPACE_DNS, f"{name}/{client}")) for client in wanted.credentials}
        if wanted.user_secret is not None and not self.refuses_users:
            self.users[name] = wanted.user_secret
        return Ensured(tuple(changes), ids, user_refused=self.refuses_users if wanted.user_secret else "")

    async def stop(
        self, project: str, *, policy: DeletionPolicy, user: bool, namespace: str = "", at: Addresses
    ) -> None:
        self._need("PostgreSQL")
        if self.owners.get(project, namespace) != namespace:
            return
        if project in self.known:
            self.owners[project] = namespace
        self.stopped[project] = policy
        self.known.pop(project, None)
        if user:
            self._need("ClickHouse")
            self.users.pop(project, None)

    async def remove(
        self, project: str, *, policy: DeletionPolicy, user: bool, place: S3 | None = None, namespace: str = "",
        at: Addresses,
    ) -> str:  # fmt: skip
        self._need("PostgreSQL", *(("ClickHouse",) if policy != "Retain" or user else ()))
        if self.owners.get(project, namespace) != namespace:
            return ""
        if policy == "Snapshot":
            if self.copying is not None:
                raise self.copying
            assert place is not None
            self.copied[project] = place
        self.removed[project] = policy
        if policy != "Retain":
            self.keeps.pop(project, None)
            self.owners.pop(project, None)
        if user:
            self.users.pop(project, None)
        self.known.pop(project, None)
        return f"{place.url}/{project}/20260301T120000Z" if place is not None else ""

    async def try_place(self, place: S3, at: Addresses) -> PlaceFault | None:
        self._need("ClickHouse")
        self.asked[place.url] += 1
        if isinstance(self.place_fault, StoreError):
            raise self.place_fault
        return self.place_fault

    async def pools(self, asks: Sequence[PoolAsk], at: Addresses) -> Sequence[PoolSeen]:
        self._need("Redis")
        self.asked["pools"] += 1
        return [
            PoolSeen(self.waiting[ask.name], 0, 1.0 if self.waiting[ask.name] else None, frozenset(self.busy))
            for ask in asks
        ]

    async def close(self) -> None:
        return

    def _need(self, *stores: Store) -> None:
        for store in stores:
            if store in self.away:
                raise StoreAway(store, self.away[store])


@dataclass(frozen=True)
class Listing:
    """All objects of a kind in a namespace, which are these until somebody writes to one."""

    moment: int
    version: int
    bodies: list[Object]


@dataclass
class Scene:
    """A namespace with everything that passes need. What the operator remembers can be lost by `restart`."""

    kube: Watched
    namespace: str
    stores: MemoryStores = field(default_factory=MemoryStores)
    now: datetime = START
    kinds: tuple[Kind, ...] = OWNED
    namespaces: tuple[str, ...] = ()
    optional: tuple[Kind, ...] = ()
    """Kinds of others that are installed."""
    noticed: tuple[Kind, ...] = ()
    """The same, of which it is enough to know that they are there."""
    listings: dict[tuple[Kind, str], Listing] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Another process takes over: it knows nothing yet."""
        chance = random.Random(7)
        self._heard: dict[tuple[Kind, str], Listing] = {}
        self.asked: list[Key] = []
        self.drifted: list[str] = []
        self.results: Counter[str] = Counter()
        self.index, self.claims = Index(), Claims()
        self.recorder = Recorder(self.kube, clock=lambda: self.now, instance="test")
        self.world = World(
            kube=self.kube,
            index=self.index,
            applier=Applier(self.kube, self.index, drifted=self.drifted.append),
            claims=self.claims,
            recorder=self.recorder,
            stores=self.stores,
            clock=lambda: self.now,
            chance=chance.random,
            fresh=chance.randbytes,
            enqueue=self.asked.append,
            version=VERSION,
            namespace="openpanel-system",
            installed=Installed(frozenset(kind.name for kind in (*self.optional, *self.noticed))),
        )
        self.reconciler = Reconciler(self.world, watcher=self)

    def passed(self, kind: str, result: str, seconds: float) -> None:
        self.results[result] += 1

    @property
    def everywhere(self) -> tuple[str, ...]:
        return (self.namespace, *self.namespaces)

    async def look(self) -> None:
        """Hear of everything there is, as watches would tell it."""
        for place in itertools.product((CLUSTER, PROJECT, *self.kinds, *self.optional), self.everywhere):
            kind, namespace = place
            listing = self.listings.get(place)
            if listing is None or self.kube.is_written(kind, namespace=namespace, since=listing.moment):
                listing = self.listings[place] = await self._list(kind, namespace)
            if self._heard.get(place) is not listing:
                self._heard[place] = listing
                self._hear(listing, kind, namespace)

    async def _list(self, kind: Kind, namespace: str) -> Listing:
        moment, bodies, version = self.kube.moment, [], ""
        async for items, version in self.kube.pages(kind, namespace=namespace):  # noqa: B007
            bodies += items
        return Listing(moment, int(version), bodies)

    def _hear(self, listing: Listing, kind: Kind, namespace: str) -> None:
        """Take them in, and forget those that are gone."""
        for body in listing.bodies:
            self.index.put(body, kind=kind)
            if kind in (CLUSTER, PROJECT):
                meta = body["metadata"]
                self.claims.put(body, key=Key(kind.name, meta["namespace"], meta["name"]))
        seen = [ref_of(body, kind=kind) for body in listing.bodies]
        for key in self.index.retain(kind, namespace=namespace, seen=seen, until=listing.version):
            if kind in (CLUSTER, PROJECT):
                self.claims.drop(key)

    async def reconcile(self, key: Key) -> float | None:
        """One pass, after a look around."""
        await self.look()
        return await self.reconciler(key)

    async def settle(self, *keys: Key, passes: int = 12) -> None:
        """Passes and what controllers do, until nothing is written any more."""
        for _ in range(passes):
            before = len(self.kube.writes)
            for key in keys:
                with contextlib.suppress(Failed):
                    await self.reconcile(key)
            moved = await serve(self.kube, self.everywhere)
            if len(self.kube.writes) == before and not moved:
                return
        raise AssertionError(f"not settled: {self.kube.writes[-20:]}")

    async def writes_of(self, *keys: Key) -> list[str]:
        """What one more pass over these writes."""
        before = len(self.kube.writes)
        for key in keys:
            await self.reconcile(key)
        return self.kube.writes[before:]

    async def status(self, key: Key) -> dict[str, Any]:
        body = await self.kube.get(KINDS[key.kind], key.name, namespace=key.namespace)
        assert body is not None
        return dict(body.get("status") or {})

    async def condition(self, key: Key, type_: str) -> dict[str, Any]:
        return dict(found((await self.status(key)).get("conditions") or (), type_) or {})

    async def objects(self, namespace: str | None = None) -> dict[Ref, Object]:
        """Everything in the namespace, without what differs from run to run."""
        there: dict[Ref, Object] = {}
        for kind in (*self.kinds, *self.optional):
            for body in await self.kube.listed(kind, namespace=namespace or self.namespace):
                there[ref_of(body, kind=kind)] = body
        return there

    async def events(self) -> list[Object]:
        return await self.kube.listed(EVENT, namespace=self.namespace)

    async def annotate(self, key: Key, **annotations: str | None) -> None:
        names = {f"openpanel.dev/{name.replace('_', '-')}": value for name, value in annotations.items()}
        ref = Ref(KINDS[key.kind], key.namespace, key.name)
        await self.kube._inner.patch(ref, {"metadata": {"annotations": names}}, by="somebody")

    async def change(self, key: Key, **spec: Any) -> None:
        """Somebody changes the spec."""
        ref = Ref(KINDS[key.kind], key.namespace, key.name)
        await self.kube._inner.patch(ref, {"spec": spec}, by="somebody")

    async def delete(self, key: Key) -> None:
        await self.kube._inner.delete(Ref(KINDS[key.kind], key.namespace, key.name))


KINDS = {kind.name: kind for kind in (CLUSTER, PROJECT)}


async def make_cluster(
    scene: Scene, name: str = "panel", *, namespace: str | None = None, **spec: Any
) -> Key:
    """A PanelCluster with the embedded engine."""
    body = {
        "apiVersion": CLUSTER.api_version,
        "kind": CLUSTER.name,
        "metadata": {"name": name, "namespace": namespace or scene.namespace},
        "spec": {"clickhouse": {"engine": "Embedded"}, **spec},
    }
    await scene.kube._inner.apply(body, manager="somebody")
    return Key(CLUSTER.name, namespace or scene.namespace, name)


async def make_project(scene: Scene, name: str, *, namespace: str | None = None, **spec: Any) -> Key:
    """An AnalyticsProject with a client that writes."""
    body = {
        "apiVersion": PROJECT.api_version,
        "kind": PROJECT.name,
        "metadata": {"name": name, "namespace": namespace or scene.namespace},
        "spec": {"clients": [{"name": "web", "type": "write"}], **spec},
    }
    await scene.kube._inner.apply(body, manager="somebody")
    return Key(PROJECT.name, namespace or scene.namespace, name)


async def serve(kube: Watched, namespaces: Iterable[str]) -> bool:
    """Every pod starts and serves, every Job comes to its end; whether there was anything to do."""
    done = 0
    for place in itertools.product((DEPLOYMENT, STATEFUL_SET, JOB), namespaces):
        kind, namespace = place
        since = kube.done_until.get(place)
        if since is not None and not kube.is_written(kind, namespace=namespace, since=since):
            continue
        before, served = kube.moment, 0
        for body in await kube._inner.listed(kind, namespace=namespace):
            served += await (_finished(kube, body) if kind == JOB else _started(kube, body, kind))
        done += served
        # What somebody else wrote meanwhile is looked at the next time.
        kube.done_until[place] = before + served if kube.moment == before + served else before
    return bool(done)


async def _started(kube: Watched, body: Object, kind: Kind) -> bool:
    status = served_status(body)
    if all(body.get("status", {}).get(name) == value for name, value in status.items()):
        return False
    await kube._inner.patch(ref_of(body, kind=kind), {"status": status}, sub="status", by="kubelet")
    return True


async def _finished(kube: Watched, body: Object) -> bool:
    if body.get("status", {}).get("completionTime"):
        return False
    await finish(kube, ref_of(body, kind=JOB))
    return True


def served_status(workload: Object) -> dict[str, Any]:
    replicas = workload["spec"].get("replicas", 1)
    status = {
        "observedGeneration": workload["metadata"]["generation"],
        "replicas": replicas,
        "readyReplicas": replicas,
        "updatedReplicas": replicas,
        "availableReplicas": replicas,
    }
    if "serviceName" in workload["spec"]:
        status |= {"currentRevision": "a", "updateRevision": "a"}
    return status


async def finish(kube: Watched, ref: Ref, *, failed: bool = False) -> None:
    """The Job comes to its end."""
    at = stamp(datetime.now(UTC) - timedelta(seconds=5))
    types = ("FailureTarget", "Failed") if failed else ("SuccessCriteriaMet", "Complete")
    conditions = [
        {
            "type": type_,
            "status": "True",
            "reason": "BackoffLimitExceeded" if failed else "CompletionsReached",
            "message": "it gave up" if failed else "",
            "lastTransitionTime": at,
            "lastProbeTime": at,
        }
        for type_ in types
    ]
    status: Object = {"startTime": at, "conditions": conditions}
    status |= {"failed": 1} if failed else {"succeeded": 1, "completionTime": at}
    await kube._inner.patch(ref, {"status": status}, sub="status", by="kubelet")
