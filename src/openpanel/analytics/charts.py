"""Charts: series of events and formulas, over time or as totals, broken down, and compared with an earlier period.

All series of a chart are counted in one pass over the events of each period. What is kept of a breakdown is the same
for every series: the values with the best place in any of them. Kinds that have no axis of time (bar, pie, metric,
map) are the same question with one bucket.

In a cluster each shard makes the states of its events, and they are merged where the question was asked: a person's
devices may lie on several shards. Knows no store and no clock: text and rows only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import Final, Literal

from openpanel.analytics.breakdowns import MAX_KEPT, check_breakdowns
from openpanel.analytics.chart_rows import ChartAnswer, ChartPeriod, chart_answer
from openpanel.analytics.chart_series import MAX_SERIES, EventSeries, FormulaSeries, letter
from openpanel.analytics.chart_statements import of_events, of_rollup
from openpanel.analytics.filters import BadFilter
from openpanel.analytics.formulas import parse
from openpanel.analytics.occurrences import check_event
from openpanel.analytics.periods import Bucket, Interval, Period, buckets
from openpanel.analytics.property_filters import PropertyFilter, check_filters
from openpanel.analytics.reading import Membership
from openpanel.analytics.routing import Source, Span, whole_days
from openpanel.analytics.segments import in_rollup
from openpanel.analytics.statements import Row, Statement

MAX_POINTS: Final = 200_000  # of all series together
ChartKind = Literal["linear", "area", "histogram", "bar", "pie", "metric", "map"]
TIMED: Final = ("linear", "area", "histogram")


@dataclass(frozen=True, slots=True)
class Chart:
    """How much was there of this, and of that? `limit`: values of the breakdown that are kept."""

    project: str
    timezone: str
    period: Period
    series: tuple[EventSeries | FormulaSeries, ...]
    kind: ChartKind = "linear"
    interval: Interval = "day"
    previous: Period | None = None
    filters: tuple[PropertyFilter, ...] = ()
    breakdowns: tuple[str, ...] = ()
    limit: int = 10
    cohorts: tuple[Membership, ...] = ()

    def __post_init__(self) -> None:
        _check(self)

    @property
    def exact(self) -> Source:
        return Source.EVENTS

    @property
    def rolled_up(self) -> tuple[Span, ...]:
        if self.filters or self.breakdowns or (self.kind in TIMED and self.interval in {"minute", "hour"}):
            return ()
        if not all(not item.filters and in_rollup(item.segment, item.property) for item in self.events):
            return ()
        spans = [
            whole_days(item.period, timezone=self.timezone, running_now=item.number == 0)
            for item in self.periods
        ]
        whole = tuple(span for span in spans if span is not None)
        return whole if len(whole) == len(spans) else ()

    @property
    def events(self) -> tuple[EventSeries, ...]:
        """The series that are read."""
        return tuple(item for item in self.series if isinstance(item, EventSeries))

    @property
    def periods(self) -> tuple[ChartPeriod, ...]:
        """The period and the compared one, with their buckets."""
        every = (self.period,) if self.previous is None else (self.period, self.previous)
        return tuple(
            ChartPeriod(number, period, self._buckets(period))
            for number, period in zip(count(), every, strict=False)
        )

    def statement(self, source: Source) -> Statement:
        return of_rollup(self, self.rolled_up) if source is Source.ROLLUP else of_events(self)

    def answer(self, rows: Sequence[Row], source: Source) -> ChartAnswer:
        estimated = any(item.segment in {"user", "session"} for item in self.events)
        return chart_answer(self, rows, approximate=source is Source.ROLLUP and estimated)

    def _buckets(self, period: Period) -> tuple[Bucket, ...]:
        if self.kind in TIMED:
            return buckets(period, timezone=self.timezone, interval=self.interval)
        return (Bucket(period.start, period.end, running=period.running_until is not None),)


def _check(chart: Chart) -> None:
    if not chart.events or len(chart.series) > MAX_SERIES:
        raise BadFilter(
            f"{len(chart.series)} series", reason=f"expected 1 to {MAX_SERIES}, one of events at least"
        )
    check_breakdowns(chart.breakdowns, limit=chart.limit)
    check_filters(chart.filters)
    for place, item in enumerate(chart.series):
        if isinstance(item, FormulaSeries):
            parse(item.formula, letters=[letter(before) for before in range(place)])
        else:
            check_event(item.name, item.filters)
    rows = min(chart.limit, MAX_KEPT) + 1 if chart.breakdowns else 1
    points = rows * len(chart.series) * sum(len(item.buckets) for item in chart.periods)
    if points > MAX_POINTS:
        reason = f"{points:,} points, at most {MAX_POINTS:,}: take a longer interval or fewer values"
        raise BadFilter(chart.interval, reason=reason)
