"""Who is behind a point of a chart."""

from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Response
from pydantic import ConfigDict, Field

from openpanel.analytics.breakdowns import MAX_BREAKDOWNS
from openpanel.analytics.chart_people import ChartPeople
from openpanel.analytics.chart_series import EventSeries
from openpanel.analytics.people_pages import PeopleAnswer
from openpanel.analytics.periods import Interval, Period, buckets
from openpanel_api.public.dates import InBuckets, interval_of
from openpanel_api.public.documented import described
from openpanel_api.public.errors import BadRequest
from openpanel_api.public.guarded import Guarded
from openpanel_api.public.inquiries import Inquiring, Inquiry
from openpanel_api.public.insights.behind import PEOPLE_COLUMNS, PeopleBehindJson, behind, page_after
from openpanel_api.public.insights.funnels import Paged
from openpanel_api.public.memberships import memberships
from openpanel_api.public.moments import beginning
from openpanel_api.public.question_json import Breakdowns, Cohorts, Filters, StepJson, Text, made

router = APIRouter(prefix="/chart", route_class=Guarded)
SERIES: Final[dict[str, Any]] = {"name": "screen_view"}


class PointQuestion(InBuckets):
    """A point, as the chart that it stands in was asked: `date` and `labels` are those of the point.

    Without `date` it is the whole period, which is the point of a bar, a slice or a number.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"series": SERIES, "range": "7d", "breakdowns": ["country"], "labels": ["KR"]}]
        }
    )

    series: StepJson = Field(
        description="The events that are counted, whatever is counted of them.", examples=[SERIES]
    )
    date: Annotated[str, Field(max_length=100)] | None = Field(
        default=None,
        description="When the point begins: `date` of the chart's answer.",
        examples=["2026-03-01T00:00:00+09:00"],
    )
    breakdowns: Breakdowns = Field(default_factory=list, examples=[["country"]])
    labels: list[Text] = Field(
        default_factory=list,
        max_length=MAX_BREAKDOWNS,
        description="A value for each breakdown, as the chart's answer names it; none stands for all that is in Other.",
        examples=[["KR"]],
    )
    filters: Filters = Field(default_factory=list, description="Conditions on the events of all series.")
    cohorts: Cohorts = Field(default_factory=list)


@router.post(
    "/people", **described(PeopleBehindJson, "Who is behind a point of a chart", rows=True, posted=True)
)
async def people(given: Inquiring, how: Annotated[Paged, Query()], asked: PointQuestion) -> Response:
    """People who did what a point counts, in pages by their ids."""
    question = await _question(given, how, asked)

    def shown(found: PeopleAnswer) -> PeopleBehindJson:
        return behind(found)

    return await given.answer(how, shown, question, rows=lambda body: body.people, columns=PEOPLE_COLUMNS)


async def _question(given: Inquiry, how: Paged, asked: PointQuestion) -> ChartPeople:
    given.remember(asked)
    filters, own = made(asked.filters), made(asked.series.filters)
    breakdowns = tuple(each.name for each in asked.breakdowns)
    whole = await given.period(asked)
    return ChartPeople(
        project=given.project.id,
        timezone=given.zone,
        period=whole if asked.date is None else _point(asked.date, whole, asked, timezone=given.zone),
        series=EventSeries(asked.series.name, filters=own),
        filters=filters,
        breakdowns=breakdowns,
        labels=tuple(asked.labels),
        cohorts=await memberships(given, [*filters, *own], breakdowns=breakdowns, own=asked.cohorts),
        after=page_after(how.cursor),
        limit=how.limit,
    )


def _point(text: str, whole: Period, asked: PointQuestion, *, timezone: str) -> Period:
    """What of the period lies in the bucket that the text is in."""
    moment = beginning(text, name="date", timezone=timezone)
    interval: Interval = interval_of(asked, whole)
    for bucket in buckets(whole, timezone=timezone, interval=interval):
        if bucket.start <= moment < bucket.end:
            start, end = max(bucket.start, whole.start), min(bucket.end, whole.end)
            return Period(start, end, _until(whole, end))
    raise BadRequest("date: lies outside of what was asked about")


def _until(whole: Period, end: datetime) -> datetime | None:
    until = whole.running_until
    return until if until is not None and until < end else None
