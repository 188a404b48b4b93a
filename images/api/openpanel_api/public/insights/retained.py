"""Cohorts of beginners: of those who began in a day, week or month, how many came again 1, 2, … of them later."""

from datetime import timedelta
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from openpanel.analytics.breakdowns import MAX_KEPT
from openpanel.analytics.occurrences import Step
from openpanel.analytics.periods import Period
from openpanel.analytics.reading import ANY_EVENT
from openpanel.analytics.retention import ANYTHING, RetainedCohort, Retention, RetentionRow
from openpanel_api.public.dates import Dates, is_dated
from openpanel_api.public.documented import described
from openpanel_api.public.guarded import Guarded
from openpanel_api.public.inquiries import AsTable, Inquiring, Inquiry
from openpanel_api.public.insights.parameters import Filtered, Text, conditions
from openpanel_api.public.memberships import memberships
from openpanel_api.public.question_json import Breakdowns, Cohorts, Filters, StepJson, made

WEEKS: Final = 12  # when nothing is said, the last of them running
AVERAGE: Final = "Weighted Average"
router = APIRouter(prefix="/retention/cohort", route_class=Guarded)


class CohortRowJson(BaseModel):
    """Those who began in an interval; the first row is the average of all that are old enough."""

    cohort_interval: str = Field(description="First day of the interval.", examples=["2026-02-02"])
    sum: int = Field(description="People who began.", examples=[120])
    values: list[int | None] = Field(
        description="How many came k intervals later; null where that is not over.",
        examples=[[120, 60, None]],
    )
    percentages: list[float | None] = Field(description="Their share, 0 to 1.", examples=[[1.0, 0.5, None]])
    breakdowns: dict[str, str] = Field(description="Of which value of the breakdown.", examples=[{}])
    other: bool = Field(description="All values of the breakdown that were not kept, together.")


class Choices(Dates):
    """Who begins, and what is coming back."""

    interval: Literal["day", "week", "month"] = "week"
    begins: Literal["ever", "period", "each"] = Field(
        default="period",
        description="With the first event ever, the first one in the time, or anew in each interval with one.",
    )
    mode: Literal["on", "on_or_after"] = Field(
        default="on_or_after", description="In exactly that interval, or in it or any later one."
    )


class Plain(Choices, Filtered):
    """By names of events."""

    first_event: Text = Field(
        default=ANY_EVENT, alias="firstEvent", description="Who did this begins; `*`: anything."
    )
    second_event: Text = Field(
        default=ANY_EVENT, alias="secondEvent", description="This is coming back; `*`: anything."
    )


class RetentionQuestion(Choices):
    """By events with filters, broken down."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"starts": {"name": "signup"}, "interval": "day", "range": "7d"}]}
    )

    starts: StepJson = Field(default_factory=StepJson)
    comes_back: StepJson = Field(default_factory=StepJson, alias="comesBack")
    filters: Filters = Field(default_factory=list)
    breakdowns: Breakdowns = Field(default_factory=list)
    limit: int = Field(default=10, ge=1, le=MAX_KEPT)
    cohorts: Cohorts = Field(default_factory=list)


@router.get("", **described(list[CohortRowJson], "Who comes back", rows=True))
async def matrix(given: Inquiring, asked: Annotated[Plain, Query()]) -> Response:
    """A matrix of cohorts and intervals; without dates of the last twelve weeks."""
    given.remember(asked)
    filters = conditions(asked)
    question = Retention(
        project=given.project.id,
        timezone=given.zone,
        period=await _period(given, asked),
        interval=asked.interval,
        starts=_step(asked.first_event),
        comes_back=_step(asked.second_event),
        begins=asked.begins,
        mode=asked.mode,
        filters=filters,
        cohorts=await memberships(given, filters),
    )
    return await given.answer(asked, lambda rows: cohort_rows(rows, question), question)


@router.post("", **described(list[CohortRowJson], "Who of these comes back", rows=True, posted=True))
async def large_matrix(
    given: Inquiring, how: Annotated[AsTable, Query()], asked: RetentionQuestion
) -> Response:
    """The same with filters on both events and with breakdowns."""
    given.remember(asked)
    breakdowns = tuple(each.name for each in asked.breakdowns)
    starts, comes_back, filters = asked.starts.made(), asked.comes_back.made(), made(asked.filters)
    every = [*filters, *starts.filters, *comes_back.filters]
    question = Retention(
        project=given.project.id,
        timezone=given.zone,
        period=await _period(given, asked),
        interval=asked.interval,
        starts=starts,
        comes_back=comes_back,
        begins=asked.begins,
        mode=asked.mode,
        filters=filters,
        breakdowns=breakdowns,
        limit=asked.limit,
        cohorts=await memberships(given, every, breakdowns=breakdowns, own=asked.cohorts),
    )
    return await given.answer(how, lambda rows: cohort_rows(rows, question), question)


async def _period(given: Inquiry, asked: Choices) -> Period:
    if is_dated(asked):
        return await given.period(asked)
    today = given.now.astimezone(ZoneInfo(given.zone)).date()
    monday = today - timedelta(days=today.weekday(), weeks=WEEKS - 1)
    return await given.period(Dates(startDate=monday.isoformat()))


def _step(name: str) -> Step:
    return ANYTHING if name == ANY_EVENT else Step(name)


def cohort_rows(rows: tuple[RetentionRow, ...], question: Retention) -> list[CohortRowJson]:
    """The matrix as the API shows it."""
    return [line for row in rows for line in _lines(row, question)]


def _lines(row: RetentionRow, question: Retention) -> list[CohortRowJson]:
    zone = ZoneInfo(question.timezone)
    labels = ["Other"] * len(question.breakdowns) if row.other else row.labels
    named = dict(zip(question.breakdowns, labels, strict=True))
    average = CohortRowJson(
        cohort_interval=AVERAGE,
        sum=sum(cohort.persons for cohort in row.cohorts),
        values=[_returned(row.cohorts, column) for column in range(len(row.average))],
        percentages=[_share(share) for share in row.average],
        breakdowns=named,
        other=row.other,
    )
    return [
        average,
        *(_cohort(each, average, zone) for each in row.cohorts),
    ]


def _cohort(cohort: RetainedCohort, average: CohortRowJson, zone: ZoneInfo) -> CohortRowJson:
    """One of those that the average is of."""
    values: list[int | None] = [
        count if number < cohort.complete else None for number, count in enumerate(cohort.returned)
    ]
    return CohortRowJson(
        cohort_interval=cohort.start.astimezone(zone).date().isoformat(),
        sum=cohort.persons,
        values=values,
        percentages=[
            None if value is None or not cohort.persons else _share(value / cohort.persons)
            for value in values
        ],
        breakdowns=average.breakdowns,
        other=average.other,
    )


def _returned(cohorts: tuple[RetainedCohort, ...], column: int) -> int | None:
    over = [cohort.returned[column] for cohort in cohorts if column < cohort.complete]
    return sum(over) if over else None


def _share(share: float | None) -> float | None:
    return None if share is None else round(share, 4)
