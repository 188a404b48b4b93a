"""The people of a project in pages: those who are known, those who are not, the most active ones.

Whoever did anything is listed once, as who it really is, also those who never had a session; and, where nothing is
asked that only doings can answer, profiles that were described and never seen. First and last time and the number of
events are of everything a person did; conditions say who is listed: one event, within the period, must meet all.

A page continues after the last person before it. What happens after the first page was asked for does not count on
the next ones (the cursor carries that moment), so nobody moves, is left out or comes twice. Persons may have devices
on several shards: they are counted where the question was asked. Knows no store and no clock: text and rows only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from openpanel.analytics.filters import BadFilter
from openpanel.analytics.person_cursors import PeopleCursor
from openpanel.analytics.person_lists import of_people
from openpanel.analytics.person_rows import PeopleListAnswer, Person, people_list
from openpanel.analytics.person_selection import PeopleKind, PeopleSelection
from openpanel.analytics.routing import Source, Span
from openpanel.analytics.statements import Row, Statement, from_milliseconds, milliseconds

__all__ = [
    "People",
    "PeopleCount",
    "PeopleCursor",
    "PeopleKind",
    "PeopleListAnswer",
    "PeopleSelection",
    "PeopleSort",
    "Person",
]

MAX_LIMIT: Final = 1_000
PeopleSort = Literal["last_seen", "first_seen", "events"]
SORTS: Final = ("last_seen", "first_seen", "events")


@dataclass(frozen=True, slots=True)
class People:
    """Who are they? `power` is always sorted by events, most first."""

    selection: PeopleSelection
    sort: PeopleSort = "last_seen"
    descending: bool = True
    limit: int = 50
    after: PeopleCursor | None = None

    def __post_init__(self) -> None:
        if self.sort not in SORTS:
            raise BadFilter(self.sort, reason=f"expected one of {', '.join(SORTS)}")
        if not 1 <= self.limit <= MAX_LIMIT:
            raise BadFilter("limit", reason=f"expected 1 to {MAX_LIMIT}")

    @property
    def project(self) -> str:
        return self.selection.project

    @property
    def exact(self) -> Source:
        return Source.EVENTS

    @property
    def rolled_up(self) -> tuple[Span, ...]:
        return ()

    @property
    def as_of_ms(self) -> int:
        """What happened later does not count."""
        return milliseconds(self.selection.now) if self.after is None else self.after.as_of_ms

    @property
    def order(self) -> tuple[PeopleSort, bool]:
        """What the list is sorted by, and whether the most comes first."""
        return ("events", True) if self.selection.kind == "power" else (self.sort, self.descending)

    def statement(self, source: Source) -> Statement:
        assert source is Source.EVENTS
        as_of = from_milliseconds(self.as_of_ms)
        return of_people(self.selection, as_of=as_of, order=self.order, after=self.after, limit=self.limit)

    def answer(self, rows: Sequence[Row], source: Source) -> PeopleListAnswer:
        assert source is Source.EVENTS
        return people_list(rows, limit=self.limit, as_of_ms=self.as_of_ms)


@dataclass(frozen=True, slots=True)
class PeopleCount:
    """How many are they?"""

    selection: PeopleSelection

    @property
    def project(self) -> str:
        return self.selection.project

    @property
    def exact(self) -> Source:
        return Source.EVENTS

    @property
    def rolled_up(self) -> tuple[Span, ...]:
        return ()

    def statement(self, source: Source) -> Statement:
        assert source is Source.EVENTS
        return of_people(self.selection, as_of=self.selection.now)

    def answer(self, rows: Sequence[Row], source: Source) -> int:
        assert source is Source.EVENTS
        return int(rows[0][0])
