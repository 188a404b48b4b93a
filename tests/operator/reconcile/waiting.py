"""Waiting for what other tasks bring about, with a generous limit."""

import asyncio
from collections.abc import Awaitable, Callable


async def until(condition: Callable[[], bool], *, within_s: float = 150.0) -> None:
    """Come back when the condition holds."""
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110 - anything may make it hold
            await asyncio.sleep(0.01)


async def until_true(condition: Callable[[], Awaitable[bool]], *, within_s: float = 150.0) -> None:
    """Come back when what is asked answers yes."""
    async with asyncio.timeout(within_s):
        while not await condition():  # noqa: ASYNC110 - asked of a server
            await asyncio.sleep(0.05)
