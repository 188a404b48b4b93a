"""A chart as the API answers it: OpenPanel's FinalChart, and the same as rows of a table. Pure.

`sum`, `average`, `min` and `max` are over the buckets, `count` is the value of the whole period: a person who came on
two days counts once in it. What has no value is null, never 0.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, Field

from openpanel.analytics.chart_rows import ChartAnswer, ChartFigures, ChartPoint, ChartRow
from openpanel_api.public.moments import local
from openpanel_api.public.references import MarkJson

OTHER = "Other"


class DifferenceJson(BaseModel):
    """An earlier value, and how the asked one differs from it."""

    value: float | None = Field(examples=[20])
    diff: float | None = Field(
        description="Percent; null where there is nothing to compare with.", examples=[50]
    )
    state: Literal["positive", "negative", "neutral"]


class PointJson(BaseModel):
    """The value of a bucket."""

    date: str = Field(
        description="Begin of the bucket, in the project's time zone.", examples=["2026-03-01T00:00:00+09:00"]
    )
    count: float | None = Field(examples=[30])
    previous: DifferenceJson | None = Field(
        default=None, description="Of the earlier time, with `previous=true`."
    )


class PreviousFiguresJson(BaseModel):
    """The figures of the earlier time."""

    sum: DifferenceJson
    average: DifferenceJson
    min: DifferenceJson
    max: DifferenceJson
    count: DifferenceJson


class FiguresJson(BaseModel):
    """Figures over the buckets."""

    sum: float | None = Field(examples=[30])
    average: float | None = Field(examples=[15])
    min: float | None = Field(examples=[10])
    max: float | None = Field(examples=[20])


class SeriesFiguresJson(FiguresJson):
    """Figures of one series."""

    count: float | None = Field(description="The value of the whole period.", examples=[25])
    previous: PreviousFiguresJson | None = None


class SeriesEventJson(BaseModel):
    """What the series counts."""

    id: str = Field(description="The id that was given, else the letter of the series.", examples=["A"])
    name: str = Field(examples=["screen_view"])
    breakdowns: dict[str, str] = Field(examples=[{"country": "KR"}])


class SeriesAnswerJson(BaseModel):
    """One line of the chart."""

    id: str = Field(description="Different for each line of the chart.", examples=["A-KR"])
    names: list[str] = Field(examples=[["screen_view", "KR"]])
    other: bool = Field(description="All values of the breakdown that were not kept, together.")
    event: SeriesEventJson
    metrics: SeriesFiguresJson
    data: list[PointJson]


class ChartJson(BaseModel):
    """The chart: largest series first."""

    series: list[SeriesAnswerJson]
    metrics: FiguresJson = Field(description="Over all series.")
    approximate: bool = Field(description="Whether persons and sessions are counted by estimate.")
    references: list[MarkJson] = Field(description="What happened meanwhile beside the data.")


def chart_json(
    answer: ChartAnswer,
    *,
    names: Mapping[str, tuple[str, str]],
    breakdowns: Sequence[str],
    timezone: str,
    references: Sequence[MarkJson],
) -> ChartJson:
    """The answer; `names` are the id and the name of each series by its letter."""
    shown = [_series(row, names, breakdowns, timezone) for row in answer.rows]
    shown.sort(key=lambda each: (each.other, -(each.metrics.sum or 0)))
    return ChartJson(
        series=shown,
        metrics=_together(shown),
        approximate=answer.approximate,
        references=list(references),
    )


def chart_columns(breakdowns: Sequence[str]) -> tuple[str, ...]:
    """What every row has."""
    labels = [f"breakdown.{name}" for name in breakdowns]
    return ("series", "name", *labels, *(["other"] if labels else []), "date", "count")


def chart_rows(chart: ChartJson) -> Iterator[dict[str, Any]]:
    """A row for each point of each series."""
    for series in chart.series:
        for point in series.data:
            yield {
                "series": series.event.id,
                "name": series.names[0],
                **{f"breakdown.{name}": value for name, value in series.event.breakdowns.items()},
                **({"other": series.other} if series.event.breakdowns else {}),
                "date": point.date,
                "count": point.count,
                **({"previous": point.previous.value} if point.previous else {}),
            }


def _series(
    row: ChartRow, names: Mapping[str, tuple[str, str]], breakdowns: Sequence[str], timezone: str
) -> SeriesAnswerJson:
    identifier, name = names[row.letter]
    labels = [OTHER] if row.other else list(row.labels)
    title = f"({row.letter}) {row.name}" if len(names) > 1 else row.name
    values = [OTHER] * len(breakdowns) if row.other else labels
    return SeriesAnswerJson(
        id=_id(row),
        names=[title, *labels],
        other=row.other,
        event=SeriesEventJson(
            id=identifier, name=name, breakdowns=dict(zip(breakdowns, values, strict=False))
        ),
        metrics=_figures(row),
        data=_points(row, timezone),
    )


def _id(row: ChartRow) -> str:
    """Different for each line, whatever the values are: what joins them is written otherwise within them."""
    if row.other:
        return f"{row.letter}.other"
    return "-".join([row.letter, *(label.replace("%", "%25").replace("-", "%2D") for label in row.labels)])


def _figures(row: ChartRow) -> SeriesFiguresJson:
    figures, earlier = row.figures, row.previous_figures
    return SeriesFiguresJson(
        sum=figures.sum,
        average=figures.average,
        min=figures.min,
        max=figures.max,
        count=figures.total,
        previous=None if earlier is None else _earlier(figures, earlier),
    )


def _earlier(now: ChartFigures, then: ChartFigures) -> PreviousFiguresJson:
    return PreviousFiguresJson(
        sum=difference(now.sum, then.sum),
        average=difference(now.average, then.average),
        min=difference(now.min, then.min),
        max=difference(now.max, then.max),
        count=difference(now.total, then.total),
    )


def _points(row: ChartRow, timezone: str) -> list[PointJson]:
    """Each bucket beside the one at the same place of the earlier time."""
    compared = row.previous_figures is not None
    earlier: list[ChartPoint | None] = [*row.previous, *[None] * len(row.points)]
    return [
        PointJson(
            date=local(point.start, timezone=timezone),
            count=point.value,
            previous=difference(point.value, then.value if then else None) if compared else None,
        )
        for point, then in zip(row.points, earlier, strict=False)
    ]


def difference(now: float | None, then: float | None) -> DifferenceJson:
    """How a value differs from an earlier one."""
    change = (now or 0) - (then or 0)
    state: Literal["positive", "negative", "neutral"] = "neutral"
    if change:
        state = "positive" if change > 0 else "negative"
    comparable = now is not None and then is not None and then != 0
    return DifferenceJson(
        value=then, diff=round(change / abs(then) * 100, 2) if comparable and then else None, state=state
    )


def _together(series: Sequence[SeriesAnswerJson]) -> FiguresJson:
    values = [point.count for each in series for point in each.data if point.count is not None]
    if not values:
        return FiguresJson(sum=None, average=None, min=None, max=None)
    return FiguresJson(sum=sum(values), average=sum(values) / len(values), min=min(values), max=max(values))
