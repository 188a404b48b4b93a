"""A PanelCluster that is deleted waits for the projects whose end needs its stores, and for nothing else."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from openpanel_operator.kube import Key, Kube
from openpanel_operator.kube.kinds import NAMESPACE
from openpanel_operator.kube.objects import Ref
from openpanel_operator.stores import SnapshotUnderWay
from tests.operator.reconcile.worlds import KINDS, Scene, make_cluster, make_project

URL = "https://s3.example.com/bucket/panel"


@pytest.fixture
async def panel(scene: Scene) -> Key:
    """A cluster that deletes its data with it, and has a place for snapshots."""
    key = await make_cluster(
        scene, clickhouse={"engine": "Managed"}, deletionPolicy="Delete", snapshots={"url": URL}
    )
    await scene.settle(key)
    return key


async def is_there(scene: Scene, key: Key) -> bool:
    return await scene.kube.get(KINDS[key.kind], key.name, namespace=key.namespace) is not None


async def project(scene: Scene, panel: Key, policy: str) -> Key:
    shop = await make_project(scene, "shop", deletionPolicy=policy)
    await scene.settle(shop)
    assert (panel in scene.asked) == (policy != "Retain")
    await scene.settle(panel, shop)
    assert await scene.writes_of(panel, shop) == []
    return shop


@pytest.mark.parametrize("policy", ["Snapshot", "Delete"])
async def test_cluster_waits_for_a_project_that_is_being_cleared(
    scene: Scene, panel: Key, policy: str
) -> None:
    shop = await project(scene, panel, policy)
    await scene.delete(panel)
    await scene.delete(shop)
    scene.now = datetime.now(UTC) + timedelta(hours=3)
    if policy == "Snapshot":
        scene.stores.copying = SnapshotUnderWay("ClickHouse", "the copy is being made")
    else:
        scene.stores.away["ClickHouse"] = "connection refused"
    await scene.reconcile(shop)

    assert await scene.reconcile(panel) is not None

    found = await scene.condition(panel, "SpecValid")
    assert found["reason"] == "WaitingForProjects"
    assert f"{shop.namespace}/shop" in found["message"]
    assert await scene.writes_of(panel) == []
    scene.stores.copying = None
    scene.stores.away.clear()
    await scene.reconcile(shop)
    await scene.reconcile(panel)
    assert scene.stores.removed == {"shop": policy}
    assert not await is_there(scene, shop)
    assert not await is_there(scene, panel)


async def test_cluster_that_is_deleted_a_moment_before_its_projects_waits_for_them(
    scene: Scene, panel: Key
) -> None:
    shop = await project(scene, panel, "Snapshot")
    scene.now = datetime.now(UTC)
    await scene.delete(panel)
    await scene.reconcile(panel)
    assert await is_there(scene, panel)

    scene.now += timedelta(seconds=10)
    await scene.delete(shop)
    await scene.reconcile(shop)
    await scene.reconcile(panel)

    assert "shop" in scene.stores.copied
    assert not await is_there(scene, panel)


async def test_cluster_whose_projects_stay_goes_after_a_minute(scene: Scene, panel: Key) -> None:
    shop = await project(scene, panel, "Delete")
    scene.now = datetime.now(UTC)
    await scene.delete(panel)
    await scene.reconcile(panel)
    assert await is_there(scene, panel)

    scene.now += timedelta(minutes=2)
    await scene.reconcile(panel)

    assert not await is_there(scene, panel)
    await scene.delete(shop)
    await scene.reconcile(shop)
    found = await scene.condition(shop, "SpecValid")
    assert found["reason"] == "CleanupFailed"
    assert "openpanel.dev/skip-cleanup" in found["message"]


@pytest.mark.parametrize("who", ["cluster", "project"])
async def test_person_may_let_the_cluster_go_before(scene: Scene, panel: Key, who: str) -> None:
    shop = await project(scene, panel, "Snapshot")
    scene.stores.copying = SnapshotUnderWay("ClickHouse", "the copy is being made")
    await scene.delete(panel)
    await scene.delete(shop)
    await scene.reconcile(shop)
    await scene.reconcile(panel)
    assert await is_there(scene, panel)

    await scene.annotate(panel if who == "cluster" else shop, skip_cleanup="true")
    await scene.reconcile(panel)

    assert not await is_there(scene, panel)


async def test_projects_that_keep_their_data_hold_no_cluster(scene: Scene, panel: Key) -> None:
    await project(scene, panel, "Retain")

    await scene.delete(panel)

    assert not await is_there(scene, panel)


async def test_cluster_of_which_no_project_needs_anything_any_more_is_held_no_longer(
    scene: Scene, panel: Key
) -> None:
    shop = await project(scene, panel, "Snapshot")
    await scene.change(shop, deletionPolicy="Retain")
    await scene.settle(shop, panel)

    await scene.delete(panel)

    assert not await is_there(scene, panel)


async def test_namespace_that_goes_takes_cluster_and_projects_along(
    scene: Scene, panel: Key, kube: Kube, fresh_name: Callable[[str], str]
) -> None:
    tenant = fresh_name("tenant")
    await kube.create({"apiVersion": "v1", "kind": NAMESPACE.name, "metadata": {"name": tenant}})
    scene.namespaces = (tenant,)
    ref = {"name": panel.name, "namespace": panel.namespace}
    far = await make_project(scene, "far", namespace=tenant, clusterRef=ref, deletionPolicy="Delete")
    shop = await project(scene, panel, "Snapshot")
    await scene.settle(far)
    scene.stores.copying = SnapshotUnderWay("ClickHouse", "the copy is being made")
    for key in (panel, shop, far):
        await scene.delete(key)
    await scene.kube._inner.delete(Ref(NAMESPACE, "", scene.namespace))
    scene.now = datetime.now(UTC) + timedelta(minutes=2)

    await scene.reconcile(shop)
    await scene.reconcile(panel)

    assert not await is_there(scene, shop)
    assert not await is_there(scene, panel)
