"""The examples: numbered, explained, taken by the models, and taken by the API server."""

import re
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from openpanel_operator.resources import CLUSTER, PROJECT
from openpanel_operator.resources.crds import ROOT
from tests.operator.resources.asking import NAMESPACE, PARSED

FOLDER = ROOT / "manifests/examples"
EXAMPLES = sorted(FOLDER.iterdir())
PLACES = {  # of what the examples bring besides our own kinds
    "Secret": f"/api/v1/namespaces/{NAMESPACE}/secrets",
    "PersistentVolumeClaim": f"/api/v1/namespaces/{NAMESPACE}/persistentvolumeclaims",
    "Namespace": "/api/v1/namespaces",
    "PriorityClass": "/apis/scheduling.k8s.io/v1/priorityclasses",
    PROJECT.name: f"/apis/{PROJECT.api_version}/namespaces/{NAMESPACE}/{PROJECT.plural}",
    CLUSTER.name: f"/apis/{CLUSTER.api_version}/namespaces/{NAMESPACE}/{CLUSTER.plural}",
}


def documents(path: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(path.read_text()))


def test_there_are_a_dozen_numbered_without_a_gap() -> None:
    numbers = [int(path.name[:2]) for path in EXAMPLES]

    assert numbers == list(range(1, len(EXAMPLES) + 1))
    assert len(EXAMPLES) >= 12


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_says_first_what_it_shows(path: Path) -> None:
    head = re.match(r"(# .+\n)+", path.read_text())

    assert head is not None
    assert head.group().rstrip().endswith(".")


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_is_taken_by_the_models(path: Path) -> None:
    ours = [document for document in documents(path) if document["kind"] in PARSED]

    assert [PARSED[document["kind"]](document).name for document in ours]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_is_taken_by_the_api_server(kubernetes: httpx.Client, path: Path) -> None:
    for document in documents(path):
        document["metadata"].pop("namespace", None)  # a namespace of its own is only made for real
        answer = kubernetes.post(
            PLACES[document["kind"]], params={"dryRun": "All", "fieldValidation": "Strict"}, json=document
        )
        assert answer.is_success, answer.json()["message"]


def test_projects_of_the_examples_have_different_names() -> None:
    names = [
        document["metadata"]["name"]
        for path in EXAMPLES
        for document in documents(path)
        if document["kind"] == PROJECT.name
    ]

    assert len(names) == len(set(names))
