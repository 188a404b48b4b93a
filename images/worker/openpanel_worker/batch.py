"""The rows that a block becomes: one list per table, and beside each row the record it came from.

Rows are tuples in the order of `layout`, with values as the warehouse's Native writer wants them.
Knows neither how rows are made nor how they are inserted.
"""

from dataclasses import dataclass, field
from typing import Any

from openpanel.stream.drain import DeadFrame, Record
from openpanel.warehouse import tables
from openpanel.warehouse.schema import Table
from openpanel_worker.forgotten import Met

Row = tuple[Any, ...]
Source = Record | DeadFrame


@dataclass(slots=True)
class Rows:
    """Rows for one table, and the bytes of all of them once they are encoded."""

    table: Table
    rows: list[Row] = field(default_factory=list)
    sources: list[Source] = field(default_factory=list)
    encoded: bytes = b""

    def add(self, row: Row, source: Source) -> None:
        """Take one row."""
        self.rows.append(row)
        self.sources.append(source)


class Batch:
    """All rows of one block, in the order of their inserts.

    Who sees an event sees what its block says of people: profiles, groups and whose device it is come before the
    events. What a repeat would not make again (because profiles have moved on) comes before the profiles, so that
    a crash between two inserts loses nothing.
    """

    __slots__ = (
        "bots",
        "dead_letters",
        "events",
        "groups",
        "met",
        "overrides",
        "profiles",
        "projects",
        "replay_chunks",
    )

    def __init__(self) -> None:
        self.projects: frozenset[str] = frozenset()  # all of which there may be rows
        self.met = Met()
        self.events = Rows(tables.EVENTS)
        self.replay_chunks = Rows(tables.REPLAY_CHUNKS)
        self.bots = Rows(tables.BOTS)
        self.overrides = Rows(tables.PERSON_OVERRIDES)
        self.dead_letters = Rows(tables.DEAD_LETTERS)
        self.profiles = Rows(tables.PROFILES)
        self.groups = Rows(tables.GROUPS)

    def inserted(self) -> list[Rows]:
        """What there is to insert, in order."""
        every = (
            self.dead_letters,
            self.overrides,
            self.profiles,
            self.groups,
            self.events,
            self.replay_chunks,
            self.bots,
        )
        return [rows for rows in every if rows.rows]
