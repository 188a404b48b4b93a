"""Conversion over time: of those who did one thing in a bucket, how many did the other within the window after it.

The bucket is that of the first thing. A visitor counts once in each bucket and once in the total; it has converted in a
bucket when any of its attempts that began there succeeded. Groups of sessions could be finished on their shard,
persons could not: states are merged where the question was asked. Knows no store and no clock: text and rows only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from openpanel.analytics.attempts import Attempts, check_attempts, instants
from openpanel.analytics.breakdowns import check_breakdowns, spread
from openpanel.analytics.cells import column, together
from openpanel.analytics.filters import BadFilter
from openpanel.analytics.periods import Interval, Period, buckets
from openpanel.analytics.property_filters import check_filters
from openpanel.analytics.reading import Reading
from openpanel.analytics.routing import Source, Span
from openpanel.analytics.segments import State
from openpanel.analytics.statements import Row, Statement, fill, milliseconds


@dataclass(frozen=True, slots=True)
class Converted:
    """How many began, how many of them finished, and their share."""

    began: int
    finished: int

    @property
    def rate(self) -> float | None:
        return self.finished / self.began if self.began else None


@dataclass(frozen=True, slots=True)
class ConversionPoint:
    """One bucket; `running` ones are not over."""

    start: datetime
    end: datetime
    running: bool
    converted: Converted


@dataclass(frozen=True, slots=True)
class ConversionRow:
    """Of everybody, of a value of the breakdown, or of all values that were not kept (`other`)."""

    labels: tuple[str, ...]
    other: bool
    points: tuple[ConversionPoint, ...]
    total: Converted
    previous: tuple[ConversionPoint, ...] = ()
    previous_total: Converted | None = None


@dataclass(frozen=True, slots=True)
class Conversion:
    """How many went on to do it, and when had they begun? Of two steps, in sequence and without exclusions."""

    scope: Attempts
    interval: Interval = "day"
    previous: Period | None = None
    breakdowns: tuple[str, ...] = ()
    limit: int = 10

    def __post_init__(self) -> None:
        check_attempts(self.scope)
        check_filters(self.scope.filters)
        check_breakdowns(self.breakdowns, limit=self.limit)
        if len(self.scope.steps) != 2:
            raise BadFilter(
                f"{len(self.scope.steps)} steps", reason="a conversion has two, more are a funnel"
            )
        if self.scope.order != "sequence" or self.scope.exclusions:
            raise BadFilter("conversion", reason="is a sequence without exclusions; others are a funnel")
        for period in self._periods:
            buckets(period, timezone=self.scope.timezone, interval=self.interval)

    @property
    def project(self) -> str:
        return self.scope.project

    @property
    def exact(self) -> Source:
        return Source.EVENTS

    @property
    def rolled_up(self) -> tuple[Span, ...]:
        return ()

    def statement(self, source: Source) -> Statement:
        assert source is Source.EVENTS
        reading = Reading(self.project, timezone=self.scope.timezone, cohorts=self.scope.cohorts)
        kept = together(
            [self._cells(number, period, reading) for number, period in enumerate(self._periods)],
            states=_STATES,
            sizes=[f"uniqExactMergeIf({column(0)}, period = 0)"],
            limit=reading.value("UInt32", self.limit) if self.breakdowns else None,
        )
        return Statement(fill(_ROWS, kept=kept), reading.parameters)

    def answer(self, rows: Sequence[Row], source: Source) -> tuple[ConversionRow, ...]:
        """The largest first, "other" last."""
        assert source is Source.EVENTS
        found: dict[tuple[bool, tuple[str, ...]], dict[int, Row]] = {}
        for other, labels, period, *values in rows:
            found.setdefault((bool(other), () if other else tuple(labels)), {})[period] = tuple(values)
        if not self.breakdowns:
            found.setdefault((False, ()), {})
        return tuple(
            self._row(labels, other=other, periods=periods) for (other, labels), periods in found.items()
        )

    @property
    def _periods(self) -> tuple[Period, ...]:
        return (self.scope.period,) if self.previous is None else (self.scope.period, self.previous)

    def _cells(self, number: int, period: Period, reading: Reading) -> str:
        edges = reading.value(
            "Array(Int64)",
            [
                milliseconds(bucket.start)
                for bucket in buckets(period, timezone=self.scope.timezone, interval=self.interval)
            ],
        )
        return fill(
            _CELLS,
            number=str(number),
            labels=spread(self.breakdowns, "carried"),
            edges=edges,
            states=",\n    ".join(f"{state.make} AS {column(place)}" for place, state in enumerate(_STATES)),
            window=reading.value("Int64", self.scope.window // timedelta(milliseconds=1)),
            carried=", carried" if self.breakdowns else "",
            instants=instants(replace(self.scope, period=period), reading, self.breakdowns),
        )

    def _row(self, labels: tuple[str, ...], *, other: bool, periods: Mapping[int, Row]) -> ConversionRow:
        parts = [self._points(period, periods.get(number)) for number, period in enumerate(self._periods)]
        return ConversionRow(labels, other, *parts[0], *(parts[1] if len(parts) > 1 else ()))

    def _points(self, period: Period, found: Row | None) -> tuple[tuple[ConversionPoint, ...], Converted]:
        """Every bucket, whether something happened in it or not. The store counts positions from 1."""
        points, began, finished = found or ((), 0, 0)
        known = {bucket: Converted(*counts) for bucket, *counts in points}
        every = buckets(period, timezone=self.scope.timezone, interval=self.interval)
        return (
            tuple(
                ConversionPoint(bucket.start, bucket.end, bucket.running, known.get(number, Converted(0, 0)))
                for number, bucket in enumerate(every, start=1)
            ),
            Converted(began, finished),
        )


_STATES: Final = (
    State("uniqExactState(subject)", "uniqExact"),
    State("uniqExactStateIf(subject, finished)", "uniqExact"),
)

# Of each instant, when the second thing was done next: read from the end, the least of what was met so far.
_CELLS: Final = """\
SELECT
    <<number>> AS period,
    <<labels>> AS labels,
    indexOf(<<edges>>, roundDown(at, <<edges>>)) AS bucket,
    <<states>>
FROM
(
    SELECT subject, at, ifNull(next - at <= <<window>>, 0) AS finished<<carried>>
    FROM
    (
        SELECT
            *,
            min(if(bitTest(steps, 1), at, NULL)) OVER
                (PARTITION BY subject ORDER BY at DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS next
        FROM
        (
<<instants>>
        )
    )
    WHERE bitTest(steps, 0)
)
GROUP BY labels, bucket"""

_ROWS: Final = """\
SELECT
    other,
    labels,
    period,
    groupArray((bucket, finalizeAggregation(state_0), finalizeAggregation(state_1))) AS points,
    uniqExactMerge(state_0) AS began,
    uniqExactMerge(state_1) AS finished
FROM
(
<<kept>>
)
GROUP BY other, labels, period
ORDER BY other, min(place), labels, period"""
