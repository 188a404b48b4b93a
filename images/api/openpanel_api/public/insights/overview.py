"""The seven numbers of a project, as a whole and over time, and of the time before."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from openpanel.analytics.metrics import Metrics
from openpanel.analytics.overview import Figures, MetricsAnswer, Overview, Point, SeriesAnswer
from openpanel.analytics.periods import Interval, Period
from openpanel.analytics.series import Series
from openpanel_api.public.documented import described
from openpanel_api.public.inquiries import Inquiring
from openpanel_api.public.insights.parameters import Scoped, ScopedWeek, overview
from openpanel_api.public.moments import local
from openpanel_api.public.references import MarkJson, marks
from openpanel_api.public.shapes import percent, rounded

router = APIRouter()


class FiguresJson(BaseModel):
    """The numbers; null where there is nothing to divide by. `docs/definitions.md` defines them."""

    unique_visitors: int = Field(description="Different people.", examples=[1200])
    total_sessions: int = Field(description="Visits that began in the time.", examples=[1500])
    total_screen_views: int = Field(description="Pages that were seen.", examples=[6000])
    bounce_rate: float | None = Field(description="Percent of visits with at most one page.", examples=[41.2])
    avg_session_duration: float | None = Field(description="Seconds, of visits that lasted.", examples=[93.5])
    views_per_session: float | None = Field(examples=[4.0])
    total_revenue: int = Field(description="In the smallest unit of the currency.", examples=[420000])


class BucketJson(FiguresJson):
    """The numbers of a bucket."""

    date: str = Field(
        description="Its begin, in the project's time zone.", examples=["2026-03-01T00:00:00+09:00"]
    )
    running: bool = Field(description="Whether it is not over yet.")


class BeforeJson(BaseModel):
    """The time before."""

    summary: FiguresJson
    series: list[BucketJson]
    start_date: str = Field(serialization_alias="startDate", examples=["2026-01-30T00:00:00+09:00"])
    end_date: str = Field(serialization_alias="endDate", examples=["2026-03-01T00:00:00+09:00"])


class _Numbers(BaseModel):
    series: list[BucketJson] = Field(description="Oldest first, none missing.")
    interval: Interval
    start_date: str = Field(
        serialization_alias="startDate", description="Included.", examples=["2026-03-01T00:00:00+09:00"]
    )
    end_date: str = Field(
        serialization_alias="endDate", description="Not included.", examples=["2026-03-31T00:00:00+09:00"]
    )
    previous: BeforeJson | None = Field(default=None, description="With `previous=true`.")
    approximate: bool = Field(description="Whether people are counted by estimate.")
    references: list[MarkJson] = Field(description="What happened meanwhile beside the data.")


class OverviewJson(_Numbers):
    """The numbers of a time and their series."""

    summary: FiguresJson


class MetricsJson(_Numbers):
    """The same under the names of `metrics`."""

    metrics: FiguresJson


@router.get("/overview", **described(OverviewJson, "The seven numbers", rows=True))
async def numbers(given: Inquiring, asked: Annotated[Scoped, Query()]) -> Response:
    """Visitors, sessions, pageviews, bounce rate, duration, views per session and revenue, and how they went."""
    scope = await overview(given, asked)
    happened = await marks(given, scope.period)

    def shown(metrics: MetricsAnswer, series: SeriesAnswer) -> OverviewJson:
        return OverviewJson(summary=figures(metrics.current), **_numbers(scope, metrics, series, happened))

    return await given.answer(asked, shown, Metrics(scope), Series(scope), rows=_buckets)


@router.get("/metrics", **described(MetricsJson, "The seven numbers of a week", rows=True))
async def metrics(given: Inquiring, asked: Annotated[ScopedWeek, Query()]) -> Response:
    """The same numbers; without dates of the last seven days."""
    scope = await overview(given, asked)
    happened = await marks(given, scope.period)

    def shown(metrics: MetricsAnswer, series: SeriesAnswer) -> MetricsJson:
        return MetricsJson(metrics=figures(metrics.current), **_numbers(scope, metrics, series, happened))

    return await given.answer(asked, shown, Metrics(scope), Series(scope), rows=_buckets)


def figures(found: Figures) -> FiguresJson:
    """The numbers as the API shows them."""
    return FiguresJson(
        unique_visitors=found.visitors,
        total_sessions=found.sessions,
        total_screen_views=found.pageviews,
        bounce_rate=percent(found.bounce_rate),
        avg_session_duration=rounded(found.duration_s),
        views_per_session=rounded(found.views_per_session),
        total_revenue=found.revenue,
    )


def bounds(period: Period, timezone: str) -> dict[str, str]:
    """Its ends, for an answer."""
    return {
        "start_date": local(period.start, timezone=timezone),
        "end_date": local(period.end, timezone=timezone),
    }


def _numbers(
    scope: Overview, metrics: MetricsAnswer, series: SeriesAnswer, happened: list[MarkJson]
) -> dict[str, Any]:
    zone = scope.timezone
    earlier = None
    if scope.previous is not None and metrics.previous is not None:
        earlier = BeforeJson(
            summary=figures(metrics.previous),
            series=[_bucket(each, zone) for each in series.previous],
            **bounds(scope.previous, zone),
        )
    return {
        "series": [_bucket(each, zone) for each in series.points],
        "interval": scope.interval,
        "previous": earlier,
        "approximate": metrics.approximate or series.approximate,
        "references": happened,
        **bounds(scope.period, zone),
    }


def _bucket(point: Point, timezone: str) -> BucketJson:
    return BucketJson(
        date=local(point.start, timezone=timezone),
        running=point.running,
        **figures(point.figures).model_dump(),
    )


def _buckets(body: _Numbers) -> list[dict[str, Any]]:
    """A bucket a row, its date first."""
    return [{"date": each.date, **each.model_dump(exclude={"date"})} for each in body.series]
