"""The operator itself: it writes nothing without need, hands over, and goes on where it was ended."""

import time
from typing import Any

from tests.e2e.conftest import OPERATOR, PANEL
from tests.e2e.kubectl import Kubectl, condition, until
from tests.e2e.reading import still_serving

OWNED = "deployments,statefulsets,services,configmaps,secrets,poddisruptionbudgets,networkpolicies"
TAKEOVER_S = 20.0


def versions(kube: Kubectl) -> dict[str, str]:
    """What the operator has made, by kind and name, with each object's version as its own writes leave it."""
    selector = "app.kubernetes.io/managed-by=openpanel-operator"
    return {
        f"{each['kind']}/{each['metadata']['name']}": _written(each) for each in kube.list(OWNED, selector)
    }


def test_a_restarted_operator_writes_nothing(system: Kubectl, kube: Kubectl, shop: str) -> None:
    kube.ready("aproj", shop)
    before = versions(kube)
    assert len(before) > 15
    system.run("rollout", "restart", f"deployment/{OPERATOR}")
    system.run("rollout", "status", f"deployment/{OPERATOR}", "--timeout=240s", seconds=250)
    leader(system)
    kube.annotate("panel", PANEL, reconcile_at=str(time.time_ns()))
    value = kube.get("panel", PANEL)["metadata"]["annotations"]["openpanel.dev/reconcile-at"]
    kube.until("panel", PANEL, lambda found: found["status"].get("reconciledAt") == value)
    assert versions(kube) == before


def test_when_the_leader_dies_the_other_takes_over(system: Kubectl, kube: Kubectl, shop: str) -> None:
    holder = leader(system)
    pod = next(
        each["metadata"]["name"]
        for each in system.list("pods")
        if holder.startswith(each["metadata"]["name"])
    )
    system.run("delete", "pod", pod, "--grace-period=0", "--force", "--wait=false")
    began = time.monotonic()
    until(lambda: leader(system), lambda now: now != holder)
    assert time.monotonic() - began < TAKEOVER_S + 5  # the promise, and what a busy machine adds
    kube.delete("service", f"{PANEL}-dashboard", wait=False)
    kube.until("service", f"{PANEL}-dashboard", bool)
    kube.ready("aproj", shop)


def test_an_operator_that_is_killed_in_a_rollout_finishes_it(
    system: Kubectl, kube: Kubectl, shop: str
) -> None:
    kube.annotate("panel", PANEL, restart_at=str(time.time_ns()))
    system.run("delete", "pods", "--all", "--grace-period=0", "--force", "--wait=false")
    value = kube.get("panel", PANEL)["metadata"]["annotations"]["openpanel.dev/restart-at"]

    def restarted() -> bool:
        return all(
            _annotations(kube.get("deployment", f"{PANEL}-{name}")).get("openpanel.dev/restart-at") == value
            for name in ("ingest", "api", "dashboard", "worker")
        )

    until(restarted, bool)
    kube.ready("panel", PANEL)
    kube.ready("aproj", shop)
    still_serving(kube)


def test_a_paused_cluster_is_left_alone(kube: Kubectl, shop: str) -> None:
    assert shop
    kube.annotate("panel", PANEL, paused="true")
    kube.until("panel", PANEL, lambda found: condition(found, "Paused").get("status") == "True")
    kube.delete("poddisruptionbudget", f"{PANEL}-api")
    time.sleep(5)
    assert kube.find("poddisruptionbudget", f"{PANEL}-api") is None
    kube.run("annotate", "panel", PANEL, "openpanel.dev/paused-")
    kube.until("poddisruptionbudget", f"{PANEL}-api", bool)
    kube.ready("panel", PANEL)


def leader(system: Kubectl) -> str:
    """Who holds the Lease."""
    holder: str = until(lambda: system.get("lease", OPERATOR)["spec"].get("holderIdentity") or "", bool)
    return holder


def _annotations(found: dict[str, Any]) -> dict[str, str]:
    notes: dict[str, str] = found["spec"]["template"]["metadata"].get("annotations", {})
    return notes


def _written(found: dict[str, Any]) -> str:
    """When the operator last wrote the object, by the API server's own book-keeping."""
    own = [
        each
        for each in found["metadata"].get("managedFields", [])
        if each["manager"] == "openpanel-operator" and each.get("subresource") is None
    ]
    return ",".join(f"{each['operation']}@{each['time']}" for each in own)
