"""What is remembered of an object or a project goes when it goes: a process that runs for months stays small."""

import asyncio
import itertools

import pytest

from openpanel_operator.copying import Copying, StillCopying
from openpanel_operator.kube import Index, Key, Kube, Object, Ref
from openpanel_operator.kube.kinds import CONFIG_MAP
from openpanel_operator.metrics import Metrics
from openpanel_operator.reconcile.applying import SWEPT_FROM, Applier
from openpanel_operator.reconcile.keys import Queue
from openpanel_operator.scaler import Scaler
from tests.operator.reconcile.waiting import until
from tests.operator.reconcile.worlds import Scene, make_cluster, make_project
from tests.operator.test_copying import Work

PANEL = Key("PanelCluster", "ns", "panel")


class Taking(Kube):
    """A server that has nothing and takes everything."""

    def __init__(self) -> None:
        self._versions = itertools.count(1)

    async def get(self, kind: object, name: str, *, namespace: str = "") -> None:  # noqa: ARG002
        return None

    async def apply(self, body: Object, *, manager: str = "") -> Object:  # noqa: ARG002
        mine = {"manager": "openpanel-operator", "operation": "Apply", "fieldsV1": {}}
        meta = {"resourceVersion": str(next(self._versions)), "managedFields": [mine]}
        return {**body, "metadata": {**body["metadata"], **meta}}


def config_map(name: str) -> Object:
    meta = {"name": name, "namespace": "ns", "labels": {"openpanel.dev/cluster": "panel"}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {}}


async def test_objects_that_others_take_away_are_forgotten() -> None:
    index = Index()
    applier = Applier(Taking(), index, drifted=lambda _: None)
    kept = [config_map(f"kept-{number}") for number in range(10)]
    await applier.apply(kept, owner=PANEL)

    for number in range(4 * SWEPT_FROM):
        await applier.apply([config_map(f"gone-{number}")], owner=PANEL)
        index.drop(Ref(CONFIG_MAP, "ns", f"gone-{number}"))

    assert len(applier._seen) <= 2 * len(kept) + SWEPT_FROM + 1
    assert await applier.apply(kept, owner=PANEL) == []


async def test_keys_that_have_rested_are_forgotten() -> None:
    queue, done = Queue(chance=lambda: 0.5, spacing_s=0), 0

    async def work(_: Key) -> None:
        nonlocal done
        done += 1

    for number in range(100):
        queue.add(Key("AnalyticsProject", "a", str(number)))
    task = asyncio.create_task(queue.run(work, at_once=4))
    await until(lambda: done == 100 and queue.idle)
    queue.close()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert not queue._rested_at


@pytest.mark.parametrize("fault", [None, ValueError("no such bucket")])
async def test_copy_that_nobody_asks_for_any_more_is_forgotten(fault: Exception | None) -> None:
    copying, work = Copying(wait_s=0.01, kept_s=0.01), Work(fault=fault)
    with pytest.raises(StillCopying):
        await copying.run("shop", work)
    assert copying.is_going("shop")

    work.end.set()

    await until(lambda: not copying.is_going("shop"))


async def test_figures_of_a_pool_go_with_it(scene: Scene) -> None:
    panel = await make_cluster(scene)
    await scene.settle(panel)
    shops = [
        await make_project(scene, name, ingest={"mode": "Dedicated"}, deletionPolicy="Delete")
        for name in ("gone", "shared", "stays")
    ]
    await scene.settle(*shops)
    metrics = Metrics()
    await scene.look()
    scaler = Scaler(scene.world, metrics=metrics, clock=lambda: 1_000.0)
    await scaler.tick()
    assert measured(metrics) == {"panel", "gone", "shared", "stays"}

    await scene.change(shops[1], ingest={"mode": "Shared"})
    await scene.delete(shops[0])
    await scene.settle(*shops)
    await scene.look()
    await scaler.tick()

    assert measured(metrics) == {"panel", "stays"}


def measured(metrics: Metrics) -> set[str]:
    """Names of the resources whose pools have figures."""
    families = metrics.registry.collect()
    samples = (sample for family in families for sample in family.samples if "_pool_" in sample.name)
    return {sample.labels["name"] for sample in samples}
