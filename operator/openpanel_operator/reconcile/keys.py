"""The work queue: which resources wait to be reconciled, each once, however often it is asked for.

Fair: the namespaces take turns, so that one tenant's thousand projects do not keep another's one waiting. Bounded:
so many at once. Quiet: what fails comes back later and later, spread by chance; one that is asked for anyway comes
at once, though never twice within a short while. Knows nothing about what is done.
"""

import asyncio
from collections import OrderedDict, defaultdict, deque
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from openpanel_operator.kube import Key

AT_ONCE: Final = 20
SPACING_S: Final = (
    0.2  # between the end of one pass over a resource and the next; what comes meanwhile is one pass
)
FIRST_BACKOFF_S: Final = 1.0
LONGEST_BACKOFF_S: Final = 300.0

Work = Callable[[Key], Awaitable[float | None]]  # seconds until it is looked at again; None: only when asked

_log = structlog.get_logger(__name__)


class Queue:
    """Keys that wait. All calls on the event loop's thread."""

    def __init__(self, *, chance: Callable[[], float], spacing_s: float = SPACING_S) -> None:
        self._chance = chance
        self._spacing_s = spacing_s
        self._ready: OrderedDict[str, deque[Key]] = (
            OrderedDict()
        )  # namespace → its keys; the first one's turn is next
        self._waiting: set[Key] = set()
        self._later: dict[Key, asyncio.TimerHandle] = {}
        self._busy: dict[Key, bool] = {}  # in work → asked for again meanwhile
        self._rested_at: OrderedDict[Key, float] = (
            OrderedDict()
        )  # of those that rest still, the first to end first
        self._failures: defaultdict[Key, int] = defaultdict(int)
        self._filled = asyncio.Event()
        self.moved_at = asyncio.get_running_loop().time()

    def add(self, key: Key, *, after: float = 0.0) -> None:
        """Ask for a pass over this resource, `after` so many seconds; an earlier request stands."""
        if key in self._busy:
            if not after:
                self._busy[key] = True
                return
        elif key in self._waiting:
            return
        now = asyncio.get_running_loop().time()
        due = now + after if after else self._rested_at.get(key, now)
        if due <= now:
            self._enter(key)
            return
        planned = self._later.get(key)
        if planned is not None:
            if planned.when() <= due:
                return
            planned.cancel()
        self._later[key] = asyncio.get_running_loop().call_at(due, self._enter, key)

    def forget(self, key: Key) -> None:
        """The resource is gone: nothing about it needs to be remembered."""
        planned = self._later.pop(key, None)
        if planned is not None:
            planned.cancel()
        self._failures.pop(key, None)
        self._rested_at.pop(key, None)

    @property
    def waiting(self) -> int:
        """Keys that could be worked on now."""
        return len(self._waiting)

    @property
    def idle(self) -> bool:
        """Whether nothing is in work and nothing waits for a free place."""
        return not self._busy and not self._waiting

    async def run(self, work: Work, *, at_once: int = AT_ONCE) -> None:
        """Work off what comes, for ever."""
        async with asyncio.TaskGroup() as group:
            for number in range(at_once):
                group.create_task(self._worker(work), name=f"reconcile-{number}")

    def close(self) -> None:
        """Forget all plans."""
        for planned in self._later.values():
            planned.cancel()
        self._later.clear()

    async def _worker(self, work: Work) -> None:
        while True:
            key = await self._take()
            again: float | None
            try:
                again = await work(key)
            except Exception:  # noqa: BLE001 - the edge: one resource's fault is no other's
                _log.exception("reconcile failed", resource=str(key))
                again = self._backoff(key)
            else:
                self._failures.pop(key, None)
            self._finish(key, again)

    async def _take(self) -> Key:
        while not self._ready:
            self._filled.clear()
            await self._filled.wait()
        namespace, keys = self._ready.popitem(last=False)
        key = keys.popleft()
        if keys:
            self._ready[namespace] = keys
        self._waiting.discard(key)
        self._busy[key] = False
        self.moved_at = asyncio.get_running_loop().time()
        return key

    def _finish(self, key: Key, again: float | None) -> None:
        asked = self._busy.pop(key)
        now = asyncio.get_running_loop().time()
        self.moved_at = now
        self._rested_at.pop(key, None)
        self._rested_at[key] = now + self._spacing_s
        while self._rested_at and next(iter(self._rested_at.values())) <= now:
            self._rested_at.popitem(last=False)  # it has rested, and may be gone for good
        if asked:
            self.add(key)
        elif again is not None:
            self.add(key, after=max(again, self._spacing_s))

    def _backoff(self, key: Key) -> float:
        self._failures[key] += 1
        longest = min(LONGEST_BACKOFF_S, FIRST_BACKOFF_S * 2.0 ** min(self._failures[key] - 1, 30))
        return longest * (0.5 + 0.5 * self._chance())

    def _enter(self, key: Key) -> None:
        planned = self._later.pop(key, None)
        if planned is not None:
            planned.cancel()
        if key in self._busy:
            self._busy[key] = True
            return
        if key in self._waiting:
            return
        self._waiting.add(key)
        self._ready.setdefault(key.namespace, deque()).append(key)
        self._filled.set()
