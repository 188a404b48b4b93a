"""What there is to choose from: names of events, and keys of their properties. For pickers, so from rollups alone.

What begins with the searched text comes first, then what is most frequent. Shards are added up before anything is
ranked or cut: what is rare on each may be frequent on all. Knows no store and no clock: text and rows only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from openpanel.analytics.filters import BadFilter
from openpanel.analytics.reading import Reading
from openpanel.analytics.routing import Source, Span
from openpanel.analytics.statements import Row, Statement, fill

MAX_LIMIT: Final = 1_000
MAX_SEARCH: Final = 1_000  # characters


@dataclass(frozen=True, slots=True)
class Picked:
    """One thing to choose: how often there was one, and the last day of the project's calendar on which there was.

    `last_day` is `None` for what was told and not seen.
    """

    name: str
    count: int
    last_day: date | None


@dataclass(frozen=True, slots=True)
class PickedAnswer:
    """The first of them, and whether there are more."""

    found: tuple[Picked, ...]
    more: bool


@dataclass(frozen=True, slots=True)
class EventNames:
    """Which events are there? `search` is a part of the name, without regard to case."""

    project: str
    search: str = ""
    limit: int = 100

    def __post_init__(self) -> None:
        check_picker(self.search, limit=self.limit)

    @property
    def exact(self) -> Source:
        return Source.ROLLUP

    @property
    def rolled_up(self) -> tuple[Span, ...]:
        return ()

    def statement(self, source: Source) -> Statement:
        assert source is Source.ROLLUP
        reading = Reading(self.project, timezone="UTC")
        found = fill(_NAMES, where=matching("name", self.search, reading))
        return Statement(picked(found, self.search, limit=self.limit, reading=reading), reading.parameters)

    def answer(self, rows: Sequence[Row], source: Source) -> PickedAnswer:
        assert source is Source.ROLLUP
        return picked_answer(rows, limit=self.limit)


@dataclass(frozen=True, slots=True)
class PropertyKeys:
    """Which properties do events of this name have? Without a name: which are there at all?"""

    project: str
    event: str | None = None
    search: str = ""
    limit: int = 100

    def __post_init__(self) -> None:
        check_picker(self.search, limit=self.limit)

    @property
    def exact(self) -> Source:
        return Source.ROLLUP

    @property
    def rolled_up(self) -> tuple[Span, ...]:
        return ()

    def statement(self, source: Source) -> Statement:
        assert source is Source.ROLLUP
        reading = Reading(self.project, timezone="UTC")
        of_event = "" if self.event is None else f"\n    AND name = {reading.text(self.event)}"
        found = fill(_KEYS, where=of_event + matching("key", self.search, reading))
        return Statement(picked(found, self.search, limit=self.limit, reading=reading), reading.parameters)

    def answer(self, rows: Sequence[Row], source: Source) -> PickedAnswer:
        assert source is Source.ROLLUP
        return picked_answer(rows, limit=self.limit)


def check_picker(search: str, *, limit: int) -> None:
    """Refuse what no picker takes."""
    if not 1 <= limit <= MAX_LIMIT:
        raise BadFilter("limit", reason=f"expected 1 to {MAX_LIMIT}")
    if len(search) > MAX_SEARCH:
        raise BadFilter("search", reason=f"at most {MAX_SEARCH} characters")


def matching(column: str, search: str, reading: Reading) -> str:
    """A line to go on a WHERE with: that the text is a part of the column; '' for no text."""
    if not search:
        return ""
    return f"\n    AND positionCaseInsensitiveUTF8({column}, {reading.text(search)}) > 0"


def picked(found: str, search: str, *, limit: int, reading: Reading) -> str:
    """The statement over a sub-select of `item`, `seen` and `last_day`, in the order of a picker."""
    first = ""
    if search:
        first = f"positionCaseInsensitiveUTF8(item, {reading.text(search)}) = 1 DESC, "
    return fill(_PICKED, found=found, first=first, limit=reading.value("UInt32", limit + 1))


def picked_answer(rows: Sequence[Row], *, limit: int) -> PickedAnswer:
    """The answer in the rows of such a statement."""
    found = tuple(
        Picked(item, seen, last_day if last_day > _NEVER else None) for item, seen, last_day in rows
    )
    return PickedAnswer(found[:limit], more=len(rows) > limit)


_NEVER: Final = date(1970, 1, 1)

_PICKED: Final = """\
SELECT item, seen, last_day
FROM
(
<<found>>
)
ORDER BY <<first>>seen DESC, item
LIMIT <<limit>>"""

_NAMES: Final = """\
SELECT name AS item, sum(r_day.events) AS seen, max(day) AS last_day
FROM r_day
WHERE project_id = {project:String}<<where>>
GROUP BY item"""

_KEYS: Final = """\
SELECT key AS item, sum(property_names.events) AS seen, max(property_names.last_day) AS last_day
FROM property_names
WHERE project_id = {project:String}<<where>>
GROUP BY item"""
