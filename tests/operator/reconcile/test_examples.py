"""Every example becomes Ready; then a second pass writes nothing, and another process does not either."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from openpanel_operator.kube import Key
from openpanel_operator.kube.kinds import CLUSTER, NOTICED, OPTIONAL, PROJECT
from openpanel_operator.kube.objects import Object
from tests.operator import stub_kinds
from tests.operator.reconcile.worlds import Scene, make_cluster

EXAMPLES = sorted((Path(__file__).parents[3] / "manifests" / "examples").glob("*.yaml"))
BESIDE = {"Namespace", "PriorityClass"}  # of the whole cluster, and the same for every test


def here(body: Object, namespace: str) -> Object:
    """The object in the namespace of the test, and its cluster there, too."""
    body["metadata"]["namespace"] = namespace
    reference = body.get("spec", {}).get("clusterRef") or {}
    if "namespace" in reference:
        reference["namespace"] = namespace
    return body


def documents(path: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(path.read_text("utf-8")))


async def applied(scene: Scene, found: list[dict[str, Any]]) -> list[Key]:
    """The resources among these, with a cluster for them if they bring none."""
    keys = []
    if all(body["kind"] != CLUSTER.name for body in found):
        keys.append(await make_cluster(scene, "openpanel"))
    for body in (each for each in found if each["kind"] not in BESIDE):
        await scene.kube._inner.apply(here(body, scene.namespace), manager="somebody")
        if body["kind"] in {CLUSTER.name, PROJECT.name}:
            keys.append(Key(body["kind"], scene.namespace, body["metadata"]["name"]))
    return keys


@pytest.fixture(scope="module")
def everything_installed(kubernetes: httpx.Client) -> Iterator[None]:
    """KEDA, the Gateway API, cert-manager and the Prometheus operator, as far as their definitions go."""
    with stub_kinds.installed(kubernetes):
        yield


@pytest.mark.usefixtures("everything_installed")
@pytest.mark.parametrize("path", EXAMPLES, ids=[path.stem for path in EXAMPLES])
async def test_second_pass_over_an_example_writes_nothing(scene: Scene, path: Path) -> None:
    scene.optional, scene.noticed = OPTIONAL, NOTICED
    scene.restart()
    keys = await applied(scene, documents(path))
    await scene.settle(*keys, passes=40)

    for key in keys:
        ready = await scene.condition(key, "Ready")
        assert ready["status"] == "True", (key, ready)
    assert await scene.writes_of(*keys) == []
    scene.restart()
    assert await scene.writes_of(*keys) == []


def test_objects_of_others_take_part() -> None:
    """What is asked of KEDA and of a gateway is among the examples, so the passes above render it."""
    text = "".join(path.read_text("utf-8") for path in EXAMPLES)

    assert "scaler: Keda" in text
    assert "type: Gateway" in text
