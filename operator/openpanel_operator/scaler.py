"""Workers follow their queues: every few seconds one look at all pools of a Redis, one decision each, few writes.

A pool is the shared one of a PanelCluster or a project's own. The decision is `scaling.decide`; here are only what
it is told and what becomes of it: the scale subresource, the cost of deleting a busy pod, figures for the status. A
queue that cannot be read keeps its workers.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from openpanel.metadata import SHARED_POOL
from openpanel.tenancy.fields import span
from openpanel.tenancy.pools import own_name
from openpanel.tenancy.workload import Workers
from openpanel_operator import scaling
from openpanel_operator.desired.labels import Component
from openpanel_operator.desired.project import most_pods, workers_of
from openpanel_operator.kube import Key, KubeError, Object, ref_of
from openpanel_operator.kube.kinds import CLUSTER, DEPLOYMENT, POD, PROJECT
from openpanel_operator.kube.objects import annotations, is_deleting
from openpanel_operator.metrics import Metrics
from openpanel_operator.reconcile import clusters
from openpanel_operator.reconcile.annotations import PAUSED, is_set
from openpanel_operator.reconcile.claims import ref_of_key
from openpanel_operator.reconcile.clusters import NoCluster
from openpanel_operator.reconcile.workloads import Workload, owned_of
from openpanel_operator.reconcile.world import Scaled, World
from openpanel_operator.resources.cluster import parse_cluster
from openpanel_operator.resources.project import parse_project
from openpanel_operator.resources.resource import InvalidSpec
from openpanel_operator.stores import Addresses, PoolAsk, PoolSeen, StoreError

COST: Final = "controller.kubernetes.io/pod-deletion-cost"
# Between two reports of figures alone; another number of workers is told at once.
FIGURES_S: Final = 60.0
ORDERS: Final = ("jobs",)  # RQ's queue of orders that hold a worker; the shared workers take them

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Pool:
    """One pool with its workers."""

    key: Key
    cluster: Key
    workload: Workload
    workers: Workers
    ask: PoolAsk
    budget: int | None
    going: bool
    """Whether its resource is being deleted: until it is gone, workers write what waits."""

    @property
    def replicas(self) -> int:
        """Workers that the Deployment asks for."""
        return int(self.workload.body["spec"].get("replicas", 1))


class Scaler:
    """Ticks. Remembers each pool's history; forgetting it only makes the next decisions careful."""

    def __init__(
        self, world: World, *, metrics: Metrics, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._world = world
        self._metrics = metrics
        self._clock = clock
        self._histories: dict[Key, scaling.History] = {}
        self._measured: set[Key] = set()  # pools with figures among the metrics
        self._read: dict[Key, tuple[tuple[int, ...], Pool | None]] = {}  # by the versions it was read from
        self.moved_at = asyncio.get_running_loop().time()

    async def run(self, *, every_s: float) -> None:
        """Tick for ever."""
        while True:
            with self._metrics.tick.time():
                try:
                    await self.tick()
                except Exception:  # noqa: BLE001 - the edge: workers stay as they are, and the next tick tries again
                    _log.exception("scaling failed")
            self.moved_at = asyncio.get_running_loop().time()
            await asyncio.sleep(every_s)

    async def tick(self) -> None:
        """Look at every pool and bring its workers to what it needs."""
        by_stores: defaultdict[Addresses, list[Pool]] = defaultdict(list)
        stores: dict[Key, Addresses | None] = {}
        pools: set[Key] = set()
        for key in (*self._world.index.keys(CLUSTER), *self._world.index.keys(PROJECT)):
            pool = self._pool(key)
            if pool is None:
                continue
            pools.add(key)
            if pool.cluster not in stores:
                stores[pool.cluster] = await _addresses(self._world, key)
            at = stores[pool.cluster]
            if at is not None:
                by_stores[at].append(pool)
        await asyncio.gather(*(self._scale_all(at, those) for at, those in by_stores.items()))
        there = {pool.key for those in by_stores.values() for pool in those}
        for key in [key for key in self._histories if key not in there]:
            del self._histories[key]
        self._measure_no_more(self._measured - pools)
        for key in [key for key in self._read if not self._world.claims.is_known(key)]:
            del self._read[key]

    def _measure_no_more(self, gone: set[Key]) -> None:
        """Take figures back of pools that are gone, or that nobody here scales: the last ones would stand for ever."""
        for key in gone:
            self._metrics.pool_depth.remove(key.namespace, key.name)
            self._metrics.pool_workers.remove(key.namespace, key.name)
        self._measured -= gone

    def _pool(self, key: Key) -> Pool | None:
        """The pool of a resource, if it has workers that the operator scales; read again when something changed."""
        index = self._world.index
        workloads = index.refs(key, DEPLOYMENT)
        if not workloads:
            return None  # most projects have none, and are passed over without a look
        versions = tuple(index.version(ref) for ref in (ref_of_key(key), *workloads))
        known = self._read.get(key)
        if known is not None and known[0] == versions:
            return known[1]
        pool = _pool(self._world, key)
        self._read[key] = (versions, pool)
        return pool

    async def _scale_all(self, at: Addresses, pools: Sequence[Pool]) -> None:
        seen: Sequence[PoolSeen | None]
        try:
            seen = await self._world.stores.pools([pool.ask for pool in pools], at)
        except StoreError as error:
            _log.warning("queues unreadable", error=error.message)
            seen = [None] * len(pools)
        await asyncio.gather(*(self._scale(pool, found) for pool, found in zip(pools, seen, strict=True)))

    async def _scale(self, pool: Pool, seen: PoolSeen | None) -> None:
        now = self._clock()
        history = self._histories.get(pool.key, scaling.History(since=now))
        state = scaling.PoolState(pool.replicas, _observed(seen), history)
        decision = _pinned(pool, seen, history) or scaling.decide(state, settings=settings_of(pool), now=now)
        self._measured.add(pool.key)
        self._metrics.pool_workers.labels(pool.key.namespace, pool.key.name).set(decision.replicas)
        if seen is not None:
            self._metrics.pool_depth.labels(pool.key.namespace, pool.key.name).set(seen.waiting)
        try:
            if decision.replicas < pool.replicas and seen is not None:
                await self._spare_busy(pool, seen)
            if decision.replicas != pool.replicas:
                await self._world.kube.scale(pool.workload.ref, replicas=decision.replicas)
                _log.info("scaled", pool=str(pool.key), before=pool.replicas, after=decision.replicas)
        except KubeError as error:
            _log.warning("not scaled", pool=str(pool.key), error=error.message)
            return  # the history stays as it was, as if nothing had been decided
        self._histories[pool.key] = decision.history
        self._tell(pool, decision, seen)

    def _tell(self, pool: Pool, decision: scaling.Decision, seen: PoolSeen | None) -> None:
        """Figures for the status: when the number or its reason is another, and when they are clearly others."""
        told = Scaled(
            desired=decision.replicas,
            reason=decision.reason.value,
            active=decision.active,
            at=self._world.clock(),
            queued=seen.waiting if seen else None,
            running=seen.running if seen else None,
            oldest_seconds=int(seen.oldest_age) if seen and seen.oldest_age is not None else None,
        )
        known = self._world.scaled.get(pool.key)
        if known is None or _is_news(told, known, target=pool.workers.target_depth):
            self._world.scaled[pool.key] = told
            self._world.enqueue(pool.key)

    async def _spare_busy(self, pool: Pool, seen: PoolSeen) -> None:
        """Make the deletion of busy workers dear, before some are to go."""
        namespace = pool.workload.ref.namespace
        for pod in await self._world.kube.listed(POD, namespace=namespace, selector=pool.workload.selector):
            cost = str(scaling.deletion_cost(busy=pod["metadata"]["name"] in seen.busy_hosts))
            if not is_deleting(pod) and annotations(pod).get(COST, str(scaling.IDLE_POD_COST)) != cost:
                changes: Object = {"metadata": {"annotations": {COST: cost}}}
                await self._world.kube.patch(ref_of(pod, kind=POD), changes)


def _is_news(told: Scaled, known: Scaled, *, target: int) -> bool:
    if (told.desired, told.reason) != (known.desired, known.reason):
        return True
    paced = (told.at - known.at).total_seconds() >= FIGURES_S
    return paced and _coarse(told, target) != _coarse(known, target)


def _coarse(scaled: Scaled, target: int) -> tuple[int, ...]:
    """The figures by the power of two: what is much less than a worker's share, or a quarter minute, is nothing."""
    queued, running, oldest = scaled.queued or 0, scaled.running or 0, scaled.oldest_seconds or 0
    return (4 * queued // target).bit_length(), running.bit_length(), (oldest // 15).bit_length()


def _pinned(pool: Pool, seen: PoolSeen | None, history: scaling.History) -> scaling.Decision | None:
    """The number that a person has set, if one has; none at all would never write what waits of one that goes."""
    wanted = pool.workers.replicas
    if wanted is None:
        return None
    if pool.going and seen is not None and seen.waiting:
        wanted = max(wanted, 1)
    return scaling.Decision(wanted, wanted, scaling.Reason.STEADY, history)


def settings_of(pool: Pool) -> scaling.Settings:
    """The bounds and the pace that the spec asks for."""
    workers = pool.workers
    return scaling.Settings(
        least=workers.min,
        most=workers.max,
        target=workers.target_depth,
        to_zero=workers.scale_to_zero,
        shards=pool.ask.shards,
        budget=pool.budget,
        longest_wait=span(workers.max_latency).total_seconds(),
        window=span(workers.stabilization).total_seconds(),
        cooldown=span(workers.cooldown).total_seconds(),
        fallback=workers.fallback,
    )


def _observed(seen: PoolSeen | None) -> scaling.Observation | None:
    if seen is None:
        return None
    return scaling.Observation(
        waiting=seen.waiting, running=seen.running, oldest_age=seen.oldest_age, busy=len(seen.busy_hosts)
    )


def _pool(world: World, key: Key) -> Pool | None:
    workers = owned_of(world.index.owned(key, kind=DEPLOYMENT)).of(Component.WORKER.value)
    body = world.index.get(ref_of_key(key))
    if not workers or body is None or (is_set(annotations(body), PAUSED) and not is_deleting(body)):
        return None
    try:
        pool = (_shared if key.kind == CLUSTER.name else _own)(world, key, workers[0], body)
    except (InvalidSpec, NoCluster) as error:
        _log.debug("pool left alone", pool=str(key), error=str(error))
        return None
    return pool if pool.workers.scaler == "Operator" else None


def _shared(_world: World, key: Key, workload: Workload, body: Object) -> Pool:
    workers = parse_cluster(body).spec.workers
    ask = PoolAsk(SHARED_POOL, _shards(workers, body), orders=ORDERS, workers=_may_shrink(workload, workers))
    return Pool(key, key, workload, workers, ask, budget=None, going=is_deleting(body))


def _own(world: World, key: Key, workload: Workload, body: Object) -> Pool:
    project = parse_project(body)
    cluster, _ = clusters.found(key, world=world)
    workers = workers_of(project)
    ask = PoolAsk(own_name(key.name), _shards(workers, body), workers=_may_shrink(workload, workers))
    return Pool(key, cluster, workload, workers, ask, budget=most_pods(project)[1], going=is_deleting(body))


def _shards(workers: Workers, body: Object) -> int:
    """Streams never become fewer, so the status knows of more than the spec, perhaps."""
    figures = body.get("status", {}).get("workers") or {}
    return max(workers.streams, int(figures.get("shards") or 0))


async def _addresses(world: World, key: Key) -> Addresses | None:
    """Where the stores of the resource's cluster are; None: that cannot be told now, and its workers stay."""
    try:
        if key.kind == CLUSTER.name:
            return (await clusters.stores_of(key, world=world)).at
        return (await clusters.serving(key, world=world)).at
    except (NoCluster, KubeError) as error:
        _log.debug("stores unknown", resource=str(key), error=str(error))
        return None


def _may_shrink(workload: Workload, workers: Workers) -> bool:
    """Whether a worker could go; only then somebody has to know which are busy."""
    return int(workload.body["spec"].get("replicas", 1)) > (0 if workers.scale_to_zero else 1)
