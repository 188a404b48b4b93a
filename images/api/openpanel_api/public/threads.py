"""Threads for blocking calls of one kind, shared so that nobody can hold all of them: each of those who ask gets a few,
and waits for them in the order of his calls. Knows no request and no store."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, TypeVar

import anyio
import anyio.to_thread

NO_BOUND: Final = 2**31

Answer = TypeVar("Answer")


class CrowdedError(Exception):
    """So many calls of one who asks wait already that one more is not let in."""


@dataclass(slots=True)
class _Queue:
    free: anyio.Semaphore
    length: int = 0  # of those who have a turn, too


class Threads:
    """So many calls at once, `each` of one who asks; of his, at most `waiting` wait. The rest is refused."""

    def __init__(self, count: int, *, each: int, waiting: int = NO_BOUND) -> None:
        self._threads = anyio.CapacityLimiter(count)
        self._each = each
        self._waiting = waiting
        self._queues: dict[str, _Queue] = {}

    @asynccontextmanager
    async def turn(self, whose: str) -> AsyncIterator[None]:
        """While it is the turn of one of his. Raises `CrowdedError`."""
        queue = self._queues.get(whose)
        if queue is None:
            queue = self._queues[whose] = _Queue(anyio.Semaphore(self._each, fast_acquire=True))
        if queue.length >= self._each + self._waiting:
            raise CrowdedError(whose)
        queue.length += 1
        try:
            async with queue.free:
                yield
        finally:
            queue.length -= 1
            if not queue.length:
                del self._queues[whose]

    async def run(self, call: Callable[[], Answer], *, abandon_on_cancel: bool = False) -> Answer:
        """The call in a thread, by somebody whose turn it is."""
        return await anyio.to_thread.run_sync(
            call, limiter=self._threads, abandon_on_cancel=abandon_on_cancel
        )

    async def call(
        self, call: Callable[[], Answer], *, whose: str, abandon_on_cancel: bool = False
    ) -> Answer:
        """The same, when it is his turn."""
        async with self.turn(whose):
            return await self.run(call, abandon_on_cancel=abandon_on_cancel)
