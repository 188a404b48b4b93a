"""Pods die while events are being sent; the platform comes back by itself and takes events again."""

import pytest

from tests.e2e.conftest import PANEL
from tests.e2e.kubectl import Kubectl, until
from tests.e2e.reading import still_serving


@pytest.mark.parametrize("component", ["ingest", "worker", "api", "redis", "postgres", "clickhouse"])
def test_killed_pods_come_back_and_events_go_on(kube: Kubectl, shop: str, component: str) -> None:
    assert shop
    selector = f"openpanel.dev/cluster={PANEL},app.kubernetes.io/component={component}"
    pods = kube.list("pods", selector)
    assert pods
    uids = {each["metadata"]["uid"] for each in pods}
    kube.run("delete", "pods", "--selector", selector, "--grace-period=0", "--force", "--wait=false")
    until(lambda: _running(kube, selector), lambda found: bool(found - uids))
    kube.ready("panel", PANEL)
    still_serving(kube)


def _running(kube: Kubectl, selector: str) -> set[str]:
    """Pods of these labels that are ready, by their uid."""
    return {
        each["metadata"]["uid"]
        for each in kube.list("pods", selector)
        if any(
            said["type"] == "Ready" and said["status"] == "True"
            for said in each["status"].get("conditions", [])
        )
    }
