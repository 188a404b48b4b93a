"""The operator at work: everything that runs while this process holds the Lease, and the order in which it starts and stops.

First the watches, so that nothing is decided before everything is known; then the queue. One that cannot go on ends
all of them: a process that does half of its work is worse than one that is started anew.
"""

import asyncio
import contextlib
import os
import random
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

import kopf
import structlog

from openpanel_operator import triggers
from openpanel_operator.desired import labels as names
from openpanel_operator.health import Health, Sign
from openpanel_operator.kube import Index, Kind, Kube, Patrol, Ref, Watching
from openpanel_operator.kube.kinds import CLUSTER, OPTIONAL, OWNED, PROJECT, SECRET
from openpanel_operator.metrics import Metrics
from openpanel_operator.optional_kinds import OptionalKinds
from openpanel_operator.reconcile.applying import Applier
from openpanel_operator.reconcile.claims import Claims
from openpanel_operator.reconcile.events import Recorder
from openpanel_operator.reconcile.keys import Queue
from openpanel_operator.reconcile.reconciling import Reconciler
from openpanel_operator.reconcile.vacancies import Vacancies
from openpanel_operator.reconcile.world import World
from openpanel_operator.scaler import Scaler
from openpanel_operator.stores import Stores
from openpanel_operator.triggers import Audit, Resources

SELECTOR: Final = f"{names.MANAGED_BY}={names.MANAGER}"
MOVES_WITHIN_S: Final = 300.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Plan:
    """What the operator is told, as plain values."""

    namespace: str
    namespaces: tuple[str, ...]
    identity: str
    version: str
    concurrency: int
    scaling_interval_s: float


def utc_now() -> datetime:
    """The clock."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Sources:
    """Where time and chance come from."""

    clock: Callable[[], datetime] = utc_now
    chance: Callable[[], float] = random.random
    fresh: Callable[[int], bytes] = os.urandom
    """Random bytes for generated passwords."""


@dataclass(frozen=True, slots=True)
class Kinds:
    """Which kinds of objects there are in this cluster, and how they are followed."""

    optional: tuple[Kind, ...]
    """Those of others that are installed at the start."""
    watched: tuple[Kind, ...] = OWNED
    """Those of our own that may be watched; the rest is looked at by name."""


async def watchable_kinds(kube: Kube, *, namespaces: tuple[str, ...]) -> tuple[Kind, ...]:
    """What may be watched: Secrets only where the role allows to list them all."""
    places = namespaces or (None,)
    secrets = await asyncio.gather(*(kube.may_list(SECRET, namespace=place) for place in places))
    return tuple(kind for kind in OWNED if kind != SECRET or all(secrets))


class Operator:
    """One term of office: from getting the Lease to losing it."""

    def __init__(
        self,
        plan: Plan,
        *,
        kube: Kube,
        stores: Stores,
        metrics: Metrics,
        health: Health,
        kinds: Kinds,
        sources: Sources | None = None,
    ) -> None:
        sources = sources or Sources()
        self._plan = plan
        self._kube = kube
        self._metrics = metrics
        self._health = health
        self.index = Index(vacated=self._vacated)
        self.queue = Queue(chance=sources.chance)
        self.claims = Claims()
        self.vacancies = Vacancies()
        self.recorder = Recorder(kube, clock=sources.clock, instance=plan.identity)
        self.resources = Resources(self.index, self.claims, self.queue, vacancies=self.vacancies)
        self.world = World(
            kube=kube,
            index=self.index,
            applier=Applier(kube, self.index, drifted=metrics.drifted),
            claims=self.claims,
            recorder=self.recorder,
            stores=stores,
            clock=sources.clock,
            chance=sources.chance,
            fresh=sources.fresh,
            enqueue=self.queue.add,
            version=plan.version,
            namespace=plan.namespace,
            vacancies=self.vacancies,
        )
        self.scaler = Scaler(self.world, metrics=metrics)
        self._chance = sources.chance
        self._watches = [watch for kind in kinds.watched for watch in self._watches_of(kind)]
        self._optional = OptionalKinds(
            kube,
            self.world.installed,
            there=kinds.optional,
            index=self.index,
            watches_of=self._watches_of,
            changed=self._look_at_all,
        )
        self._patrols = [
            Patrol(kube, kind, index=self.index, tell=self.resources.owned_changed)
            for kind in OWNED
            if kind not in kinds.watched
        ]
        self._audit = Audit(kube, self.index, self.resources, namespaces=plan.namespaces, clock=sources.clock)

    async def run(self, *, connect: Callable[[], kopf.ConnectionInfo], stop: asyncio.Event) -> None:
        """Work until `stop` is set, or something that must run ends."""
        self._health.watch(self._signs())
        try:
            async with _together() as group:
                for watch in self._watches:
                    group.start(watch.run(), f"watch {watch.kind.plural}")
                group.start(self._optional.run(), "optional kinds")
                await group.unless_ended(self._watches_listed())
                await group.unless_ended(self._list_resources())
                for patrol in self._patrols:
                    group.start(patrol.run(), f"patrol {patrol.kind.plural}")
                group.start(self.recorder.run(), "events")
                group.start(self._kopf(connect, stop), "kopf")
                group.start(self._audit.run(), "audit")
                group.start(self._gauge(), "gauges")
                group.start(
                    self.queue.run(
                        Reconciler(self.world, watcher=self._metrics), at_once=self._plan.concurrency
                    ),
                    "queue",
                )
                group.start(self.scaler.run(every_s=self._plan.scaling_interval_s), "scaler")
                _log.info("operating", objects=len(self.index))
                await group.unless_ended(_set(stop))
        finally:
            self._health.clear()
            self.queue.close()

    async def _watches_listed(self) -> None:
        await asyncio.gather(self._optional.listed(), *(watch.listed.wait() for watch in self._watches))

    def _watches_of(self, kind: Kind) -> list[Watching]:
        return [
            Watching(
                self._kube,
                kind,
                namespace=namespace,
                selector=SELECTOR,
                index=self.index,
                tell=self.resources.owned_changed,
                chance=self._chance,
            )
            for namespace in self._plan.namespaces or (None,)
        ]

    def _vacated(self, ref: Ref) -> None:
        for key in self.vacancies.for_object(ref):
            self.queue.add(key)

    def _look_at_all(self) -> None:
        for kind in (CLUSTER, PROJECT):
            for key in self.index.keys(kind):
                self.queue.add(key)

    async def _list_resources(self) -> None:
        """Know every resource before the first pass: precedence between them depends on it."""
        for kind in (CLUSTER, PROJECT):
            for namespace in self._plan.namespaces or (None,):
                async for items, _ in self._kube.pages(kind, namespace=namespace):
                    for body in items:
                        self.resources.seen(body, kind=kind)

    async def _kopf(self, connect: Callable[[], kopf.ConnectionInfo], stop: asyncio.Event) -> None:
        registry = triggers.registry_of(self.resources, connect=connect)
        namespaces = self._plan.namespaces
        await kopf.operator(
            registry=registry,
            settings=triggers.settings_of(namespaced=bool(namespaces)),
            clusterwide=not namespaces,
            namespaces=namespaces,
            standalone=True,
            stop_flag=stop,
        )
        stop.set()  # kopf handles signals itself
        await asyncio.Event().wait()

    async def _gauge(self) -> None:
        while True:
            self._metrics.waiting.set(self.queue.waiting)
            self._metrics.objects.set(len(self.index))
            await asyncio.sleep(5.0)

    def _signs(self) -> list[Sign]:
        watches = [
            Sign(f"watch {watch.kind.plural}", partial(getattr, watch, "moved_at"), MOVES_WITHIN_S)
            for watch in self._watches
        ]
        patrols = [
            Sign(f"patrol {patrol.kind.plural}", partial(getattr, patrol, "moved_at"), MOVES_WITHIN_S)
            for patrol in self._patrols
        ]
        optional = [
            Sign(f"watch {kind.plural}", partial(self._optional.watched_at, kind), MOVES_WITHIN_S)
            for kind in OPTIONAL
        ]
        return [
            *watches,
            *optional,
            *patrols,
            Sign("optional kinds", lambda: self._optional.moved_at, MOVES_WITHIN_S),
            Sign("queue", self._queue_moved, MOVES_WITHIN_S),
            Sign("scaler", lambda: self.scaler.moved_at, MOVES_WITHIN_S),
            Sign("audit", lambda: self._audit.moved_at, 2 * MOVES_WITHIN_S),
        ]

    def _queue_moved(self) -> float:
        """A queue with nothing to do need not move."""
        return asyncio.get_running_loop().time() if self.queue.idle else self.queue.moved_at


class _Group:
    """Tasks that live and die together."""

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, work: Coroutine[Any, Any, None], name: str) -> None:
        self._tasks.append(asyncio.create_task(work, name=name))

    async def unless_ended(self, goal: Coroutine[Any, Any, None]) -> None:
        """Wait for `goal`; raise if one of the tasks ends before."""
        waiting = asyncio.create_task(goal)
        try:
            await asyncio.wait([waiting, *self._tasks], return_when=asyncio.FIRST_COMPLETED)
            if waiting.done():
                await waiting
                return
            for task in self._tasks:
                if task.done():
                    await task
                    raise RuntimeError(f"{task.get_name()} ended")
        finally:
            waiting.cancel()

    async def end(self) -> None:
        for task in reversed(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def _set(event: asyncio.Event) -> None:
    await event.wait()


@contextlib.asynccontextmanager
async def _together() -> AsyncIterator[_Group]:
    group = _Group()
    try:
        yield group
    finally:
        await group.end()
