"""The plain install: what the chart renders, without Helm, and taken by the API server as a whole."""

from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from manifests import render
from openpanel_operator.resources.crds import cluster_crd, project_crd
from tests.operator.resources.asking import NAMESPACE

FILES = sorted(render.FOLDER.iterdir())
LISTS = {  # kind → name of its list, and whether it lies in a namespace
    "CustomResourceDefinition": ("customresourcedefinitions", False),
    "Namespace": ("namespaces", False),
    "ClusterRole": ("clusterroles", False),
    "ClusterRoleBinding": ("clusterrolebindings", False),
    "Role": ("roles", True),
    "RoleBinding": ("rolebindings", True),
    "ServiceAccount": ("serviceaccounts", True),
    "Deployment": ("deployments", True),
    "Service": ("services", True),
    "NetworkPolicy": ("networkpolicies", True),
    "PodDisruptionBudget": ("poddisruptionbudgets", True),
}


def objects() -> list[dict[str, Any]]:
    documents = (each for file in FILES for each in yaml.safe_load_all(file.read_text()))
    return [each for each in documents if each["kind"] != "Kustomization"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_file_is_what_the_chart_renders(path: Path) -> None:
    assert path.read_text() == render.files()[path]


def test_every_file_is_part_of_the_kustomization() -> None:
    kustomization = yaml.safe_load((render.FOLDER / "kustomization.yaml").read_text())

    assert [*kustomization["resources"], "kustomization.yaml"] == sorted(
        (path.name for path in FILES), key=lambda name: (name == "kustomization.yaml", name)
    )


def test_the_definitions_are_those_of_the_models() -> None:
    found = [each for each in objects() if each["kind"] == "CustomResourceDefinition"]

    assert found == [project_crd(), cluster_crd()]


def test_nothing_of_helm_is_left() -> None:
    assert "helm" not in "".join(path.read_text().removeprefix(render.HEAD) for path in FILES).lower()


def test_the_namespace_takes_restricted_pods_only() -> None:
    (namespace,) = (each for each in objects() if each["kind"] == "Namespace")

    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_the_api_server_takes_the_whole_install(kubernetes: httpx.Client) -> None:
    for each in objects():
        plural, namespaced = LISTS[each["kind"]]
        group = each["apiVersion"]
        prefix = f"/api/{group}" if "/" not in group else f"/apis/{group}"
        each["metadata"].pop("namespace", None)  # it is made for real by nobody here
        where = f"{prefix}/namespaces/{NAMESPACE}/{plural}" if namespaced else f"{prefix}/{plural}"
        answer = kubernetes.patch(
            f"{where}/{each['metadata']['name']}",
            params={"dryRun": "All", "fieldManager": "tests", "force": "true", "fieldValidation": "Strict"},
            headers={"Content-Type": "application/apply-patch+yaml"},
            content=yaml.safe_dump(each),
        )
        assert answer.is_success, (each["kind"], answer.json()["message"])
