"""How often each event happened over time, and how many people did those that are conversions.

Numbers of events alone come from the rollup of days, which is exact, where the buckets are days or longer and nothing
is filtered. Persons may have devices on several shards: they are counted where the question was asked. Knows no store
and no clock: text and rows only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final
from zoneinfo import ZoneInfo

from openpanel.analytics.activity import bucket_of_event
from openpanel.analytics.filters import MAX_DECLARED, MAX_VALUES, BadFilter
from openpanel.analytics.periods import Bucket, Interval, Period, buckets
from openpanel.analytics.property_filters import PropertyFilter, check_filters, met
from openpanel.analytics.reading import SYNTHETIC, Membership, Reading
from openpanel.analytics.routing import Source, Span, whole_days
from openpanel.analytics.statements import Row, Statement, fill

MAX_ROWS: Final = 1_000
MAX_POINTS: Final = 200_000  # of all names together


@dataclass(frozen=True, slots=True)
class EventStat:
    """One event: its number in the period, and in each bucket."""

    name: str
    total: int
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class EventStatsAnswer:
    """The most frequent events first, the buckets of their counts, and whether there are more events."""

    rows: tuple[EventStat, ...]
    buckets: tuple[Bucket, ...]
    more: bool


@dataclass(frozen=True, slots=True)
class EventStats:
    """How often did which event happen? Of these names, or of all that visitors do."""

    project: str
    timezone: str
    period: Period
    interval: Interval = "day"
    names: tuple[str, ...] = ()
    filters: tuple[PropertyFilter, ...] = ()
    cohorts: tuple[Membership, ...] = ()
    limit: int = 50

    def __post_init__(self) -> None:
        check_filters(self.filters)
        if len(self.names) > MAX_VALUES:
            raise BadFilter("names", reason=f"at most {MAX_VALUES}")
        if not 1 <= self.limit <= MAX_ROWS:
            raise BadFilter("limit", reason=f"expected 1 to {MAX_ROWS}")
        if (points := self.limit * len(self.buckets)) > MAX_POINTS:
            reason = f"{points:,} points, at most {MAX_POINTS:,}: take a longer interval or fewer events"
            raise BadFilter(self.interval, reason=reason)

    @property
    def exact(self) -> Source:
        return Source.EVENTS if self._span is None else Source.ROLLUP

    @property
    def rolled_up(self) -> tuple[Span, ...]:
        return ()

    @property
    def oldest_day(self) -> date | None:
        """The first day read of the rollup; `None` where events are."""
        return None if self._span is None else self._span.first

    @property
    def buckets(self) -> tuple[Bucket, ...]:
        """The points of time."""
        return buckets(self.period, timezone=self.timezone, interval=self.interval)

    def statement(self, source: Source) -> Statement:
        reading = Reading(self.project, timezone=self.timezone, cohorts=self.cohorts)
        span = self._span
        counted = (
            _of_rollup(self, span, reading)
            if source is Source.ROLLUP and span is not None
            else _of_events(self, reading)
        )
        return Statement(
            fill(_STATS, counted=counted, limit=reading.value("UInt32", self.limit + 1)), reading.parameters
        )

    def answer(self, rows: Sequence[Row], source: Source) -> EventStatsAnswer:
        assert source in {Source.EVENTS, Source.ROLLUP}
        places = range(1, len(self.buckets) + 1)
        stats = []
        for name, total, points in rows[: self.limit]:
            found: dict[int, int] = dict(points)
            stats.append(EventStat(name, total, tuple(found.get(place, 0) for place in places)))
        return EventStatsAnswer(tuple(stats), self.buckets, more=len(rows) > self.limit)

    @property
    def _span(self) -> Span | None:
        """The days to read from the rollup, where it can answer."""
        if self.filters or self.interval in {"minute", "hour"}:
            return None
        span = whole_days(self.period, timezone=self.timezone, running_now=True)
        return span if span is not None and span.cut_from is None else None


@dataclass(frozen=True, slots=True)
class ConversionRow:
    """One conversion: how often, by how many persons, in how many sessions. `rate`: of all who did anything."""

    name: str
    events: int
    persons: int
    sessions: int
    revenue: int
    rate: float | None


@dataclass(frozen=True, slots=True)
class Conversions:
    """How often were these events reached, and by how many? Every name is in the answer, in the order given."""

    project: str
    timezone: str
    period: Period
    names: tuple[str, ...]
    filters: tuple[PropertyFilter, ...] = ()
    cohorts: tuple[Membership, ...] = ()

    def __post_init__(self) -> None:
        check_filters(self.filters)
        if not 1 <= len(self.names) <= MAX_DECLARED:
            raise BadFilter("names", reason=f"expected 1 to {MAX_DECLARED}")

    @property
    def exact(self) -> Source:
        return Source.EVENTS

    @property
    def rolled_up(self) -> tuple[Span, ...]:
        return ()

    def statement(self, source: Source) -> Statement:
        assert source is Source.EVENTS
        reading = Reading(self.project, timezone=self.timezone, cohorts=self.cohorts)
        person = reading.person()
        conditions = (f"seen.name NOT IN {SYNTHETIC}", *met(self.filters, reading))
        sql = fill(
            _CONVERSIONS,
            person=person,
            names=reading.texts(self.names),
            events=reading.events(self.period, conditions=conditions),
        )
        return Statement(sql, reading.parameters)

    def answer(self, rows: Sequence[Row], source: Source) -> tuple[ConversionRow, ...]:
        assert source is Source.EVENTS
        found = {(is_named, name): numbers for is_named, name, *numbers in rows}
        everybody = found.get((0, ""), (0, 0, 0, 0))[1]
        answered = []
        for name in dict.fromkeys(self.names):
            events, persons, sessions, revenue = found.get((1, name), (0, 0, 0, 0))
            rate = persons / everybody if everybody else None
            answered.append(ConversionRow(name, events, persons, sessions, revenue, rate))
        return tuple(answered)


_STATS: Final = """\
SELECT name, sum(done) AS total, groupArray((bucket, done)) AS points
FROM
(
<<counted>>
)
GROUP BY name
ORDER BY total DESC, name
LIMIT <<limit>>"""

_OF_EVENTS: Final = """\
    SELECT seen.name AS name, <<bucket>> AS bucket, count() AS done
<<events>>
    GROUP BY name, bucket"""

_OF_ROLLUP: Final = """\
    SELECT name, indexOf(<<edges>>, roundDown(toUInt16(day), <<edges>>)) AS bucket, sum(r_day.events) AS done
    FROM r_day
    WHERE project_id = {project:String} AND day >= <<first>> AND day < <<end>> AND <<names>>
    GROUP BY name, bucket"""

# One row for everybody, and one for each name.
_CONVERSIONS: Final = """\
SELECT
    counted.1 AS is_named,
    counted.2 AS conversion,
    count() AS done,
    uniqExactIf(<<person>>, <<person>> != 0) AS persons,
    uniqExactIf(seen.session_id, seen.session_id != 0) AS sessions,
    sum(seen.revenue) AS revenue
<<events>>
GROUP BY arrayJoin(if(has(<<names>>, seen.name), [(0, ''), (1, CAST(seen.name, 'String'))], [(0, '')])) AS counted"""


def _named(names: Sequence[str], column: str, reading: Reading) -> str:
    return f"{column} IN {reading.texts(names)}" if names else f"{column} NOT IN {SYNTHETIC}"


def _of_events(question: EventStats, reading: Reading) -> str:
    conditions = (_named(question.names, "seen.name", reading), *met(question.filters, reading))
    return fill(
        _OF_EVENTS,
        bucket=bucket_of_event(question.buckets, reading),
        events=reading.events(question.period, conditions=conditions),
    )


def _of_rollup(question: EventStats, span: Span, reading: Reading) -> str:
    zone = ZoneInfo(question.timezone)
    edges = [(each.start.astimezone(zone).date() - _EPOCH).days for each in question.buckets]
    return fill(
        _OF_ROLLUP,
        edges=reading.value("Array(UInt16)", edges),
        first=reading.value("Date", span.first),
        end=reading.value("Date", span.end),
        names=_named(question.names, "name", reading),
    )


_EPOCH: Final = date(1970, 1, 1)
