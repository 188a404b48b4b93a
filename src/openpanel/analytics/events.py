"""Single events, newest first: what the export, the event list and a profile's history read.

Both bounds are exact. A page is asked for by number, or, for long reads, by the cursor of the last event before it:
nothing is left out between two pages while events arrive, whichever way. Each shard gives its own first rows, which are
put in order and cut where the question was asked. Knows no store and no clock: text and rows only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from openpanel.analytics.event_detail import EventDetail, EventInSession
from openpanel.analytics.event_rows import EVENT, Event, event
from openpanel.analytics.filters import PROPERTY, BadFilter, Filter, check, conditions
from openpanel.analytics.person_ids import is_one_of
from openpanel.analytics.property_filters import PropertyFilter, check_filters, met
from openpanel.analytics.reading import Membership, Reading
from openpanel.analytics.routing import Source, Span
from openpanel.analytics.statements import Row, Statement, and_all, day_of_milliseconds, fill, milliseconds
from openpanel.identity.ids import from_hex, person_of_profile, to_hex

__all__ = [
    "COLUMNS",
    "Cursor",
    "Event",
    "EventCount",
    "EventDetail",
    "EventInSession",
    "Events",
    "EventsAnswer",
    "Selection",
    "selected",
]

MAX_LIMIT: Final = 1_000
MAX_SEARCH: Final = 1_000  # characters
MAX_OFFSET: Final = 10_000_000  # rows; who reads further uses the cursor
_LATEST_MS: Final = 7_258_118_400_000  # the year 2200

# What a filter may name, and the column it is about.
COLUMNS: Final = {
    "event": "seen.name",
    "page": "seen.path",
    "origin": "seen.origin",
    "title": "seen.title",
    "referrer_url": "seen.referrer",
    "referrer": "seen.referrer_name",
    "referrer_type": "seen.referrer_type",
    "utm.source": "seen.utm_source",
    "utm.medium": "seen.utm_medium",
    "utm.campaign": "seen.utm_campaign",
    "utm.term": "seen.utm_term",
    "utm.content": "seen.utm_content",
    "country": "seen.country",
    "region": "seen.region",
    "city": "seen.city",
    "os": "seen.os",
    "os_version": "seen.os_version",
    "browser": "seen.browser",
    "browser_version": "seen.browser_version",
    "device": "seen.device",
    "brand": "seen.brand",
    "model": "seen.model",
    "sdk_name": "seen.sdk_name",
    "sdk_version": "seen.sdk_version",
    "profile": "seen.profile_id",
    "session": "lower(leftPad(hex(seen.session_id), 16, '0'))",
    "revenue": "toString(seen.revenue)",
    "duration": "toString(seen.duration)",
    PROPERTY: "seen.properties[{key}]",
}


@dataclass(frozen=True, slots=True)
class Cursor:
    """The place of an event in the list; a list continues after it."""

    created_at_ms: int
    event_id: int

    def __str__(self) -> str:
        return f"{to_hex(self.created_at_ms)}{to_hex(self.event_id)}"

    @classmethod
    def parse(cls, text: str) -> "Cursor | None":
        """The cursor that `str` wrote, `None` for any other text."""
        created_at_ms, event_id = from_hex(text[:16]), from_hex(text[16:])
        if created_at_ms is None or event_id is None or created_at_ms > _LATEST_MS:
            return None
        return cls(created_at_ms, event_id)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which events: from `start` up to, without, `end`; of these names; of this person; that pass the filters.

    `profile` selects what the person did, also before it was known and under an alias, `session` what was done in one
    session. `filters` are about the event's columns; `property_filters` about everything a filter may name, with times
    of `timezone`. `search` is a part of name, path or title, without regard to case.
    """

    project: str
    start: datetime | None = None
    end: datetime | None = None
    names: tuple[str, ...] = ()
    profile: str = ""
    filters: tuple[Filter, ...] = ()
    property_filters: tuple[PropertyFilter, ...] = ()
    cohorts: tuple[Membership, ...] = ()
    session: int | None = None
    search: str = ""
    timezone: str = "UTC"

    def __post_init__(self) -> None:
        check(self.filters)
        check_filters(self.property_filters)
        if len(self.search) > MAX_SEARCH:
            raise BadFilter("search", reason=f"at most {MAX_SEARCH} characters")


@dataclass(frozen=True, slots=True)
class EventsAnswer:
    """The events, newest first; `cursor` continues after the last of them, `None` when there are no more."""

    events: tuple[Event, ...]
    cursor: Cursor | None


@dataclass(frozen=True, slots=True)
class Events:
    """Which events were these? Give `after` or `page` (from 1), not both."""

    selection: Selection
    limit: int = 50
    page: int = 1
    after: Cursor | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.limit <= MAX_LIMIT:
            raise BadFilter("limit", reason=f"expected 1 to {MAX_LIMIT}")
        if self.page < 1 or (self.page - 1) * self.limit > MAX_OFFSET:
            raise BadFilter("page", reason="expected 1 or more; use the cursor to read far back")
        if self.after is not None and self.page != 1:
            raise BadFilter("page", reason="expected no page beside a cursor")

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
        offset = (self.page - 1) * self.limit
        parameters: dict[str, object] = {
            "limit": self.limit + 1,
            "offset": offset,
            "reach": offset + self.limit + 1,
        }
        if self.after is not None:
            parameters |= {
                "after": self.after.created_at_ms,
                "after_day": day_of_milliseconds(self.after.created_at_ms),
                "after_id": self.after.event_id,
            }
        after = () if self.after is None else (_AFTER,)
        within, given = selected(self.selection, after)
        found, _ = selected(self.selection, (*after, _SINCE))
        return Statement(fill(_EVENTS, columns=EVENT, within=within, selected=found), {**given, **parameters})

    def answer(self, rows: Sequence[Row], source: Source) -> EventsAnswer:
        assert source is Source.EVENTS
        events = tuple(event(row) for row in rows[: self.limit])
        more = len(rows) > self.limit
        return EventsAnswer(events, _cursor_of(events[-1]) if more else None)


@dataclass(frozen=True, slots=True)
class EventCount:
    """How many events are these?"""

    selection: Selection

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
        found, parameters = selected(self.selection, ())
        return Statement(fill(_COUNT, selected=found), parameters)

    def answer(self, rows: Sequence[Row], source: Source) -> int:
        assert source is Source.EVENTS
        return int(rows[0][0])


# The table is ordered by day, and by time only within a day and a name. So the day in which the page is full is looked
# up first, by the day alone, which stops reading there; without it the store would sort all that there is.
_EVENTS: Final = """\
WITH
(
SELECT if(count() = 0, toDate('2149-06-06'), min(ends.day))
FROM
(
SELECT toDate(seen.created_at) AS day
<<within>>
ORDER BY toDate(seen.created_at) DESC
LIMIT {reach:UInt64}
) AS ends
) AS earliest
SELECT
    <<columns>>
<<selected>>
ORDER BY toDate(seen.created_at) DESC, seen.created_at DESC, seen.event_id DESC
LIMIT {limit:UInt32} OFFSET {offset:UInt64}"""

_SINCE: Final = "toDate(seen.created_at) >= earliest"

_COUNT: Final = """\
SELECT count()
<<selected>>"""

_SELECTED: Final = """\
FROM events AS seen<<joins>>
WHERE seen.project_id = {project:String}<<conditions>>"""

_AFTER: Final = """toDate(seen.created_at) <= {after_day:Date}
    AND seen.created_at <= fromUnixTimestamp64Milli({after:Int64}, 'UTC')
    AND (seen.created_at < fromUnixTimestamp64Milli({after:Int64}, 'UTC') OR seen.event_id < {after_id:UInt64})"""

_SEARCHED: Final = """(positionCaseInsensitiveUTF8(seen.name, <<search>>) > 0
    OR positionCaseInsensitiveUTF8(seen.path, <<search>>) > 0
    OR positionCaseInsensitiveUTF8(seen.title, <<search>>) > 0)"""


def selected(selection: Selection, others: Sequence[str]) -> tuple[str, dict[str, object]]:
    """FROM and WHERE for the events as `seen`, and the parameters. `others` are conditions to add."""
    reading = Reading(selection.project, timezone=selection.timezone, cohorts=selection.cohorts)
    plain = conditions(selection.filters, columns=COLUMNS, prefix="f")
    parts = [*plain.sql, *_asked(selection, reading), *met(selection.property_filters, reading), *others]
    sql = fill(_SELECTED, joins=reading.joins(None), conditions=and_all(tuple(parts)))
    return sql, {**(plain.parameters or {}), **reading.parameters}


def _asked(selection: Selection, reading: Reading) -> list[str]:
    """The conditions other than filters."""
    parts: list[str] = []
    if selection.start is not None:
        parts += reading.since(selection.start)
    if selection.end is not None:
        parts += reading.before(selection.end)
    if selection.names:
        parts.append(f"seen.name IN {reading.texts(selection.names)}")
    if selection.profile:
        parts.append(is_one_of("seen.person", (person_of_profile(selection.profile),), reading))
    if selection.session is not None:
        parts.append(f"seen.session_id = {reading.value('UInt64', selection.session)}")
    if selection.search:
        parts.append(fill(_SEARCHED, search=reading.text(selection.search)))
    return parts


def _cursor_of(last: Event) -> Cursor:
    return Cursor(milliseconds(last.created_at), last.event_id)
