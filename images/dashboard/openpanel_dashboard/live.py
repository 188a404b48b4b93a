"""The one event stream of a tab: visitors right now, and how much was counted. Versions, no data.

One look at the stores serves all tabs of a project. The stream says something only when it changed, ends when
the session does, and stops with the server.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import redis
import structlog
from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from openpanel.analytics.asking import ask
from openpanel.analytics.volume import Volume
from openpanel.metadata.records import ProjectRecord
from openpanel.stream import Pool
from openpanel.stream.drain import depth, live_visitors
from openpanel.warehouse import WarehouseError
from openpanel_dashboard import access
from openpanel_dashboard.access import OfProject
from openpanel_dashboard.questions import BusyError
from openpanel_dashboard.services import Given, Services

ONLINE: Final = timedelta(minutes=5)
SESSION_LOOKS: Final = 30  # looks at the stores between two at the session
PING_LOOKS: Final = 15  # looks after which a silent stream says that it is there

log = structlog.get_logger(__name__)
router = APIRouter(prefix="/o/{org}/p/{project}")


@dataclass(frozen=True, slots=True)
class Pulse:
    """What a stream tells."""

    online: int
    counted: int


class Board:
    """The newest pulse of each project that somebody looks at; asked for at most once per interval."""

    def __init__(self, given: Services) -> None:
        self._services = given
        self._locks: dict[str, asyncio.Lock] = {}
        self._known: dict[str, tuple[float, Pulse]] = {}

    async def pulse(self, project: ProjectRecord) -> Pulse:
        """The pulse, not older than the interval; the last one while a store is away."""
        async with self._locks.setdefault(project.id, asyncio.Lock()):
            now = asyncio.get_running_loop().time()
            known = self._known.get(project.id)
            if known is not None and now - known[0] < self._services.live_every_s / 2:
                return known[1]
            last = known[1] if known else Pulse(0, 0)
            try:
                pulse = await self._services.questions.ask(lambda: look(self._services, project, last))
            except BusyError:
                pulse = last
            self._known[project.id] = (now, pulse)
            return pulse


def look(given: Services, project: ProjectRecord, last: Pulse) -> Pulse:
    """What the stores say now; for one that is away, what it said last."""
    return Pulse(online=_online(given, project, last.online), counted=_counted(given, project, last.counted))


def _online(given: Services, project: ProjectRecord, last: int) -> int:
    since = int((given.clock() - ONLINE).timestamp() * 1000)
    try:
        return live_visitors(given.redis, pool=_pool(given, project), project=project.id, since_ms=since)
    except redis.RedisError as error:
        log.warning("visitors right now are not known", error=str(error))
        return last


def _pool(given: Services, project: ProjectRecord) -> Pool:
    """The project's pool with as many shards as anybody knows of; more than there are is harmless."""
    known = given.pool(project.pool)
    return Pool(known.name, max(known.shards, project.pool_shards))


def _counted(given: Services, project: ProjectRecord, last: int) -> int:
    try:
        return ask(given.warehouse, Volume(project.id)).events
    except WarehouseError as error:
        log.warning("the number of events is not known", error=str(error))
        return last


def waiting_events(given: Services, project: ProjectRecord) -> int:
    """Events of the project's pool that were received and are not counted yet; 0 when nobody can say."""
    try:
        return depth(given.redis, pool=_pool(given, project))
    except redis.RedisError as error:
        log.warning("the depth is not known", error=str(error))
        return 0


@router.get("/live")
async def stream(request: Request, given: OfProject, all_services: Given) -> StreamingResponse:
    """Pulses as server-sent events."""
    return StreamingResponse(
        pulses(request, given.project, all_services),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def pulses(request: Request, project: ProjectRecord, given: Services) -> AsyncIterator[str]:
    """The text of the stream: a pulse whenever it changed, a sign of life else."""
    board: Board = request.app.state.board
    stopping: asyncio.Event = request.app.state.stopping
    told: Pulse | None = None
    silent = looks = 0
    while not stopping.is_set():
        pulse = await board.pulse(project)
        silent += 1
        looks += 1
        if pulse != told:
            told, silent = pulse, 0
            yield f"event: live\ndata: {json.dumps({'online': pulse.online, 'counted': pulse.counted})}\n\n"
        elif silent >= PING_LOOKS:
            silent = 0
            yield ": still here\n\n"
        if looks % SESSION_LOOKS == 0 and await run_in_threadpool(access.is_to_come_again, request, given):
            return
        await _rest(stopping, given.live_every_s)


async def _rest(stopping: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stopping.wait(), timeout=seconds)
    except TimeoutError:
        return
