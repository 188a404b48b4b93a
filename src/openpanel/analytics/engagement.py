"""How many keep coming: week by week, and by how long ago people were last here.

Read from the rollup of persons' weeks, which is exact, or from events where its days are of another zone. Weeks start on Monday in the project's time zone. Persons may
have devices on several shards: they are put together where the question was asked. Knows no store and no clock: text
and rows only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from openpanel.analytics.activity import persons_weeks
from openpanel.analytics.filters import BadFilter
from openpanel.analytics.habits import LastSeen
from openpanel.analytics.reading import Reading
from openpanel.analytics.routing import Source, Span
from openpanel.analytics.statements import KNOWN_PERSONS, Row, Statement, fill, person_of

MAX_WEEKS: Final = 530  # ten years
_WEEK: Final = timedelta(weeks=1)


@dataclass(frozen=True, slots=True)
class RetainedWeek:
    """Persons active in the week of this Monday, and how many of them were active in the week after it as well.

    `running`: the week after it is not over, so more may follow. The current week has no week after it.
    """

    week: date
    active: int
    retained: int
    running: bool
    is_current: bool

    @property
    def rate(self) -> float | None:
        return self.retained / self.active if self.active and not self.is_current else None


@dataclass(frozen=True, slots=True)
class WeeklyRetention:
    """Of those who were here in a week, how many came again in the next? The last week is that of `today`."""

    project: str
    timezone: str
    today: date
    weeks: int = 12

    def __post_init__(self) -> None:
        if not 1 <= self.weeks <= MAX_WEEKS:
            raise BadFilter(f"{self.weeks} weeks", reason=f"expected 1 to {MAX_WEEKS}")

    @property
    def exact(self) -> Source:
        return Source.ROLLUP

    @property
    def rolled_up(self) -> tuple[Span, ...]:
        return ()

    @property
    def oldest_day(self) -> date:
        """The first day read of the rollup."""
        return self._first

    def statement(self, source: Source) -> Statement:
        reading = Reading(self.project, timezone=self.timezone)
        weekly = persons_weeks(source, reading=reading, first=self._first)
        sql = fill(_RETAINED, weekly=weekly, person=person_of("weekly.person"), known=KNOWN_PERSONS)
        passed = (1 << self.today.weekday() + 1) - 1  # bit 0 is Monday
        parameters = {
            **reading.parameters,
            "first": self._first,
            "current": self._monday,
            "passed": passed,
        }
        return Statement(sql, parameters)

    def answer(self, rows: Sequence[Row], source: Source) -> tuple[RetainedWeek, ...]:
        """Every week, oldest first."""
        assert source in {Source.EVENTS, Source.ROLLUP}
        found = {week: (active, retained) for week, active, retained in rows}
        weeks = [self._first + number * _WEEK for number in range(self.weeks)]
        return tuple(
            RetainedWeek(
                week,
                *found.get(week, (0, 0)),
                running=week + _WEEK >= self._monday,
                is_current=week == self._monday,
            )
            for week in weeks
        )

    @property
    def _monday(self) -> date:
        return self.today - timedelta(days=self.today.weekday())

    @property
    def _first(self) -> date:
        return self._monday - (self.weeks - 1) * _WEEK


@dataclass(frozen=True, slots=True)
class EngagementAnswer:
    """Persons by the days since they were last active: today is 0, so that "last 7 days" are 0 to 7 days ago."""

    total: int
    last_7_days: int
    days_8_to_14: int
    days_15_to_30: int
    days_31_to_60: int
    days_61_and_more: int
    distribution: tuple[tuple[int, int], ...]  # days ago, persons


@dataclass(frozen=True, slots=True)
class Engagement:
    """How long ago were people here, as of the day `today`? `known`: only those who have a profile."""

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
        return self._last_seen.oldest_day

    def statement(self, source: Source) -> Statement:
        return self._last_seen.statement(source)

    def answer(self, rows: Sequence[Row], source: Source) -> EngagementAnswer:
        seen = self._last_seen.answer(rows, source)
        return EngagementAnswer(
            total=seen.persons(first=0),
            last_7_days=seen.persons(first=0, last=7),
            days_8_to_14=seen.persons(first=8, last=14),
            days_15_to_30=seen.persons(first=15, last=30),
            days_31_to_60=seen.persons(first=31, last=60),
            days_61_and_more=seen.persons(first=61),
            distribution=seen.days,
        )

    @property
    def _last_seen(self) -> LastSeen:
        return LastSeen(self.project, self.timezone, self.today, known=self.known)


_RETAINED: Final = """\
SELECT each.1 AS week, count() AS active, countIf(each.2) AS retained
FROM
(
    SELECT
        groupUniqArray(weekly.week) AS weeks,
        arrayJoin(arrayMap(week -> (week, has(weeks, week + 7)), weeks)) AS each
    FROM <<weekly>> AS weekly
    GLOBAL ANY LEFT JOIN
    (
<<known>>
    ) AS known ON weekly.person = known.person
    WHERE weekly.project_id = {project:String}
        AND weekly.week >= {first:Date}
        AND (weekly.week < {current:Date}
            OR weekly.week = {current:Date} AND bitAnd(weekly.days, {passed:UInt8}) != 0)
    GROUP BY <<person>>
)
GROUP BY week
ORDER BY week"""
