"""After everything: what was acknowledged is there, once."""

from tests.e2e.conftest import PANEL, SHOP, acknowledged, exported
from tests.e2e.kubectl import Kubectl, until


def test_every_acknowledged_event_is_exported_once(kube: Kubectl, writer: str) -> None:
    kube.run("exec", writer, "--", "python", "-c", "import os; os.kill(1, 15)")
    kube.until("pod", writer, lambda found: found["status"]["phase"] == "Succeeded", seconds=30)
    # Its pods were deleted a moment ago.
    kube.run("rollout", "status", f"deployment/{PANEL}-api", "--timeout=180s", seconds=190)
    wanted = set(range(acknowledged(kube)))
    assert len(wanted) > 100
    seen = until(lambda: _numbers(kube), lambda found: wanted <= set(found), seconds=60)
    assert len(seen) == len(set(seen)), "an event is there twice"


def _numbers(kube: Kubectl) -> list[int]:
    return [int(row["properties"]["number"]) for row in exported(kube, SHOP, event="e2e_tick")]
