"""A report's question as JSON: one shape for each kind of chart, with the names that charts, funnels and flows have.

Pure. `question_of` makes of it what the analytics ask; what cannot be asked is refused when it is saved.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal

from pydantic import Discriminator, Field

from openpanel.analytics.asking import Question
from openpanel.analytics.attempts import MAX_EXCLUSIONS, MAX_WINDOW, Attempts, Exclusion, Order, Visitor
from openpanel.analytics.attempts import MAX_STEPS as MAX_FUNNEL_STEPS
from openpanel.analytics.breakdowns import MAX_KEPT
from openpanel.analytics.charts import Chart
from openpanel.analytics.conversions import Conversion
from openpanel.analytics.flows import MAX_KEPT as MAX_NODES
from openpanel.analytics.flows import MAX_STEPS as MAX_FLOW_STEPS
from openpanel.analytics.flows import Flow, FlowMode
from openpanel.analytics.funnels import Funnel
from openpanel.analytics.periods import Period
from openpanel.analytics.reading import Membership
from openpanel.analytics.retention import Begins, Mode, Retention
from openpanel.metadata import ProjectRecord
from openpanel_api.public.dates import Against, InBuckets, before, interval_of, period_of
from openpanel_api.public.manage.routes import Json
from openpanel_api.public.question_json import (
    Breakdowns,
    Filters,
    Name,
    Series,
    StepJson,
    Text,
    made,
    series_of,
)

HOUR_MS: Final = 3_600_000
MOST_HOURS: Final = MAX_WINDOW // timedelta(hours=1)


class _Report(InBuckets, Json):
    """What every kind has: when, filters on all of it, and how it is shown."""

    filters: Filters = Field(default_factory=list, description="All must hold for everything in it.")
    unit: Annotated[str, Field(max_length=40)] = Field(
        default="", description="Shown behind numbers.", examples=["%"]
    )
    line_type: Literal["monotone", "linear", "step"] = Field(
        default="monotone", description="How lines are drawn."
    )


class _Broken(_Report):
    """What may be broken down."""

    breakdowns: Breakdowns = Field(default_factory=list)
    limit: int = Field(
        default=10,
        ge=1,
        le=MAX_KEPT,
        description="Values of the breakdown that are kept; the others are one row.",
    )

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields it is broken down by."""
        return tuple(each.name for each in self.breakdowns)


class ChartReport(Against, _Broken):
    """Series over time, or as totals."""

    chart_type: Literal["linear", "area", "histogram", "bar", "pie", "metric", "map"]
    series: Series = Field(examples=[[{"name": "screen_view", "segment": "user"}]])


class _Attempted(Against, _Broken):
    """What is made of steps within a time."""

    window_hours: float = Field(
        default=24, gt=0, le=MOST_HOURS, description="From the first step to the last at most."
    )
    group: Visitor = Field(
        default="session", description="Whose steps: of one session, of a person, or of the value of `key`."
    )
    key: Text = Field(default="", description="A field whose value must be the same at all steps.")


class ExclusionJson(StepJson):
    """What must not happen after step `after` and before step `before`; without one: the last."""

    after: int = Field(default=1, ge=1, le=MAX_FUNNEL_STEPS)
    before: int | None = Field(default=None, ge=1, le=MAX_FUNNEL_STEPS)


class FunnelReport(_Attempted):
    """How many get from step to step."""

    chart_type: Literal["funnel"]
    steps: Annotated[list[StepJson], Field(min_length=2, max_length=MAX_FUNNEL_STEPS)]
    order: Order = "sequence"
    exclusions: Annotated[list[ExclusionJson], Field(max_length=MAX_EXCLUSIONS)] = Field(default_factory=list)


class ConversionReport(_Attempted):
    """Of those who did the first, how many did the second; by when they did the first."""

    chart_type: Literal["conversion"]
    steps: Annotated[list[StepJson], Field(min_length=2, max_length=2)]


class RetentionReport(_Broken):
    """Of those who began in a bucket, how many came again."""

    chart_type: Literal["retention"]
    starts: StepJson = Field(default_factory=StepJson, description="What one begins with.")
    comes_back: StepJson = Field(default_factory=StepJson, description="What counts as coming again.")
    begins: Begins = Field(
        default="period", description="First of all time, first in the period, each bucket anew."
    )
    mode: Mode = Field(default="on_or_after", description="In exactly that bucket, or in it or later.")


class FlowReport(_Report):
    """The ways of sessions after an event, before it, or between two."""

    chart_type: Literal["sankey"]
    mode: FlowMode = "after"
    start: StepJson | None = None
    end: StepJson | None = None
    steps: int = Field(default=5, ge=2, le=MAX_FLOW_STEPS)
    include: Annotated[list[Name], Field(max_length=100)] = Field(default_factory=list)
    exclude: Annotated[list[Name], Field(max_length=100)] = Field(default_factory=list)
    kept: int = Field(default=5, ge=1, le=MAX_NODES, description="Nodes of one step; the others are one.")


ReportJson = Annotated[
    ChartReport | FunnelReport | ConversionReport | RetentionReport | FlowReport,
    Discriminator("chart_type"),
]
Report = ChartReport | FunnelReport | ConversionReport | RetentionReport | FlowReport

EXAMPLE: Final[dict[str, Any]] = {
    "chartType": "linear",
    "range": "30d",
    "interval": "day",
    "series": [{"name": "screen_view", "segment": "user"}],
    "breakdowns": [{"name": "country"}],
}


def question_of(
    report: Report,
    project: ProjectRecord,
    *,
    now: datetime,
    cohorts: Sequence[Membership] = (),
    earliest: datetime | None = None,
) -> Question[Any]:
    """What the report asks at `now`; `cohorts`: those of the project, `earliest`: its first event, for `all`."""
    period = period_of(report, timezone=project.timezone, now=now, earliest=earliest)
    common: dict[str, Any] = {
        "project": project.id,
        "timezone": project.timezone,
        "period": period,
        "filters": made(report.filters),
        "cohorts": tuple(cohorts),
    }
    if isinstance(report, FlowReport):
        return _flow(report, common)
    if isinstance(report, RetentionReport):
        return _retention(report, common)
    if isinstance(report, ChartReport):
        return _chart(report, common, before(report, period, timezone=project.timezone))
    return _attempted(report, common, before(report, period, timezone=project.timezone))


def _chart(report: ChartReport, common: dict[str, Any], previous: Period | None) -> Question[Any]:
    return Chart(
        **common,
        series=series_of(report.series),
        kind=report.chart_type,
        interval=interval_of(report, common["period"]),
        previous=previous,
        breakdowns=report.fields,
        limit=report.limit,
    )


def _attempted(
    report: FunnelReport | ConversionReport, common: dict[str, Any], previous: Period | None
) -> Question[Any]:
    scope = Attempts(
        **common,
        steps=tuple(each.made() for each in report.steps),
        window=timedelta(milliseconds=max(1, round(report.window_hours * HOUR_MS))),
        by=report.group,
        key=report.key,
        order=report.order if isinstance(report, FunnelReport) else "sequence",
        exclusions=tuple(
            Exclusion(each.name, made(each.filters), each.after, each.before)
            for each in (report.exclusions if isinstance(report, FunnelReport) else ())
        ),
    )
    shared: dict[str, Any] = {"previous": previous, "breakdowns": report.fields, "limit": report.limit}
    if isinstance(report, FunnelReport):
        return Funnel(scope, **shared)
    return Conversion(scope, interval=interval_of(report, common["period"]), **shared)


def _retention(report: RetentionReport, common: dict[str, Any]) -> Question[Any]:
    return Retention(
        **common,
        interval=_coarse(report.interval),
        starts=report.starts.made(),
        comes_back=report.comes_back.made(),
        begins=report.begins,
        mode=report.mode,
        breakdowns=report.fields,
        limit=report.limit,
    )


def _coarse(interval: str | None) -> Literal["day", "week", "month"]:
    """Nobody begins in a minute or an hour."""
    if interval in ("minute", "hour", "day"):
        return "day"
    return "month" if interval == "month" else "week"


def _flow(report: FlowReport, common: dict[str, Any]) -> Question[Any]:
    return Flow(
        **common,
        mode=report.mode,
        start=report.start.made() if report.start else None,
        end=report.end.made() if report.end else None,
        steps=report.steps,
        include=tuple(report.include),
        exclude=tuple(report.exclude),
        kept=report.kept,
    )
