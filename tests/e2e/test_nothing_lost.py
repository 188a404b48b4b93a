"""After everything: what was acknowledged is there, once."""

from tests.e2e.conftest import PANEL, SHOP, exported
from tests.e2e.kubectl import Kubectl, until
from tests.e2e.reading import acknowledged, all_are_there_once


def test_every_acknowledged_event_is_exported_once(kube: Kubectl, writer: str) -> None:
    kube.run("exec", writer, "--", "python", "-c", "import os; os.kill(1, 15)")
    kube.until("pod", writer, lambda found: found["status"]["phase"] == "Succeeded")
    # Its pods were deleted a moment ago.
    kube.run("rollout", "status", f"deployment/{PANEL}-api", "--timeout=240s", seconds=250)
    count = acknowledged(kube)
    assert count > 100
    all_are_there_once(kube, count=count)
    # Page by page they are the same ones.
    pages = until(lambda: _numbers_by_pages(kube), lambda found: len(found) >= count)
    assert len(pages) == len(set(pages)), "an event is on two pages"
    assert set(range(count)) <= set(pages)


def _numbers_by_pages(kube: Kubectl) -> list[int]:
    return [int(row["properties"]["number"]) for row in exported(kube, SHOP, event="e2e_tick")]
