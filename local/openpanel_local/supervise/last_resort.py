"""The end of a supervisor that does not come to its own: after a time it says where it hangs, and is gone.

A stop is bounded by itself (`supervisor`); this is for what cannot be foreseen: an event loop that is blocked, a thread
that does not return. It works without either of them. The kernel ends the children with their supervisor.
"""

import contextlib
import faulthandler
import os
from collections.abc import Callable, Iterator
from pathlib import Path


@contextlib.contextmanager
def at_hand(log: Path, *, within_s: float) -> Iterator[Callable[[], None]]:
    """Call what it gives when the end is asked for: unless the block is over within the time, the process is.

    Calling it again changes nothing. What every thread was doing stands in the log then; the exit code is 1.
    """
    armed = False
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def arm() -> None:
        nonlocal armed
        if not armed:
            armed = True
            faulthandler.dump_traceback_later(within_s, exit=True, file=descriptor)

    try:
        yield arm
    finally:
        if armed:
            faulthandler.cancel_dump_traceback_later()
        os.close(descriptor)
