"""Copies of projects' data, before they are deleted: they take minutes to hours, so nobody waits for them.

Few at once, each in a thread of its own that ends with the process: what is cut off is begun again by the next call.
Such a thread deletes nothing: what was wanted when it began need not be wanted when it ends.
"""

import asyncio
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from threading import Thread
from typing import Final, TypeVar

AT_ONCE: Final = 2  # copies; each keeps a ClickHouse server's disk and network busy
WAIT_S: Final = 5.0  # for one that may be done at once: most projects are small
KEPT_S: Final = 600.0  # for which an end waits to be heard: many times as long as it takes to be asked again

T = TypeVar("T")


class StillCopying(Exception):
    """It is not done yet, or has not begun because others are; to be asked for again."""


class Copying:
    """What is being copied now."""

    def __init__(self, *, at_once: int = AT_ONCE, wait_s: float = WAIT_S, kept_s: float = KEPT_S) -> None:
        self._at_once = at_once
        self._wait_s = wait_s
        self._kept_s = kept_s
        self._going: dict[Hashable, asyncio.Future[str]] = {}

    def is_going(self, what: Hashable) -> bool:
        """Whether this one has begun and nobody has heard its end."""
        return what in self._going

    async def finish(self, what: Hashable) -> str:
        """Wait for a moment for what was begun; what it says, or its error, and `StillCopying` until it ends."""
        return await self._end(what) if self.is_going(what) else ""

    async def run(self, what: Hashable, call: Callable[[], str]) -> str:
        """Begin `call` and wait for a moment; what it says, or its error, and `StillCopying` until it ends.

        What was begun before comes to its end first. `call` follows all the same, in the place of that: whoever began
        that may have wanted something else, and a call that finds its work done costs little.
        """
        has_a_place = self.is_going(what)
        before = await self.finish(what)
        running = sum(not each.done() for each in self._going.values())
        if running >= self._at_once and not has_a_place:
            raise StillCopying(f"it waits for {running} others")
        going = self._going[what] = in_thread(call)
        going.add_done_callback(lambda _: self._forget_later(what, going))
        return await self._end(what) or before

    async def _end(self, what: Hashable) -> str:
        going = self._going[what]
        await asyncio.wait([going], timeout=self._wait_s)
        if not going.done():
            raise StillCopying("the copy is being made")
        del self._going[what]
        return going.result()

    def _forget_later(self, what: Hashable, going: asyncio.Future[str]) -> None:
        """Nobody asks any more for one whose project was let go without its copy; whoever does begins it anew."""
        if not going.cancelled():
            going.exception()  # heard here, if by nobody else

        def forget() -> None:
            if self._going.get(what) is going:
                del self._going[what]

        asyncio.get_running_loop().call_later(self._kept_s, forget)


def in_thread(call: Callable[[], T]) -> asyncio.Future[T]:
    """A thread that nobody joins: a process that is told to stop does not wait for a copy of hours."""
    outcome: Future[T] = Future()

    def run() -> None:
        try:
            outcome.set_result(call())
        except BaseException as error:  # noqa: BLE001 - handed to whoever asks
            outcome.set_exception(error)

    Thread(target=run, name="snapshot", daemon=True).start()
    return asyncio.wrap_future(outcome)
