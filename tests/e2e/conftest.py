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
SYSTEM: Final = "openpanel-system"
NAMESPACE: Final = "analytics"
RELEASE: Final = "panel"
OPERATOR: Final = "panel-operator"
PANEL: Final = "main"
SHOP: Final = "shop"
RESTRICTED: Final = {"pod-security.kubernetes.io/enforce": "restricted"}
# Images of the stores, where a cluster has other ones than those of Docker Hub.
STORES: Final = {
    name: image
    for name in ("redis", "postgres")
    if (image := os.environ.get(f"OPENPANEL_E2E_{name.upper()}_IMAGE"))
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The count of what was acknowledged comes last, after all that could have lost something."""
    items.sort(key=lambda item: item.path.name == "test_nothing_lost.py")


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
        *("--wait", "--timeout", "180s"),
    )


@pytest.fixture(scope="session")
def kube(release: str) -> Kubectl:
    """The namespace of the platform and its projects."""
    assert release
    return Kubectl(NAMESPACE)


@pytest.fixture(scope="session")
def panel(kube: Kubectl) -> str:
    """A PanelCluster that is Ready; its name."""
    kube.apply(panel_cluster(PANEL))
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
    kube.ready("pod", "writer", seconds=60)
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


def panel_cluster(name: str) -> Object:
    """The PanelCluster of the examples that needs no ClickHouse server, with this cluster's images."""
    made = next(each for each in documents(example("trial-cluster")) if each["kind"] == "PanelCluster")
    made["metadata"] = {"name": name}
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


def example(word: str) -> Path:
    """The numbered example with this word in its name."""
    return next(
        path for path in sorted((ROOT / "manifests" / "examples").glob("*.yaml")) if word in path.name
    )


def exported(kube: Kubectl, name: str, **query: str) -> list[dict[str, Any]]:
    """Every event of a project, through the public API."""
    reader = client(kube, f"{name}-reader")
    rows: list[dict[str, Any]] = []
    with kube.forwarded(f"{PANEL}-api", 3002) as address:
        page = pages = 1
        while page <= pages:
            answer = httpx.get(
                f"{address}/export/events",
                params={"includes": "properties", "limit": "1000", "page": str(page), **query},
                headers=reader.headers,
                timeout=30,
            )
            assert answer.status_code == 200, answer.text
            rows += answer.json()["data"]
            page, pages = page + 1, answer.json()["meta"]["pages"]
    return rows


def acknowledged(kube: Kubectl) -> int:
    """How many events the writer has had acknowledged by now."""
    lines = kube.run("logs", "writer", "--tail=5").split("\n")
    counts = [int(line.split()[1]) for line in lines if line.startswith("acknowledged ")]
    return counts[-1] if counts else 0


def still_writing(kube: Kubectl, *, seconds: float = 60) -> None:
    """Wait until events are acknowledged again."""
    before = acknowledged(kube)
    until(lambda: acknowledged(kube), lambda now: now > before, seconds=seconds)
