"""One made block on its way into the warehouse: its tables one after another, then the acknowledgement.

Runs beside the thread that makes the next block. What is done stays done when a store goes away in between, and
`go_on` may then be called again.
"""

from typing import Final, Protocol

import structlog

from openpanel.stream.drain import Block
from openpanel.warehouse import Warehouse, tables
from openpanel_worker import dead_letters, metrics
from openpanel_worker.batch import Rows, Source
from openpanel_worker.erasures import Erasures
from openpanel_worker.forgotten import Met
from openpanel_worker.late_words import LateWords
from openpanel_worker.pulse import Pulse
from openpanel_worker.transform import Transform
from openpanel_worker.writing import write

_REASON: Final = tables.DEAD_LETTERS.column_names.index("reason")

_log = structlog.get_logger(__name__)


class Acknowledging(Protocol):
    """The part of a leased shard that is needed here."""

    def cut(self, block: Block, token: str) -> None: ...
    def acknowledge(self, block: Block) -> None: ...


class Insertion:
    """A block and what of it is still to be inserted, in order: `waiting`; and the projects that it is of."""

    def __init__(
        self,
        block: Block,
        *,
        shard: Acknowledging,
        transform: Transform,
        erasures: Erasures,
        late_words: LateWords,
    ) -> None:
        self.block = block
        self.waiting: list[Rows] = []
        self.projects: frozenset[str] = frozenset()
        self.met = Met()
        self._shard = shard
        self._transform = transform
        self._erasures = erasures
        self._late_words = late_words
        self._refused = Rows(tables.DEAD_LETTERS)
        self._cuts = _Cuts(block, shard)

    def go_on(self, warehouse: Warehouse, pulse: Pulse) -> None:
        """Insert what is left and acknowledge; raises LeaseLost, Unavailable and errors of Redis."""
        while self.waiting:
            pulse.check()
            self._insert(warehouse, self.waiting[0])
            self.waiting.pop(0)
        if self._refused.rows:
            token = f"{self.block.token}:refused"
            write(warehouse, self._refused, token=token, refuse=_lose, cuts=self._cuts)
            _count(self._refused)
            self._refused = Rows(tables.DEAD_LETTERS)
        self._erasures.look_after(self.projects)
        self._late_words.look_after(self.met)
        self._shard.acknowledge(self.block)
        metrics.BLOCKS.inc()
        metrics.EVENTS.inc(len(self.block.records))
        metrics.BLOCK_RECORDS.observe(len(self.block.records))
        metrics.REPEATED.inc(self.block.repeated)

    def _insert(self, warehouse: Warehouse, rows: Rows) -> None:
        found: list[tuple[Source, str]] = []
        refuse = _lose if rows.table is tables.DEAD_LETTERS else lambda *one: found.append(one)
        write(warehouse, rows, token=self.block.token, refuse=refuse, cuts=self._cuts)
        for source, detail in found:  # only once all of the table is in: the whole may be tried again
            self._transform.bury(source, dead_letters.REFUSED, detail, into=self._refused)
        _count(rows)


class _Cuts:
    """Those of a block, written down beside its range before the first half goes in."""

    def __init__(self, block: Block, shard: Acknowledging) -> None:
        self._block = block
        self._shard = shard
        self._tokens = set(block.cuts)

    def __contains__(self, token: str) -> bool:
        return token in self._tokens

    def add(self, token: str) -> None:
        self._shard.cut(self._block, token)
        self._tokens.add(token)


def _lose(source: Source, detail: str) -> None:
    """Not even the dead letter can be encoded: say so, without its content."""
    metrics.LOST.inc()
    _log.error(
        "dead letter cannot be encoded", event_id=source.event_id, order=source.order, error=detail[:500]
    )


def _count(rows: Rows) -> None:
    metrics.ROWS.labels(rows.table.name).inc(len(rows.rows))
    if rows.table is tables.DEAD_LETTERS:
        for row in rows.rows:
            metrics.DEAD.labels(row[_REASON]).inc()
