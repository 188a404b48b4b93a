"""The chart as Helm itself installs it in an API server that has never heard of it."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import helm_python as helm
import httpx
import pytest

from tests.operator.control_plane import ApiServer, api_server_running

CHART: Final = Path(__file__).parents[3] / "charts" / "openpanel"
CLUSTERS: Final = "/apis/openpanel.dev/v1alpha1/namespaces/{}/panelclusters"
ROLES: Final = "/apis/rbac.authorization.k8s.io/v1/clusterroles"

Values = dict[str, Any]


@pytest.fixture(scope="module")
def bare(kubebuilder_assets: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """An API server without our definitions."""
    folder = tmp_path_factory.mktemp("bare-api-server")
    with api_server_running(folder, binaries=kubebuilder_assets) as server:
        yield server
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def kubernetes(bare: ApiServer) -> Iterator[httpx.Client]:
    with bare.client() as client:
        yield client


def install(server: ApiServer, release: str, values: Values, *, namespace: str) -> None:
    with helm.Config(kubeconfig_path=server.kubeconfig, namespace=namespace) as config:
        made = config.install(CHART, release, values, namespace=namespace, create_namespace=True)
    assert made["status"] == "deployed"


def upgrade(server: ApiServer, release: str, values: Values, *, namespace: str) -> None:
    with helm.Config(kubeconfig_path=server.kubeconfig, namespace=namespace) as config:
        assert config.upgrade(CHART, release, values, namespace=namespace)["status"] == "deployed"


def uninstall(server: ApiServer, release: str, *, namespace: str) -> None:
    with helm.Config(kubeconfig_path=server.kubeconfig, namespace=namespace) as config:
        config.uninstall(release)


def with_cluster(**spec: Any) -> Values:
    """Nothing runs the Job that lets go: without it an uninstallation waits for nobody."""
    made = {"create": True, "spec": {"clickhouse": {"engine": "Embedded"}, **spec}}
    return {"panelCluster": made, "uninstall": {"letGo": False}}


def test_the_first_installation_brings_definitions_and_a_cluster_that_upgrades_change_and_nobody_deletes(
    bare: ApiServer, kubernetes: httpx.Client
) -> None:
    path = CLUSTERS.format("system") + "/default"

    install(bare, "panel", with_cluster(), namespace="system")
    first = kubernetes.get(path).raise_for_status().json()
    upgrade(bare, "panel", with_cluster(deletionPolicy="Delete"), namespace="system")
    second = kubernetes.get(path).raise_for_status().json()
    uninstall(bare, "panel", namespace="system")
    left = kubernetes.get(path).raise_for_status().json()

    assert first["spec"]["deletionPolicy"] == "Retain"
    assert second["spec"]["deletionPolicy"] == "Delete"
    assert first["metadata"]["uid"] == second["metadata"]["uid"] == left["metadata"]["uid"]
    assert "deletionTimestamp" not in left["metadata"]


def test_two_releases_of_one_name_live_side_by_side_in_namespaces_of_their_own(
    bare: ApiServer, kubernetes: httpx.Client
) -> None:
    for namespace in ("team-a", "team-b"):
        values = {"crds": {"install": False}, "operator": {"watchNamespaces": [namespace]}}
        install(bare, "teams", values, namespace=namespace)

    names = {each["metadata"]["name"] for each in kubernetes.get(ROLES).raise_for_status().json()["items"]}

    assert {
        f"teams-operator-team-{team}-{role}" for team in "ab" for role in ("view", "edit", "admin")
    } <= names
