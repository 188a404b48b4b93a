"""Maintenance windows of a PanelCluster against the real API server: what waits, what does not, and how it goes on."""

import contextlib
import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from openpanel_operator.kube import Key, Ref
from openpanel_operator.kube.kinds import CONFIG_MAP, DEPLOYMENT, JOB, SECRET, STATEFUL_SET
from openpanel_operator.kube.objects import Object
from openpanel_operator.reconcile.reconciling import Failed
from tests.operator.reconcile.watched import Crash
from tests.operator.reconcile.worlds import Scene, make_cluster, make_project, serve

SATURDAYS: Final = {"windows": [{"days": ["Saturday"], "start": "02:00", "duration": "2h"}]}
OPENS: Final = datetime(2026, 3, 7, 2, 0, tzinfo=UTC)  # the scene begins on the Sunday before
LARGER: Final = {"resources": {"requests": {"memory": "1Gi"}, "limits": {"memory": "8192Mi"}}}


@pytest.fixture
async def panel(scene: Scene) -> Key:
    """A cluster that is ready and has a window on Saturdays."""
    key = await make_cluster(scene, maintenance=SATURDAYS)
    await scene.settle(key)
    return key


async def body(scene: Scene, name: str) -> Object:
    for kind in (DEPLOYMENT, STATEFUL_SET):
        found = await scene.kube.get(kind, name, namespace=scene.namespace)
        if found is not None:
            return found
    raise AssertionError(name)


async def container(scene: Scene, name: str) -> dict[str, Any]:
    found = await body(scene, name)
    return dict(found["spec"]["template"]["spec"]["containers"][0])


async def templates(scene: Scene) -> dict[str, Object]:
    """What the pods of every workload are made of."""
    return {
        each["metadata"]["name"]: each["spec"]["template"]
        for kind in (DEPLOYMENT, STATEFUL_SET)
        for each in await scene.kube.listed(kind, namespace=scene.namespace)
    }


async def up_to_date(scene: Scene, panel: Key) -> tuple[str, str, str]:
    found = await scene.condition(panel, "UpToDate")
    return found["status"], found["reason"], found["message"]


async def test_cluster_with_windows_is_installed_at_once(scene: Scene, panel: Key) -> None:
    assert (await scene.condition(panel, "Ready"))["status"] == "True"
    assert await up_to_date(scene, panel) == ("True", "AsWanted", "1.0.0")
    assert await scene.writes_of(panel) == []


async def test_upgrade_waits_for_the_window_and_says_when_it_opens(scene: Scene, panel: Key) -> None:
    before = await templates(scene)
    await scene.change(panel, version="2.0.0")

    await scene.settle(panel)

    assert await templates(scene) == before
    assert await scene.kube.listed(JOB, namespace=scene.namespace) == []
    status, reason, message = await up_to_date(scene, panel)
    assert (status, reason) == ("False", "WaitingForWindow")
    assert "2026-03-07T02:00:00Z" in message
    assert "panel-api" in message
    told = await scene.status(panel)
    assert told["maintenance"] == {"waiting": 5, "opensAt": "2026-03-07T02:00:00Z"}
    assert told["version"] == "1.0.0"
    assert (await scene.condition(panel, "Ready"))["status"] == "True"
    assert (await scene.condition(panel, "Degraded"))["status"] == "False"


async def test_nothing_is_written_while_something_waits(scene: Scene, panel: Key) -> None:
    await scene.change(panel, version="2.0.0", redis=LARGER, observability={"logLevel": "debug"})
    await scene.settle(panel)

    assert await scene.writes_of(panel) == []
    scene.restart()
    assert await scene.writes_of(panel) == []


async def test_operator_wakes_when_the_window_opens(scene: Scene, panel: Key) -> None:
    scene.now = OPENS - timedelta(minutes=3)
    await scene.change(panel, redis=LARGER)
    await scene.settle(panel)

    again = await scene.reconcile(panel)

    assert again is not None
    assert again <= 180.0
    scene.now = OPENS
    await scene.settle(panel)
    assert (await container(scene, "panel-redis"))["resources"]["limits"]["memory"] in {"8Gi", "8192Mi"}


async def test_window_that_opens_rolls_everything_in_its_order(scene: Scene, panel: Key) -> None:
    await scene.change(panel, version="2.0.0")
    await scene.settle(panel)
    scene.now = OPENS

    await scene.reconcile(panel)

    assert (await container(scene, "panel-worker"))["image"].endswith(":1.0.0")
    assert len(await scene.kube.listed(JOB, namespace=scene.namespace)) == 1
    assert (await scene.status(panel))["maintenance"] == {"begunAt": "2026-03-07T02:00:00Z"}
    await scene.settle(panel)
    for name in ("panel-worker", "panel-ingest", "panel-api", "panel-dashboard"):
        assert (await container(scene, name))["image"].endswith(":2.0.0")
    assert await up_to_date(scene, panel) == ("True", "AsWanted", "2.0.0")
    assert "maintenance" not in await scene.status(panel)
    assert await scene.writes_of(panel) == []


async def test_roll_out_that_began_is_finished_after_the_window_has_closed(scene: Scene, panel: Key) -> None:
    await scene.change(panel, version="2.0.0")
    scene.now = OPENS + timedelta(minutes=119)
    await scene.reconcile(panel)
    scene.now = OPENS + timedelta(hours=9)

    await scene.settle(panel)

    assert (await container(scene, "panel-dashboard"))["image"].endswith(":2.0.0")
    assert "maintenance" not in await scene.status(panel)
    await scene.change(panel, version="3.0.0")
    await scene.settle(panel)
    assert (await container(scene, "panel-worker"))["image"].endswith(":2.0.0")


async def test_image_that_was_wrong_is_corrected_without_waiting_for_the_next_window(
    scene: Scene, panel: Key
) -> None:
    scene.now = OPENS
    await scene.change(panel, version="2.0.0-wrong")
    await scene.reconcile(panel)
    scene.now = OPENS + timedelta(days=1)
    await scene.change(panel, version="2.0.0")

    await scene.settle(panel)

    assert (await container(scene, "panel-dashboard"))["image"].endswith(":2.0.0")


async def test_crash_at_any_write_of_a_roll_out_leaves_no_half_cluster(scene: Scene, panel: Key) -> None:
    await scene.change(panel, version="2.0.0", redis=LARGER)
    await scene.settle(panel)
    scene.now, crashes = OPENS, 0
    while True:
        scene.kube.die_after = len(scene.kube.writes) + 1
        try:
            await scene.reconcile(panel)
        except Crash:
            crashes += 1
            scene.now = OPENS + timedelta(days=2)  # long after the window
        else:
            if not await serve(scene.kube, scene.everywhere):
                break
        await serve(scene.kube, scene.everywhere)
        scene.restart()
    scene.kube.die_after = None

    await scene.settle(panel)

    assert crashes >= 8
    assert (await container(scene, "panel-dashboard"))["image"].endswith(":2.0.0")
    assert (await container(scene, "panel-redis"))["resources"]["limits"]["memory"] in {"8Gi", "8192Mi"}
    assert "maintenance" not in await scene.status(panel)


async def test_files_of_a_store_wait_with_the_memory_they_are_made_for(scene: Scene, panel: Key) -> None:
    before = await scene.kube.get(CONFIG_MAP, "panel-redis", namespace=scene.namespace)
    await scene.change(panel, redis=LARGER)
    await scene.settle(panel)

    waiting = await scene.kube.get(CONFIG_MAP, "panel-redis", namespace=scene.namespace)

    assert before is not None
    assert waiting is not None
    assert waiting["data"] == before["data"]
    scene.now = OPENS
    await scene.settle(panel)
    rolled = await scene.kube.get(CONFIG_MAP, "panel-redis", namespace=scene.namespace)
    assert rolled is not None
    assert rolled["data"] != before["data"]


async def test_servers_follow_what_is_reloaded_and_wait_for_what_is_not(scene: Scene) -> None:
    servers = {"engine": "Managed", "shards": 1, "replicas": 2}
    panel = await make_cluster(scene, clickhouse=servers, maintenance=SATURDAYS)
    await scene.settle(panel)
    before = await templates(scene)

    await scene.change(panel, clickhouse={"settings": {"max_concurrent_queries": "77"}})
    await scene.settle(panel)

    files = await scene.kube.get(CONFIG_MAP, "panel-clickhouse", namespace=scene.namespace)
    assert files is not None
    assert "77" in files["data"]["config.d_90-settings.xml"]
    assert await up_to_date(scene, panel) == ("True", "AsWanted", "1.0.0")

    await scene.change(
        panel, clickhouse={"settings": {"background_pool_size": "5"}, "resources": LARGER["resources"]}
    )
    await scene.settle(panel)
    assert await templates(scene) == before
    assert (await scene.status(panel))["maintenance"]["waiting"] == 2
    assert await scene.writes_of(panel) == []
    scene.restart()
    assert await scene.writes_of(panel) == []
    scene.now = OPENS
    await scene.settle(panel)
    for replica in range(2):
        found = await container(scene, f"panel-clickhouse-0-{replica}")
        assert found["resources"]["limits"]["memory"] in {"8Gi", "8192Mi"}
    assert "maintenance" not in await scene.status(panel)


async def test_servers_are_added_while_an_upgrade_waits(scene: Scene) -> None:
    panel = await make_cluster(scene, clickhouse={"engine": "Managed"}, maintenance=SATURDAYS)
    await scene.settle(panel)
    await scene.change(panel, version="2.0.0", clickhouse={"replicas": 2})

    with contextlib.suppress(Failed):
        await scene.reconcile(panel)

    (job,) = await scene.kube.listed(JOB, namespace=scene.namespace)
    assert job["spec"]["template"]["spec"]["containers"][0]["image"].endswith(":1.0.0")
    await scene.settle(panel)
    assert len((await scene.status(panel))["clickhouse"]["nodes"]) == 2
    assert (await container(scene, "panel-worker"))["image"].endswith(":1.0.0")
    assert (await scene.status(panel))["maintenance"]["waiting"] == 4


async def test_lost_credentials_reach_the_pods_while_an_upgrade_waits(scene: Scene, panel: Key) -> None:
    await scene.change(panel, version="2.0.0")
    await scene.settle(panel)
    before = await templates(scene)
    lost = Ref(SECRET, scene.namespace, "panel-redis")
    await scene.kube._inner.delete(lost)

    await scene.settle(panel)

    after = await templates(scene)
    note = "openpanel.dev/secrets"
    for name in ("panel-redis", "panel-worker", "panel-api"):
        notes = after[name]["metadata"]["annotations"]
        assert notes[note] != before[name]["metadata"]["annotations"][note]
    assert (await container(scene, "panel-worker"))["image"].endswith(":1.0.0")
    assert (await up_to_date(scene, panel))[1] == "WaitingForWindow"
    assert await scene.writes_of(panel) == []
    scene.restart()
    assert await scene.writes_of(panel) == []


@pytest.mark.parametrize("known", [True, False], ids=["same operator", "operator that was restarted"])
async def test_workload_that_is_deleted_comes_back_as_it_was_while_an_upgrade_waits(
    scene: Scene, panel: Key, known: bool
) -> None:
    await scene.change(panel, version="2.0.0")
    await scene.settle(panel)
    if not known:
        scene.restart()
    await scene.kube._inner.delete(Ref(DEPLOYMENT, scene.namespace, "panel-api"))

    await scene.settle(panel)

    assert (await container(scene, "panel-api"))["image"].endswith(":1.0.0")


async def test_edit_of_a_pod_template_is_undone_while_an_upgrade_waits(scene: Scene, panel: Key) -> None:
    await scene.change(panel, version="2.0.0")
    await scene.settle(panel)
    before = await templates(scene)
    path = {"spec": {"template": {"spec": {"containers": [{"name": "api", "image": "other:1"}]}}}}
    ref = Ref(DEPLOYMENT, scene.namespace, "panel-api")
    await scene.kube._inner.apply(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": ref.name, "namespace": ref.namespace},
            **path,
        },
        manager="somebody",
    )
    assert await templates(scene) != before

    await scene.settle(panel)

    assert await templates(scene) == before


async def test_numbers_of_pods_never_wait(scene: Scene, panel: Key) -> None:
    await scene.change(panel, version="2.0.0", api={"replicas": 5, "autoscaling": {"enabled": False}})

    await scene.settle(panel)

    found = await body(scene, "panel-api")
    assert found["spec"]["replicas"] == 5
    assert found["spec"]["template"]["spec"]["containers"][0]["image"].endswith(":1.0.0")


async def test_streams_that_are_added_never_wait(scene: Scene, panel: Key) -> None:
    await scene.change(panel, version="2.0.0", workers={"shards": 4, "max": 4})
    await scene.settle(panel)

    for name in ("panel-worker", "panel-ingest"):
        told = {each["name"]: each.get("value") for each in (await container(scene, name))["env"]}
        assert told["OPENPANEL_SHARDS"] == "4"
    assert (await container(scene, "panel-worker"))["image"].endswith(":1.0.0")
    assert await scene.writes_of(panel) == []


async def test_restart_that_somebody_asks_for_does_not_wait(scene: Scene, panel: Key) -> None:
    await scene.change(panel, version="2.0.0")
    await scene.settle(panel)

    await scene.annotate(panel, restart_at="now")
    await scene.settle(panel)

    found = await body(scene, "panel-redis")
    assert found["spec"]["template"]["metadata"]["annotations"]["openpanel.dev/restart-at"] == "now"
    assert (await container(scene, "panel-worker"))["image"].endswith(":1.0.0")


async def test_annotation_lets_what_waits_begin_once(scene: Scene, panel: Key) -> None:
    await scene.change(panel, version="2.0.0")
    await scene.settle(panel)

    await scene.annotate(panel, maintenance_now="tonight")
    await scene.settle(panel)

    assert (await container(scene, "panel-dashboard"))["image"].endswith(":2.0.0")
    assert (await scene.status(panel))["maintenance"] == {"followed": "tonight"}
    await scene.change(panel, version="3.0.0")
    await scene.settle(panel)
    assert (await container(scene, "panel-worker"))["image"].endswith(":2.0.0")
    await scene.annotate(panel, maintenance_now="again")
    await scene.settle(panel)
    assert (await container(scene, "panel-dashboard"))["image"].endswith(":3.0.0")
    await scene.annotate(panel, maintenance_now=None)
    await scene.settle(panel)
    assert "maintenance" not in await scene.status(panel)


async def test_annotation_that_finds_nothing_is_spent(scene: Scene, panel: Key) -> None:
    await scene.annotate(panel, maintenance_now="early")
    await scene.settle(panel)

    await scene.change(panel, version="2.0.0")
    await scene.settle(panel)

    assert (await container(scene, "panel-worker"))["image"].endswith(":1.0.0")


async def test_windows_that_are_taken_away_let_go_what_waits(scene: Scene, panel: Key) -> None:
    await scene.change(panel, version="2.0.0")
    await scene.settle(panel)

    await scene.change(panel, maintenance={"windows": []})
    await scene.settle(panel)

    assert (await container(scene, "panel-dashboard"))["image"].endswith(":2.0.0")
    assert "maintenance" not in await scene.status(panel)


async def test_change_that_is_taken_back_no_longer_waits(scene: Scene, panel: Key) -> None:
    before = await templates(scene)
    await scene.change(panel, redis=LARGER)
    await scene.settle(panel)

    await scene.change(panel, redis={"resources": None})
    await scene.settle(panel)

    assert await templates(scene) == before
    assert "maintenance" not in await scene.status(panel)
    assert await up_to_date(scene, panel) == ("True", "AsWanted", "1.0.0")


async def test_newer_operator_waits_for_the_window(scene: Scene, panel: Key) -> None:
    scene.restart()
    scene.world = dataclasses.replace(scene.world, version="2.0.0")
    scene.reconciler._world = scene.world

    await scene.settle(panel)

    assert (await container(scene, "panel-worker"))["image"].endswith(":1.0.0")
    scene.now = OPENS
    await scene.settle(panel)
    assert (await container(scene, "panel-dashboard"))["image"].endswith(":2.0.0")


async def test_pods_of_a_project_get_their_image_with_the_cluster(scene: Scene, panel: Key) -> None:
    shop = await make_project(scene, "shop", ingest={"mode": "Dedicated"})
    await scene.settle(panel, shop)
    await scene.change(panel, version="2.0.0")

    await scene.settle(shop, panel)
    assert (await container(scene, "shop-ingest"))["image"].endswith(":1.0.0")
    scene.now = OPENS
    await scene.reconcile(shop)
    assert (await container(scene, "shop-ingest"))["image"].endswith(":1.0.0")
    await scene.reconcile(panel)
    await scene.reconcile(shop)
    assert (await container(scene, "shop-ingest"))["image"].endswith(":1.0.0")  # the schema comes first
    await scene.settle(panel, shop)

    assert (await container(scene, "shop-ingest"))["image"].endswith(":2.0.0")
    assert await serve(scene.kube, scene.everywhere) is False
