"""Statements while they run: how many at once, and what becomes of one whose client went away.

The engine enforces no limit on statements at once, and stops none because its client is gone; both are here.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from openpanel_local.clickhouse import errors
from openpanel_local.clickhouse.engine import Engine

_Result = TypeVar("_Result")
_KILL_AGAIN_S = 0.2  # a statement may be killed before the engine has begun it


class ClientGoneError(Exception):
    """Nobody waits for the answer any more."""


class Slots:
    """A number of statements at once, and a bounded wait for a place."""

    def __init__(self, limit: int, *, wait_s: float) -> None:
        self._limit = limit
        self._places = asyncio.Semaphore(limit)
        self._wait_s = wait_s

    @contextlib.asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        """A place for the block; refused when none is free in time."""
        try:
            async with asyncio.timeout(self._wait_s):
                await self._places.acquire()
        except TimeoutError as error:
            message = f"Too many simultaneous queries. Maximum: {self._limit}"
            raise errors.refusal(errors.TOO_MANY_SIMULTANEOUS_QUERIES, message) from error
        try:
            yield
        finally:
            self._places.release()


class Threads:
    """The threads that call the engine, one per statement, and one for what stops statements."""

    def __init__(self, engine: Engine, *, limit: int) -> None:
        self._engine = engine
        self._pool = ThreadPoolExecutor(limit, thread_name_prefix="statement")
        self._killer = ThreadPoolExecutor(1, thread_name_prefix="kill")

    async def call(self, function: Callable[..., _Result], *arguments: Any) -> _Result:
        """`function` in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, function, *arguments)

    async def call_for(
        self, gone: asyncio.Future[None], mark: str, function: Callable[..., _Result], *arguments: Any
    ) -> _Result:
        """`function` in a thread; when the client is `gone` first, its query is killed."""
        running = asyncio.get_running_loop().run_in_executor(self._pool, function, *arguments)
        waited: set[asyncio.Future[Any]] = {running, gone}
        await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
        if not running.done():
            await self._kill_until_done(running, mark)
            raise ClientGoneError
        return running.result()

    async def kill_all(self) -> None:
        """Stop every statement."""
        await asyncio.get_running_loop().run_in_executor(self._killer, self._engine.kill_all)

    def close(self, *, wait_s: float) -> bool:
        """No more calls; whether all threads ended in that time."""
        self._killer.shutdown(wait=False, cancel_futures=True)
        self._pool.shutdown(wait=False, cancel_futures=True)
        threads = [*self._pool._threads, *self._killer._threads]
        for thread in threads:
            thread.join(wait_s / max(1, len(threads)))
        return not any(thread.is_alive() for thread in threads)

    async def _kill_until_done(self, running: asyncio.Future[Any], mark: str) -> None:
        loop = asyncio.get_running_loop()
        while not running.done():
            with contextlib.suppress(errors.Refusal):  # whatever it was, the next attempt comes
                await loop.run_in_executor(self._killer, self._engine.kill, mark)
            await asyncio.wait({running}, timeout=_KILL_AGAIN_S)
        running.exception()  # whatever it was, nobody is told
