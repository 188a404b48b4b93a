"""What goes on in projects right now: visitors online, and how many events were counted, looked up for all watchers at once.

Visitors are seen the moment their event is taken in, and leave five minutes after their last one; an event is counted
when it can be read, so whoever is told of it finds it. While somebody watches, Redis is asked twice a second, in one
round trip for all watched projects; nobody watching costs nothing. While Redis is away the last figures stand.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from openpanel.metadata import ProjectRecord
from openpanel.stream import Pool
from openpanel.stream.keys import keys_of
from openpanel.stream.usage import month_of

EVERY_S: Final = 0.5  # between two looks
ONLINE_MS: Final = 300_000  # since the last event of somebody who is online
LATE_MS: Final = 60_000  # after the end of a month something may still be counted in it

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Pulse:
    """`counted`: events since somebody began to watch the project; it only grows."""

    online: int
    counted: int


@dataclass(slots=True)
class _Watched:
    pool: Pool
    watchers: int = 0
    pulse: Pulse | None = None
    months: dict[str, int] = field(default_factory=dict)  # what was counted in each, at the last look


class Looks:
    """The watched projects of one process. Lives on the event loop that first watches."""

    def __init__(
        self,
        redis: Redis,
        *,
        clock_ms: Callable[[], int],
        stopping: Callable[[], bool],
        every_s: float = EVERY_S,
    ) -> None:
        self._redis = redis
        self._clock_ms = clock_ms
        self._stopping = stopping
        self._every_s = every_s
        self._watched: dict[str, _Watched] = {}
        self._looked = asyncio.Event()  # replaced after each look
        self._looking: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def watching(self, project: ProjectRecord, *, pool: Pool) -> AsyncIterator[AsyncIterator[Pulse]]:
        """The project's pulses, the first at once, then one after each look. They end when the process stops."""
        watched = self._watched.setdefault(project.id, _Watched(pool))
        watched.watchers += 1
        try:
            if watched.pulse is None:
                await self._look({project.id: watched})
            yield self._pulses(watched)
        finally:
            watched.watchers -= 1
            if not watched.watchers:
                self._watched.pop(project.id, None)
            if not self._watched and self._looking is not None:
                self._looking.cancel()
                with suppress(asyncio.CancelledError):
                    await self._looking

    async def _pulses(self, watched: _Watched) -> AsyncIterator[Pulse]:
        while not self._stopping():
            if self._looking is None or self._looking.done():
                self._looking = asyncio.create_task(self._keep_looking(), name="looks at live projects")
            looked = self._looked
            if watched.pulse is not None:
                yield watched.pulse
            await looked.wait()

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(self._every_s)
            try:
                await self._look(dict(self._watched))
            finally:
                looked, self._looked = self._looked, asyncio.Event()
                looked.set()

    async def _look(self, projects: dict[str, _Watched]) -> None:
        now = self._clock_ms()
        months = (month_of(now - LATE_MS), month_of(now))
        pipeline: Any = self._redis.pipeline(transaction=False)  # its calls are queued, not awaited
        for project, watched in projects.items():
            for keys in keys_of(watched.pool):
                pipeline.zcount(keys.live(project), now - ONLINE_MS, "+inf")
                for month in months:
                    pipeline.hget(keys.usage(month), project)
        try:
            answers = iter(await pipeline.execute())
        except (RedisError, OSError) as error:
            _log.warning("live_unknown", reason=str(error))
            return
        for watched in projects.values():
            rows = [(next(answers), next(answers), next(answers)) for _ in keys_of(watched.pool)]
            counts = dict(
                zip(months, (sum(int(row[place] or 0) for row in rows) for place in (1, 2)), strict=True)
            )
            _see(watched, online=sum(row[0] for row in rows), counts=counts)


def _see(watched: _Watched, *, online: int, counts: dict[str, int]) -> None:
    """Make of counts that begin anew with each month one that only grows."""
    before = watched.pulse
    if before is None:
        watched.pulse = Pulse(online, 0)
    else:
        new = sum(max(0, count - watched.months.get(month, 0)) for month, count in counts.items())
        watched.pulse = Pulse(online, before.counted + new)
    watched.months = counts
