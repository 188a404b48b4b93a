"""Whatever somebody changes in an object is restored by the next pass, and what is not ours is left alone."""

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openpanel_operator.kube import Key, KubeError, Ref
from openpanel_operator.kube.kinds import CONFIG_MAP, DEPLOYMENT, SERVICE, STATEFUL_SET
from openpanel_operator.kube.objects import Object
from openpanel_operator.reconcile.comparing import differences
from tests.operator.reconcile.worlds import Scene, make_cluster, make_project, serve

IDENTITY = {"apiVersion", "kind", "name", "namespace", "uid", "clusterIP", "clusterIPs"}


@pytest.fixture
async def panel(scene: Scene) -> Key:
    """A cluster that is ready."""
    key = await make_cluster(scene)
    await scene.settle(key)
    return key


def owned_leaves(fields: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every leaf that the operator owns, as the API server says it."""
    for name, below in fields.items():
        if name.startswith("f:") and name[2:] not in IDENTITY:
            step = (*path, name[2:])
            if not below:
                yield step
            else:
                yield from owned_leaves(below, step)


def changed(body: Object, path: tuple[str, ...], how: str) -> Object | None:
    """The object with one field other than before; None where that field is none to change so."""
    edited = copy.deepcopy(body)
    place: Any = edited
    for step in path[:-1]:
        if not isinstance(place, dict) or step not in place:
            return None
        place = place[step]
    if not isinstance(place, dict) or path[-1] not in place:
        return None
    value = place[path[-1]]
    if how == "remove":
        del place[path[-1]]
    elif isinstance(value, str):
        place[path[-1]] = f"{value}x"
    elif isinstance(value, bool):
        place[path[-1]] = not value
    elif isinstance(value, int):
        place[path[-1]] = value + 1
    else:
        return None
    return edited


def merge_of(before: Any, after: Any) -> Any:
    """The merge patch from one to the other."""
    patch: dict[str, Any] = {name: None for name in before if name not in after}
    for name, value in after.items():
        if isinstance(value, dict) and isinstance(before.get(name), dict):
            inner = merge_of(before[name], value)
            if inner:
                patch[name] = inner
        elif before.get(name) != value:
            patch[name] = value
    return patch


async def test_every_owned_field_is_restored(scene: Scene, panel: Key) -> None:
    """All leaves, each changed and each removed where the API server takes that."""
    restored = 0
    objects = {ref: body for ref, body in (await scene.objects()).items() if ref.kind != STATEFUL_SET}
    for ref, body in objects.items():
        own = [each for each in body["metadata"]["managedFields"] if each["manager"] == "openpanel-operator"]
        if not own or ref.kind.name in {"Job", "Secret"}:
            continue
        edits = body
        for path in owned_leaves(own[0]["fieldsV1"]):
            edits = changed(edits, path, "change") or edits
        patch = merge_of(body, edits)
        try:
            await scene.kube._inner.patch(ref, patch, by="somebody")
        except KubeError:
            continue  # taken together the API server does not take them; one by one they are tried below
        restored += 1
    await scene.reconcile(panel)

    assert restored >= 5
    assert await scene.writes_of(panel) == []
    for ref, body in objects.items():
        now = await scene.kube.get(ref.kind, ref.name, namespace=ref.namespace)
        assert now is not None
        assert now.get("spec") == body.get("spec"), ref
        assert now.get("data") == body.get("data"), ref


async def test_one_field_after_another_is_restored(scene: Scene, panel: Key) -> None:
    """Hypothesis chooses the object, the field and the way; the API server decides what can be done to it."""
    await scene.look()
    bodies = {
        str(ref): (ref, body)
        for ref, body in scene.index.owned(panel)
        if ref.kind in {DEPLOYMENT, SERVICE, CONFIG_MAP, STATEFUL_SET}
    }
    choices = [
        (name, path)
        for name, (_, body) in bodies.items()
        for path in owned_leaves(body["metadata"]["managedFields"][0]["fieldsV1"])
    ]
    seen = []

    @settings(max_examples=60, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
    @given(choice=st.sampled_from(choices), how=st.sampled_from(["change", "remove"]))
    def collect(choice: tuple[str, tuple[str, ...]], how: str) -> None:
        name, path = choice
        ref, body = bodies[name]
        edited = changed(body, path, how)
        if edited is None:
            return
        desired = {key: value for key, value in body.items() if key != "status"}
        assert differences(desired, edited), f"{name} {path} {how} is not seen"
        seen.append((ref, merge_of(body, edited)))

    collect()
    assert len(seen) >= 20
    for ref, patch in seen[:25]:
        try:
            await scene.kube._inner.patch(ref, patch, by="somebody")
        except KubeError:
            continue  # the API server does not take it
        await scene.reconcile(panel)
        now = await scene.kube.get(ref.kind, ref.name, namespace=ref.namespace)
        assert now is not None
        assert now.get("spec") == bodies[str(ref)][1].get("spec"), (ref, patch)
        assert now.get("data") == bodies[str(ref)][1].get("data"), (ref, patch)


async def test_deleted_objects_are_made_again(scene: Scene, panel: Key) -> None:
    before = await scene.objects()
    for ref in before:
        if ref.kind.name not in {"Secret", "Job"} and ref.name != "kube-root-ca.crt":
            await scene.kube._inner.delete(ref)

    await scene.settle(panel)

    assert set(await scene.objects()) == set(before)


async def test_fields_of_others_stay(scene: Scene, panel: Key) -> None:
    ref = Ref(DEPLOYMENT, scene.namespace, "panel-api")
    theirs: Object = {
        "metadata": {"annotations": {"theirs": "1"}, "labels": {"theirs": "1"}},
        "spec": {"template": {"metadata": {"annotations": {"theirs": "1"}}}, "minReadySeconds": 3},
    }
    await scene.kube._inner.patch(ref, theirs, by="somebody")
    await serve(scene.kube, [scene.namespace])

    assert await scene.writes_of(panel) == []

    await scene.change(panel, api={"replicas": 5})
    await scene.settle(panel)
    body = await scene.kube.get(DEPLOYMENT, "panel-api", namespace=scene.namespace)
    assert body is not None
    assert body["spec"]["replicas"] == 5
    assert body["metadata"]["labels"]["theirs"] == "1"
    assert body["spec"]["template"]["metadata"]["annotations"]["theirs"] == "1"
    assert body["spec"]["minReadySeconds"] == 3


@pytest.mark.usefixtures("panel")
async def test_number_of_scaled_pods_is_nobody_elses(scene: Scene) -> None:
    shop = await make_project(scene, "shop", ingest={"mode": "Dedicated"})
    await scene.settle(shop)
    for name in ("shop-ingest", "shop-worker"):
        await scene.kube._inner.scale(Ref(DEPLOYMENT, scene.namespace, name), replicas=7)

    assert await scene.writes_of(shop) == [] or not [
        write for write in await scene.writes_of(shop) if "deployments" in write
    ]
    for name in ("shop-ingest", "shop-worker"):
        body = await scene.kube.get(DEPLOYMENT, name, namespace=scene.namespace)
        assert body is not None
        assert body["spec"]["replicas"] == 7


async def test_object_that_is_not_ours_is_not_deleted(scene: Scene, panel: Key) -> None:
    theirs: Object = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "panel-theirs", "namespace": scene.namespace},
    }
    await scene.kube._inner.create(theirs)

    await scene.reconcile(panel)

    assert await scene.kube.get(CONFIG_MAP, "panel-theirs", namespace=scene.namespace)


@pytest.mark.parametrize("left", [None, {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}])
async def test_update_strategy_that_somebody_took_away_is_put_back(
    scene: Scene, left: dict[str, Any] | None
) -> None:
    """The API server puts a default where a strategy is missing, and refuses a remainder of it beside OnDelete."""
    panel = await make_cluster(scene, clickhouse={"engine": "Managed"})
    await scene.settle(panel)
    sets = {ref: body for ref, body in (await scene.objects()).items() if ref.kind == STATEFUL_SET}
    for ref in sets:
        await scene.kube._inner.patch(ref, {"spec": {"updateStrategy": left}}, by="somebody")

    await scene.reconcile(panel)

    for ref, body in sets.items():
        now = await scene.kube.get(ref.kind, ref.name, namespace=ref.namespace)
        assert now is not None
        assert now["spec"]["updateStrategy"] == body["spec"]["updateStrategy"], ref
        assert now["metadata"]["uid"] == body["metadata"]["uid"], "it was not made anew"
    assert {body["spec"]["updateStrategy"]["type"] for body in sets.values()} == {"OnDelete", "RollingUpdate"}
    assert await scene.writes_of(panel) == []
