"""What many questions of one page want to know at the same time: asked once, kept for a moment.

For what decides how to answer and is no answer itself, so that it may be some seconds old. Whoever comes while it is
being asked waits for that answer instead of asking again. Bounded; safe for threads.
"""

import time
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from threading import Lock
from typing import Final, Generic, TypeVar

MAX_KEPT: Final = 10_000

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Recent(Generic[K, V]):
    """What was found within the last `kept_s` seconds."""

    def __init__(self, *, kept_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._kept_s = kept_s
        self._clock = clock
        self._lock = Lock()
        self._kept: dict[K, tuple[float, Future[V]]] = {}

    def get(self, key: K, *, find: Callable[[], V]) -> V:
        """The value, from `find` when it is not known or too old. What `find` raises reaches all who wait."""
        now = self._clock()
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None and now - kept[0] < self._kept_s:
                found, is_mine = kept[1], False
            else:
                found, is_mine = Future[V](), True
                self._keep(key, now, found)
        if is_mine:
            self._settle(key, found, find)
        return found.result()

    def _keep(self, key: K, now: float, found: Future[V]) -> None:
        if len(self._kept) >= MAX_KEPT:
            self._kept.clear()
        self._kept[key] = (now, found)

    def _settle(self, key: K, found: Future[V], find: Callable[[], V]) -> None:
        try:
            found.set_result(find())
        except BaseException as error:
            with self._lock:
                self._kept.pop(key, None)
            found.set_exception(error)
            raise
