"""Ticks against the real API server: one look at all queues, decisions through /scale, busy pods spared."""

from datetime import timedelta

import pytest

from openpanel_operator.kube import Key
from openpanel_operator.kube.kinds import DEPLOYMENT, POD
from openpanel_operator.kube.objects import Object, Ref
from openpanel_operator.metrics import Metrics
from openpanel_operator.scaler import COST, Scaler
from tests.operator.reconcile.worlds import Scene, make_cluster, make_project


class Clock:
    """Seconds that pass when told."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def panel(scene: Scene) -> Key:
    """A cluster that is ready."""
    key = await make_cluster(scene, workers={"max": 8, "targetDepth": 100})
    await scene.settle(key)
    return key


@pytest.fixture
def clock() -> Clock:
    return Clock()


async def scaler_of(scene: Scene, clock: Clock) -> Scaler:
    await scene.look()
    return Scaler(scene.world, metrics=Metrics(), clock=clock)


async def replicas(scene: Scene, name: str = "panel-worker") -> int:
    body = await scene.kube.get(DEPLOYMENT, name, namespace=scene.namespace)
    assert body is not None
    return int(body["spec"]["replicas"])


async def tick(scene: Scene, scaler: Scaler) -> None:
    await scene.look()
    await scaler.tick()


async def test_workers_follow_the_queue_up_at_once_and_down_after_a_while(
    scene: Scene, panel: Key, clock: Clock
) -> None:
    scaler = await scaler_of(scene, clock)
    scene.stores.waiting["shared"] = 450
    await tick(scene, scaler)
    assert await replicas(scene) == 5
    assert scene.asked == [panel]

    scene.stores.waiting["shared"] = 0
    await tick(scene, scaler)
    assert await replicas(scene) == 5

    for _ in range(30):
        clock.now += 60
        await tick(scene, scaler)
    assert await replicas(scene) == 1

    await scene.reconcile(panel)
    workers = (await scene.status(panel))["workers"]
    assert workers["desired"] == 1
    assert await scene.writes_of(panel) == []


async def test_queue_that_cannot_be_read_keeps_its_workers(scene: Scene, panel: Key, clock: Clock) -> None:
    scaler = await scaler_of(scene, clock)
    scene.stores.waiting["shared"] = 450
    await tick(scene, scaler)
    scene.stores.away["Redis"] = "connection refused"

    for _ in range(20):
        clock.now += 600
        await tick(scene, scaler)

    assert await replicas(scene) == 5
    await scene.reconcile(panel)
    scaling = await scene.condition(panel, "ScalingActive")
    assert (scaling["status"], scaling["reason"]) == ("Unknown", "QueueUnreachable")


@pytest.mark.usefixtures("panel")
async def test_busy_pods_are_made_dear_before_some_go(scene: Scene, clock: Clock) -> None:
    scaler = await scaler_of(scene, clock)
    scene.stores.waiting["shared"] = 250
    await tick(scene, scaler)
    body = await scene.kube.get(DEPLOYMENT, "panel-worker", namespace=scene.namespace)
    assert body is not None
    for name in ("worker-busy", "worker-idle"):
        await _pod(scene, body, name)
    scene.stores.busy = {"worker-busy"}
    scene.stores.waiting["shared"] = 0

    for _ in range(8):
        clock.now += 60
        await tick(scene, scaler)

    assert await replicas(scene) < 3
    costs = {}
    for name in ("worker-busy", "worker-idle"):
        pod = await scene.kube.get(POD, name, namespace=scene.namespace)
        assert pod is not None
        costs[name] = int((pod["metadata"].get("annotations") or {}).get(COST, "0"))
    assert costs["worker-busy"] > costs["worker-idle"]


@pytest.mark.usefixtures("panel")
async def test_all_pools_are_read_in_one_go(scene: Scene, clock: Clock) -> None:
    for name in ("one", "two", "three"):
        key = await make_project(scene, name, ingest={"mode": "Dedicated"}, workers={"targetDepth": 10})
        await scene.settle(key)
    scene.stores.waiting["two"] = 25
    scaler = await scaler_of(scene, clock)
    before = scene.stores.asked["pools"]

    await tick(scene, scaler)

    assert scene.stores.asked["pools"] == before + 1
    assert [await replicas(scene, f"{name}-worker") for name in ("one", "two", "three")] == [1, 3, 1]


@pytest.mark.usefixtures("panel")
async def test_number_that_a_person_has_set_is_kept(scene: Scene, clock: Clock) -> None:
    shop = await make_project(scene, "shop", ingest={"mode": "Dedicated"}, workers={"replicas": 3})
    await scene.settle(shop)
    scene.stores.waiting["shop"] = 10**9
    scaler = await scaler_of(scene, clock)

    await tick(scene, scaler)

    assert await replicas(scene, "shop-worker") == 3
    await scene.reconcile(shop)
    assert (await scene.condition(shop, "ScalingActive"))["reason"] == "Pinned"


@pytest.mark.usefixtures("panel")
async def test_paused_project_is_not_scaled(scene: Scene, clock: Clock) -> None:
    shop = await make_project(scene, "shop", ingest={"mode": "Dedicated"})
    await scene.settle(shop)
    await scene.annotate(shop, paused="true")
    scene.stores.waiting["shop"] = 10**9
    scaler = await scaler_of(scene, clock)

    await tick(scene, scaler)

    assert await replicas(scene, "shop-worker") == 1


@pytest.mark.usefixtures("panel")
async def test_last_worker_goes_and_comes_back(scene: Scene, clock: Clock) -> None:
    workers = {"min": 0, "scaleToZero": True}
    shop = await make_project(scene, "shop", ingest={"mode": "Dedicated"}, workers=workers)
    await scene.settle(shop)
    scaler = await scaler_of(scene, clock)
    for _ in range(20):
        await tick(scene, scaler)
        clock.now += 60
    assert await replicas(scene, "shop-worker") == 0

    scene.stores.waiting["shop"] = 1
    await tick(scene, scaler)
    assert await replicas(scene, "shop-worker") == 1


@pytest.mark.usefixtures("panel")
async def test_workers_of_a_project_that_are_busy_stay(scene: Scene, clock: Clock) -> None:
    shop = await make_project(scene, "shop", ingest={"mode": "Dedicated"}, workers={"targetDepth": 10})
    await scene.settle(shop)
    scaler = await scaler_of(scene, clock)
    scene.stores.waiting["shop"] = 35
    await tick(scene, scaler)
    assert await replicas(scene, "shop-worker") == 4
    scene.stores.waiting["shop"] = 0
    scene.stores.busy = {"shop-worker-a", "shop-worker-b", "shop-worker-c"}

    for _ in range(30):
        clock.now += 60
        await tick(scene, scaler)
    assert await replicas(scene, "shop-worker") == 3

    scene.stores.busy.clear()
    for _ in range(30):
        clock.now += 60
        await tick(scene, scaler)
    assert await replicas(scene, "shop-worker") == 1


async def test_figures_are_told_when_they_are_clearly_others(scene: Scene, panel: Key, clock: Clock) -> None:
    """Eight workers are the most, so neither number nor reason change while the queue grows and shrinks."""
    scaler = await scaler_of(scene, clock)
    for waiting in (5_000, 5_000, 5_000):
        scene.stores.waiting["shared"] = waiting
        await tick(scene, scaler)
        clock.now += 60
    await scene.reconcile(panel)
    assert (await scene.status(panel))["workers"]["queued"] == 5_000
    assert (await scene.condition(panel, "ScalingActive"))["reason"] == "AtMaximum"
    scene.asked.clear()

    scene.stores.waiting["shared"] = 5_001
    scene.now += timedelta(hours=1)
    await tick(scene, scaler)
    assert scene.asked == []

    scene.stores.waiting["shared"] = 80_000
    await tick(scene, scaler)
    assert scene.asked == [panel]
    await scene.reconcile(panel)
    assert (await scene.status(panel))["workers"]["queued"] == 80_000

    scene.stores.waiting["shared"] = 1_000
    await tick(scene, scaler)
    assert scene.asked == [panel], "figures alone are told once a minute"


async def _pod(scene: Scene, workload: Object, name: str) -> Ref:
    template = workload["spec"]["template"]
    meta = {"name": name, "namespace": scene.namespace, "labels": template["metadata"]["labels"]}
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": template["spec"]}
    await scene.kube._inner.create(body)
    return Ref(POD, scene.namespace, name)
