"""Requests to stop, as they come from a terminal and from `openpanel down`."""

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Final

NUMBERS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextlib.contextmanager
def heeded(told: Callable[[], None], *, at_once: Callable[[], None]) -> Iterator[None]:
    """Until the end of the block, the running loop calls `told` for each signal.

    `at_once` is called before that, and also when the loop is blocked: that is why these are not the loop's own handlers.
    """
    loop = asyncio.get_running_loop()

    def heed(_number: int, _frame: FrameType | None) -> None:
        at_once()
        loop.call_soon_threadsafe(told)

    # `nohup` means what it says.
    numbers = [number for number in NUMBERS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, heed) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
