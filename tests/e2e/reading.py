"""What the writer was promised, held against what comes out: asked in the end, and again and again on the way there."""

import json

import httpx

from tests.e2e.conftest import PANEL, SHOP, client
from tests.e2e.kubectl import Kubectl, until


def acknowledged(kube: Kubectl) -> int:
    """How many events the writer has had acknowledged by now."""
    lines = kube.run("logs", "writer", "--tail=5").split("\n")
    counts = [int(line.split()[1]) for line in lines if line.startswith("acknowledged ")]
    return counts[-1] if counts else 0


def still_serving(kube: Kubectl) -> None:
    """Wait until events are acknowledged again; then all that were acknowledged before are there, each once."""
    before = acknowledged(kube)
    until(lambda: acknowledged(kube), lambda now: now > before)
    all_are_there_once(kube, count=before)


def all_are_there_once(kube: Kubectl, *, count: int) -> None:
    """The first `count` events of the writer come out of the export, and no event comes twice."""
    wanted = set(range(count))
    seen = until(
        lambda: numbers(kube),
        lambda found: wanted <= set(found),
        story=lambda: f"{count} were acknowledged; {kube.story('panel', PANEL)}",
    )
    assert len(seen) == len(set(seen)), "an event is there twice"


def numbers(kube: Kubectl) -> list[int]:
    """The numbers of the writer's events as the public API streams them; none while it does not answer.

    A stream is one look at the table, so that what arrives meanwhile moves nothing from page to page.
    """
    reader = client(kube, f"{SHOP}-reader")
    with kube.forwarded(f"{PANEL}-api", 3002) as address:
        try:
            answer = httpx.get(
                f"{address}/export/events",
                params={"event": "e2e_tick", "includes": "properties", "format": "ndjson"},
                headers=reader.headers,
                timeout=30,
            )
        except httpx.TransportError:
            return []
    if answer.status_code != httpx.codes.OK:
        return []
    return [int(json.loads(line)["properties"]["number"]) for line in answer.text.splitlines() if line]
