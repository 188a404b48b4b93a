"""An AnalyticsProject against the real API server: credentials, objects, conflicts, its cluster's troubles."""

import base64
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from openpanel_operator.kube import Key, Kube
from openpanel_operator.kube.kinds import DEPLOYMENT, NAMESPACE, SECRET
from openpanel_operator.kube.objects import Ref
from openpanel_operator.reconcile.reconciling import SOON_S, Failed
from openpanel_operator.resources.status import LONGEST_SHORT_TEXT
from tests.operator.reconcile.worlds import Scene, make_cluster, make_project


@pytest.fixture
async def panel(scene: Scene) -> Key:
    """A cluster that is ready."""
    key = await make_cluster(scene)
    await scene.settle(key)
    return key


async def credentials(scene: Scene, name: str, *, namespace: str | None = None) -> dict[str, str]:
    secret = await scene.kube.get(SECRET, name, namespace=namespace or scene.namespace)
    assert secret is not None
    return {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}


@pytest.mark.usefixtures("panel")
async def test_shared_project_becomes_ready_and_a_second_pass_writes_nothing(scene: Scene) -> None:
    shop = await make_project(scene, "shop")

    await scene.settle(shop)

    status = await scene.status(shop)
    assert (await scene.condition(shop, "Ready"))["status"] == "True", status
    given = await credentials(scene, "shop-web")
    assert given["clientId"] == status["clients"][0]["clientId"]
    assert given["clientSecret"] == scene.stores.valid["shop", "web"][-1]
    assert given["ingestUrl"].startswith("http://panel-ingest.")
    assert given["clientId"] in given["snippet"]
    assert given["clientSecret"] not in str(status)
    assert await scene.writes_of(shop) == []
    scene.restart()
    assert await scene.writes_of(shop) == []


@pytest.mark.usefixtures("panel")
async def test_dedicated_project_becomes_ready_and_a_second_pass_writes_nothing(scene: Scene) -> None:
    shop = await make_project(scene, "shop", ingest={"mode": "Dedicated"})

    await scene.settle(shop)

    status = await scene.status(shop)
    assert (await scene.condition(shop, "Ready"))["status"] == "True", status
    assert status["pool"] == {"name": "shop", "shards": 4}
    assert status["ingest"]["ready"] == 1
    assert scene.stores.known["shop"].pool == "shop"
    scene.restart()
    assert await scene.writes_of(shop) == []


@pytest.mark.usefixtures("panel")
async def test_restarted_operator_does_not_ask_the_stores_for_what_the_status_says(scene: Scene) -> None:
    shop = await make_project(scene, "shop")
    await scene.settle(shop)
    asked = scene.stores.asked["shop"]

    scene.restart()
    await scene.reconcile(shop)
    assert scene.stores.asked["shop"] == asked

    scene.stores.known.clear()  # put back to an earlier day
    scene.now += timedelta(minutes=1)
    await scene.reconcile(shop)
    assert "shop" in scene.stores.known


@pytest.mark.usefixtures("panel")
async def test_reconcile_at_has_everything_looked_at_again(scene: Scene) -> None:
    shop = await make_project(scene, "shop")
    await scene.settle(shop)
    asked = scene.stores.asked["shop"]
    await scene.annotate(shop, reconcile_at="now")

    await scene.settle(shop)

    assert scene.stores.asked["shop"] == asked + 1
    assert (await scene.status(shop))["reconciledAt"] == "now"


@pytest.mark.parametrize("kind", ["project", "cluster"])
async def test_reconcile_at_may_be_longer_than_a_status_can_hold(scene: Scene, panel: Key, kind: str) -> None:
    shop = await make_project(scene, "shop")
    await scene.settle(shop)
    key = panel if kind == "cluster" else shop
    await scene.annotate(key, reconcile_at="now, " * 100)

    await scene.settle(panel, shop)

    assert (await scene.status(key))["reconciledAt"] == ("now, " * 100)[:LONGEST_SHORT_TEXT]
    asked = scene.stores.asked["shop"]
    scene.restart()
    assert await scene.writes_of(panel, shop) == []
    assert scene.stores.asked["shop"] == asked, "it is known to have been followed"


@pytest.mark.usefixtures("panel")
async def test_edited_secret_is_restored(scene: Scene) -> None:
    shop = await make_project(scene, "shop")
    await scene.settle(shop)
    before = await credentials(scene, "shop-web")
    changes = {"data": {"clientSecret": base64.b64encode(b"mine").decode()}}
    await scene.kube._inner.patch(Ref(SECRET, scene.namespace, "shop-web"), changes, by="somebody")

    await scene.reconcile(shop)

    assert await credentials(scene, "shop-web") == before
    assert scene.drifted == ["Secret"]


@pytest.mark.usefixtures("panel")
async def test_lost_secret_is_replaced_by_another_and_the_old_one_works_on(scene: Scene) -> None:
    shop = await make_project(scene, "shop")
    await scene.settle(shop)
    before = await credentials(scene, "shop-web")
    await scene.kube._inner.delete(Ref(SECRET, scene.namespace, "shop-web"))

    await scene.settle(shop)

    after = await credentials(scene, "shop-web")
    assert after["clientId"] == before["clientId"]
    assert after["clientSecret"] != before["clientSecret"]
    assert scene.stores.valid["shop", "web"] == [before["clientSecret"], after["clientSecret"]]
    (client,) = (await scene.status(shop))["clients"]
    assert client["serial"] == 2
    assert client["previousValidUntil"] == "2026-03-02T12:00:00Z"


@pytest.mark.usefixtures("panel")
async def test_secret_is_rotated_by_interval_with_overlap(scene: Scene) -> None:
    client = {"name": "web", "type": "write", "rotation": {"interval": "90d", "overlap": "48h"}}
    shop = await make_project(scene, "shop", clients=[client])
    await scene.settle(shop)
    before = await credentials(scene, "shop-web")

    scene.now += timedelta(days=89)
    await scene.settle(shop)
    assert await credentials(scene, "shop-web") == before

    scene.now += timedelta(days=1, seconds=1)
    again = await scene.reconcile(shop)
    after = await credentials(scene, "shop-web")
    assert after["clientSecret"] != before["clientSecret"]
    assert scene.stores.known["shop"].credentials["web"].overlap == timedelta(hours=48)
    assert again is not None
    assert again <= 900  # the resync at the latest
    scene.restart()
    assert await scene.writes_of(shop) == []


@pytest.mark.usefixtures("panel")
async def test_secret_is_rotated_once_for_each_wish(scene: Scene) -> None:
    shop = await make_project(scene, "shop")
    await scene.settle(shop)

    for wish in ("one", "one", "two"):
        await scene.annotate(shop, rotate=wish)
        await scene.settle(shop)

    (client,) = (await scene.status(shop))["clients"]
    assert client["serial"] == 3


@pytest.mark.usefixtures("panel")
async def test_secret_of_a_removed_client_goes(scene: Scene) -> None:
    clients = [{"name": "web", "type": "write"}, {"name": "reader", "type": "read"}]
    shop = await make_project(scene, "shop", clients=clients)
    await scene.settle(shop)
    assert await scene.kube.get(SECRET, "shop-reader", namespace=scene.namespace)

    await scene.change(shop, clients=clients[:1])
    await scene.settle(shop)

    assert await scene.kube.get(SECRET, "shop-reader", namespace=scene.namespace) is None
    assert [client["name"] for client in (await scene.status(shop))["clients"]] == ["web"]


@pytest.mark.usefixtures("panel")
async def test_secret_of_somebody_else_is_not_taken(scene: Scene) -> None:
    theirs = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "shop-web", "namespace": scene.namespace},
        "data": {"a": "Yg=="},
    }
    await scene.kube._inner.create(theirs)
    shop = await make_project(scene, "shop")

    await scene.reconcile(shop)

    found = await scene.condition(shop, "CredentialsReady")
    assert (found["status"], found["reason"]) == ("Unknown", "SecretConflict")
    assert (await credentials(scene, "shop-web")) == {"a": "b"}


@pytest.mark.usefixtures("panel")
async def test_pods_go_when_ingest_is_shared_again_but_not_before_all_is_written(scene: Scene) -> None:
    shop = await make_project(scene, "shop", ingest={"mode": "Dedicated"})
    await scene.settle(shop)
    scene.stores.waiting["shop"] = 5
    await scene.change(shop, ingest={"mode": "Shared"})

    await scene.settle(shop)
    assert await scene.kube.get(DEPLOYMENT, "shop-ingest", namespace=scene.namespace) is None
    assert await scene.kube.get(DEPLOYMENT, "shop-worker", namespace=scene.namespace) is not None
    assert scene.stores.known["shop"].pool == "shared"

    scene.stores.away["Redis"] = "gone"
    await scene.reconcile(shop)
    assert await scene.kube.get(DEPLOYMENT, "shop-worker", namespace=scene.namespace) is not None

    scene.stores.away.clear()
    scene.stores.waiting["shop"] = 0
    await scene.settle(shop)
    assert await scene.kube.get(DEPLOYMENT, "shop-worker", namespace=scene.namespace) is None


async def streams(scene: Scene) -> str | None:
    """Over how many streams the project's own workers look; None: there are none."""
    worker = await scene.kube.get(DEPLOYMENT, "shop-worker", namespace=scene.namespace)
    if worker is None:
        return None
    (container,) = worker["spec"]["template"]["spec"]["containers"]
    return next(str(each["value"]) for each in container["env"] if each["name"] == "OPENPANEL_SHARDS")


@pytest.mark.usefixtures("panel")
async def test_no_stream_of_once_more_is_forgotten_while_ingest_is_shared_and_events_wait(
    scene: Scene,
) -> None:
    shop = await make_project(scene, "shop", ingest={"mode": "Dedicated"}, workers={"max": 16})
    await scene.settle(shop)
    await scene.change(shop, workers={"max": 4})
    await scene.settle(shop)
    scene.stores.waiting["shop"] = 5

    await scene.change(shop, ingest={"mode": "Shared"})
    await scene.settle(shop)

    assert await streams(scene) == "16"
    assert scene.stores.known["shop"].pool == "shared"
    await scene.change(shop, ingest={"mode": "Dedicated"})
    await scene.settle(shop)
    assert await streams(scene) == "16"
    assert (await scene.status(shop))["pool"] == {"name": "shop", "shards": 16}
    assert scene.stores.known["shop"].shards == 16


@pytest.mark.usefixtures("panel")
async def test_streams_become_fewer_once_ingest_was_shared_and_nothing_waits(scene: Scene) -> None:
    shop = await make_project(scene, "shop", ingest={"mode": "Dedicated"}, workers={"max": 16})
    await scene.settle(shop)
    await scene.change(shop, ingest={"mode": "Shared"}, workers={"max": 4})
    await scene.settle(shop)
    assert await streams(scene) is None

    await scene.change(shop, ingest={"mode": "Dedicated"})
    await scene.settle(shop)

    assert await streams(scene) == "4"
    assert (await scene.status(shop))["pool"] == {"name": "shop", "shards": 4}


@pytest.mark.usefixtures("panel")
async def test_project_that_somebody_changed_meanwhile_is_looked_at_again_and_nothing_is_reported(
    scene: Scene,
) -> None:
    shop = await make_project(scene, "shop")
    await scene.look()
    await scene.annotate(shop, note="written between the look and the finalizer")

    again = await scene.reconciler(shop)

    assert again == SOON_S
    assert await scene.status(shop) == {}
    await scene.settle(shop)
    assert (await scene.condition(shop, "Ready"))["status"] == "True"


@pytest.mark.usefixtures("panel")
async def test_two_projects_with_one_host_are_told_of_each_other(scene: Scene) -> None:
    first = await make_project(scene, "first", ingest={"host": "in.example.org"})
    await scene.settle(first)
    second = await make_project(scene, "second", ingest={"host": "in.example.org"})
    await scene.look()
    elder = scene.claims.holder(("host", "in.example.org"))
    younger = second if elder == first else first

    await scene.reconcile(younger)

    found = await scene.condition(younger, "SpecValid")
    assert (found["status"], found["reason"]) == ("False", "HostConflict")
    assert elder is not None
    assert elder.name in found["message"]

    await scene.change(elder, ingest={"host": "other.example.org"})
    await scene.settle(younger)
    assert (await scene.condition(younger, "Ready"))["status"] == "True"


async def test_two_projects_with_one_name_are_told_of_each_other(
    scene: Scene, panel: Key, kube: Kube, fresh_name: Callable[[str], str]
) -> None:
    other = fresh_name("test")
    await kube.create({"apiVersion": "v1", "kind": NAMESPACE.name, "metadata": {"name": other}})
    scene.namespaces = (other,)
    ref = {"name": panel.name, "namespace": panel.namespace}
    both = [
        await make_project(scene, "shop", clusterRef=ref),
        await make_project(scene, "shop", namespace=other, clusterRef=ref),
    ]
    await scene.look()
    (younger,) = [key for key in both if scene.claims.namesake(key, cluster=panel)]
    (elder,) = [key for key in both if key != younger]

    await scene.settle(elder)
    await scene.reconcile(younger)

    found = await scene.condition(younger, "SpecValid")
    assert (found["reason"], elder.namespace in found["message"]) == ("NameConflict", True)
    assert await scene.kube.get(SECRET, "shop-web", namespace=younger.namespace) is None


async def test_project_with_the_name_of_its_cluster_is_refused(scene: Scene, panel: Key) -> None:
    namesake = await make_project(scene, panel.name, ingest={"mode": "Dedicated"})
    before = await scene.objects()

    await scene.reconcile(namesake)

    found = await scene.condition(namesake, "SpecValid")
    assert (found["status"], found["reason"]) == ("False", "NameConflict")
    assert str(panel) in found["message"]
    assert await scene.objects() == before
    assert scene.stores.known == {}
    await scene.settle(panel)
    assert (await scene.condition(panel, "Ready"))["status"] == "True"


@pytest.mark.parametrize("named", [None, {"name": "nobody"}])
async def test_project_without_a_cluster_waits_for_one(scene: Scene, named: dict[str, str] | None) -> None:
    spec: dict[str, Any] = {"clusterRef": named} if named else {}
    shop = await make_project(scene, "shop", **spec)
    await scene.reconcile(shop)
    found = await scene.condition(shop, "ClusterReady")
    assert (found["status"], found["reason"]) == ("False", "ClusterNotFound")

    panel = await make_cluster(scene, "nobody")
    await scene.settle(panel)
    await scene.settle(shop)

    assert (await scene.condition(shop, "Ready"))["status"] == "True"


async def test_several_clusters_need_a_name(scene: Scene, panel: Key) -> None:
    await make_cluster(scene, "other")
    shop = await make_project(scene, "shop")

    await scene.reconcile(shop)

    found = await scene.condition(shop, "ClusterReady")
    assert (found["status"], found["reason"]) == ("False", "ClusterAmbiguous")
    assert panel.name in found["message"]


async def test_nothing_is_deleted_when_the_cluster_goes_or_cannot_be_used(scene: Scene, panel: Key) -> None:
    shop = await make_project(scene, "shop", ingest={"mode": "Dedicated"})
    await scene.settle(shop)
    there = set(await scene.objects())
    scene.stores.away["PostgreSQL"] = "connection refused"
    await scene.reconcile(panel)

    await scene.reconcile(shop)
    found = await scene.condition(shop, "ClusterReady")
    assert (found["status"], found["reason"]) == ("False", "ClusterNotReady")
    assert "connection refused" in found["message"]
    assert set(await scene.objects()) == there

    await scene.delete(panel)
    await scene.reconcile(shop)
    assert (await scene.condition(shop, "ClusterReady"))["reason"] == "ClusterNotFound"
    assert set(await scene.objects()) == there


@pytest.mark.usefixtures("panel")
async def test_store_that_is_away_is_named_and_heals(scene: Scene) -> None:
    shop = await make_project(scene, "shop")
    scene.stores.away["ClickHouse"] = "connection refused"

    with pytest.raises(Failed):
        await scene.reconcile(shop)
    found = await scene.condition(shop, "Provisioned")
    assert (found["status"], found["reason"]) == ("Unknown", "Unreachable")

    scene.stores.away.clear()
    await scene.settle(shop)
    assert (await scene.condition(shop, "Ready"))["status"] == "True"


@pytest.mark.usefixtures("panel")
async def test_paused_project_is_left_alone(scene: Scene) -> None:
    shop = await make_project(scene, "shop")
    await scene.settle(shop)
    await scene.annotate(shop, paused="true")
    await scene.kube._inner.delete(Ref(SECRET, scene.namespace, "shop-web"))

    await scene.reconcile(shop)

    assert await scene.kube.get(SECRET, "shop-web", namespace=scene.namespace) is None
    assert (await scene.condition(shop, "Paused"))["status"] == "True"
    assert await scene.writes_of(shop) == []
