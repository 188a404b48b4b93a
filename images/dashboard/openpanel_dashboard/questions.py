"""Threads for what asks the warehouse, apart from those in which pages are made.

A warehouse that hangs keeps whoever asks it for minutes. So only so many ask at once, and who finds no place within a
moment is told to try again; what needs no warehouse has the framework's threads to itself and goes on.
"""

import math
from collections.abc import Callable
from typing import Final, TypeVar

import anyio
import anyio.to_thread

AT_ONCE: Final = 32  # questions under way; for as many the warehouse keeps connections
STOPPED_AT_ONCE: Final = 4  # of those whose askers have left; to stop one asks the warehouse, too
WAITED_S: Final = 5.0  # for a place

T = TypeVar("T")


class BusyError(Exception):
    """All places are taken by questions that are not answered yet."""


class Questions:
    """The places of one process."""

    def __init__(self, *, waited_s: float = WAITED_S) -> None:
        self._waited_s = waited_s
        self._places = anyio.CapacityLimiter(AT_ONCE)
        self._threads = anyio.CapacityLimiter(math.inf)  # whoever has a place has a thread
        self._stopping = anyio.CapacityLimiter(STOPPED_AT_ONCE)

    async def ask(self, work: Callable[[], T]) -> T:
        """What `work` returns, in a thread; `BusyError` when it could not begin in time."""
        place = object()
        try:
            with anyio.fail_after(self._waited_s):
                await self._places.acquire_on_behalf_of(place)
        except TimeoutError:
            raise BusyError(f"no place within {self._waited_s:g} seconds") from None
        try:
            return await anyio.to_thread.run_sync(work, limiter=self._threads)
        finally:
            self._places.release_on_behalf_of(place)

    async def stop(self, stop: Callable[[], None]) -> None:
        """Run what stops a question, in a thread that no question can take."""
        await anyio.to_thread.run_sync(stop, limiter=self._stopping)
