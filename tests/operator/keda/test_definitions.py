"""KEDA's own definitions take all that is rendered for KEDA, and keep every field of it."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from openpanel_operator.desired import Object, desired_project
from openpanel_operator.kube.kinds import kind_of
from tests.operator.desired import cases
from tests.operator.keda.definitions import Definition, installed

GROUP = "keda.sh"
WORKERS: dict[str, dict[str, Any]] = {
    "plain": {},
    "to zero": {"min": 0, "scaleToZero": True},
    "fallback": {"fallback": 2},
    "named": {"replicas": 2},
    "named none": {"min": 0, "scaleToZero": True, "replicas": 0},
    "slow": {"stabilization": "3h", "cooldown": "1d"},
    "many": {"min": 5, "max": 50},
}


def of_keda(objects: list[Object]) -> list[Object]:
    return [each for each in objects if each["apiVersion"].startswith(f"{GROUP}/")]


def project_with(workers: dict[str, Any]) -> list[Object]:
    spec = {"ingest": {"mode": "Dedicated"}, "workers": {"scaler": "Keda", **workers}}
    return desired_project(cases.project(spec), cluster=cases.cluster(), facts=cases.project_facts())


RENDERED = {
    **{case: of_keda(objects) for case, objects in cases.all_rendered().items()},
    **{case: of_keda(project_with(workers)) for case, workers in WORKERS.items()},
}
CASES = [case for case, objects in RENDERED.items() if objects]


@pytest.fixture(scope="module")
def definitions_of_keda(kubernetes: httpx.Client, keda_definitions: list[Definition]) -> Iterator[None]:
    wanted = {"scaledobjects", "triggerauthentications"}
    found = [each for each in keda_definitions if each["spec"]["names"]["plural"] in wanted]
    assert len(found) == len(wanted)
    with installed(kubernetes, found):
        yield


@pytest.mark.usefixtures("definitions_of_keda")
@pytest.mark.parametrize("case", CASES)
def test_keda_takes_what_is_rendered(case: str, kubernetes: httpx.Client, namespace: str) -> None:
    for desired in RENDERED[case]:
        body = {**desired, "metadata": {**desired["metadata"], "namespace": namespace}}
        kind = kind_of(body["apiVersion"], body["kind"])
        answer = kubernetes.patch(
            kind.path(namespace=namespace, name=body["metadata"]["name"]),
            params={"fieldManager": "tests", "fieldValidation": "Strict", "dryRun": "All"},
            headers={"Content-Type": "application/apply-patch+yaml"},
            content=json.dumps(body),
        )

        assert answer.is_success, answer.text
        assert without_defaults(answer.json()["spec"], body["spec"]) == body["spec"]


def without_defaults(kept: Any, asked: Any) -> Any:
    """What was kept, without fields that nobody asked for."""
    if isinstance(asked, dict):
        return {name: without_defaults(kept.get(name), value) for name, value in asked.items()}
    if isinstance(asked, list):
        return [without_defaults(*pair) for pair in zip(kept, asked, strict=True)]
    return kept
