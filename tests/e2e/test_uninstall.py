"""Last of all the chart is uninstalled while projects are left: events go on, and nothing waits for the operator."""

import re
import subprocess

import httpx
import pytest

from tests.e2e.conftest import OPERATOR, PANEL, RELEASE, ROOT, SHOP, SYSTEM, client
from tests.e2e.events import track
from tests.e2e.examples import TENANT
from tests.e2e.kubectl import Kubectl, helm, until

RUNBOOK = ROOT / "docs" / "uninstall.md"
FINALIZER = "openpanel.dev/cleanup"


@pytest.fixture(scope="module")
def left(kube: Kubectl, shop: str) -> dict[str, Kubectl]:
    """Projects that the operator held when its chart was uninstalled, each with its namespace."""
    projects = {shop: kube, "gamma": Kubectl(TENANT)}
    for name, each in projects.items():
        each.patch("aproj", name, {"spec": {"deletionPolicy": "Delete"}})
        each.until("aproj", name, held)
    helm("uninstall", RELEASE, "--namespace", SYSTEM, "--timeout", "120s")
    return projects


def held(found: dict[str, dict[str, list[str]]]) -> bool:
    """Whether a resource would wait for the operator."""
    return FINALIZER in found["metadata"].get("finalizers", [])


def test_an_uninstalled_chart_has_let_go_of_every_project(system: Kubectl, left: dict[str, Kubectl]) -> None:
    assert system.find("deployment", OPERATOR) is None
    until(lambda: system.list("jobs"), lambda found: not found)
    for name, each in left.items():
        assert not held(each.get("aproj", name))


def test_events_go_on_without_an_operator(kube: Kubectl, left: dict[str, Kubectl]) -> None:
    assert left
    with kube.forwarded(f"{PANEL}-ingest", 3000) as address:
        assert track(address, client(kube, f"{SHOP}-web").headers, "after_all").status_code == httpx.codes.OK


def test_what_the_runbook_says_lets_go_of_what_waits(left: dict[str, Kubectl]) -> None:
    for name, each in left.items():
        each.patch("aproj", name, {"metadata": {"finalizers": [FINALIZER]}})
        assert held(each.get("aproj", name))
    (commands,) = (
        text
        for text in re.findall(r"```sh\n(.*?)```", RUNBOOK.read_text("utf-8"), re.DOTALL)
        if "--patch" in text
    )

    subprocess.run(["bash", "-euo", "pipefail", "-c", commands], timeout=60, check=True)

    assert not any(held(each.get("aproj", name)) for name, each in left.items())


def test_a_namespace_with_a_project_in_it_can_be_deleted(system: Kubectl, left: dict[str, Kubectl]) -> None:
    assert left["gamma"].find("aproj", "gamma") is not None
    system.run("delete", "namespace", TENANT, "--wait=false")
    until(lambda: system.find("namespace", TENANT), lambda found: found is None)
