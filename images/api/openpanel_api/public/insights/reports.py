"""The answer of a saved report."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from openpanel.analytics.asking import Question
from openpanel.analytics.charts import Chart
from openpanel.analytics.conversions import Conversion
from openpanel.analytics.flows import Flow
from openpanel.analytics.funnels import Funnel
from openpanel.analytics.periods import Interval, Period
from openpanel.analytics.retention import Retention
from openpanel.analytics.volume import Volume
from openpanel.metadata import ReportRecord, reports
from openpanel_api.public.asked_places import path_text
from openpanel_api.public.chart_json import ChartJson, chart_columns, chart_json, chart_rows
from openpanel_api.public.charts import series_names
from openpanel_api.public.dates import interval_of, period_of, wants_earliest
from openpanel_api.public.documented import described
from openpanel_api.public.errors import BadRequest, NotFound
from openpanel_api.public.inquiries import AsTable, Inquiring, Inquiry
from openpanel_api.public.insights.conversion import (
    ConversionPointJson,
    ConversionRowJson,
    conversion_json,
    conversion_table,
)
from openpanel_api.public.insights.flows import LINK_COLUMNS, FlowJson, flow_json
from openpanel_api.public.insights.funnels import (
    FunnelJson,
    StepAnswerJson,
    broken_down,
    funnel_json,
    funnel_table,
)
from openpanel_api.public.insights.retained import CohortRowJson, cohort_rows
from openpanel_api.public.manage.cohort_members import memberships
from openpanel_api.public.manage.report_json import ChartReport, Report, ReportJson, question_of
from openpanel_api.public.moments import local
from openpanel_api.public.references import MarkJson, marks
from openpanel_api.public.tables import columns_of

NOT_FOUND = "Report not found"
SAVED: TypeAdapter[Report] = TypeAdapter(ReportJson)
router = APIRouter(prefix="/reports")
Data = ChartJson | FunnelJson | FlowJson | list[ConversionRowJson] | list[CohortRowJson]


class ReportDataJson(BaseModel):
    """A report and its answer; `data` has the shape of its kind: a chart, a funnel, conversion, retention or a flow."""

    id: str = Field(examples=["0190a0c2-1111-7000-8000-000000000000"])
    name: str = Field(examples=["Visitors by country"])
    chart_type: str = Field(serialization_alias="chartType", examples=["linear"])
    range: str | None = Field(examples=["30d"])
    interval: str = Field(examples=["day"])
    start_date: str = Field(serialization_alias="startDate", examples=["2026-01-31T00:00:00+09:00"])
    end_date: str = Field(serialization_alias="endDate", examples=["2026-03-02T00:00:00+09:00"])
    data: Data


@router.get("/{reportId}/data", **described(ReportDataJson, "The answer of a report", rows=True))
async def data(
    given: Inquiring,
    asked: Annotated[AsTable, Query()],
    report_id: Annotated[str, Path(alias="reportId", description="Id of the report.", max_length=100)],
) -> Response:
    """What a saved report answers now."""
    services, project = given.services, given.project
    record = await services.blocking(
        lambda: reports.load(services.database, project=project.id, report=report_id)
    )
    if record is None:
        raise NotFound(NOT_FOUND)
    report = _saved(record)
    earliest = await _earliest(given, report)
    question = await _question(given, report, earliest)
    happened = await marks(given, question.period) if isinstance(question, Chart) else []

    def shown(found: Any) -> ReportDataJson:
        period = period_of(report, timezone=given.zone, now=given.now, earliest=earliest)
        interval = question.interval if isinstance(question, Retention) else interval_of(report, period)
        return _with_data(
            given, record, report, (period, interval), _shown(given, report, question, found, happened)
        )

    return await given.answer(asked, shown, question, rows=_table, columns=_columns(question))


def _saved(record: ReportRecord) -> Report:
    """The question as it was saved. Raises `BadRequest` for one that was saved when it could still be asked."""
    try:
        return SAVED.validate_python(dict(record.question))
    except ValidationError as error:
        (fault, *_) = error.errors()
        raise BadRequest(
            f"{path_text(('report', *fault['loc']))}: {fault['msg']}; save the report anew"
        ) from error


async def _earliest(given: Inquiry, report: Report) -> datetime | None:
    if not wants_earliest(report):
        return None
    return (await given.found(Volume(given.project.id, given.zone))).answer.earliest(given.zone)


async def _question(given: Inquiry, report: Report, earliest: datetime | None) -> Question[Any]:
    given.remember(report)
    services = given.services
    cohorts = await services.blocking(lambda: memberships(services.database, given.project, now=given.step))
    return question_of(report, given.project, now=given.now, cohorts=cohorts, earliest=earliest)


def _shown(
    given: Inquiry, report: Report, question: Question[Any], found: Any, happened: list[MarkJson]
) -> Data:
    if isinstance(question, Funnel):
        return funnel_json(found, question.breakdowns)
    if isinstance(question, Conversion):
        return [conversion_json(each, question.breakdowns, given.zone) for each in found]
    if isinstance(question, Retention):
        return cohort_rows(found, question)
    if isinstance(question, Flow):
        return flow_json(found)
    assert isinstance(question, Chart)
    assert isinstance(report, ChartReport)
    names = series_names(report.series)
    return chart_json(
        found, names=names, breakdowns=question.breakdowns, timezone=given.zone, references=happened
    )


def _with_data(
    given: Inquiry, record: ReportRecord, report: Report, when: tuple[Period, Interval], shown: Data
) -> ReportDataJson:
    period, interval = when
    return ReportDataJson(
        id=record.id,
        name=record.name,
        chart_type=report.chart_type,
        range=report.range,
        interval=interval,
        start_date=local(period.start, timezone=given.zone),
        end_date=local(period.end, timezone=given.zone),
        data=shown,
    )


def _columns(question: Question[Any]) -> tuple[str, ...]:
    """Of a table without rows."""
    if isinstance(question, Funnel):
        return broken_down(question.breakdowns, StepAnswerJson)
    if isinstance(question, Conversion):
        return broken_down(question.breakdowns, ConversionPointJson)
    if isinstance(question, Chart):
        return chart_columns(question.breakdowns)
    return LINK_COLUMNS if isinstance(question, Flow) else columns_of(CohortRowJson)


def _table(body: ReportDataJson) -> list[dict[str, Any]]:
    shown = body.data
    if isinstance(shown, ChartJson):
        return list(chart_rows(shown))
    if isinstance(shown, FunnelJson):
        return funnel_table(shown)
    if isinstance(shown, FlowJson):
        return [each.model_dump() for each in shown.links]
    conversions = [each for each in shown if isinstance(each, ConversionRowJson)]
    return conversion_table(conversions) if conversions else [each.model_dump() for each in shown]
