"""The rows that a block becomes: one list per table, and beside each row the record it came from.

Rows are tuples in the order of their table's columns, with values as the warehouse's Native writer wants them.
Knows neither how rows are made nor how they are inserted.
"""

from dataclasses import dataclass, field
from typing import Any, Final

from openpanel.stream.drain import DeadFrame, Record
from openpanel.warehouse import tables
from openpanel.warehouse.schema import Table

Row = tuple[Any, ...]
Source = Record | DeadFrame

# In the order of their inserts. What a repeat would not make again (because profiles have moved on) comes before
# the profiles, so that a crash between two inserts loses nothing.
INSERTED: Final = (
    tables.EVENTS,
    tables.REPLAY_CHUNKS,
    tables.BOTS,
    tables.PERSON_OVERRIDES,
    tables.DEAD_LETTERS,
    tables.PROFILES,
    tables.GROUPS,
)


@dataclass(slots=True)
class Rows:
    """Rows for one table."""

    table: Table
    rows: list[Row] = field(default_factory=list)
    sources: list[Source] = field(default_factory=list)

    def add(self, row: Row, source: Source) -> None:
        """Take one row."""
        self.rows.append(row)
        self.sources.append(source)


class Batch:
    """All rows of one block."""

    __slots__ = ("_of",)

    def __init__(self) -> None:
        self._of = {table.name: Rows(table) for table in INSERTED}

    def of(self, table: Table) -> Rows:
        """The rows for a table."""
        return self._of[table.name]

    def inserted(self) -> list[Rows]:
        """What there is to insert, in order."""
        return [rows for rows in self._of.values() if rows.rows]
