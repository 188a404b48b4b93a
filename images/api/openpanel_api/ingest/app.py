"""The routes of the ingest service, as one ASGI application.

Every refusal below becomes an answer here, and so does every defect: nothing a client sends ends the process, and no
body is ever logged.
"""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Final

import structlog

from openpanel.stream.errors import Overloaded
from openpanel.stream.frames import Resolved
from openpanel.wire import older as older_routes
from openpanel.wire.refusals import MethodNotAllowed, NotFound, Refusal
from openpanel_api.ingest import many, pages, plain
from openpanel_api.ingest.asgi import JSON, Receive, Scope, Send, send_answer, send_preflight, send_refusal
from openpanel_api.ingest.device import device_id
from openpanel_api.ingest.imports import import_events
from openpanel_api.ingest.parts import Parts
from openpanel_api.ingest.plain import Known, PlainHeads, Ready
from openpanel_api.ingest.receive import ClientGoneError
from openpanel_api.ingest.scripts import NAMES
from openpanel_api.ingest.single import later, older, track

Route = Callable[[Parts, Scope, Receive, Send], Awaitable[None]]
Page = Callable[[Parts, Scope, Send], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

TRACK: Final = "/track"
BATCH: Final = "/track/batch"
POSTS: Final[Mapping[str, Route]] = {
    TRACK: track,
    BATCH: many.track_batch,
    "/import/events": import_events,
    **{path: partial(older, route=path) for path in older_routes.TYPES},
}
GETS: Final[Mapping[str, Page]] = {
    "/": pages.greeting,
    "/track/device-id": device_id,
    "/healthz/live": pages.live,
    "/healthz/ready": pages.ready,
    "/healthcheck": pages.healthcheck,
    "/metrics": pages.metrics,
    **dict.fromkeys(NAMES, pages.script),
}

_DEFECT: Final = b'{"status":500,"error":"Internal Server Error","message":"Internal server error"}'

_log: Final = structlog.get_logger(__name__)


class IngestApp:
    """The ASGI application; lifespan and everything that is no HTTP is not its business."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.plain_heads = PlainHeads(parts.heads, routes={TRACK: plain.single, BATCH: many.ready})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        parts = self._parts
        parts.counts.requests += 1
        try:
            # The one comparison that the hot path pays for all the other routes.
            if scope["path"] == TRACK and scope["method"] == "POST":
                await track(parts, scope, receive, send)
            else:
                await self._others(scope, receive, send)
        except ClientGoneError:
            return
        except Exception as error:  # noqa: BLE001 (the edge of the process: counted, logged, answered)
            self._count_failure(error, _known_path(scope["path"]))
            await _send_failure(scope, send, error)

    def learn(self, key: bytes, scope: Scope) -> None:
        """Remember that calls with this head are plain, if they are."""
        try:
            self.plain_heads.learn(key, self._parts.heads.of(scope), scope)
        except Refusal:
            return

    def ready(self, known: Known, body: bytes) -> Ready | None:
        """A plain call made ready for the stream; None where the ordinary way has to see it."""
        try:
            return known.prepare(self._parts, known.head, body)
        except Exception:  # noqa: BLE001 (the ordinary way meets it again, and says so)
            return None

    def answer(self, call: Ready, resolved: tuple[Resolved, ...]) -> bytes:
        """The body of the answer to a plain call that is in the stream."""
        return call.answer(self._parts, resolved)

    def failing(self, error: Exception) -> Application:
        """The application for a plain call whose commit failed: answers what the ordinary way would have."""
        if isinstance(error, Overloaded):
            error = later(error)
        self._parts.counts.requests += 1

        async def answer(scope: Scope, _receive: Receive, send: Send) -> None:
            self._count_failure(error, _known_path(scope["path"]))
            await _send_failure(scope, send, error)

        return answer

    def _count_failure(self, error: Exception, route: str) -> None:
        refused = self._parts.counts.refused
        if isinstance(error, Refusal):
            refused[error.code] += 1
        else:
            refused["defect"] += 1
            _log.error("request_failed", route=route, exc_info=error)

    async def _others(self, scope: Scope, receive: Receive, send: Send) -> None:
        method = scope["method"]
        if method == "OPTIONS":
            await send_preflight(send, scope["headers"])
            return
        # A slash at the end of `apiUrl` makes SDKs ask for `//track`.
        scope["path"] = path = "/" + scope["path"].strip("/")
        if method == "POST" and path in POSTS:
            await POSTS[path](self._parts, scope, receive, send)
        elif method in ("GET", "HEAD") and path in GETS:
            await GETS[path](self._parts, scope, send)
        elif path in POSTS or path in GETS:
            raise MethodNotAllowed
        else:
            raise NotFound("There is no such route")


async def _send_failure(scope: Scope, send: Send, error: Exception) -> None:
    if isinstance(error, MethodNotAllowed):
        allowed = b"POST" if scope["path"] in POSTS else b"GET, HEAD"
        await send_refusal(send, error, beside=((b"allow", allowed),))
    elif isinstance(error, Refusal):
        await send_refusal(send, error)
    else:
        await send_answer(send, 500, _DEFECT, (JSON,))


def _known_path(path: str) -> str:
    return path if path in POSTS or path in GETS else "other"
