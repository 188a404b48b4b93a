"""The routes of the ingest service, as one ASGI application.

Every refusal below becomes an answer here, and so does every defect: nothing a client sends ends the process, and no
body is ever logged.
"""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Final

import structlog

from openpanel.wire import older as older_routes
from openpanel.wire.refusals import MethodNotAllowed, NotFound, Refusal
from openpanel_api.ingest import pages
from openpanel_api.ingest.asgi import JSON, Receive, Scope, Send, send_answer, send_preflight, send_refusal
from openpanel_api.ingest.device import device_id
from openpanel_api.ingest.imports import import_events
from openpanel_api.ingest.many import track_batch
from openpanel_api.ingest.parts import Parts
from openpanel_api.ingest.receive import ClientGoneError
from openpanel_api.ingest.scripts import NAMES
from openpanel_api.ingest.single import older, track

Route = Callable[[Parts, Scope, Receive, Send], Awaitable[None]]
Page = Callable[[Parts, Scope, Send], Awaitable[None]]

TRACK: Final = "/track"
POSTS: Final[Mapping[str, Route]] = {
    TRACK: track,
    "/track/batch": track_batch,
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
        except Refusal as refusal:
            parts.counts.refused[refusal.code] += 1
            await send_refusal(send, refusal)
        except ClientGoneError:
            return
        except Exception:  # noqa: BLE001 (the edge of the process: counted, logged, answered)
            parts.counts.refused["defect"] += 1
            _log.exception("request_failed", route=_known_path(scope["path"]))
            await send_answer(send, 500, _DEFECT, (JSON,))

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


def _known_path(path: str) -> str:
    return path if path in POSTS or path in GETS else "other"
