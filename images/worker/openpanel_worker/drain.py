"""The drain order: "empty this shard", carried out by a long-lived worker.

    lease → (linger → block → rows → inserts → acknowledgement)* → release

Each insert carries a token made of the block's range, and only then is the block acknowledged: whoever takes over
after a crash repeats exactly that range. A store that is away is waited for, with the lease in hand and everything
kept; an order ends after a while all the same, so that shards take turns, and is made again by `orders`.
"""

import gc
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
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
from openpanel.warehouse import Warehouse, tables
from openpanel_worker import context, dead_letters, metrics
from openpanel_worker.batch import Rows, Source
from openpanel_worker.pulse import Pulse, beating
from openpanel_worker.transform import Transform
from openpanel_worker.writing import write

BUDGET_S: Final = 10.0  # of one order
FIRST_PAUSE_S: Final = 0.1
LONGEST_PAUSE_S: Final = 5.0

_AWAY: Final[tuple[tuple[type[Exception], str], ...]] = (
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
    def next_block(self, *, max_events: int) -> Block | None: ...
    def acknowledge(self, block: Block) -> None: ...
    def clear_order(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Drain:
    """Everything that one order works with."""

    shard: Leased
    index: int
    transform: Transform
    warehouse: Warehouse
    stopping: Event
    max_events: int
    linger: Callable[[], object]
    """Waits a moment for a fuller block, unless enough waits already."""
    budget_s: float = BUDGET_S

    def run(self) -> Outcome:
        """Drain until nothing waits, time is up or the process stops."""
        if not self.shard.acquire():
            return Outcome.HELD
        self.transform.take_over()
        try:
            with beating(self.shard) as pulse, quiet_collector(), ThreadPoolExecutor(1, "insert") as beside:
                return self._blocks(pulse, beside)
        except LeaseLost:
            metrics.LEASES_LOST.inc()
            _log.warning("lease lost", shard=self.index)
            return Outcome.HELD
        finally:
            with suppress(redis.RedisError):
                self.shard.release()

    def _blocks(self, pulse: Pulse, beside: Executor) -> Outcome:
        deadline = time.monotonic() + self.budget_s
        while not self.stopping.is_set():
            self.linger()
            block = self.shard.next_block(max_events=self.max_events)
            if block is None:
                if self.shard.clear_order():
                    return Outcome.EMPTY
                continue
            with metrics.BLOCK_SECONDS.time():
                if not self._finish(_Work(self, block, beside), pulse, deadline):
                    break
            if time.monotonic() > deadline:
                return Outcome.GOES_ON
        return Outcome.STOPPED if self.stopping.is_set() else Outcome.GOES_ON

    def _finish(self, work: "_Work", pulse: Pulse, deadline: float) -> bool:
        """Bring one block in; False when a store stays away until time is up or the process stops."""
        pause = FIRST_PAUSE_S
        while True:
            try:
                work.do(pulse)
            except tuple(kind for kind, _ in _AWAY) as error:
                _tell_away(error, shard=self.index)
                if self.stopping.wait(pause) or time.monotonic() > deadline:
                    return False
                pause = min(pause * 2, LONGEST_PAUSE_S)
            else:
                return True


class _Work:
    """One block on its way in. What is done stays done when a store goes away in between."""

    def __init__(self, drain: Drain, block: Block, beside: Executor) -> None:
        self._drain = drain
        self._block = block
        self._beside = beside
        self._made = False
        self._waiting: list[Rows] = []
        self._refused = Rows(tables.DEAD_LETTERS)

    def do(self, pulse: Pulse) -> None:
        """Go on from where the last try came to."""
        drain, block = self._drain, self._block
        if not self._made:
            self._waiting = self._make()
            self._made = True
        while self._waiting:
            pulse.check()
            self._insert(self._waiting[0])
            self._waiting.pop(0)
        if self._refused.rows:
            write(drain.warehouse, self._refused, token=f"{block.token}:refused", refuse=_lose)
            _count(self._refused)
            self._refused = Rows(tables.DEAD_LETTERS)
        drain.shard.acknowledge(block)
        drain.transform.settle()
        metrics.BLOCKS.inc()
        metrics.EVENTS.inc(len(block.records))
        metrics.BLOCK_RECORDS.observe(len(block.records))
        metrics.REPEATED.inc(block.repeated)

    def _make(self) -> list[Rows]:
        """Make all rows, inserting the first parts of a long block meanwhile; what is left to insert."""
        begun: list[tuple[Rows, Future[None]]] = []
        self._refused = Rows(tables.DEAD_LETTERS)

        def begin(rows: Rows) -> None:
            begun.append((rows, self._beside.submit(self._insert, rows)))

        try:
            batch = self._drain.transform.rows(self._block, shard=self._drain.index, ready=begin)
        finally:
            wait([future for _, future in begun])
        return [*(rows for rows, future in begun if not _inserted(future)), *batch.inserted()]

    def _insert(self, rows: Rows) -> None:
        found: list[tuple[Source, str]] = []
        refuse = _lose if rows.table is tables.DEAD_LETTERS else lambda *one: found.append(one)
        write(self._drain.warehouse, rows, token=self._block.token, refuse=refuse)
        for source, detail in found:  # only once all of the table is in: the whole may be tried again
            self._drain.transform.bury(source, dead_letters.REFUSED, detail, into=self._refused)
        _count(rows)


def drain(pool: str, shard: int) -> str:
    """The order as RQ calls it; says how it ended."""
    return context.current().drain(pool, shard).run().value


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


def _inserted(future: Future[None]) -> bool:
    """Whether an insert went through; False when its store is away, and then it is to be tried again."""
    try:
        future.result()
    except warehouse.Unavailable:
        return False
    return True


def _tell_away(error: Exception, *, shard: int) -> None:
    store = next(name for kind, name in _AWAY if isinstance(error, kind))
    metrics.AWAY.labels(store).inc()
    _log.warning("store is away", store=store, shard=shard, error=str(error)[:500])


def _lose(source: Source, detail: str) -> None:
    """Not even the dead letter can be kept: say so, without its content."""
    metrics.LOST.inc()
    _log.error("dead letter refused", event_id=source.event_id, order=source.order, error=detail[:500])


def _count(rows: Rows) -> None:
    metrics.ROWS.labels(rows.table.name).inc(len(rows.rows))
    if rows.table is tables.DEAD_LETTERS:
        reason = rows.table.column_names.index("reason")
        for row in rows.rows:
            metrics.DEAD.labels(row[reason]).inc()
