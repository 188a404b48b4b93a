"""A group over time: on which days how much was done in it by how many, and how the number of its members grew.

Events that name the group count, each person once. Persons may have devices on several shards: they are counted where
the question was asked. Knows no store and no clock: text and rows only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import accumulate
from typing import Final

from openpanel.analytics.activity import bucket_of_event
from openpanel.analytics.periods import Bucket, Interval, Period, buckets
from openpanel.analytics.reading import SYNTHETIC, Reading
from openpanel.analytics.routing import Source, Span
from openpanel.analytics.statements import Row, Statement, fill

MAX_DAYS: Final = 10_000  # of a calendar; days without an event take no place


@dataclass(frozen=True, slots=True)
class DayOfGroup:
    """A day of the project's calendar on which something was done in the group, and how many persons did it."""

    day: date
    events: int
    members: int


@dataclass(frozen=True, slots=True)
class GroupActivity:
    """On which days was how much done in this group? Oldest first, days without events left out."""

    project: str
    timezone: str
    group_id: str
    period: Period

    @property
    def exact(self) -> Source:
        return Source.EVENTS

    @property
    def rolled_up(self) -> tuple[Span, ...]:
        return ()

    def statement(self, source: Source) -> Statement:
        assert source is Source.EVENTS
        reading = Reading(self.project, timezone=self.timezone)
        person = reading.person()
        conditions = _in_group(self.group_id, reading)
        sql = fill(
            _DAYS,
            zone=reading.text(self.timezone),
            person=person,
            events=reading.events(self.period, conditions=conditions),
            limit=reading.value("UInt32", MAX_DAYS),
        )
        return Statement(sql, reading.parameters)

    def answer(self, rows: Sequence[Row], source: Source) -> tuple[DayOfGroup, ...]:
        assert source is Source.EVENTS
        return tuple(DayOfGroup(day, events, members) for day, events, members in reversed(rows))


@dataclass(frozen=True, slots=True)
class GrowthPoint:
    """Members that came in this bucket, by their first event in the group, and all there were at its end."""

    bucket: Bucket
    joined: int
    members: int


@dataclass(frozen=True, slots=True)
class GroupGrowth:
    """How did the number of members grow? Every bucket of the period, oldest first."""

    project: str
    timezone: str
    group_id: str
    period: Period
    interval: Interval = "day"

    def __post_init__(self) -> None:
        _ = self.buckets  # refuses a period with too many

    @property
    def exact(self) -> Source:
        return Source.EVENTS

    @property
    def rolled_up(self) -> tuple[Span, ...]:
        return ()

    @property
    def buckets(self) -> tuple[Bucket, ...]:
        """The points of time."""
        return buckets(self.period, timezone=self.timezone, interval=self.interval)

    def statement(self, source: Source) -> Statement:
        assert source is Source.EVENTS
        reading = Reading(self.project, timezone=self.timezone)
        person = reading.person()
        conditions = (f"{person} != 0", *_in_group(self.group_id, reading))
        sql = fill(
            _GROWTH,
            bucket=bucket_of_event(self.buckets, reading),
            person=person,
            start=reading.moment(self.period.start),
            events=reading.all_events(self.period.until, conditions=conditions),
        )
        return Statement(sql, reading.parameters)

    def answer(self, rows: Sequence[Row], source: Source) -> tuple[GrowthPoint, ...]:
        assert source is Source.EVENTS
        found: dict[int, int] = dict(rows)
        joined = [found.get(number, 0) for number in range(len(self.buckets) + 1)]
        members = list(accumulate(joined))
        return tuple(
            GrowthPoint(bucket, joined[number], members[number])
            for number, bucket in enumerate(self.buckets, start=1)
        )


_DAYS: Final = """\
SELECT
    toDate(seen.created_at, <<zone>>) AS active_on,
    count() AS done,
    uniqExactIf(<<person>>, <<person>> != 0) AS members
<<events>>
GROUP BY active_on
ORDER BY active_on DESC
LIMIT <<limit>>"""

# The bucket of a person is that of its first event; what came before the period is the place 0.
_GROWTH: Final = """\
SELECT joined_in, count() AS persons
FROM
(
    SELECT <<person>> AS person, min(if(seen.created_at < <<start>>, 0, <<bucket>>)) AS joined_in
<<events>>
    GROUP BY person
)
GROUP BY joined_in
ORDER BY joined_in"""


def _in_group(group_id: str, reading: Reading) -> tuple[str, ...]:
    return (f"seen.name NOT IN {SYNTHETIC}", f"has(seen.groups, {reading.text(group_id)})")
