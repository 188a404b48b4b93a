"""The drain order: "empty this shard", carried out by a long-lived worker.

    lease → (linger → read a block → make its rows → claim its range → insert → acknowledge)* → release

While one block is inserted the next one is read and made: the warehouse and this process work at the same time.
Claim, inserts and acknowledgement stay strictly one block after another, each insert with a token made of its
block's range: whoever takes over after a crash repeats exactly that range, and what was only read was never begun.
A store that is away is waited for, with the lease in hand and everything kept; an order ends after a while all the
same, so that shards take turns, and is made again by `orders`.
"""

import gc
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import Enum
from threading import Event
from typing import Final, Protocol

import redis
import structlog

from openpanel import metadata, warehouse
from openpanel.stream.drain import Block
from openpanel.stream.errors import LeaseLost
from openpanel.warehouse import Warehouse
from openpanel_worker import context, metrics
from openpanel_worker.erasures import Erasures
from openpanel_worker.insertion import Insertion
from openpanel_worker.late_words import LateWords
from openpanel_worker.pulse import Pulse, beating
from openpanel_worker.transform import Transform
from openpanel_worker.writing import encode

BUDGET_S: Final = 10.0  # of one order
FIRST_EVENTS: Final = 20_000  # of an order's first block at most: the warehouse need not wait for a long one
FIRST_PAUSE_S: Final = 0.1
LONGEST_PAUSE_S: Final = 5.0

AWAY: Final[tuple[tuple[type[Exception], str], ...]] = (
    (warehouse.Unavailable, "clickhouse"),
    (metadata.Unavailable, "postgres"),
    (redis.RedisError, "redis"),
)

_log = structlog.get_logger(__name__)


class Outcome(Enum):
    """How an order ended."""

    EMPTY = "empty"  # nothing waits, and the wake-up flag is taken back
    GOES_ON = "goes on"  # time is up; more waits
    STOPPED = "stopped"  # the process is asked to stop
    HELD = "held"  # another worker has the shard


class Leased(Protocol):
    """A shard in the hands of one worker: `stream.drain.Shard`."""

    def acquire(self) -> bool: ...
    def renew(self) -> None: ...
    def release(self) -> None: ...
    def peek(self, *, max_events: int, after: Block | None = None) -> Block | None: ...
    def claim(self, block: Block) -> None: ...
    def cut(self, block: Block, token: str) -> None: ...
    def acknowledge(self, block: Block) -> None: ...
    def clear_order(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Drain:
    """Everything that one order works with."""

    shard: Leased
    index: int
    transform: Transform
    warehouse: Warehouse
    erasures: Erasures
    late_words: LateWords
    stopping: Event
    max_events: int
    linger: Callable[[Callable[[], int], float], object]
    """Waits a moment for a fuller block, unless enough waits already; told how to learn the number of messages in hand,
    and how many seconds the last block's inserts took."""
    budget_s: float = BUDGET_S

    def run(self) -> Outcome:
        """Drain until nothing waits, time is up or the process stops."""
        if not self.shard.acquire():
            return Outcome.HELD
        self.transform.take_over()
        try:
            with beating(self.shard) as pulse, quiet_collector(), ThreadPoolExecutor(1, "insert") as beside:
                return _Order(self, pulse, beside).carry_out()
        except LeaseLost:
            metrics.LEASES_LOST.inc()
            _log.warning("lease lost", shard=self.index)
            return Outcome.HELD
        finally:
            with suppress(redis.RedisError):
                self.shard.release()


@dataclass(frozen=True, slots=True)
class _Hand:
    """The block that is being inserted."""

    block: Block
    done: Future[bool]


class _Order:
    """One drain order at work. Reads and makes; what it has made another thread inserts."""

    def __init__(self, drain: Drain, pulse: Pulse, beside: Executor) -> None:
        self._drain = drain
        self._pulse = pulse
        self._beside = beside
        self._deadline = time.monotonic() + drain.budget_s
        self._max_events = min(FIRST_EVENTS, drain.max_events)
        self._hand: _Hand | None = None
        self._inserting_s = 0.0

    def carry_out(self) -> Outcome:
        """Block after block; the last one is finished before this ends."""
        shard = self._drain.shard
        while not self._drain.stopping.is_set():
            hand = self._hand
            self._drain.linger(self._messages_in_hand, self._inserting_s)
            block = shard.peek(max_events=self._max_events, after=hand.block if hand else None)
            if block is None:
                if not self._finish():
                    break
                if shard.clear_order():
                    return Outcome.EMPTY
                continue
            if not self._bring(block) or self._time_is_up():
                break
            self._max_events = min(2 * self._max_events, self._drain.max_events)
        self._finish()
        return Outcome.STOPPED if self._drain.stopping.is_set() else Outcome.GOES_ON

    def _messages_in_hand(self) -> int:
        """Of the block that is being inserted; none once it is acknowledged."""
        hand = self._hand
        return hand.block.messages if hand and not hand.done.done() else 0

    def _bring(self, block: Block) -> bool:
        """Make a block and begin to insert it once the one before is in; False when a store stays away."""
        begun = time.monotonic()
        drain = self._drain
        insertion = Insertion(
            block,
            shard=drain.shard,
            transform=drain.transform,
            erasures=drain.erasures,
            late_words=drain.late_words,
        )
        if not (self._persist(lambda: self._make(insertion)) and self._finish()):
            return False
        self._drain.shard.claim(block)
        self._hand = _Hand(block, self._beside.submit(self._insert, insertion, begun))
        return True

    def _make(self, insertion: Insertion) -> None:
        batch = self._drain.transform.rows(insertion.block, shard=self._drain.index)
        insertion.waiting, insertion.projects, insertion.met = batch.inserted(), batch.projects, batch.met
        for rows in insertion.waiting:
            encode(rows)

    def _insert(self, insertion: Insertion, begun: float) -> bool:
        """The other thread's part."""
        started = time.monotonic()
        if not self._persist(lambda: insertion.go_on(self._drain.warehouse, self._pulse)):
            return False
        self._inserting_s = time.monotonic() - started
        metrics.BLOCK_SECONDS.observe(time.monotonic() - begun)
        return True

    def _finish(self) -> bool:
        """Wait until nothing is in hand; False when a store stays away until time is up or the process stops."""
        hand, self._hand = self._hand, None
        if hand is None:
            return True
        if not hand.done.result():
            return False
        self._drain.transform.settle()
        return True

    def _persist(self, step: Callable[[], object]) -> bool:
        """Do something, again and again while a store is away; False when time is up or the process stops."""
        pause = FIRST_PAUSE_S
        while True:
            try:
                step()
            except tuple(kind for kind, _ in AWAY) as error:
                _tell_away(error, shard=self._drain.index)
                if self._drain.stopping.wait(pause) or self._time_is_up():
                    return False
                pause = min(pause * 2, LONGEST_PAUSE_S)
            else:
                return True

    def _time_is_up(self) -> bool:
        return time.monotonic() > self._deadline


def drain(pool: str, shard: int) -> str:
    """The order as RQ calls it; says how it ended."""
    return context.current().drain(pool, shard).run().value


def count_away(error: Exception) -> str:
    """Count the store that was away; its name, '' when the error says something else."""
    store = next((name for kind, name in AWAY if isinstance(error, kind)), "")
    if store:
        metrics.AWAY.labels(store).inc()
    return store


@contextmanager
def quiet_collector() -> Iterator[None]:
    """Spare blocks the cyclic garbage collector, which finds nothing in rows and costs as much as making them."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _tell_away(error: Exception, *, shard: int) -> None:
    store = count_away(error)
    _log.warning("store is away", store=store, shard=shard, error=str(error)[:500])
