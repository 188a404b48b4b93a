"""Lanes: for each pool whose projects send here, the one committer of this process into its streams.

A lane is opened when the first of its projects sends, and stays until the process ends. How one is opened is a
callable; knows no Redis and no disk.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

import structlog

from openpanel.metadata.records import ProjectRecord
from openpanel.stream.frames import Append, Resolved
from openpanel.stream.keys import Pool
from openpanel.stream.waiting import Answered
from openpanel.wire.refusals import TryLater, WrongHost
from openpanel_api.ingest.quota import Quotas

_log = structlog.get_logger(__name__)


class Commits(Protocol):
    """The part of `openpanel.stream.commit.Committer` that requests use."""

    def append(self, append: Append) -> Awaitable[tuple[Resolved, ...]]: ...

    def put(self, append: Append, *, answered: Answered) -> None: ...

    @property
    def spooled_bytes(self) -> int: ...


OpenCommits = Callable[[Pool], AbstractAsyncContextManager[Commits]]


@dataclass(frozen=True, slots=True)
class Lane:
    """Where the events of some projects go."""

    pool: Pool
    commits: Commits
    quotas: Quotas | None = None


@dataclass(frozen=True, slots=True)
class Only:
    """A process that serves one project alone, and the address where all others are taken."""

    project: str
    elsewhere: str


class Lanes:
    """The lanes of this process, an asynchronous context manager; leaving it lets all of them end what they hold."""

    def __init__(
        self, *, own: Pool, open_commits: OpenCommits, only: Only | None = None, quotas: Quotas | None = None
    ) -> None:
        """`own` is the pool that the settings name: it is opened at once, and its shards are a setting, too."""
        self._own = own
        self._open_commits = open_commits
        self._only = only
        self._quotas = quotas
        self._lanes: dict[Pool, Lane] = {}
        self._stacks: list[AsyncExitStack] = []
        self._opening = asyncio.Lock()

    async def __aenter__(self) -> Self:
        await self._open(self._own)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.gather(*(stack.aclose() for stack in self._stacks))

    async def of(self, project: ProjectRecord) -> Lane:
        """The lane of a project; raises `WrongHost` where this process does not serve it."""
        only = self._only
        if only is not None and project.id != only.project:
            raise WrongHost(f"This host takes events of one other project; send these to {only.elsewhere}")
        own = self._own
        pool = own if project.pool == own.name else Pool(project.pool, project.pool_shards)
        return self._lanes.get(pool) or await self._open(pool)

    async def reopen(self, pools: Iterable[Pool]) -> None:
        """Open the lanes of pools that something on disk waits for."""
        for pool in pools:
            await self._open(pool)

    @property
    def spooled_bytes(self) -> int:
        """What all lanes keep on disk until Redis is back."""
        return sum(lane.commits.spooled_bytes for lane in self._lanes.values())

    async def _open(self, pool: Pool) -> Lane:
        async with self._opening:
            lane = self._lanes.get(pool)
            if lane is None:
                stack = AsyncExitStack()
                try:
                    commits = await stack.enter_async_context(self._open_commits(pool))
                except OSError as error:
                    _log.exception("lane_not_opened", pool=pool.name)
                    raise TryLater("The project's events cannot be taken now", retry_after_s=5) from error
                lane = self._lanes[pool] = Lane(pool, commits, self._quotas)
                self._stacks.append(stack)
            return lane
