"""Retention: of those who began in a day, week or month, how many came again after 1, 2, … of them?

`begins` says when a person begins: with the first event `ever`, with the first one in the `period`, or anew in `each`
bucket with one. Column k counts those with an event of `comes_back` in the bucket k after (`on`), or in it or any later
one (`on_or_after`); column 0 is the bucket in which they began. A breakdown has the value at the event they began with.

Where any activity counts the rollup of persons' weeks answers, exactly. Persons may have devices on several shards, so
they are merged where the question was asked. Knows no store and no clock: text and rows only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Literal

from openpanel.analytics.activity import (
    MOST_MET,
    active_by_weeks,
    bucket_of_event,
    weeks_met,
    weeks_of,
)
from openpanel.analytics.breakdowns import carried, check_breakdowns, spread
from openpanel.analytics.cells import together
from openpanel.analytics.filters import BadFilter
from openpanel.analytics.occurrences import Step, any_of, check_event, occurs
from openpanel.analytics.periods import Bucket, Period, buckets
from openpanel.analytics.property_filters import PropertyFilter, check_filters, met
from openpanel.analytics.reading import ANY_EVENT, Membership, Reading
from openpanel.analytics.routing import Source, Span
from openpanel.analytics.segments import State
from openpanel.analytics.statements import Row, Statement, fill

MAX_COLUMNS: Final = 100
ANYTHING: Final = Step(ANY_EVENT)
Begins = Literal["ever", "period", "each"]
Mode = Literal["on", "on_or_after"]


@dataclass(frozen=True, slots=True)
class RetainedCohort:
    """Those who began in a bucket. `returned[k]`: how many of them came k buckets later; `None` where that is not over."""

    start: datetime
    end: datetime
    persons: int
    returned: tuple[int, ...]
    complete: int  # so many of the columns are over


@dataclass(frozen=True, slots=True)
class RetentionRow:
    """A matrix: of everybody, of a value of the breakdown, or of all values that were not kept (`other`).

    `average[k]` pools column k over the cohorts whose column k is over; `None` when there are none.
    """

    labels: tuple[str, ...]
    other: bool
    cohorts: tuple[RetainedCohort, ...]
    average: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Retention:
    """Who comes back, and when?"""

    project: str
    timezone: str
    period: Period
    interval: Literal["day", "week", "month"] = "week"
    starts: Step = ANYTHING
    comes_back: Step = ANYTHING
    begins: Begins = "period"
    mode: Mode = "on_or_after"
    filters: tuple[PropertyFilter, ...] = ()
    breakdowns: tuple[str, ...] = ()
    limit: int = 10
    cohorts: tuple[Membership, ...] = ()

    def __post_init__(self) -> None:
        check_breakdowns(self.breakdowns, limit=self.limit)
        check_filters(self.filters)
        for step in (self.starts, self.comes_back):
            check_event(step.name, step.filters)
        if self.interval not in {"day", "week", "month"}:
            raise BadFilter(self.interval, reason="expected day, week or month")
        if self.begins not in {"ever", "period", "each"} or self.mode not in {"on", "on_or_after"}:
            raise BadFilter(
                f"{self.begins}, {self.mode}", reason="expected ever, period or each, and on or on_or_after"
            )
        if len(self.buckets) > MAX_COLUMNS:
            raise BadFilter(self.interval, reason=f"at most {MAX_COLUMNS} columns: take a longer interval")

    @property
    def exact(self) -> Source:
        return Source.EVENTS if self._span is None else Source.ROLLUP

    @property
    def rolled_up(self) -> tuple[Span, ...]:
        return ()

    @property
    def oldest_day(self) -> date | None:
        """The first day read of the rollup, but for whether there was one before; `None` where events are."""
        return None if self._span is None else self._span.first

    @property
    def buckets(self) -> tuple[Bucket, ...]:
        """The rows and columns of the matrix."""
        return buckets(self.period, timezone=self.timezone, interval=self.interval)

    def statement(self, source: Source) -> Statement:
        reading = Reading(self.project, timezone=self.timezone, cohorts=self.cohorts)
        if source is Source.ROLLUP and self.interval == "week" and len(self.buckets) <= MOST_MET:
            return self._of_weeks(reading)
        pairs = self._pairs_of_weeks(reading) if source is Source.ROLLUP else self._pairs(reading)
        last = reading.value("UInt32", len(self.buckets))
        cells = fill(
            _CELLS,
            labels=spread(self.breakdowns, "carried"),
            begun=_BEGUN[self.begins],
            came=fill(_CAME[self.mode], last=last),
            pairs=pairs,
        )
        kept = together(
            [cells],
            states=_STATES,
            sizes=["countMergeIf(state_0, period = 0)"],
            limit=reading.value("UInt32", self.limit) if self.breakdowns else None,
        )
        return Statement(fill(_ROWS, kept=kept), reading.parameters)

    def answer(self, rows: Sequence[Row], source: Source) -> tuple[RetentionRow, ...]:
        """The largest first, "other" last."""
        assert source in {Source.EVENTS, Source.ROLLUP}
        found = [(() if other else tuple(labels), bool(other), cells) for other, labels, cells in rows]
        if not found and not self.breakdowns:
            found = [((), False, ())]
        return tuple(self._row(labels, cells, other=other) for labels, other, cells in found)

    @property
    def _span(self) -> Span | None:
        """The days to read from the rollup, where it can answer."""
        if self.starts != ANYTHING or self.comes_back != ANYTHING or self.breakdowns:
            return None
        return weeks_of(
            ANY_EVENT, self.filters, period=self.period, interval=self.interval, timezone=self.timezone
        )

    def _of_weeks(self, reading: Reading) -> Statement:
        """Where buckets are the rollup's own weeks: counted once for all persons who came in the same ones."""
        assert self._span is not None
        came = fill(_CAME[self.mode], last=reading.value("UInt32", len(self.buckets)))
        met = weeks_met(self._span, reading=reading, ever=self.begins == "ever")
        return Statement(fill(_WEEKS, begun=_BEGUN[self.begins], came=came, met=met), reading.parameters)

    def _pairs_of_weeks(self, reading: Reading) -> str:
        assert self._span is not None
        active = active_by_weeks(
            self._span, buckets=self.buckets, reading=reading, ever=self.begins == "ever"
        )
        return fill(_ALL_ACTIVE, active=active)

    def _pairs(self, reading: Reading) -> str:
        everywhere = met(self.filters, reading)
        starts = occurs(self.starts.name, self.starts.filters, reading)
        comes = occurs(self.comes_back.name, self.comes_back.filters, reading)
        person = reading.person()
        kept = carried(self.breakdowns, reading) if self.breakdowns else ""
        conditions = (any_of((starts, comes)), *everywhere, f"{person} != 0")
        bucket = bucket_of_event(self.buckets, reading)
        return fill(
            _PAIRS,
            person=person,
            # The first bucket may begin before the period; what lies between is before the period.
            bucket=f"if(seen.created_at < {reading.moment(self.period.start)}, 0, {bucket})",
            starts=starts,
            comes=comes,
            carried=f"argMinIf({kept}, (seen.created_at, seen.event_id), {starts})" if kept else "[]",
            events=reading.all_events(self.period.until, conditions=conditions)
            if self.begins == "ever"
            else reading.events(self.period, conditions=conditions),
        )

    def _row(
        self, labels: tuple[str, ...], cells: Sequence[Sequence[object]], *, other: bool
    ) -> RetentionRow:
        found = {cell[0]: cell[1:] for cell in cells}
        cohorts = tuple(
            self._cohort(number, bucket, found.get(number, (0, ())))
            for number, bucket in enumerate(self.buckets, start=1)
        )
        columns = range(len(self.buckets))
        return RetentionRow(labels, other, cohorts, tuple(_pooled(cohorts, column) for column in columns))

    def _cohort(self, number: int, bucket: Bucket, cell: Sequence[object]) -> RetainedCohort:
        persons, returned = cell
        columns = len(self.buckets) - number + 1
        assert isinstance(persons, int)
        assert isinstance(returned, Sequence)
        over = sum(later.end <= self.period.until for later in self.buckets[number - 1 :])
        counts = (*map(int, returned), *[0] * (columns - len(returned)))
        return RetainedCohort(bucket.start, bucket.end, persons, counts, over)


def _pooled(cohorts: Sequence[RetainedCohort], column: int) -> float | None:
    old_enough = [cohort for cohort in cohorts if column < cohort.complete]
    persons = sum(cohort.persons for cohort in old_enough)
    return sum(cohort.returned[column] for cohort in old_enough) / persons if persons else None


_STATES: Final = (
    State("countState()", "count"),
    State("sumForEachState(came)", "sumForEach"),
)

# Of the sorted buckets in which a person could have begun, those in which it did.
_BEGUN: Final = {
    "ever": "arrayFilter(each -> each.1 > 0, arraySlice(began, 1, 1))",
    "period": "arraySlice(began, 1, 1)",
    "each": "began",
}
_CAME: Final = {
    "on": "arrayMap(k -> toUInt64(has(came_in, start.1 + k)), range(<<last>> - start.1 + 1))",
    "on_or_after": "arrayMap(k -> toUInt64(arrayExists(each -> each >= start.1 + k, came_in)), range(<<last>> - start.1 + 1))",
}

_PAIRS: Final = """\
SELECT
    <<person>> AS person,
    toUInt32(<<bucket>>) AS bucket,
    max(<<starts>>) AS starts,
    max(<<comes>>) AS comes,
    <<carried>> AS carried
<<events>>
GROUP BY person, bucket"""

_ALL_ACTIVE: Final = """\
SELECT person, toUInt32(bucket) AS bucket, 1 AS starts, 1 AS comes, [] AS carried
FROM
(
<<active>>
)"""

_CELLS: Final = """\
SELECT
    0 AS period,
    <<labels>> AS labels,
    start.1 AS bucket,
    countState() AS state_0,
    sumForEachState(<<came>>) AS state_1
FROM
(
    SELECT arrayJoin(<<begun>>) AS start, start.2 AS carried, came_in
    FROM
    (
        SELECT
            arraySort(each -> each.1, groupArrayIf((bucket, carried), starts != 0)) AS began,
            groupArrayIf(bucket, comes != 0 AND bucket > 0) AS came_in
        FROM
        (
<<pairs>>
        )
        GROUP BY person
    )
)
GROUP BY labels, bucket"""

_WEEKS: Final = """\
SELECT 0 AS other, emptyArrayString() AS labels, groupArray((bucket, begun, returned)) AS cells
FROM
(
    SELECT
        start.1 AS bucket,
        sum(persons) AS begun,
        sumForEach(arrayMap(each -> each * persons, <<came>>)) AS returned
    FROM
    (
        SELECT arrayJoin(<<begun>>) AS start, came_in, persons
        FROM
        (
            SELECT
                arrayMap(each -> tuple(toUInt32(each)), bitPositionsToArray(met)) AS began,
                arrayFilter(each -> each > 0, bitPositionsToArray(met)) AS came_in,
                persons
            FROM
            (
<<met>>
            )
        )
    )
    GROUP BY bucket
)"""

_ROWS: Final = """\
SELECT
    other,
    labels,
    groupArray((bucket, finalizeAggregation(state_0), finalizeAggregation(state_1))) AS cells
FROM
(
<<kept>>
)
GROUP BY other, labels
ORDER BY other, min(place), labels"""
