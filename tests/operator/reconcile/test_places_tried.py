"""A place for snapshots that takes nothing is told of before anybody deletes anything: tried seldom, told quietly."""

from datetime import timedelta

import pytest

from openpanel_operator.kube import Key, Ref
from openpanel_operator.kube.kinds import SECRET
from openpanel_operator.reconcile.cluster_checks import WATCH_STORES_S
from openpanel_operator.reconcile.snapshot_places import FAILED_FOR, STILL_S, TRIED_FOR
from openpanel_operator.stores import PlaceFault, SnapshotUnderWay, StoreAway
from tests.operator.reconcile.test_snapshots import URL, login
from tests.operator.reconcile.worlds import Scene, make_cluster, make_project

BUCKET = PlaceFault("NoSuchBucket", "there is no such bucket at https://s3.example.com/bucket")


@pytest.fixture
async def panel(scene: Scene) -> Key:
    """A cluster with a place for snapshots, of which nobody has heard yet."""
    await login(scene)
    return await make_cluster(
        scene, clickhouse={"engine": "Managed"}, snapshots={"url": URL, "secretName": "bucket"}
    )


async def told(scene: Scene, key: Key) -> tuple[str, str, str]:
    found = await scene.condition(key, "SnapshotReady")
    return found["status"], found["reason"], found["message"]


async def test_place_that_takes_what_is_tried_is_tried_again_after_a_while(scene: Scene, panel: Key) -> None:
    await scene.settle(panel)
    assert await told(scene, panel) == ("True", "AsWanted", "")
    assert scene.stores.asked[URL] == 1

    scene.now += TRIED_FOR - timedelta(seconds=1)
    assert await scene.writes_of(panel) == []
    assert scene.stores.asked[URL] == 1

    scene.now += timedelta(seconds=1)
    assert await scene.writes_of(panel) == []
    assert scene.stores.asked[URL] == 2


async def test_bucket_that_is_missing_is_told_by_cluster_and_project_and_heals(
    scene: Scene, panel: Key
) -> None:
    scene.stores.place_fault = BUCKET
    await scene.settle(panel)
    shop = await make_project(scene, "shop", deletionPolicy="Snapshot")
    await scene.settle(panel, shop)

    assert await told(scene, panel) == ("False", "PlaceUnusable", BUCKET.message)
    assert await told(scene, shop) == ("False", "PlaceUnusable", f"{panel}: {BUCKET.message}")
    for key in (panel, shop):
        assert (await scene.condition(key, "Ready"))["status"] == "True"
        assert (await scene.condition(key, "Degraded"))["status"] == "True"
    assert await scene.writes_of(panel, shop) == []

    scene.stores.place_fault = None
    scene.asked.clear()
    scene.now += FAILED_FOR
    await scene.reconcile(panel)

    assert shop in scene.asked
    await scene.reconcile(shop)
    for key in (panel, shop):
        assert (await told(scene, key))[:2] == ("True", "AsWanted")
        assert (await scene.condition(key, "Degraded"))["status"] == "False"


async def test_place_that_fails_is_asked_once_a_minute_and_its_words_are_no_news(
    scene: Scene, panel: Key
) -> None:
    scene.stores.place_fault = PlaceFault("Unreachable", "nobody answers (request 1)")
    await scene.settle(panel)
    assert (await told(scene, panel))[:2] == ("False", "Unreachable")
    asked = scene.stores.asked[URL]

    again = await scene.reconcile(panel)
    assert again is not None
    assert again <= WATCH_STORES_S
    assert scene.stores.asked[URL] == asked

    scene.stores.place_fault = PlaceFault("Unreachable", "nobody answers (request 2)")
    scene.now += FAILED_FOR
    assert await scene.writes_of(panel) == []
    assert scene.stores.asked[URL] == asked + 1


async def test_wrong_key_names_its_secret_and_another_one_is_tried_at_once(scene: Scene, panel: Key) -> None:
    scene.stores.place_fault = PlaceFault("WrongCredentials", "the place does not accept the key")
    await scene.settle(panel)
    status, reason, message = await told(scene, panel)
    assert (status, reason) == ("False", "AuthenticationFailed")
    assert f"Secret {scene.namespace}/bucket" in message
    assert "between us" not in message

    scene.stores.place_fault = None
    right = {"stringData": {"secretAccessKey": "another"}}
    await scene.kube._inner.patch(Ref(SECRET, scene.namespace, "bucket"), right, by="somebody")
    await scene.reconcile(panel)

    assert (await told(scene, panel))[:2] == ("True", "AsWanted")


async def test_trial_that_takes_long_holds_nothing_up(scene: Scene, panel: Key) -> None:
    scene.stores.place_fault = SnapshotUnderWay("ClickHouse", "the place is being tried")
    await scene.settle(panel)
    shop = await make_project(scene, "shop", deletionPolicy="Snapshot")
    await scene.settle(panel, shop)

    for key in (panel, shop):
        assert (await told(scene, key))[:2] == ("Unknown", "Reconciling")
        assert (await scene.condition(key, "Ready"))["status"] == "True"
    again = await scene.reconcile(panel)
    assert again is not None
    assert again <= STILL_S

    scene.stores.place_fault = None
    await scene.reconcile(panel)
    assert (await told(scene, panel))[0] == "True"
    scene.stores.place_fault = SnapshotUnderWay("ClickHouse", "the place is being tried")
    scene.now += TRIED_FOR
    await scene.reconcile(panel)
    assert (await told(scene, panel))[0] == "True"  # what was known stays until there is an answer


async def test_store_that_is_away_says_nothing_of_the_place(scene: Scene, panel: Key) -> None:
    await scene.settle(panel)
    scene.now += TRIED_FOR
    scene.stores.place_fault = StoreAway("ClickHouse", "connection refused")

    await scene.reconcile(panel)

    assert (await told(scene, panel))[0] == "True"
    assert (await scene.condition(panel, "Degraded"))["status"] == "False"


async def test_another_process_tries_again_and_writes_nothing(scene: Scene, panel: Key) -> None:
    scene.stores.place_fault = BUCKET
    await scene.settle(panel)
    asked = scene.stores.asked[URL]

    scene.restart()

    assert await scene.writes_of(panel) == []
    assert scene.stores.asked[URL] == asked + 1


async def test_place_that_goes_is_no_longer_wanted(scene: Scene, panel: Key) -> None:
    await scene.settle(panel)

    await scene.change(panel, snapshots=None)
    await scene.settle(panel)

    assert (await told(scene, panel))[:2] == ("True", "NotWanted")


async def test_cluster_that_never_had_a_place_is_told_nothing(scene: Scene) -> None:
    panel = await make_cluster(scene)
    await scene.settle(panel)

    assert await scene.condition(panel, "SnapshotReady") == {}
