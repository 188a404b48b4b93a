"""The end of resources: by policy, never for want of a store that is gone for good, never in the way of a namespace."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from openpanel_operator.kube import Key, Kube
from openpanel_operator.kube.kinds import DEPLOYMENT, NAMESPACE, PROJECT
from openpanel_operator.kube.objects import Ref
from tests.operator.reconcile.worlds import KINDS, Scene, make_cluster, make_project


@pytest.fixture
async def panel(scene: Scene) -> Key:
    """A cluster that is ready."""
    key = await make_cluster(scene)
    await scene.settle(key)
    return key


async def is_there(scene: Scene, key: Key) -> bool:
    return await scene.kube.get(KINDS[key.kind], key.name, namespace=key.namespace) is not None


@pytest.mark.usefixtures("panel")
@pytest.mark.parametrize("policy", ["Retain", "Delete"])
async def test_deleted_project_goes_by_its_policy(scene: Scene, policy: str) -> None:
    shop = await make_project(scene, "shop", deletionPolicy=policy)
    await scene.settle(shop)
    await scene.delete(shop)
    assert await is_there(scene, shop)

    assert await scene.reconcile(shop) is None

    assert not await is_there(scene, shop)
    assert scene.stores.removed == {"shop": policy}


@pytest.mark.usefixtures("panel")
async def test_project_that_was_never_made_goes_at_once(scene: Scene) -> None:
    shop = await make_project(scene, "shop")
    await scene.delete(shop)

    assert not await is_there(scene, shop)


@pytest.mark.usefixtures("panel")
async def test_store_that_is_away_holds_the_project_until_it_is_back(scene: Scene) -> None:
    shop = await make_project(scene, "shop", deletionPolicy="Delete")
    await scene.settle(shop)
    await scene.delete(shop)
    scene.stores.away["ClickHouse"] = "connection refused"

    again = await scene.reconcile(shop)
    assert again is not None
    found = await scene.condition(shop, "SpecValid")
    assert (found["reason"], "connection refused" in found["message"]) == ("CleanupFailed", True)

    scene.stores.away.clear()
    await scene.reconcile(shop)
    assert not await is_there(scene, shop)
    assert scene.stores.removed == {"shop": "Delete"}


@pytest.mark.usefixtures("panel")
async def test_store_that_is_gone_for_good_is_passed_over_when_a_person_says_so(scene: Scene) -> None:
    shop = await make_project(scene, "shop", deletionPolicy="Delete")
    await scene.settle(shop)
    await scene.delete(shop)
    scene.stores.away["ClickHouse"] = "gone for good"
    await scene.annotate(shop, skip_cleanup="true")

    await scene.reconcile(shop)

    assert not await is_there(scene, shop)


async def test_project_whose_data_is_kept_does_not_wait_for_a_cluster_that_is_gone(
    scene: Scene, panel: Key
) -> None:
    kept = await make_project(scene, "kept", deletionPolicy="Retain")
    erased = await make_project(scene, "erased", deletionPolicy="Delete")
    await scene.settle(kept, erased)
    await scene.delete(panel)
    await scene.delete(kept)
    await scene.delete(erased)

    await scene.reconcile(kept)
    await scene.reconcile(erased)

    assert not await is_there(scene, kept)
    assert await is_there(scene, erased)
    assert (await scene.condition(erased, "SpecValid"))["reason"] == "CleanupFailed"


@pytest.mark.usefixtures("panel")
async def test_protected_project_stays_until_the_protection_goes(scene: Scene) -> None:
    shop = await make_project(scene, "shop", ingest={"mode": "Dedicated"})
    await scene.settle(shop)
    await scene.annotate(shop, deletion_protection="true")
    await scene.delete(shop)

    await scene.reconcile(shop)
    assert (await scene.condition(shop, "SpecValid"))["reason"] == "DeletionProtected"
    assert scene.stores.removed == {}
    assert await scene.kube.get(DEPLOYMENT, "shop-ingest", namespace=scene.namespace)

    await scene.annotate(shop, deletion_protection=None)
    await scene.reconcile(shop)
    assert not await is_there(scene, shop)


async def test_protected_cluster_stays_until_the_protection_goes(scene: Scene, panel: Key) -> None:
    await scene.annotate(panel, deletion_protection="true")
    await scene.settle(panel)
    await scene.delete(panel)

    await scene.reconcile(panel)
    assert await is_there(scene, panel)

    await scene.annotate(panel, deletion_protection=None)
    await scene.reconcile(panel)
    assert not await is_there(scene, panel)


async def test_unprotected_cluster_has_no_finalizer(scene: Scene, panel: Key) -> None:
    body = await scene.kube.get(KINDS[panel.kind], panel.name, namespace=panel.namespace)

    assert body is not None
    assert "finalizers" not in body["metadata"]


@pytest.mark.usefixtures("panel")
@pytest.mark.parametrize("hindrance", ["store", "protection"])
async def test_namespace_that_goes_takes_its_projects_along(scene: Scene, hindrance: str) -> None:
    shop = await make_project(scene, "shop", deletionPolicy="Delete")
    await scene.settle(shop)
    if hindrance == "store":
        scene.stores.away["ClickHouse"] = "goes as well"
    else:
        await scene.annotate(shop, deletion_protection="true")
    await scene.delete(shop)
    await scene.kube._inner.delete(Ref(NAMESPACE, "", scene.namespace))

    scene.now = datetime.now(UTC)
    await scene.reconcile(shop)
    scene.now += timedelta(minutes=2)
    await scene.reconcile(shop)

    assert not await is_there(scene, shop)


async def test_objects_beside_the_stores_go_with_a_project_of_another_namespace(
    scene: Scene, panel: Key, kube: Kube, fresh_name: Callable[[str], str]
) -> None:
    tenant = fresh_name("tenant")
    await kube.create({"apiVersion": "v1", "kind": NAMESPACE.name, "metadata": {"name": tenant}})
    scene.namespaces = (tenant,)
    named = {"name": panel.name, "namespace": panel.namespace}
    shop = await make_project(scene, "shop", namespace=tenant, clusterRef=named, ingest={"mode": "Dedicated"})
    await scene.settle(shop)
    assert await scene.kube.get(DEPLOYMENT, "shop-ingest", namespace=panel.namespace)
    assert await scene.writes_of(shop) == []
    await scene.delete(shop)

    await scene.reconcile(shop)

    assert await scene.kube.get(DEPLOYMENT, "shop-ingest", namespace=panel.namespace) is None
    assert not await is_there(scene, shop)
    assert not [ref for ref in await scene.objects() if ref.name.startswith("shop")]


@pytest.mark.usefixtures("panel")
async def test_deletion_that_is_cut_off_anywhere_goes_on(scene: Scene) -> None:
    shop = await make_project(scene, "shop")
    await scene.settle(shop)
    finalizers = (await scene.kube.get(PROJECT, "shop", namespace=scene.namespace) or {})["metadata"]
    assert finalizers["finalizers"] == ["openpanel.dev/cleanup"]
    await scene.delete(shop)
    scene.stores.removed["shop"] = "Retain"  # cleared, and then the process died
    scene.stores.known.clear()

    scene.restart()
    await scene.reconcile(shop)

    assert not await is_there(scene, shop)
