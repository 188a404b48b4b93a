"""Whatever somebody changes in an object is restored by the next pass, and what is not ours is left alone."""

import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openpanel_operator.kube import Key, KubeError, Ref
from openpanel_operator.kube.kinds import CONFIG_MAP, DEPLOYMENT, STATEFUL_SET
from openpanel_operator.kube.objects import Object
from openpanel_operator.reconcile.comparing import differences
from tests.operator.reconcile.worlds import Scene, make_cluster, make_project, serve

# Given by the API server, and kept by it whoever asks for others.
GIVEN = frozenset({"clusterIP", "clusterIPs"})
UNREAD = frozenset({"Job", "Secret"})  # a Job cannot be changed, and Secrets have tests of their own

Step = str | tuple[tuple[str, Any], ...]  # a field, or the keys of a list's element
Path = tuple[Step, ...]
Make = Callable[[Scene], Awaitable[Key]]


async def cluster_of_one_engine(scene: Scene) -> Key:
    key = await make_cluster(scene)
    await scene.settle(key)
    return key


async def cluster_of_servers(scene: Scene) -> Key:
    key = await make_cluster(
        scene,
        clickhouse={"engine": "Managed", "shards": 2, "replicas": 2},
        exposure={"type": "Ingress", "className": "nginx", "hosts": {"api": "api.example.org"}},
    )
    await scene.settle(key, passes=40)
    return key


async def project_with_pods(scene: Scene) -> Key:
    panel = await make_cluster(scene, exposure={"type": "Ingress", "hosts": {"api": "api.example.org"}})
    await scene.settle(panel)
    key = await make_project(scene, "shop", ingest={"mode": "Dedicated", "host": "in.example.org"})
    await scene.settle(key)
    return key


SCENES = pytest.mark.parametrize("make", [cluster_of_one_engine, cluster_of_servers, project_with_pods])


@pytest.fixture
async def panel(scene: Scene) -> Key:
    """A cluster that is ready."""
    return await cluster_of_one_engine(scene)


def owned_places(fields: dict[str, Any], path: Path = ()) -> Iterator[Path]:
    """Every leaf and every element of a list that the operator owns, as the API server says it."""
    for name, below in fields.items():
        form, _, rest = name.partition(":")
        if form == "f" and rest not in GIVEN:
            if below:
                yield from owned_places(below, (*path, rest))
            else:
                yield (*path, rest)
        elif form == "k":
            step = (*path, tuple(json.loads(rest).items()))
            yield step
            yield from owned_places(below, step)


def at(place: Any, step: Step) -> Any:
    """What is there; None: nothing."""
    if isinstance(step, str):
        return place.get(step) if isinstance(place, dict) else None
    keys = dict(step)
    elements = place if isinstance(place, list) else []
    return next(
        (each for each in elements if all(each.get(name) == value for name, value in keys.items())), None
    )


def changed(place: Any, path: Path, how: str) -> Any:
    """The object with one place other than before; None where that place is none to change so."""
    step, *below = path
    value = at(place, step)
    if value is None:
        return None
    if below:
        other = changed(value, tuple(below), how)
    elif how == "remove":
        return _without(place, step)
    else:
        other = _other(value) if isinstance(step, str) else None
    return None if other is None else _with(place, step, other)


def _with(place: Any, step: Step, other: Any) -> Any:
    if isinstance(step, str):
        return {**place, step: other}
    before = at(place, step)
    return [other if each is before else each for each in place]


def _without(place: Any, step: Step) -> Any:
    if isinstance(step, str):
        return {name: value for name, value in place.items() if name != step}
    gone = at(place, step)
    return [each for each in place if each is not gone]


def _other(value: Any) -> Any:
    """Something else of the same form; None: there is nothing else."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, str):
        return f"{value}x"
    if isinstance(value, int):
        return value + 1
    if isinstance(value, list) and value:
        return [*value, f"{value[-1]}x"] if isinstance(value[-1], str) else value[:-1]
    if isinstance(value, dict):
        first = next((name for name, each in value.items() if isinstance(each, str)), None)
        return {**value, first: f"{value[first]}x"} if first is not None else None
    return None


def merge_of(before: Any, after: Any) -> Any:
    """The merge patch from one to the other; a list is replaced as a whole."""
    patch: dict[str, Any] = {name: None for name in before if name not in after}
    for name, value in after.items():
        if isinstance(value, dict) and isinstance(before.get(name), dict):
            inner = merge_of(before[name], value)
            if inner:
                patch[name] = inner
        elif before.get(name) != value:
            patch[name] = value
    return patch


def ours(body: Object | None) -> Object:
    """What of an object an edit may touch, without what the API server counts and notes."""
    assert body is not None
    meta = {name: body["metadata"].get(name) for name in ("labels", "annotations", "ownerReferences")}
    return {**{name: value for name, value in body.items() if name not in {"status", "metadata"}}, **meta}


def holds(now: Any, before: Any) -> bool:
    """Whether everything from before is there, in its order: a variable may stand in the value of one after it.

    What somebody put beside it, under keys of its own, may stay.
    """
    if isinstance(before, dict):
        return isinstance(now, dict) and all(holds(now.get(name), value) for name, value in before.items())
    if isinstance(before, list):
        rest: Iterator[Any] = iter(now if isinstance(now, list) else ())
        return all(any(holds(each, value) for each in rest) for value in before)
    return bool(now == before)


async def places(scene: Scene, key: Key) -> tuple[dict[Ref, Object], list[tuple[Ref, Path]]]:
    """The objects of a resource as they are, and every place in them that is the operator's."""
    await scene.look()
    bodies = {
        ref: body
        for ref, body in scene.index.owned(key)
        if ref.kind.name not in UNREAD and ref.kind.name != key.kind
    }
    return bodies, [
        (ref, path)
        for ref, body in bodies.items()
        for path in owned_places(body["metadata"]["managedFields"][0]["fieldsV1"])
    ]


@SCENES
async def test_every_edit_of_what_is_ours_is_seen(scene: Scene, make: Make) -> None:
    """In containers, ports and environments, too: each place, changed and taken away."""
    bodies, found = await places(scene, await make(scene))

    edits = nested = 0
    for ref, path in found:
        desired = {name: value for name, value in bodies[ref].items() if name != "status"}
        for how in ("change", "remove"):
            edited = changed(bodies[ref], path, how)
            if edited is not None:
                edits += 1
                assert differences(desired, edited), f"{ref} {path} {how} is not seen"
                nested += any(not isinstance(step, str) for step in path)

    assert edits > 300
    assert nested > 100, "places within lists are among them"


@SCENES
async def test_every_owned_field_is_restored(scene: Scene, make: Make) -> None:
    """Hypothesis chooses the places and the way; the API server decides what can be done to them."""
    key = await make(scene)
    bodies, found = await places(scene, key)
    edits: list[tuple[Ref, Object]] = []

    @settings(max_examples=60, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
    @given(choice=st.sampled_from(found), how=st.sampled_from(["change", "remove"]))
    def collect(choice: tuple[Ref, Path], how: str) -> None:
        ref, path = choice
        edited = changed(bodies[ref], path, how)
        if edited is not None:
            edits.append((ref, merge_of(bodies[ref], edited)))

    collect()
    taken = 0
    for ref, patch in edits[:30]:
        try:
            await scene.kube._inner.patch(ref, patch, by="somebody")
        except KubeError:
            continue  # the API server does not take it
        taken += 1
        await scene.reconcile(key)
        now = await scene.kube.get(ref.kind, ref.name, namespace=ref.namespace)
        assert holds(ours(now), ours(bodies[ref])), (ref, patch)
    assert taken >= 10
    await scene.settle(key)
    assert (await scene.condition(key, "Ready"))["status"] == "True"


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


async def test_port_whose_number_somebody_changed_is_put_back(scene: Scene, panel: Key) -> None:
    """A list is merged by the number: applying alone would add a second port of the same name, which is refused."""
    api = Ref(DEPLOYMENT, scene.namespace, "panel-api")
    body = await scene.kube.get(api.kind, api.name, namespace=api.namespace)
    assert body is not None
    wanted = json.loads(json.dumps(body["spec"]["template"]["spec"]["containers"]))
    containers = body["spec"]["template"]["spec"]["containers"]
    containers[0]["ports"][0]["containerPort"] += 1
    edit = {"spec": {"template": {"spec": {"containers": containers}}}}
    await scene.kube._inner.patch(api, edit, by="somebody")

    await scene.reconcile(panel)

    now = await scene.kube.get(api.kind, api.name, namespace=api.namespace)
    assert now is not None
    assert now["spec"]["template"]["spec"]["containers"] == wanted
    assert await scene.writes_of(panel) == []
