"""Holds a shard's lease while its worker is busy with something that takes long, such as an insert.

A thread of its own, so that neither decoding nor a slow store lets the lease run out. Knows nothing of blocks.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Protocol

import redis

from openpanel.stream.errors import LeaseLost

BEAT_S: Final = 2.0  # a lease is renewed when a third of it has passed


class Leased(Protocol):
    """What can be held."""

    def renew(self) -> None:
        """Hold it for longer; raises LeaseLost."""


class Pulse:
    """Whether the lease is still held, as far as the last beat knows."""

    def __init__(self) -> None:
        self.lost = threading.Event()

    def check(self) -> None:
        """Raise LeaseLost if another worker has taken over."""
        if self.lost.is_set():
            raise LeaseLost("another worker has taken the shard")


@contextmanager
def beating(lease: Leased, *, every_s: float = BEAT_S) -> Iterator[Pulse]:
    """Renew the lease until the end of the block."""
    pulse, ended = Pulse(), threading.Event()

    def beat() -> None:
        while not ended.wait(every_s):
            try:
                lease.renew()
            except LeaseLost:
                pulse.lost.set()
                return
            except redis.RedisError:
                continue  # a lease that ran out and that nobody took can still be renewed

    thread = threading.Thread(target=beat, name="pulse", daemon=True)
    thread.start()
    try:
        yield pulse
    finally:
        ended.set()
        thread.join()
