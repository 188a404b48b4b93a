"""The statements of a chart, from events and from the daily rollup.

Both make `cells` (period, labels, bucket and a state per series) and merge them the same way. The edges of the buckets
are computed by the caller and sent along, so the store never has to know a time zone.
"""

from collections.abc import Callable, Sequence
from datetime import date
from itertools import count
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from openpanel.analytics.breakdowns import NO_LABELS, labels
from openpanel.analytics.cells import column, together
from openpanel.analytics.chart_rows import ChartPeriod
from openpanel.analytics.occurrences import any_of, named, occurs
from openpanel.analytics.property_filters import met
from openpanel.analytics.reading import Reading
from openpanel.analytics.routing import Span
from openpanel.analytics.segments import Measure, State, merged, merged_if, of_days
from openpanel.analytics.segments import of_events as measure_of
from openpanel.analytics.statements import Statement, day_before, day_of, fill, milliseconds

if TYPE_CHECKING:
    from openpanel.analytics.charts import Chart

_EPOCH: Final = date(1970, 1, 1)


def of_events(chart: "Chart") -> Statement:
    """Exactly, from events."""
    reading = Reading(chart.project, timezone=chart.timezone, cohorts=chart.cohorts)
    parts = [_cells(chart, item, reading) for item in chart.periods]
    return Statement(_merged(chart, [cells for cells, _ in parts], parts[0][1], reading), reading.parameters)


def of_rollup(chart: "Chart", spans: Sequence[Span]) -> Statement:
    """From the rows of whole days, and for a day that is cut, from its events."""
    reading = Reading(chart.project, timezone=chart.timezone)
    conditions = [named(item.name, column="rolled.name", reading=reading) for item in chart.events]
    measures = [
        of_days(item.segment, condition=condition)
        for item, condition in zip(chart.events, conditions, strict=True)
    ]
    parts = [
        _cells_of_days(chart, item, span, measures=measures, conditions=conditions, reading=reading)
        for item, span in zip(chart.periods, spans, strict=True)
    ]
    return Statement(_merged(chart, parts, measures, reading), reading.parameters)


def _cells(chart: "Chart", item: ChartPeriod, reading: Reading) -> tuple[str, list[Measure]]:
    everywhere = met(chart.filters, reading)
    conditions = [occurs(series.name, series.filters, reading) for series in chart.events]
    key = labels(chart.breakdowns, reading)
    counted = [
        _latest(condition, everywhere, item, reading) if series.segment == "one_event_per_user" else condition
        for series, condition in zip(chart.events, conditions, strict=True)
    ]
    measures = [
        measure_of(series.segment, series.property, condition=condition, reading=reading)
        for series, condition in zip(chart.events, counted, strict=True)
    ]
    edges = reading.value("Array(Int64)", [milliseconds(bucket.start) for bucket in item.buckets])
    sql = fill(
        _CELLS,
        number=str(item.number),
        labels=key,
        edges=edges,
        at="toUnixTimestamp64Milli(seen.created_at)",
        states=_made(measures),
        events=reading.events(item.period, conditions=(any_of(counted), *everywhere)),
    )
    return sql, measures


def _latest(condition: str, everywhere: tuple[str, ...], item: ChartPeriod, reading: Reading) -> str:
    """The condition, and that the event is the last one of its person in the period."""
    person = reading.person()
    events = reading.events(item.period, conditions=(condition, *everywhere, f"{person} != 0"))
    return f"{condition} AND {fill(_IS_LATEST, person=person, events=events)}"


def _cells_of_days(
    chart: "Chart",
    item: ChartPeriod,
    span: Span,
    *,
    measures: Sequence[Measure],
    conditions: Sequence[str],
    reading: Reading,
) -> str:
    zone = ZoneInfo(chart.timezone)
    edges = reading.value(
        "Array(UInt16)", [(bucket.start.astimezone(zone).date() - _EPOCH).days for bucket in item.buckets]
    )
    wanted = any_of(conditions)
    rows = fill(
        _DAYS, first=reading.value("Date", span.first), end=reading.value("Date", span.end), wanted=wanted
    )
    if span.cut_from is not None and span.cut_until is not None:
        rows += "\n    UNION ALL\n" + fill(
            _CUT_DAY,
            day=reading.value("Date", span.end),
            first_day=reading.value("Date", day_of(span.cut_from)),
            last_day=reading.value("Date", day_before(span.cut_until)),
            start=reading.moment(span.cut_from),
            until=reading.moment(span.cut_until),
            wanted=wanted,
        )
    return fill(
        _CELLS,
        number=str(item.number),
        labels=NO_LABELS,
        edges=edges,
        at="toUInt16(rolled.day)",
        states=_made(measures),
        events=f"FROM\n(\n{rows}\n) AS rolled",
    )


def _states(measures: Sequence[Measure]) -> list[State]:
    return [state for measure in measures for state in measure.states]


def _made(measures: Sequence[Measure]) -> str:
    return ",\n    ".join(
        f"{state.make} AS {column(number)}" for number, state in enumerate(_states(measures))
    )


def _merged(chart: "Chart", parts: Sequence[str], measures: Sequence[Measure], reading: Reading) -> str:
    limit = reading.value("UInt32", chart.limit) if chart.breakdowns else None
    sizes = _values(measures, lambda name, state: merged_if(state, name, "period = 0"))
    return fill(
        _ROWS,
        points=", ".join(_values(measures, lambda name, _: f"finalizeAggregation({name})")),
        totals=", ".join(_values(measures, lambda name, state: merged(state, name))),
        kept=together(parts, states=_states(measures), sizes=sizes, limit=limit),
    )


def _values(measures: Sequence[Measure], read: Callable[[str, State], str]) -> list[str]:
    """The value of each measure; of two states, the first per one of the second."""
    numbers = count()
    found = []
    for measure in measures:
        parts = [read(column(next(numbers)), state) for state in measure.states]
        value = f"toFloat64({parts[0]})"
        found.append(value if len(parts) == 1 else f"if({parts[1]} = 0, NULL, {value} / {parts[1]})")
    return found


_IS_LATEST: Final = """\
(<<person>>, seen.created_at, seen.event_id) GLOBAL IN
(
SELECT person, latest.1, latest.2
FROM
(
SELECT <<person>> AS person, max((seen.created_at, seen.event_id)) AS latest
<<events>>
GROUP BY person
)
)"""

# The place of an edge among all of them is looked up for a cell, and not for every event.
_CELLS: Final = """\
SELECT
    <<number>> AS period,
    <<labels>> AS labels,
    indexOf(<<edges>>, roundDown(<<at>>, <<edges>>) AS edge) AS bucket,
    <<states>>
<<events>>
GROUP BY labels, edge"""

_ROWS: Final = """\
SELECT
    other,
    labels,
    period,
    groupArray((bucket, <<points>>)) AS points,
    tuple(<<totals>>) AS totals
FROM
(
<<kept>>
)
GROUP BY other, labels, period
ORDER BY other, min(place), labels, period"""

_DAYS: Final = """\
    SELECT day, name, events, revenue, persons, sessions
    FROM r_day AS rolled
    WHERE project_id = {project:String} AND day >= <<first>> AND day < <<end>> AND <<wanted>>"""

_CUT_DAY: Final = """\
    SELECT
        <<day>> AS day,
        rolled.name AS name,
        count() AS events,
        sum(rolled.revenue) AS revenue,
        uniqHLL12StateIf(rolled.person, rolled.person != 0) AS persons,
        uniqHLL12StateIf(rolled.session_id, rolled.session_id != 0) AS sessions
    FROM events AS rolled
    WHERE project_id = {project:String} AND toDate(created_at) >= <<first_day>> AND toDate(created_at) <= <<last_day>>
        AND created_at >= <<start>> AND created_at < <<until>> AND <<wanted>>
    GROUP BY name"""
