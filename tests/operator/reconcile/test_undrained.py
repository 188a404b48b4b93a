"""What was accepted of a project is written before it is copied: the project waits, and workers go on meanwhile."""

import pytest

from openpanel_operator.kube import Key, Ref
from openpanel_operator.kube.kinds import DEPLOYMENT, PROJECT
from openpanel_operator.metrics import Metrics
from openpanel_operator.reconcile.deletion import COPY_AGAIN_S
from openpanel_operator.scaler import Scaler
from openpanel_operator.stores import StillDraining, StoreAway
from tests.operator.reconcile.worlds import Scene, make_cluster, make_project

URL = "https://s3.example.com/bucket/panel"
NONE = {"min": 0, "max": 4, "targetDepth": 100, "scaleToZero": True}


@pytest.fixture(autouse=True)
async def panel(scene: Scene) -> Key:
    """A cluster that is ready, with a place for snapshots."""
    key = await make_cluster(scene, clickhouse={"engine": "Managed"}, snapshots={"url": URL})
    await scene.settle(key)
    return key


async def project(scene: Scene, **workers: object) -> Key:
    shop = await make_project(
        scene, "shop", deletionPolicy="Snapshot", ingest={"mode": "Dedicated"}, workers={**NONE, **workers}
    )
    await scene.settle(shop)
    return shop


async def workers(scene: Scene) -> int:
    body = await scene.kube.get(DEPLOYMENT, "shop-worker", namespace=scene.namespace)
    assert body is not None
    return int(body["spec"]["replicas"])


async def tick(scene: Scene) -> None:
    await scene.look()
    await Scaler(scene.world, metrics=Metrics()).tick()


async def test_project_waits_until_all_is_written_and_says_how_much(scene: Scene) -> None:
    shop = await project(scene)
    await scene.delete(shop)
    scene.stores.copying = StillDraining("ClickHouse", "Draining: about 5,000 events of shop wait")

    assert await scene.reconcile(shop) == COPY_AGAIN_S

    found = await scene.condition(shop, "SpecValid")
    assert found["reason"] == "Draining"
    assert "about 5,000 events" in found["message"]
    assert await scene.writes_of(shop) == []
    scene.stores.copying = StoreAway("Redis", "connection refused")
    await scene.reconcile(shop)
    assert (await scene.condition(shop, "SpecValid"))["reason"] == "CleanupFailed"
    assert scene.stores.removed == {}

    scene.stores.copying = None
    await scene.reconcile(shop)
    assert await scene.kube.get(PROJECT, "shop", namespace=scene.namespace) is None


@pytest.mark.parametrize("pinned", [{}, {"replicas": 0}])
async def test_workers_write_what_waits_of_a_project_that_goes(scene: Scene, pinned: dict[str, int]) -> None:
    shop = await project(scene, **pinned)
    await tick(scene)
    await scene.annotate(shop, paused="true")
    await scene.kube._inner.scale(Ref(DEPLOYMENT, scene.namespace, "shop-worker"), replicas=0)
    await scene.delete(shop)
    scene.stores.copying = StillDraining("ClickHouse", "Draining: about 200 events of shop wait")
    await scene.reconcile(shop)
    scene.stores.waiting["shop"] = 250

    await tick(scene)

    assert await workers(scene) == (1 if pinned else 3)


async def test_pinned_pool_without_workers_stays_so_while_its_project_stays(scene: Scene) -> None:
    await project(scene, replicas=0)
    scene.stores.waiting["shop"] = 250

    await tick(scene)

    assert await workers(scene) == 0
