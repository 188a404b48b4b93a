"""The answer of a chart: one row per series and value of the breakdown, with its points and its figures.

Formulas are computed here, bucket by bucket and once more over the whole period, from the rows of the same values.
Knows no store: rows of `chart_statements` only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from openpanel.analytics.chart_series import EventSeries, FormulaSeries, letter
from openpanel.analytics.formulas import Expression, compute, parse
from openpanel.analytics.periods import Bucket, Period
from openpanel.analytics.segments import empty
from openpanel.analytics.statements import Row

if TYPE_CHECKING:
    from openpanel.analytics.charts import Chart


@dataclass(frozen=True, slots=True)
class ChartPeriod:
    """The asked period (number 0) or the compared one (1), cut into buckets."""

    number: int
    period: Period
    buckets: tuple[Bucket, ...]


@dataclass(frozen=True, slots=True)
class ChartPoint:
    """The value of one bucket, `None` where it has none; `running` buckets are not over."""

    start: datetime
    end: datetime
    running: bool
    value: float | None


@dataclass(frozen=True, slots=True)
class ChartFigures:
    """Of the points: sum, mean, least and greatest; `total` is the value of the whole period.

    The total of persons is less than the sum of the days when someone came on two of them.
    """

    total: float | None
    sum: float | None
    average: float | None
    min: float | None
    max: float | None


@dataclass(frozen=True, slots=True)
class ChartRow:
    """One line of a chart. `labels` are the values of the breakdowns; `other`: all values that were not kept."""

    letter: str
    name: str
    labels: tuple[str, ...]
    other: bool
    hidden: bool
    points: tuple[ChartPoint, ...]
    figures: ChartFigures
    previous: tuple[ChartPoint, ...] = ()
    previous_figures: ChartFigures | None = None


@dataclass(frozen=True, slots=True)
class ChartAnswer:
    """The rows, by series and within it the largest first, "other" last."""

    rows: tuple[ChartRow, ...]
    approximate: bool = False


Values = Mapping[str, float | None]  # by letter


@dataclass(frozen=True, slots=True)
class _Group:
    """What is known of one value of the breakdown in one period, formulas and all."""

    points: Mapping[int, Values]
    total: Values


def chart_answer(chart: "Chart", rows: Sequence[Row], *, approximate: bool) -> ChartAnswer:
    """The answer that these rows are."""
    formulas = _formulas(chart)
    nothing = _computed(formulas, {letter(place): empty(item.segment) for place, item in _events(chart)})
    groups: dict[tuple[bool, tuple[str, ...]], dict[int, _Group]] = {}
    for other, labels, period, points, totals in rows:
        found = groups.setdefault((bool(other), () if other else tuple(labels)), {})
        found[period] = _group(chart, formulas, points, totals)
    if not chart.breakdowns:
        groups.setdefault((False, ()), {})
    answered = [
        _row(chart, place, other=other, labels=labels, group=group, nothing=nothing)
        for place in range(len(chart.series))
        for (other, labels), group in groups.items()
    ]
    return ChartAnswer(tuple(row for row in answered if not row.hidden), approximate)


def _events(chart: "Chart") -> list[tuple[int, EventSeries]]:
    return [(place, item) for place, item in enumerate(chart.series) if isinstance(item, EventSeries)]


def _formulas(chart: "Chart") -> Mapping[str, Expression]:
    """By letter, in their order: formulas may build on formulas before them."""
    return {
        letter(place): parse(series.formula, letters=[letter(before) for before in range(place)])
        for place, series in enumerate(chart.series)
        if isinstance(series, FormulaSeries)
    }


def _computed(formulas: Mapping[str, Expression], values: Values) -> Values:
    """The values of all series, where those of the events are known."""
    known = dict(values)
    for name, formula in formulas.items():
        known[name] = compute(formula, known)
    return known


def _group(
    chart: "Chart",
    formulas: Mapping[str, Expression],
    points: Sequence[Sequence[Any]],
    totals: Sequence[Any],
) -> _Group:
    letters = [letter(place) for place, _ in _events(chart)]
    return _Group(
        {bucket: _computed(formulas, dict(zip(letters, values, strict=True))) for bucket, *values in points},
        _computed(formulas, dict(zip(letters, totals, strict=True))),
    )


def _row(
    chart: "Chart",
    place: int,
    *,
    other: bool,
    labels: tuple[str, ...],
    group: Mapping[int, _Group],
    nothing: Values,
) -> ChartRow:
    series = chart.series[place]
    parts = [_points(letter(place), item, group.get(item.number), nothing) for item in chart.periods]
    return ChartRow(
        letter=letter(place),
        name=series.display_name or (series.formula if isinstance(series, FormulaSeries) else series.name),
        labels=labels,
        other=other,
        hidden=series.hidden,
        points=parts[0][0],
        figures=parts[0][1],
        previous=parts[1][0] if len(parts) > 1 else (),
        previous_figures=parts[1][1] if len(parts) > 1 else None,
    )


def _points(
    name: str, period: ChartPeriod, group: _Group | None, nothing: Values
) -> tuple[tuple[ChartPoint, ...], ChartFigures]:
    """Every bucket, whether something happened in it or not. The store counts positions from 1."""
    known = group.points if group else {}
    points = tuple(
        ChartPoint(bucket.start, bucket.end, bucket.running, known.get(number, nothing)[name])
        for number, bucket in enumerate(period.buckets, start=1)
    )
    total = group.total[name] if group else nothing[name]
    return points, _figures([point.value for point in points if point.value is not None], total)


def _figures(values: list[float], total: float | None) -> ChartFigures:
    if not values:
        return ChartFigures(total, None, None, None, None)
    return ChartFigures(total, sum(values), sum(values) / len(values), min(values), max(values))
