"""How close together commits leave while little waits: one costs Redis and this process much the same whatever it holds."""

import asyncio
from typing import Final

PACE_S: Final = 0.003  # between commits


class Pace:
    """The time since the last commit, and the wait until the next may leave."""

    def __init__(self) -> None:
        self._left_at = 0.0  # by the loop's clock
        self._over = asyncio.Event()

    def left(self) -> None:
        """A commit has just left; who waits to let one leave need not wait any longer."""
        self._left_at = asyncio.get_running_loop().time()
        self._over.set()

    def end(self) -> None:
        """Let nobody wait any longer."""
        self._over.set()

    async def keep(self) -> None:
        """Wait while the last commit has only just left, until another does or `end` is called."""
        loop = asyncio.get_running_loop()
        rest = self._left_at + PACE_S - loop.time()
        if rest <= 0:
            return
        self._over.clear()
        timer = loop.call_later(rest, self._over.set)
        await self._over.wait()
        timer.cancel()
