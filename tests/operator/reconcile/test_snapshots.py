"""Projects that are copied before they are deleted: never deleted without a copy, and never stuck without a way out."""

from datetime import UTC, datetime, timedelta

import pytest

from openpanel_operator.kube import Key, Ref
from openpanel_operator.kube.kinds import NAMESPACE, PROJECT, SECRET
from openpanel_operator.reconcile.deletion import COPY_AGAIN_S
from openpanel_operator.stores import SnapshotFailed, SnapshotUnderWay
from tests.operator.reconcile.watched import Crash
from tests.operator.reconcile.worlds import Scene, make_cluster, make_project

URL = "https://s3.example.com/bucket/panel"
LOGIN = {"accessKeyId": "AKIA", "secretAccessKey": "between us"}


@pytest.fixture
async def panel(scene: Scene) -> Key:
    """A cluster with servers of its own and a place for snapshots."""
    await login(scene)
    key = await make_cluster(
        scene, clickhouse={"engine": "Managed"}, snapshots={"url": URL, "secretName": "bucket"}
    )
    await scene.settle(key)
    return key


async def login(scene: Scene, **values: str) -> None:
    meta = {"name": "bucket", "namespace": scene.namespace}
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "stringData": values or LOGIN}
    await scene.kube._inner.create(body)


async def project(scene: Scene) -> Key:
    shop = await make_project(scene, "shop", deletionPolicy="Snapshot")
    await scene.settle(shop)
    return shop


async def is_there(scene: Scene, key: Key) -> bool:
    return await scene.kube.get(PROJECT, key.name, namespace=key.namespace) is not None


async def place_of(scene: Scene, shop: Key) -> tuple[str, str]:
    found = await scene.condition(shop, "SnapshotReady")
    return found["status"], found["reason"]


@pytest.mark.usefixtures("panel")
async def test_project_is_copied_and_then_deleted(scene: Scene) -> None:
    shop = await project(scene)
    assert await place_of(scene, shop) == ("True", "AsWanted")
    assert await scene.writes_of(shop) == []
    await scene.delete(shop)

    await scene.reconcile(shop)

    assert not await is_there(scene, shop)
    assert scene.stores.removed == {"shop": "Snapshot"}
    place = scene.stores.copied["shop"]
    assert (place.url, place.key, place.secret) == (URL, "AKIA", "between us")
    waiting = scene.recorder._waiting
    told = [waiting.get_nowait() for _ in range(waiting.qsize())]
    (event,) = (each for each in told if each["reason"] == "SnapshotTaken")
    assert event["message"] == f"{URL}/shop/20260301T120000Z"


@pytest.mark.usefixtures("panel")
async def test_project_stays_while_it_is_copied_and_is_asked_after_quietly(scene: Scene) -> None:
    shop = await project(scene)
    await scene.delete(shop)
    scene.stores.copying = SnapshotUnderWay("ClickHouse", "the copy is being made")

    again = await scene.reconcile(shop)

    assert again == COPY_AGAIN_S
    found = await scene.condition(shop, "SpecValid")
    assert (found["reason"], found["message"]) == ("Snapshotting", "the copy is being made")
    assert await scene.writes_of(shop) == []
    scene.stores.copying = None
    await scene.reconcile(shop)
    assert not await is_there(scene, shop)


@pytest.mark.usefixtures("panel")
async def test_copy_that_fails_holds_the_project_and_says_why(scene: Scene) -> None:
    shop = await project(scene)
    await scene.delete(shop)
    scene.stores.copying = SnapshotFailed("ClickHouse", "NoSuchBucket: there is no such bucket")

    await scene.reconcile(shop)

    assert await is_there(scene, shop)
    assert scene.stores.removed == {}
    found = await scene.condition(shop, "SpecValid")
    assert found["reason"] == "SnapshotFailed"
    assert "NoSuchBucket" in found["message"]
    assert await scene.writes_of(shop) == []
    scene.stores.copying = None
    await scene.reconcile(shop)
    assert not await is_there(scene, shop)


@pytest.mark.usefixtures("panel")
async def test_clients_stop_while_the_copy_waits_its_turn(scene: Scene) -> None:
    shop = await project(scene)
    await scene.delete(shop)
    scene.stores.copying = SnapshotUnderWay("ClickHouse", "it waits for 2 others")

    await scene.reconcile(shop)

    assert (scene.stores.stopped, scene.stores.removed) == ({"shop": "Snapshot"}, {})


@pytest.mark.usefixtures("panel")
@pytest.mark.parametrize("policy", ["Retain", "Delete"])
async def test_another_policy_is_a_way_out(scene: Scene, policy: str) -> None:
    shop = await project(scene)
    await scene.delete(shop)
    scene.stores.copying = SnapshotFailed("ClickHouse", "AccessDenied")
    await scene.reconcile(shop)

    await scene.change(shop, deletionPolicy=policy)
    await scene.reconcile(shop)

    assert not await is_there(scene, shop)
    assert scene.stores.removed == {"shop": policy}


@pytest.mark.usefixtures("panel")
async def test_annotation_lets_the_project_go_and_leaves_its_data(scene: Scene) -> None:
    shop = await project(scene)
    await scene.delete(shop)
    scene.stores.copying = SnapshotFailed("ClickHouse", "AccessDenied")
    await scene.reconcile(shop)

    await scene.annotate(shop, skip_cleanup="true")
    await scene.reconcile(shop)

    assert not await is_there(scene, shop)
    assert scene.stores.removed == {}


@pytest.mark.usefixtures("panel")
async def test_crash_after_any_write_of_the_deletion_ends_the_same(scene: Scene) -> None:
    shop = await project(scene)
    await scene.delete(shop)
    crashes = 0
    while await is_there(scene, shop):
        scene.kube.die_after = len(scene.kube.writes) + 1
        try:
            await scene.reconcile(shop)
        except Crash:
            crashes += 1
        scene.restart()
    scene.kube.die_after = None

    assert crashes >= 1
    assert scene.stores.removed == {"shop": "Snapshot"}


async def test_place_that_is_missing_is_told_before_anybody_deletes_anything(scene: Scene) -> None:
    panel = await make_cluster(scene)
    await scene.settle(panel)

    shop = await project(scene)

    found = await scene.condition(shop, "SnapshotReady")
    assert (found["status"], found["reason"]) == ("False", "NoSnapshotPlace")
    assert "spec.snapshots" in found["message"]
    assert (await scene.condition(shop, "Ready"))["status"] == "True"
    assert (await scene.condition(shop, "Degraded"))["status"] == "True"
    await scene.delete(shop)
    await scene.reconcile(shop)
    assert await is_there(scene, shop)
    assert (await scene.condition(shop, "SpecValid"))["reason"] == "NoSnapshotPlace"
    assert await scene.writes_of(shop) == []


async def test_clients_stop_though_there_is_no_place(scene: Scene) -> None:
    panel = await make_cluster(
        scene, clickhouse={"engine": "Managed"}, snapshots={"url": URL, "secretName": "bucket"}
    )
    await scene.settle(panel)
    shop = await project(scene)
    await scene.delete(shop)

    await scene.reconcile(shop)

    assert (await scene.condition(shop, "SpecValid"))["reason"] == "SecretMissing"
    assert (scene.stores.stopped, scene.stores.removed) == ({"shop": "Snapshot"}, {})


async def test_namespace_that_goes_stops_the_clients_of_what_cannot_be_copied(scene: Scene) -> None:
    panel = await make_cluster(scene)
    await scene.settle(panel)
    shop = await project(scene)
    await scene.delete(shop)
    await scene.kube._inner.delete(Ref(NAMESPACE, "", scene.namespace))

    scene.now = datetime.now(UTC) + timedelta(minutes=2)
    await scene.reconcile(shop)

    assert not await is_there(scene, shop)
    assert (scene.stores.stopped, scene.stores.removed) == ({"shop": "Snapshot"}, {})


async def test_login_that_is_missing_or_half_is_named(scene: Scene) -> None:
    snapshots = {"url": URL, "secretName": "bucket"}
    panel = await make_cluster(scene, clickhouse={"engine": "Managed"}, snapshots=snapshots)
    await scene.settle(panel)
    shop = await project(scene)
    assert await place_of(scene, shop) == ("False", "SecretMissing")

    await login(scene, accessKeyId="AKIA")
    await scene.settle(panel, shop)
    assert await place_of(scene, shop) == ("False", "SecretKeyMissing")
    assert "secretAccessKey" in (await scene.condition(shop, "SnapshotReady"))["message"]

    more = {"stringData": {"secretAccessKey": "between us"}}
    await scene.kube._inner.patch(Ref(SECRET, scene.namespace, "bucket"), more, by="somebody")
    await scene.settle(panel, shop)
    assert await place_of(scene, shop) == ("True", "AsWanted")


async def test_servers_with_credentials_of_their_own_need_no_secret(scene: Scene) -> None:
    panel = await make_cluster(scene, clickhouse={"engine": "Managed"}, snapshots={"url": URL})
    await scene.settle(panel)
    shop = await project(scene)
    await scene.delete(shop)

    await scene.reconcile(shop)

    assert scene.stores.copied["shop"].secrets == ("", "")


@pytest.mark.usefixtures("panel")
async def test_project_that_is_not_to_be_copied_says_nothing_of_a_place(scene: Scene) -> None:
    shop = await make_project(scene, "shop")
    await scene.settle(shop)
    assert await scene.condition(shop, "SnapshotReady") == {}

    await scene.change(shop, deletionPolicy="Snapshot")
    await scene.settle(shop)
    await scene.change(shop, deletionPolicy="Retain")
    await scene.settle(shop)

    assert await place_of(scene, shop) == ("True", "NotWanted")
