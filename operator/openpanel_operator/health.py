"""Probes and metrics over HTTP. Alive is a process whose loop and watches move; ready is one that could take over.

Liveness fails when something stands that should move by itself: a watch without a word for longer than a dropped
connection would take, the queue while work waits, a watch of resources that is behind the API server. A restart mends
those. It does not fail because the API server is away: that is no fault of this process.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest

STANDS_S: Final = 300.0  # seconds without any move of something that moves every 90


@dataclass(frozen=True, slots=True)
class Sign:
    """One thing that moves."""

    name: str
    moved_at: Callable[[], float]  # time of the loop
    limit_s: float = STANDS_S


class Health:
    """What is watched over, and what the probes answer."""

    def __init__(self, *, now: Callable[[], float]) -> None:
        self._now = now
        self._signs: list[Sign] = []
        self.ready = False

    def watch(self, signs: Iterable[Sign]) -> None:
        """Watch over these, too."""
        self._signs.extend(signs)

    def clear(self) -> None:
        """Nothing runs any more."""
        self._signs.clear()

    def standing(self) -> list[str]:
        """What does not move any more."""
        now = self._now()
        return [sign.name for sign in self._signs if now - sign.moved_at() > sign.limit_s]


def app(health: Health, registry: CollectorRegistry) -> web.Application:
    """The pages."""

    async def live(_request: web.Request) -> web.Response:
        standing = health.standing()
        return web.json_response({"standing": standing}, status=503 if standing else 200)

    async def ready(_request: web.Request) -> web.Response:
        return web.json_response({"ready": health.ready}, status=200 if health.ready else 503)

    async def metrics(_request: web.Request) -> web.Response:
        return web.Response(
            body=generate_latest(registry), headers={"Content-Type": "text/plain; version=0.0.4"}
        )

    pages = web.Application()
    pages.add_routes([
        web.get("/healthz/live", live),
        web.get("/healthz/ready", ready),
        web.get("/metrics", metrics),
    ])  # fmt: skip
    return pages
