"""A world for passes over resources: the real API server, stores in memory, a clock that stands until it is moved.

No controller runs behind the API server: `serve` does what kubelet and controllers would do.
"""
# ruff: noqa: ARG002 - the protocols decide about arguments

import contextlib
import itertools
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from uuid import NAMESPACE_DNS, uuid5

from openpanel_operator.desired import KeeperFacts, Node
from openpanel_operator.kube import Index, Key, Kind, Kube, Object, Ref, ref_of
from openpanel_operator.kube.kinds import CLUSTER, DEPLOYMENT, EVENT, JOB, OWNED, PROJECT, STATEFUL_SET
from openpanel_operator.reconcile.applying import Applier
from openpanel_operator.reconcile.claims import Claims
from openpanel_operator.reconcile.conditions import found, stamp
from openpanel_operator.reconcile.events import Recorder
from openpanel_operator.reconcile.reconciling import Failed, Reconciler
from openpanel_operator.reconcile.world import World
from openpanel_operator.stores import (
    Addresses,
    Ensured,
    PoolAsk,
    PoolSeen,
    Store,
    StoreAway,
    Wanted,
)

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
VERSION = "1.0.0"
WRITES = frozenset({"apply", "create", "patch", "delete"})


class Crash(BaseException):
    """The process dies; no handler gets to see it."""


class Watched(Kube):
    """The real client, which counts writes and can die right after one of them."""

    def __init__(self, kube: Kube) -> None:
        self._inner = kube
        self.writes: list[str] = []
        self.die_after: int | None = None

    def watch(
        self, kind: Kind, *, namespace: str | None, selector: str, since: str
    ) -> AsyncIterator[tuple[str, Object]]:
        return self._inner.watch(kind, namespace=namespace, selector=selector, since=since)

    async def _call(self, verb: str, path: str, **rest: Any) -> Any:
        answer = await self._inner._call(verb, path, **rest)
        if verb in WRITES and not path.endswith("/events"):
            self.writes.append(f"{verb} {path}")
            if self.die_after is not None and len(self.writes) >= self.die_after:
                raise Crash
        return answer


@dataclass
class MemoryStores:
    """Keeps what it was told; each store can be away."""

    away: dict[Store, str] = field(default_factory=dict)
    known: dict[str, Wanted] = field(default_factory=dict)
    removed: dict[str, str] = field(default_factory=dict)
    valid: dict[tuple[str, str], list[str]] = field(
        default_factory=dict
    )  # project, client → secrets, newest last
    waiting: Counter[str] = field(default_factory=Counter)
    busy: set[str] = field(default_factory=set)
    users: dict[str, str] = field(default_factory=dict)  # project → secret of its own ClickHouse user
    refuses_users: str = ""
    current: bool = True
    asked: Counter[str] = field(default_factory=Counter)

    async def faults(self, at: Addresses) -> Mapping[Store, str]:
        return dict(self.away)

    async def schema_is_current(self, at: Addresses) -> bool:
        self._need("PostgreSQL", "ClickHouse")
        return self.current

    async def furnished(self, at: Addresses) -> Mapping[Node, bool]:
        return dict.fromkeys(at.nodes, True)

    async def releasable(self, at: Addresses, nodes: Sequence[Node]) -> frozenset[Node]:
        return frozenset()

    async def keeper(self, at: Addresses) -> KeeperFacts | None:
        return KeeperFacts(members=tuple(range(len(at.keepers))), stable=True) if at.keepers else None

    async def projects(self, at: Addresses) -> frozenset[str]:
        self._need("PostgreSQL")
        return frozenset(self.known)

    async def ensure(self, wanted: Wanted, at: Addresses) -> Ensured:
        self._need("PostgreSQL", "ClickHouse")
        name = wanted.manifest.name
        self.asked[name] += 1
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

    async def remove(
        self, project: str, *, policy: Literal["Retain", "Delete"], user: bool, at: Addresses
    ) -> None:
        self._need("PostgreSQL", *(("ClickHouse",) if policy == "Delete" or user else ()))
        self.removed[project] = policy
        if user:
            self.users.pop(project, None)
        self.known.pop(project, None)

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


@dataclass
class Scene:
    """A namespace with everything that passes need. What the operator remembers can be lost by `restart`."""

    kube: Watched
    namespace: str
    stores: MemoryStores = field(default_factory=MemoryStores)
    now: datetime = START
    kinds: tuple[Kind, ...] = OWNED
    namespaces: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Another process takes over: it knows nothing yet."""
        chance = random.Random(7)
        self._looked: object = None  # the version of the cluster at the last look, and what was looked at
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
        )
        self.reconciler = Reconciler(self.world, watcher=self)

    def passed(self, kind: str, result: str, seconds: float) -> None:
        self.results[result] += 1

    @property
    def everywhere(self) -> tuple[str, ...]:
        return (self.namespace, *self.namespaces)

    async def look(self) -> None:
        """Hear of everything there is, as watches would tell it.

        The version of a list is that of the whole cluster: while it stands still, nothing else has changed either.
        """
        places = tuple(itertools.product(self.everywhere, (CLUSTER, PROJECT, *self.kinds)))
        version = await self._look_at(*places[0])
        if (version, places) == self._looked:
            return
        for namespace, kind in places[1:]:
            await self._look_at(namespace, kind)
        self._looked = version, places

    async def _look_at(self, namespace: str, kind: Kind) -> str:
        """Hear of all objects of a kind; the version of the list."""
        seen: list[Ref] = []
        since = ""
        async for items, since in self.kube.pages(kind, namespace=namespace):  # noqa: B007
            for body in items:
                self.index.put(body, kind=kind)
                seen.append(ref_of(body, kind=kind))
                if kind in (CLUSTER, PROJECT):
                    meta = body["metadata"]
                    self.claims.put(body, key=Key(kind.name, meta["namespace"], meta["name"]))
        for key in self.index.retain(kind, namespace=namespace, seen=seen, until=int(since)):
            if kind in (CLUSTER, PROJECT):
                self.claims.drop(key)
        return since

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
        for kind in self.kinds:
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
    inner, moved = kube._inner, False
    for namespace in namespaces:
        for kind in (DEPLOYMENT, STATEFUL_SET):
            for body in await inner.listed(kind, namespace=namespace):
                status = served_status(body)
                if any(body.get("status", {}).get(name) != value for name, value in status.items()):
                    await inner.patch(ref_of(body, kind=kind), {"status": status}, sub="status", by="kubelet")
                    moved = True
        for body in await inner.listed(JOB, namespace=namespace):
            if not body.get("status", {}).get("completionTime"):
                await finish(kube, ref_of(body, kind=JOB))
                moved = True
    return moved


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
