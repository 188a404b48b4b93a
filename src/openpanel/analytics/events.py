"""Single events, newest first: what the export, the event list and a profile's history read.

Both bounds are exact. A page is asked for by number, or, for long reads, by the cursor of the last event before
it: nothing is left out between two pages while events arrive, whichever way. Knows no store and no clock: text
and rows only.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, Final

from openpanel.analytics.filters import PROPERTY, BadFilter, Filter, check, conditions
from openpanel.analytics.routing import Source, Span
from openpanel.analytics.statements import KNOWN_PERSONS, Row, Statement, and_all, fill, milliseconds
from openpanel.identity.ids import from_hex, person_of_profile, to_hex

MAX_LIMIT: Final = 1_000
MAX_OFFSET: Final = 10_000_000  # rows; who reads further uses the cursor

# What a filter may name, and the column it is about.
COLUMNS: Final = {
    "event": "name",
    "page": "path",
    "origin": "origin",
    "title": "title",
    "referrer_url": "referrer",
    "referrer": "referrer_name",
    "referrer_type": "referrer_type",
    "utm.source": "utm_source",
    "utm.medium": "utm_medium",
    "utm.campaign": "utm_campaign",
    "utm.term": "utm_term",
    "utm.content": "utm_content",
    "country": "country",
    "region": "region",
    "city": "city",
    "os": "os",
    "os_version": "os_version",
    "browser": "browser",
    "browser_version": "browser_version",
    "device": "device",
    "brand": "brand",
    "model": "model",
    "sdk_name": "sdk_name",
    "sdk_version": "sdk_version",
    "profile": "profile_id",
    "session": "lower(leftPad(hex(session_id), 16, '0'))",
    "revenue": "toString(revenue)",
    "duration": "toString(events.duration)",
    PROPERTY: "properties[{key}]",
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
        if created_at_ms is None or event_id is None:
            return None
        return cls(created_at_ms, event_id)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which events: from `start` up to, without, `end`; of these names; of this person; that pass the filters.

    `profile` selects what the person did, also before it was known and under an alias.
    """

    project: str
    start: datetime | None = None
    end: datetime | None = None
    names: tuple[str, ...] = ()
    profile: str = ""
    filters: tuple[Filter, ...] = ()


@dataclass(frozen=True, slots=True)
class Event:
    """One event with all that enrichment added. Ids are numbers; 0 is none."""

    event_id: int
    name: str
    device_id: int
    device_ref: str
    session_id: int
    session_started_at: datetime
    person: int
    profile_id: str
    created_at: datetime
    groups: tuple[str, ...]
    path: str
    origin: str
    title: str
    referrer: str
    referrer_name: str
    referrer_type: str
    utm_source: str
    utm_medium: str
    utm_campaign: str
    utm_term: str
    utm_content: str
    revenue: int
    duration: int
    country: str
    region: str
    city: str
    longitude: float
    latitude: float
    os: str
    os_version: str
    browser: str
    browser_version: str
    device: str
    brand: str
    model: str
    sdk_name: str
    sdk_version: str
    properties: dict[str, str]
    imported_at: datetime | None
    received_at: datetime


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
        parts, parameters = _where(self.selection)
        if self.after is not None:
            parts.append(_AFTER)
            parameters |= {"after": self.after.created_at_ms, "after_id": self.after.event_id}
        parameters |= {"limit": self.limit + 1, "offset": (self.page - 1) * self.limit}
        return Statement(fill(_EVENTS, columns=_SELECTED, conditions=and_all(tuple(parts))), parameters)

    def answer(self, rows: Sequence[Row], source: Source) -> EventsAnswer:
        assert source is Source.EVENTS
        events = tuple(_event(row) for row in rows[: self.limit])
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
        parts, parameters = _where(self.selection)
        return Statement(fill(_COUNT, conditions=and_all(tuple(parts))), parameters)

    def answer(self, rows: Sequence[Row], source: Source) -> int:
        assert source is Source.EVENTS
        return int(rows[0][0])


_SELECTED: Final = ",\n    ".join(item.name for item in fields(Event))

# Ordered by day first, as the table is: reading stops at the day in which the page is full.
_EVENTS: Final = """\
SELECT
    <<columns>>
FROM events
WHERE project_id = {project:String}<<conditions>>
ORDER BY toDate(created_at) DESC, created_at DESC, event_id DESC
LIMIT {limit:UInt32} OFFSET {offset:UInt64}"""

_COUNT: Final = """\
SELECT count()
FROM events
WHERE project_id = {project:String}<<conditions>>"""

_FROM: Final = "created_at >= fromUnixTimestamp64Milli({start:Int64}, 'UTC')"
_TO: Final = "created_at < fromUnixTimestamp64Milli({end:Int64}, 'UTC')"
_AFTER: Final = """created_at <= fromUnixTimestamp64Milli({after:Int64}, 'UTC')
    AND (created_at < fromUnixTimestamp64Milli({after:Int64}, 'UTC') OR event_id < {after_id:UInt64})"""

_OF_PERSON: Final = fill(
    """\
(person IN {persons:Array(UInt64)} OR person GLOBAL IN
    (
        WITH known AS
        (
<<known>>
        )
        SELECT person FROM known
        WHERE target IN {persons:Array(UInt64)}
            OR target IN (SELECT target FROM known WHERE person IN {persons:Array(UInt64)})
        UNION ALL
        SELECT target FROM known WHERE person IN {persons:Array(UInt64)}
    ))""",
    known=KNOWN_PERSONS,
)


def _where(selection: Selection) -> tuple[list[str], dict[str, object]]:
    check(selection.filters)
    found = conditions(selection.filters, columns=COLUMNS, prefix="f")
    parts = list(found.sql)
    parameters: dict[str, object] = {"project": selection.project, **(found.parameters or {})}
    if selection.start is not None:
        parts.append(_FROM)
        parameters["start"] = milliseconds(selection.start)
    if selection.end is not None:
        parts.append(_TO)
        parameters["end"] = milliseconds(selection.end)
    if selection.names:
        parts.append("name IN {names:Array(String)}")
        parameters["names"] = list(selection.names)
    if selection.profile:
        parts.append(_OF_PERSON)
        parameters["persons"] = _persons(selection.profile)
    return parts, parameters


def _persons(profile: str) -> list[int]:
    """The ids a profile may be stored under: a known one by its hash, an anonymous one by its device."""
    device = from_hex(profile)
    return [person_of_profile(profile)] if device is None else [person_of_profile(profile), device]


def _cursor_of(event: Event) -> Cursor:
    return Cursor(milliseconds(event.created_at), event.event_id)


def _event(row: Row) -> Event:
    values: dict[str, Any] = dict(zip(_FIELDS, row, strict=True))
    for name in _MOMENTS:
        values[name] = values[name].replace(tzinfo=UTC)
    values["imported_at"] = values["imported_at"] if values["imported_at"].timestamp() else None
    values["groups"] = tuple(values["groups"])
    return Event(**values)


_FIELDS: Final = tuple(item.name for item in fields(Event))
_MOMENTS: Final = ("created_at", "session_started_at", "received_at", "imported_at")
