"""How often people come: active users day by day, stickiness, and when they were last seen.

Where any activity counts, the rollup of persons' weeks answers, exactly. Persons may have devices on several shards,
so they are merged where the question was asked. Knows no store and no clock: text and rows only.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

from openpanel.analytics.activity import active_by_events, active_by_weeks, persons_weeks, weeks_of
from openpanel.analytics.filters import BadFilter
from openpanel.analytics.former_days import ALL_TIME
from openpanel.analytics.periods import Bucket, Period, buckets
from openpanel.analytics.property_filters import PropertyFilter, check_filters
from openpanel.analytics.reading import ANY_EVENT, Membership, Reading
from openpanel.analytics.routing import Source, Span
from openpanel.analytics.statements import KNOWN_PERSONS, Row, Statement, fill, person_of

MAX_WINDOW: Final = 90  # days
MAX_DAYS: Final = 400  # of one series of active users


@dataclass(frozen=True, slots=True)
class Doings:
    """Whose days are looked at: of those who did this, within the period."""

    project: str
    timezone: str
    period: Period
    name: str = ANY_EVENT
    filters: tuple[PropertyFilter, ...] = ()
    cohorts: tuple[Membership, ...] = ()

    def __post_init__(self) -> None:
        check_filters(self.filters)

    def reading(self) -> Reading:
        return Reading(self.project, timezone=self.timezone, cohorts=self.cohorts)

    def span(self, interval: str) -> Span | None:
        """The days to read from the rollup, where it can answer."""
        return weeks_of(
            self.name, self.filters, period=self.period, interval=interval, timezone=self.timezone
        )

    def active(self, source: Source, *, interval: str, into: Sequence[Bucket], reading: Reading) -> str:
        """Who was active in which bucket."""
        span = self.span(interval)
        if source is Source.ROLLUP and span is not None:
            return active_by_weeks(span, buckets=into, reading=reading)
        return active_by_events(self.name, self.filters, period=self.period, buckets=into, reading=reading)


@dataclass(frozen=True, slots=True)
class ActiveDay:
    """Persons who were active on this day or one of the days before it that the window holds."""

    day: date
    persons: int
    running: bool


@dataclass(frozen=True, slots=True)
class ActiveUsers:
    """How many people are active, day by day? `window`: 1 for daily, 7 for weekly, 30 for monthly active users."""

    doings: Doings
    window: int = 7

    def __post_init__(self) -> None:
        if not 1 <= self.window <= MAX_WINDOW:
            raise BadFilter(f"{self.window} days", reason=f"expected 1 to {MAX_WINDOW}")
        if len(self._days(self.doings.period)) > MAX_DAYS:
            raise BadFilter("period", reason=f"at most {MAX_DAYS} days")

    @property
    def project(self) -> str:
        return self.doings.project

    @property
    def exact(self) -> Source:
        return Source.EVENTS if self._wide.span("day") is None else Source.ROLLUP

    @property
    def rolled_up(self) -> tuple[Span, ...]:
        return ()

    @property
    def oldest_day(self) -> date | None:
        """The first day read of the rollup; `None` where events are."""
        span = self._wide.span("day")
        return None if span is None else span.first

    def statement(self, source: Source) -> Statement:
        reading = self.doings.reading()
        wide = self._wide
        days = self._days(wide.period)
        sql = fill(
            _ACTIVE,
            active=wide.active(source, interval="day", into=days, reading=reading),
            window=reading.value("UInt16", self.window),
            first=reading.value("UInt16", len(days) - len(self._days(self.doings.period)) + 1),
            last=reading.value("UInt16", len(days)),
        )
        return Statement(sql, reading.parameters)

    def answer(self, rows: Sequence[Row], source: Source) -> tuple[ActiveDay, ...]:
        """Every day of the period, oldest first."""
        assert source in {Source.EVENTS, Source.ROLLUP}
        zone = ZoneInfo(self.doings.timezone)
        found: dict[int, int] = dict(rows)
        days = self._days(self.doings.period)
        before = len(self._days(self._wide.period)) - len(days)
        return tuple(
            ActiveDay(day.start.astimezone(zone).date(), found.get(before + number, 0), day.running)
            for number, day in enumerate(days, start=1)
        )

    @property
    def _wide(self) -> Doings:
        """The period and the days before it that its first day looks back on."""
        period = self.doings.period
        zone = ZoneInfo(self.doings.timezone)
        first = period.start.astimezone(zone).date() - timedelta(days=self.window - 1)
        start = datetime.combine(first, time(), tzinfo=zone)
        instant = datetime.fromtimestamp(start.timestamp(), tz=zone)
        return replace(self.doings, period=replace(period, start=min(instant, period.start)))

    def _days(self, period: Period) -> tuple[Bucket, ...]:
        return buckets(period, timezone=self.doings.timezone, interval="day")


@dataclass(frozen=True, slots=True)
class Stickiness:
    """In how many days (weeks, months) of the period were people active? The answer: persons by that number, from 1."""

    doings: Doings
    interval: Literal["day", "week", "month"] = "day"

    def __post_init__(self) -> None:
        if self.interval not in {"day", "week", "month"}:
            raise BadFilter(self.interval, reason="expected day, week or month")

    @property
    def project(self) -> str:
        return self.doings.project

    @property
    def exact(self) -> Source:
        return Source.EVENTS if self.doings.span(self.interval) is None else Source.ROLLUP

    @property
    def rolled_up(self) -> tuple[Span, ...]:
        return ()

    @property
    def oldest_day(self) -> date | None:
        """The first day read of the rollup; `None` where events are."""
        span = self.doings.span(self.interval)
        return None if span is None else span.first

    @property
    def _buckets(self) -> tuple[Bucket, ...]:
        return buckets(self.doings.period, timezone=self.doings.timezone, interval=self.interval)

    def statement(self, source: Source) -> Statement:
        reading = self.doings.reading()
        active = self.doings.active(source, interval=self.interval, into=self._buckets, reading=reading)
        return Statement(fill(_STICKINESS, active=active), reading.parameters)

    def answer(self, rows: Sequence[Row], source: Source) -> tuple[int, ...]:
        """Place k - 1: persons who were active in exactly k of them."""
        assert source in {Source.EVENTS, Source.ROLLUP}
        found: dict[int, int] = dict(rows)
        return tuple(found.get(number, 0) for number in range(1, len(self._buckets) + 1))


@dataclass(frozen=True, slots=True)
class LastSeenAnswer:
    """Persons by the days since they were last active, 0 for today."""

    days: tuple[tuple[int, int], ...]

    def persons(self, *, first: int, last: int | None = None) -> int:
        """How many were last active so many days ago, both ends included."""
        return sum(persons for days, persons in self.days if first <= days and (last is None or days <= last))


@dataclass(frozen=True, slots=True)
class LastSeen:
    """When were people last active, as of the day `today`? `known`: only those who have a profile."""

    project: str
    timezone: str
    today: date
    known: bool = True

    @property
    def exact(self) -> Source:
        return Source.ROLLUP

    @property
    def rolled_up(self) -> tuple[Span, ...]:
        return ()

    @property
    def oldest_day(self) -> date:
        """The first day read of the rollup."""
        return ALL_TIME

    def statement(self, source: Source) -> Statement:
        reading = Reading(self.project, timezone=self.timezone)
        sql = fill(
            _LAST_SEEN,
            weekly=persons_weeks(source, reading=reading),
            person=person_of("weekly.person"),
            known=KNOWN_PERSONS,
            today=reading.value("Date", self.today),
            only=_WITH_PROFILE if self.known else "",
        )
        return Statement(fill(sql, who=person_of("seen.person"), persons=KNOWN_PERSONS), reading.parameters)

    def answer(self, rows: Sequence[Row], source: Source) -> LastSeenAnswer:
        assert source in {Source.EVENTS, Source.ROLLUP}
        return LastSeenAnswer(tuple((days, persons) for days, persons in rows))


_ACTIVE: Final = """\
SELECT day, count() AS persons
FROM
(
    SELECT arrayJoin(arrayDistinct(arrayFlatten(groupArray(range(bucket, bucket + <<window>>))))) AS day
    FROM
    (
<<active>>
    )
    GROUP BY person
)
WHERE day >= <<first>> AND day <= <<last>>
GROUP BY day
ORDER BY day"""

_STICKINESS: Final = """\
SELECT active_in, count() AS persons
FROM
(
    SELECT count() AS active_in
    FROM
    (
<<active>>
    )
    GROUP BY person
)
GROUP BY active_in
ORDER BY active_in"""

_LAST_SEEN: Final = """\
SELECT ago, count() AS persons
FROM
(
    SELECT toUInt32(toUInt16(<<today>>) - max(day)) AS ago
    FROM
    (
        SELECT
            <<person>> AS person,
            arrayMax(arrayFilter(
                day -> day <= toUInt16(<<today>>),
                arrayMap(bit -> toUInt16(weekly.week) + bit, bitPositionsToArray(weekly.days)))) AS day
        FROM <<weekly>> AS weekly
        GLOBAL ANY LEFT JOIN
        (
<<known>>
        ) AS known ON weekly.person = known.person
        WHERE weekly.project_id = {project:String} AND weekly.week <= <<today>>
    )
    WHERE day > 0<<only>>
    GROUP BY person
)
GROUP BY ago
ORDER BY ago"""

_WITH_PROFILE: Final = """ AND person GLOBAL IN
    (
        SELECT <<who>>
        FROM events AS seen
        GLOBAL ANY LEFT JOIN
        (
<<persons>>
        ) AS known ON seen.person = known.person
        WHERE seen.project_id = {project:String} AND seen.profile_id != ''
    )"""
