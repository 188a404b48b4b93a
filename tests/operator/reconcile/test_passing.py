"""What the steps of a pass share of what is observed: read once, and anew as soon as anything is another."""

from typing import cast

from openpanel_operator.desired import labels as names
from openpanel_operator.kube import Key, Object, Ref
from openpanel_operator.kube.kinds import DEPLOYMENT, PROJECT
from openpanel_operator.kube.objects import version
from openpanel_operator.reconcile.project_pass import ProjectPass
from openpanel_operator.reconcile.world import World
from openpanel_operator.resources.project import parse_project
from tests.operator.reconcile.watched import Watched
from tests.operator.reconcile.worlds import Scene

KEY = Key(PROJECT.name, "shops", "shop")
WORKER = Ref(DEPLOYMENT, "shops", "shop-worker")


def worker(number: int, *, image: str) -> Object:
    marks = {names.PROJECT: KEY.name, names.PROJECT_NAMESPACE: KEY.namespace, names.COMPONENT: "worker"}
    meta = {
        "name": WORKER.name,
        "namespace": WORKER.namespace,
        "resourceVersion": str(number),
        "labels": marks,
    }
    return {"metadata": meta, "spec": {"template": {"spec": {"containers": [{"image": image}]}}}}


def a_pass(world: World) -> ProjectPass:
    meta = {"name": KEY.name, "namespace": KEY.namespace, "uid": "u"}
    body: Object = {"metadata": meta, "spec": {"clients": [{"name": "web", "type": "write"}]}}
    return ProjectPass(world, KEY, body, parse_project(body))


def test_steps_see_what_was_written_between_them() -> None:
    world = Scene(cast("Watched", None), KEY.namespace).world
    current = a_pass(world)
    assert current.owned.workloads == ()

    world.index.put(worker(2, image="a"), kind=DEPLOYMENT)
    assert current.owned.images == {"worker": "a"}
    world.index.put(worker(3, image="b"), kind=DEPLOYMENT)
    assert current.owned.images == {"worker": "b"}
    world.index.drop(WORKER)
    assert current.owned.workloads == ()


def test_what_nobody_has_changed_is_unpacked_once() -> None:
    world = Scene(cast("Watched", None), KEY.namespace).world
    world.index.put(worker(2, image="a"), kind=DEPLOYMENT)
    current = a_pass(world)
    before = current.owned

    world.index.put(worker(1, image="old news"), kind=DEPLOYMENT)

    assert version(current.owned.workloads[0].body) == 2
    assert current.owned is before
