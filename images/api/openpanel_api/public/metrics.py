"""Counts and times of requests by route, and the page that shows them."""

import os
import time
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from openpanel_api.ingest.counts import MULTIPROCESS_FOLDER

UNMATCHED: Final = "unmatched"  # all unknown paths together, or a scanner would fill the memory
BUCKETS_S: Final = (0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)

router = APIRouter(include_in_schema=False)


class Requests:
    """What is measured of each request."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.count = Counter(
            "openpanel_public_requests", "Requests to the public API.", ("route", "status"), registry=registry
        )
        self.seconds = Histogram(
            "openpanel_public_request_seconds",
            "From request to answer.",
            ("route",),
            buckets=BUCKETS_S,
            registry=registry,
        )


class Measured:
    """Measures what passes through it."""

    def __init__(self, app: ASGIApp, *, requests: Requests) -> None:
        self._app = app
        self._requests = requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 500

        async def observe(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        started = time.perf_counter()
        try:
            await self._app(scope, receive, observe)
        finally:
            route = _route(scope)
            self._requests.count.labels(route, str(status)).inc()
            self._requests.seconds.labels(route).observe(time.perf_counter() - started)


@router.get("/metrics")
async def metrics(request: Request) -> Response:
    return Response(_rendered(request.app.state.registry), media_type=CONTENT_TYPE_LATEST)


def _rendered(own: CollectorRegistry) -> bytes:
    """The sum of all processes where they share a folder, else this one's."""
    if MULTIPROCESS_FOLDER not in os.environ:
        return generate_latest(own)
    shared = CollectorRegistry()
    MultiProcessCollector(shared)  # type: ignore[no-untyped-call]
    return generate_latest(shared)


def _route(scope: Scope) -> str:
    route: Any = scope.get("route")
    return str(getattr(route, "path", UNMATCHED))
