"""Quotas: how many events a project may send in a calendar month (UTC), asked before anything of a call is taken.

Workers count what was taken (`openpanel.stream.usage`); here it is read every few seconds for the projects that send
and have a quota. So a project gets past its quota by what it sends in these seconds and what waits in its stream.
From then on each call is answered 429 with the reason and nothing of it is kept, until the month ends or the quota is
raised. While Redis is away the last numbers hold.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

import structlog
from redis.exceptions import RedisError

from openpanel.metadata.records import ProjectRecord
from openpanel.stream.keys import Pool
from openpanel.stream.usage import month_ends_ms, month_of
from openpanel.wire.refusals import RateLimited

REFRESH_S: Final = 5.0
LONGEST_WAIT_S: Final = 3_600  # to be told to a client: a quota may be raised before the month is over
MAX_PROJECTS: Final = 20_000  # watched at a time; a project that sends is watched again at once

Used = Callable[[Pool, Sequence[str], str], Awaitable[Mapping[str, int]]]  # events per project in that month

_log = structlog.get_logger(__name__)


class QuotaExceeded(RateLimited):
    """The project has had its events of this month."""

    code = "quota_exceeded"


class Quotas:
    """What the projects that send here have used."""

    def __init__(self, *, used: Used, now_ms: Callable[[], int], shared: Pool | None = None) -> None:
        """`shared` is the pool in which a project may have begun the month, wherever it is now."""
        self._ask = used
        self._shared = shared
        self._now_ms = now_ms
        self._watched: dict[str, Pool] = {}
        self._used: Mapping[str, int] = {}
        self._until_ms = 0  # the end of the month that the numbers are of

    def check(self, project: ProjectRecord, *, pool: Pool, now_ms: int) -> None:
        """Raise `QuotaExceeded` when the project has used what it may."""
        quota = project.quota_events
        if quota is None:
            return
        if self._watched.get(project.id) != pool:
            self._watch(project.id, pool)
        if now_ms < self._until_ms and self._used.get(project.id, 0) >= quota:
            wait_s = -((now_ms - self._until_ms) // 1000)
            raise QuotaExceeded(
                f"The project has used its quota of {quota} events of {month_of(now_ms)} (UTC)",
                retry_after_s=min(wait_s, LONGEST_WAIT_S),
            )

    async def refresh(self) -> None:
        """Read what was used, in one question per pool."""
        now_ms = self._now_ms()
        pools: dict[Pool, list[str]] = {}
        for project, pool in self._watched.items():
            for one in {pool, self._shared or pool}:
                pools.setdefault(one, []).append(project)
        used: Counter[str] = Counter()
        for pool, projects in pools.items():
            used.update(await self._ask(pool, projects, month_of(now_ms)))
        self._used, self._until_ms = used, month_ends_ms(now_ms)

    async def run(self) -> None:
        """Refresh until cancelled."""
        while True:
            await asyncio.sleep(REFRESH_S)
            try:
                await self.refresh()
            except (RedisError, OSError) as error:
                _log.warning("quotas_not_read", reason=str(error)[:300])

    def _watch(self, project: str, pool: Pool) -> None:
        if len(self._watched) >= MAX_PROJECTS:
            self._watched.clear()
        self._watched[project] = pool
