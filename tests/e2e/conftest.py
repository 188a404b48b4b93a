"""A cluster with the chart installed, one PanelCluster, one project, and a writer that sends all the while.

`KUBECONFIG` names the cluster; images are in it already (`make e2e` sees to that).
"""

import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from tests.e2e.kubectl import Kubectl, Object, documents, helm, until

ROOT: Final = Path(__file__).parents[2]
EXAMPLES: Final = ROOT / "manifests" / "examples"
SYSTEM: Final = "openpanel-system"
# Namespace and name of the cluster are those that the examples name, so that they run as they are.
NAMESPACE: Final = "openpanel"
PANEL: Final = "openpanel"
RELEASE: Final = "panel"
OPERATOR: Final = "panel-operator"
SHOP: Final = "store"
# What a pod of the tests asks for: a dozen of them have room beside the platform on two cores. By their requests an
# autoscaler takes such pods for overloaded, so there is one of each.
SMALL: Final = {"requests": {"cpu": "10m", "memory": "256Mi"}}
MODEST: Final = {"requests": {"cpu": "60m", "memory": "256Mi"}}
ONE_POD: Final = {"min": 1, "max": 1}
RESTRICTED: Final = {"pod-security.kubernetes.io/enforce": "restricted"}
# Images of the stores, where a cluster has other ones than those of Docker Hub.
STORES: Final = {
    name: image
    for name in ("redis", "postgres")
    if (image := os.environ.get(f"OPENPANEL_E2E_{name.upper()}_IMAGE"))
}


# Files in the order in which they run: first what a user does first, in the end the count of all that was
# acknowledged, and the uninstallation after that. What is not named here comes in between.
FIRST: Final = ("test_first_project.py", "test_examples.py")
LAST: Final = ("test_nothing_lost.py", "test_uninstall.py")
LONGEST_S: Final = 900.0  # of one test: it may wait for several things one after another


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files in their order; within a file the tests stay as they stand."""

    def place(item: pytest.Item) -> int:
        name = item.path.name
        return (
            FIRST.index(name) - len(FIRST) if name in FIRST else LAST.index(name) + 1 if name in LAST else 0
        )

    items.sort(key=place)
    for item in items:
        item.add_marker(pytest.mark.timeout(LONGEST_S))


@pytest.fixture(scope="session", autouse=True)
def cluster() -> None:
    """Without a cluster there is nothing to try."""
    missing = [program for program in ("kubectl", "helm") if shutil.which(program) is None]
    if missing or not os.environ.get("KUBECONFIG"):
        pytest.fail("needs kubectl and helm on PATH and a cluster in KUBECONFIG; `make e2e` brings one up")


@pytest.fixture(scope="session")
def system() -> Kubectl:
    """The namespace of the operator."""
    return Kubectl(SYSTEM)


@pytest.fixture(scope="session")
def release(system: Kubectl) -> str:
    """The chart, installed as the documents say."""
    for name in (SYSTEM, NAMESPACE):
        system.apply(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": RESTRICTED}}
        )
    return helm(
        *("upgrade", "--install", RELEASE, str(ROOT / "charts" / "openpanel"), "--namespace", SYSTEM),
        *("--values", str(ROOT / "charts" / "openpanel" / "ci" / "e2e-values.yaml")),
        *("--wait", "--timeout", "280s"),
    )


@pytest.fixture(scope="session")
def kube(release: str) -> Kubectl:
    """The namespace of the platform and its projects."""
    assert release
    return Kubectl(NAMESPACE)


@pytest.fixture(scope="session")
def panel(kube: Kubectl) -> str:
    """A PanelCluster that is Ready; its name."""
    kube.apply(panel_cluster())
    kube.ready("panel", PANEL, seconds=300)
    return PANEL


@pytest.fixture(scope="session")
def shop(kube: Kubectl, panel: str) -> str:
    """A project that is Ready; its name."""
    kube.apply(project(SHOP, panel=panel))
    kube.ready("aproj", SHOP)
    return SHOP


@dataclass(frozen=True, slots=True)
class Client:
    """What a client's Secret holds."""

    id: str
    secret: str
    ingest_url: str
    api_url: str

    @property
    def headers(self) -> dict[str, str]:
        return {"openpanel-client-id": self.id, "openpanel-client-secret": self.secret}


def client(kube: Kubectl, name: str) -> Client:
    """The credentials in a Secret."""
    held = kube.secret(name)
    return Client(held["clientId"], held["clientSecret"], held["ingestUrl"], held["apiUrl"])


@pytest.fixture(scope="session", autouse=True)
def writer(kube: Kubectl, shop: str) -> Iterator[str]:
    """The pod that sends events to the shop during all tests; its name."""
    own = client(kube, f"{shop}-web")
    script = (Path(__file__).parent / "sending.py").read_text("utf-8")
    kube.apply(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "writer"},
            "data": {"sending.py": script},
        },
        writer_pod(
            own,
            image=kube.get("deployment", f"{PANEL}-ingest")["spec"]["template"]["spec"]["containers"][0][
                "image"
            ],
        ),
    )
    kube.ready("pod", "writer")
    yield "writer"
    kube.run("delete", "pod", "writer", "--ignore-not-found", "--wait=false")


def writer_pod(own: Client, *, image: str) -> Object:
    variables = {
        "INGEST_URL": own.ingest_url,
        "CLIENT_ID": own.id,
        "CLIENT_SECRET": own.secret,
        "RUN": f"{time.time_ns()}",
        "RATE": "20",
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "writer"},
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [
                {
                    "name": "writer",
                    "image": image,
                    "imagePullPolicy": "IfNotPresent",
                    "command": ["python", "/program/sending.py"],
                    "env": [{"name": name, "value": value} for name, value in variables.items()],
                    "securityContext": {
                        "allowPrivilegeEscalation": False,
                        "capabilities": {"drop": ["ALL"]},
                    },
                    "volumeMounts": [{"name": "program", "mountPath": "/program"}],
                }
            ],
            "volumes": [{"name": "program", "configMap": {"name": "writer"}}],
        },
    }


def panel_cluster() -> Object:
    """The PanelCluster of the examples that needs no ClickHouse server, with this cluster's images of the stores.

    On a slow machine there are more workers, and a roll-out waits for room for all of them: so they ask for little.
    """
    (made,) = documents(EXAMPLES / "03-trial-cluster.yaml")
    assert made["metadata"]["name"] == PANEL
    made["spec"].setdefault("workers", {}).setdefault("resources", MODEST)
    if STORES:
        made["spec"].setdefault("images", {}).update(STORES)
    return made


def project(name: str, *, panel: str = PANEL, **spec: Any) -> Object:
    """A small project; further fields of its spec by name."""
    return {
        "apiVersion": "openpanel.dev/v1alpha1",
        "kind": "AnalyticsProject",
        "metadata": {"name": name},
        "spec": {
            "clusterRef": {"name": panel},
            "displayName": name.title(),
            "clients": [{"name": "web", "type": "write"}, {"name": "reader", "type": "read"}],
            **spec,
        },
    }


def exported(kube: Kubectl, name: str, *, reader: Client | None = None, **query: str) -> list[dict[str, Any]]:
    """Every event of a project, through the public API."""
    reader = reader or client(kube, f"{name}-reader")
    # Whoever forwards a port chooses a pod, and is left without when that one goes.
    rows = until(lambda: _all_pages(kube, reader, query), lambda found: found is not None)
    assert rows is not None
    return rows


def _all_pages(kube: Kubectl, reader: Client, query: dict[str, str]) -> list[dict[str, Any]] | None:
    """Every event, page by page; None when the way there ended on the way."""
    rows: list[dict[str, Any]] = []
    with kube.forwarded(f"{PANEL}-api", 3002) as address:
        page = pages = 1
        while page <= pages:
            try:
                answer = httpx.get(
                    f"{address}/export/events",
                    params={"includes": "properties", "limit": "1000", "page": str(page), **query},
                    headers=reader.headers,
                    timeout=30,
                )
            except httpx.TransportError:
                return None
            assert answer.status_code == 200, answer.text
            rows += answer.json()["data"]
            page, pages = page + 1, answer.json()["meta"]["pages"]
    return rows
