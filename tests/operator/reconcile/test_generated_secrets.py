"""What a cluster's stores were started with: never deleted, never written over, and found again by name."""

import base64

import pytest

from openpanel_operator.kube import Conflict
from openpanel_operator.kube.kinds import SECRET
from openpanel_operator.kube.objects import Object, Ref
from tests.operator.reconcile.worlds import Scene, make_cluster

GENERATED = ("panel-keys", "panel-redis", "panel-postgres", "panel-clickhouse")


async def secrets(scene: Scene) -> dict[str, Object]:
    bodies = await scene.kube.listed(SECRET, namespace=scene.namespace)
    return {body["metadata"]["name"]: body for body in bodies}


async def edit(scene: Scene, name: str, changes: Object) -> None:
    await scene.kube._inner.patch(Ref(SECRET, scene.namespace, name), changes, by="somebody")


def told(body: Object) -> Object:
    """What the operator says about a Secret."""
    meta = body["metadata"]
    return {name: meta.get(name) for name in ("uid", "labels", "annotations", "ownerReferences")}


def without(body: Object, *names: str) -> Object:
    """The edit that takes these away."""
    meta = body["metadata"]
    return {"metadata": {name: dict.fromkeys(meta.get(name) or {}) for name in names}}


@pytest.mark.parametrize("engine", ["Embedded", "Managed"])
@pytest.mark.parametrize("policy", ["Retain", "Delete"])
@pytest.mark.parametrize("taken", [("annotations",), ("labels",), ("annotations", "labels")])
async def test_what_is_taken_off_a_generated_secret_is_put_back_and_its_data_stay(
    scene: Scene, engine: str, policy: str, taken: tuple[str, ...]
) -> None:
    panel = await make_cluster(scene, clickhouse={"engine": engine}, deletionPolicy=policy)
    await scene.settle(panel, passes=40)
    before = await secrets(scene)

    for name in GENERATED:
        await edit(scene, name, without(before[name], *taken))
    await scene.settle(panel, passes=40)

    after = await secrets(scene)
    for name in GENERATED:
        assert told(after[name]) == told(before[name]), name
        assert after[name]["data"] == before[name]["data"], name
    assert not [write for write in scene.kube.writes if write.startswith("delete") and "secrets" in write]
    assert await scene.writes_of(panel) == []


async def test_password_that_somebody_set_is_kept_while_the_labels_are_put_back(scene: Scene) -> None:
    panel = await make_cluster(scene)
    await scene.settle(panel)
    before = (await secrets(scene))["panel-redis"]
    own = base64.b64encode(b"0123456789abcdef").decode()

    await edit(scene, "panel-redis", {**without(before, "labels"), "data": {"password": own}})
    await scene.settle(panel)

    after = (await secrets(scene))["panel-redis"]
    assert told(after) == told(before)
    assert after["data"] == {"password": own}


async def test_value_that_is_no_text_is_not_replaced(scene: Scene) -> None:
    panel = await make_cluster(scene)
    await scene.settle(panel)
    broken = base64.b64encode(b"\xff\xfe").decode()

    await edit(scene, "panel-redis", {"data": {"password": broken}})
    await scene.settle(panel)

    assert (await secrets(scene))["panel-redis"]["data"] == {"password": broken}
    assert (await scene.condition(panel, "RedisReady"))["reason"] == "SecretKeyMissing"


async def test_data_that_changed_since_they_were_read_are_not_written_over(scene: Scene) -> None:
    panel = await make_cluster(scene)
    await scene.settle(panel)
    old = (await secrets(scene))["panel-redis"]
    own = base64.b64encode(b"0123456789abcdef").decode()
    await edit(scene, "panel-redis", {"data": {"password": own}})

    meta = {**old["metadata"], "labels": {"openpanel.dev/cluster": "panel"}}
    stale = {**old, "apiVersion": "v1", "kind": "Secret", "metadata": meta}
    stale["metadata"].pop("managedFields")
    with pytest.raises(Conflict):
        await scene.world.applier.apply([stale], owner=panel)

    assert (await secrets(scene))["panel-redis"]["data"] == {"password": own}


async def test_secret_of_an_earlier_cluster_of_the_name_stays_without_its_annotation(scene: Scene) -> None:
    """Whoever goes back to the managed Redis needs the password that its volume was made with."""
    panel = await make_cluster(scene)
    await scene.settle(panel)
    before = (await secrets(scene))["panel-redis"]
    await scene.delete(panel)
    await scene.reconcile(panel)
    theirs: Object = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "theirs", "namespace": scene.namespace},
        "stringData": {"url": "redis://:p@redis.example:6379/0"},
    }
    await scene.kube._inner.create(theirs)
    await make_cluster(scene, redis={"mode": "External", "external": {"secretName": "theirs"}})
    await edit(scene, "panel-redis", without(before, "annotations"))

    await scene.settle(panel, passes=40)

    assert (await scene.condition(panel, "RedisReady"))["reason"] == "External"
    after = (await secrets(scene))["panel-redis"]
    assert (after["metadata"]["uid"], after["data"]) == (before["metadata"]["uid"], before["data"])


async def test_credentials_stay_with_the_data_when_the_policy_becomes_to_keep_them(scene: Scene) -> None:
    panel = await make_cluster(scene, deletionPolicy="Delete")
    await scene.settle(panel)

    await scene.change(panel, deletionPolicy="Retain")
    await scene.settle(panel)

    after = await secrets(scene)
    assert [name for name in GENERATED if "ownerReferences" in after[name]["metadata"]] == []
