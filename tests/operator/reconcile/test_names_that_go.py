"""A name and a host are their project's until it is gone: whoever wants them next waits while it is being cleared."""

from collections.abc import Callable

import pytest

from openpanel_operator.kube import Key, Kube
from openpanel_operator.kube.kinds import NAMESPACE, SECRET
from openpanel_operator.stores import SnapshotUnderWay
from tests.operator.reconcile.worlds import Scene, make_cluster, make_project

HOST = "in.example.org"
URL = "https://s3.example.com/bucket/panel"


@pytest.fixture
async def panel(scene: Scene) -> Key:
    """A cluster that is ready, with a place for snapshots."""
    key = await make_cluster(scene, clickhouse={"engine": "Managed"}, snapshots={"url": URL})
    await scene.settle(key)
    return key


async def told(scene: Scene, key: Key) -> tuple[str, str]:
    found = await scene.condition(key, "SpecValid")
    return found["reason"], found.get("message", "")


@pytest.mark.parametrize("hindrance", ["copy", "store"])
async def test_namesake_waits_until_the_elder_is_gone_and_its_data_are_its_own(
    scene: Scene, panel: Key, kube: Kube, fresh_name: Callable[[str], str], hindrance: str
) -> None:
    other = fresh_name("test")
    await kube.create({"apiVersion": "v1", "kind": NAMESPACE.name, "metadata": {"name": other}})
    scene.namespaces = (other,)
    ref = {"name": panel.name, "namespace": panel.namespace}
    first = await make_project(scene, "shop", clusterRef=ref, deletionPolicy="Snapshot")
    await scene.settle(first)
    second = await make_project(scene, "shop", namespace=other, clusterRef=ref)
    await scene.reconcile(second)
    if hindrance == "copy":
        scene.stores.copying = SnapshotUnderWay("ClickHouse", "the copy is being made")
    else:
        scene.stores.away["ClickHouse"] = "connection refused"
    await scene.delete(first)
    await scene.reconcile(first)

    scene.restart()
    await scene.reconcile(second)

    reason, message = await told(scene, second)
    assert reason == "NameConflict"
    assert str(first) in message
    assert "is being deleted" in message
    assert await scene.kube.get(SECRET, "shop-web", namespace=other) is None
    assert scene.stores.asked["shop"] == 1

    scene.stores.copying = None
    scene.stores.away.clear()
    await scene.reconcile(first)
    assert scene.stores.removed == {"shop": "Snapshot"}
    await scene.settle(second)
    assert (await scene.condition(second, "Ready"))["status"] == "True"
    assert "shop" in scene.stores.known


@pytest.mark.usefixtures("panel")
async def test_host_of_a_project_that_is_being_cleared_is_taken(scene: Scene) -> None:
    first = await make_project(scene, "first", ingest={"host": HOST}, deletionPolicy="Delete")
    await scene.settle(first)
    second = await make_project(scene, "second", ingest={"host": HOST})
    scene.stores.away["ClickHouse"] = "connection refused"
    await scene.delete(first)
    await scene.reconcile(first)

    await scene.reconcile(second)

    reason, message = await told(scene, second)
    assert reason == "HostConflict"
    assert "is being deleted" in message
    scene.stores.away.clear()
    await scene.reconcile(first)
    await scene.settle(second)
    assert (await scene.condition(second, "Ready"))["status"] == "True"
