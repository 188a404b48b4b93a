"""Status, printer columns and scale as the API server serves them."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from openpanel_operator.resources import CLUSTER, PROJECT, Kind
from openpanel_operator.resources.crds import cluster_crd, project_crd
from tests.operator.resources.asking import causes, path, resource
from tests.operator.resources.schemas import Schema, root

DEFINITIONS = {PROJECT.name: project_crd(), CLUSTER.name: cluster_crd()}
TABLE = {"Accept": "application/json;as=Table;g=meta.k8s.io;v=v1"}
NAME = "reported"


def sample(node: Schema) -> Any:
    """A value that has everything that `node` declares."""
    if "additionalProperties" in node:
        return {"key": sample(node["additionalProperties"])}
    if node["type"] == "object":
        return {name: sample(below) for name, below in node["properties"].items()}
    if node["type"] == "array":
        return [sample(node["items"])]
    if node.get("format") == "date-time":
        return "2026-01-01T00:00:00Z"
    plain = {"string": "Ready", "integer": 3, "boolean": True}
    return node.get("enum", [plain[node["type"]]])[0]


@pytest.fixture(params=[PROJECT, CLUSTER], ids=["project", "cluster"])
def kind(request: pytest.FixtureRequest, kubernetes: httpx.Client) -> Iterator[Kind]:
    """A kind of which one resource is there."""
    kind: Kind = request.param
    kubernetes.post(path(kind), json=resource(kind, {}, name=NAME)).raise_for_status()
    yield kind
    kubernetes.delete(path(kind, name=NAME)).raise_for_status()


def report(kubernetes: httpx.Client, kind: Kind, status: dict[str, Any]) -> httpx.Response:
    return kubernetes.patch(
        f"{path(kind, name=NAME)}/status",
        json={"status": status},
        headers={"Content-Type": "application/merge-patch+json"},
    )


def test_a_full_status_is_kept_as_it_is(kubernetes: httpx.Client, kind: Kind) -> None:
    status = sample(root(DEFINITIONS[kind.name])["properties"]["status"])

    answer = report(kubernetes, kind, status)

    assert causes(answer) == []
    assert answer.json()["status"] == status


def test_a_status_does_not_change_the_spec(kubernetes: httpx.Client, kind: Kind) -> None:
    before = kubernetes.get(path(kind, name=NAME)).json()

    after = report(kubernetes, kind, {"observedGeneration": 1}).json()

    assert (after["spec"], after["metadata"]["generation"]) == (before["spec"], 1)


def test_people_see_ready_message_and_age(kubernetes: httpx.Client, kind: Kind) -> None:
    status = sample(root(DEFINITIONS[kind.name])["properties"]["status"])
    ready = {
        **status["conditions"][0],
        "type": "Ready",
        "status": "False",
        "message": "Redis does not answer",
    }
    report(kubernetes, kind, {**status, "conditions": [ready]}).raise_for_status()

    table = kubernetes.get(path(kind, name=NAME), headers=TABLE).json()

    columns = [column["name"] for column in table["columnDefinitions"]]
    cells = dict(zip(columns, table["rows"][0]["cells"], strict=True))
    assert columns[:2] == ["Name", "Ready"]
    assert columns[-2:] == ["Message", "Age"]
    assert (cells["Ready"], cells["Message"], cells["Workers"]) == ("False", "Redis does not answer", 3)


def test_a_condition_needs_a_known_status(kubernetes: httpx.Client, kind: Kind) -> None:
    condition = {
        "type": "Ready", "status": "Perhaps", "reason": "AsWanted", "observedGeneration": 1,
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }  # fmt: skip

    ((field, _),) = causes(report(kubernetes, kind, {"conditions": [condition]}))[:1]

    assert field == "status.conditions[0].status"


@pytest.fixture
def project(kubernetes: httpx.Client) -> Iterator[str]:
    """Where a project is that has reported three workers."""
    at = path(PROJECT, name=NAME)
    kubernetes.post(path(PROJECT), json=resource(PROJECT, {}, name=NAME)).raise_for_status()
    workers = {"replicas": 3, "selector": "openpanel.dev/project=reported"}
    report(kubernetes, PROJECT, {"workers": workers}).raise_for_status()
    yield at
    kubernetes.delete(at).raise_for_status()


def scale(kubernetes: httpx.Client, project: str, replicas: int) -> httpx.Response:
    return kubernetes.patch(
        f"{project}/scale",
        json={"spec": {"replicas": replicas}},
        headers={"Content-Type": "application/merge-patch+json"},
    )


def test_scaling_a_project_pins_its_workers(kubernetes: httpx.Client, project: str) -> None:
    scaled = scale(kubernetes, project, 2).raise_for_status().json()

    assert kubernetes.get(project).json()["spec"]["workers"]["replicas"] == 2
    assert (scaled["spec"]["replicas"], scaled["status"]["replicas"]) == (2, 3)
    assert scaled["status"]["selector"] == "openpanel.dev/project=reported"


@pytest.mark.parametrize(
    ("replicas", "message"),
    [
        (5, "replicas may be at most max; lower replicas or raise max"),
        (0, "replicas: 0 needs scaleToZero: true"),
    ],
)
def test_scaling_a_project_keeps_to_its_bounds(
    kubernetes: httpx.Client, project: str, replicas: int, message: str
) -> None:
    ((field, text),) = causes(scale(kubernetes, project, replicas))

    assert (field, text.split(": ", 1)[1]) == ("spec.workers.replicas", message)
