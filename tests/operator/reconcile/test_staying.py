"""A project stays on the PanelCluster that has its data, whatever others come and whatever its spec says later."""

from collections.abc import Callable

import pytest

from openpanel_operator.kube import Key, Kube
from openpanel_operator.kube.kinds import NAMESPACE
from tests.operator.reconcile.worlds import Scene, make_cluster, make_project


@pytest.fixture
async def tenant(scene: Scene, kube: Kube, fresh_name: Callable[[str], str]) -> str:
    """A namespace without a PanelCluster."""
    name = fresh_name("tenant")
    await kube.create({"apiVersion": "v1", "kind": NAMESPACE.name, "metadata": {"name": name}})
    scene.namespaces = (name,)
    return name


async def cluster_of(scene: Scene, project: Key) -> tuple[str, str]:
    told = (await scene.status(project))["cluster"]
    return told["namespace"], told["name"]


async def test_cluster_that_is_made_nearer_moves_nothing(scene: Scene, tenant: str) -> None:
    panel = await make_cluster(scene)
    await scene.settle(panel)
    shop = await make_project(scene, "shop", namespace=tenant, ingest={"mode": "Dedicated"})
    await scene.settle(shop)
    there = set(await scene.objects())

    near = await make_cluster(scene, "near", namespace=tenant)
    await scene.settle(near)
    await scene.settle(shop)
    scene.restart()
    await scene.settle(shop)

    assert await cluster_of(scene, shop) == (panel.namespace, panel.name)
    assert set(await scene.objects()) == there
    assert not [ref for ref in await scene.objects(tenant) if ref.name.startswith("shop-ingest")]
    assert (await scene.condition(shop, "Ready"))["status"] == "True"
    assert await scene.writes_of(shop) == []


async def test_more_clusters_are_ambiguous_for_new_projects_only(scene: Scene) -> None:
    panel = await make_cluster(scene)
    await scene.settle(panel)
    shop = await make_project(scene, "shop", deletionPolicy="Delete")
    await scene.settle(shop)
    await scene.settle(await make_cluster(scene, "other"))
    late = await make_project(scene, "late")

    await scene.reconcile(late)
    await scene.settle(shop)

    assert (await scene.condition(late, "ClusterReady"))["reason"] == "ClusterAmbiguous"
    assert (await scene.condition(shop, "Ready"))["status"] == "True"
    assert await cluster_of(scene, shop) == (panel.namespace, panel.name)
    await scene.delete(shop)
    assert await scene.reconcile(shop) is None
    assert scene.stores.removed == {"shop": "Delete"}


async def test_reference_to_another_cluster_is_refused_and_nothing_is_moved(scene: Scene) -> None:
    panel = await make_cluster(scene)
    await scene.settle(panel)
    shop = await make_project(scene, "shop", ingest={"mode": "Dedicated"})
    await scene.settle(shop)
    other = await make_cluster(scene, "other")
    await scene.settle(other)
    there = set(await scene.objects())

    await scene.change(shop, clusterRef={"name": "other"})
    await scene.reconcile(shop)

    found = await scene.condition(shop, "ClusterReady")
    assert (found["status"], found["reason"]) == ("False", "ChangeRefused")
    assert f"{panel.namespace}/{panel.name}" in found["message"]
    assert "make it anew" in found["message"]
    assert set(await scene.objects()) == there
    assert await cluster_of(scene, shop) == (panel.namespace, panel.name)

    await scene.delete(shop)
    assert await scene.reconcile(shop) is None
    again = await make_project(scene, "shop", clusterRef={"name": "other"})
    await scene.settle(again)
    assert await cluster_of(scene, again) == (other.namespace, other.name)


async def test_project_of_which_nothing_was_made_is_free_to_go_elsewhere(scene: Scene) -> None:
    await make_cluster(scene)
    shop = await make_project(scene, "shop")
    await scene.reconcile(shop)
    assert (await scene.condition(shop, "ClusterReady"))["reason"] == "ClusterNotReady"

    other = await make_cluster(scene, "other")
    await scene.settle(other)
    await scene.change(shop, clusterRef={"name": "other"})
    await scene.settle(shop)

    assert await cluster_of(scene, shop) == (other.namespace, other.name)
    assert (await scene.condition(shop, "Ready"))["status"] == "True"
