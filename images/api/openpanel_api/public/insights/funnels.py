"""Funnels, who is behind a step, and conversion over time."""

from dataclasses import replace
from datetime import timedelta
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from openpanel.analytics.attempts import MAX_EXCLUSIONS, MAX_STEPS, Attempts, Exclusion, Visitor
from openpanel.analytics.breakdowns import MAX_BREAKDOWNS, MAX_KEPT
from openpanel.analytics.conversions import Conversion, ConversionPoint, ConversionRow, Converted
from openpanel.analytics.funnels import Funnel, FunnelAnswer, FunnelPeople, FunnelRow, FunnelStep
from openpanel.analytics.occurrences import Step
from openpanel.analytics.people_pages import PeopleAnswer
from openpanel_api.public.dates import Against, Compared, Dates, before, interval_of
from openpanel_api.public.documented import described
from openpanel_api.public.inquiries import AsTable, Inquiring, Inquiry
from openpanel_api.public.insights.behind import PEOPLE_COLUMNS, PeopleBehindJson, behind, page_after
from openpanel_api.public.insights.parameters import Filtered, Text, conditions
from openpanel_api.public.lists import listed
from openpanel_api.public.memberships import memberships
from openpanel_api.public.moments import local
from openpanel_api.public.question_json import Asked, Breakdowns, Cohorts, Filters, Name, StepJson, made
from openpanel_api.public.shapes import Camel, percent, rounded
from openpanel_api.public.tables import columns_of

MOST_HOURS: Final = 720
VISITORS: Final[dict[str, Visitor]] = {
    "session_id": "session",
    "profile_id": "person",
    "session": "session",
    "person": "person",
    "property": "property",
}
GroupBy = Literal["session_id", "profile_id", "session", "person", "property"]
KEY: Final = "A field whose value must be the same at all steps, such as `properties.orderId`; `property` joins steps by it alone."
router = APIRouter()


class StepAnswerJson(Camel):
    """One step."""

    step: int = Field(examples=[1])
    event_name: str = Field(examples=["screen_view"])
    users: int = Field(description="Visitors who did it.", examples=[200])
    conversion_rate_from_start: float | None = Field(
        description="Percent of the first step.", examples=[100.0]
    )
    conversion_rate_from_previous: float | None = Field(
        description="Percent of the step before.", examples=[100.0]
    )
    dropoff_count: int = Field(description="Did the step before and not this one.", examples=[0])
    dropoff_percent: float | None = Field(description="Percent of the step before.", examples=[0.0])
    is_highest_dropoff: bool
    median_seconds: float | None = Field(description="Since the step before.", examples=[12.5])


class FunnelRowJson(Camel):
    """A funnel of everybody, or of a value of the breakdown."""

    breakdowns: dict[str, str] = Field(examples=[{}])
    steps: list[StepAnswerJson]
    total_users: int = Field(description="Visitors who did the first step.", examples=[200])
    completed_users: int = Field(description="Visitors who did all of them.", examples=[50])
    overall_conversion_rate: float | None = Field(description="Percent.", examples=[25.0])
    median_seconds: float | None = Field(description="From the first step to the last.", examples=[320.0])


class FunnelJson(BaseModel):
    """A row of everybody, or one for each value of the breakdown, the largest first."""

    rows: list[FunnelRowJson]
    previous: list[FunnelRowJson] = Field(description="The same rows of the time before, with `previous`.")


class ConversionPointJson(BaseModel):
    """Those who began in a bucket."""

    date: str = Field(examples=["2026-03-01T00:00:00+09:00"])
    total: int = Field(description="Who did the first thing.", examples=[40])
    conversions: int = Field(description="Who did the second one within the window.", examples=[10])
    rate: float | None = Field(description="Percent.", examples=[25.0])


class ConversionRowJson(BaseModel):
    """Conversion over time, of everybody or of a value of the breakdown."""

    breakdowns: dict[str, str] = Field(examples=[{}])
    total: int = Field(examples=[400])
    conversions: int = Field(examples=[100])
    rate: float | None = Field(examples=[25.0])
    data: list[ConversionPointJson]
    previous: list[ConversionPointJson] = Field(description="With `previous=true`.")


class Way(Dates):
    """By whom, and within which time."""

    window_hours: float = Field(
        default=24, alias="windowHours", gt=0, le=MOST_HOURS, description="From the first step to the last."
    )
    group_by: GroupBy = Field(
        default="session_id",
        alias="groupBy",
        description="Steps of a session, of a person, or of whoever has the value of `key`.",
    )
    key: Text = Field(default="", description=KEY)


class PlainFunnel(Way, Filtered):
    """By names of events."""

    steps: Annotated[list[Text], BeforeValidator(listed)] = Field(
        min_length=2, max_length=MAX_STEPS, description="Names of events: repeated, or a JSON array.",
        examples=[["screen_view", "signup"]],
    )  # fmt: skip


class ExclusionJson(Asked):
    """What must not happen after step `after` and before step `before`."""

    name: Name
    filters: Filters = Field(default_factory=list)
    after: int = Field(default=1, ge=1, le=MAX_STEPS)
    before: int | None = Field(default=None, ge=2, le=MAX_STEPS, description="Left out: the last.")


STEPS: Final[list[Any]] = [{"name": "screen_view"}, {"name": "signup"}]


class WayQuestion(Way):
    """By events with filters."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"steps": STEPS, "range": "7d"}]})

    steps: list[StepJson] = Field(
        min_length=2, max_length=MAX_STEPS, examples=[[{"name": "screen_view"}, {"name": "signup"}]]
    )
    filters: Filters = Field(default_factory=list)
    cohorts: Cohorts = Field(default_factory=list)
    breakdowns: Breakdowns = Field(default_factory=list)


class ConversionQuestion(Compared, WayQuestion):
    """Over time, and against the time before."""

    limit: int = Field(default=10, ge=1, le=MAX_KEPT, description="Values of the breakdown that are kept.")


class OrderedQuestion(WayQuestion):
    """Also in other orders, and with what ends an attempt."""

    order: Literal["sequence", "strict", "any"] = "sequence"
    exclusions: list[ExclusionJson] = Field(default_factory=list, max_length=MAX_EXCLUSIONS)


class FunnelQuestion(Against, OrderedQuestion):
    """A funnel, and against the time before."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"steps": STEPS, "order": "strict", "breakdowns": ["country"]}]}
    )

    limit: int = Field(default=10, ge=1, le=MAX_KEPT, description="Values of the breakdown that are kept.")


class BehindQuestion(OrderedQuestion):
    """Who is behind a step, as the funnel that it stands in was asked; `labels` are those of its row."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"steps": STEPS, "step": 2, "dropped": True}]})

    labels: list[Text] = Field(
        default_factory=list,
        max_length=MAX_BREAKDOWNS,
        description="A value for each breakdown, as the funnel's answer names it; none stands for all that is in Other.",
        examples=[[]],
    )
    step: int = Field(ge=1, le=MAX_STEPS, description="Which step, from 1.", examples=[2])
    dropped: bool = Field(default=False, description="Who did the step before, and got no further.")


class Paged(AsTable):
    """A page of people."""

    cursor: Text | None = Field(default=None, description="`cursor` of the page before.")
    limit: int = Field(default=100, ge=1, le=1_000)


@router.get("/funnel", **described(FunnelRowJson, "A funnel", rows=True))
async def funnel(given: Inquiring, asked: Annotated[PlainFunnel, Query()]) -> Response:
    """How many get from step to step."""
    given.remember(asked)
    filters = conditions(asked)
    scope = Attempts(
        project=given.project.id,
        timezone=given.zone,
        period=await given.period(asked),
        steps=tuple(Step(name) for name in asked.steps),
        window=timedelta(hours=asked.window_hours),
        by=VISITORS[asked.group_by],
        key=asked.key,
        filters=filters,
        cohorts=await memberships(given, filters),
    )

    def shown(found: FunnelAnswer) -> FunnelRowJson:
        return _row(found.rows[0], ())

    return await given.answer(asked, shown, Funnel(scope), rows=lambda body: body.steps)


@router.post("/funnel", **described(FunnelJson, "A funnel with filters", rows=True))
async def large_funnel(given: Inquiring, how: Annotated[AsTable, Query()], asked: FunnelQuestion) -> Response:
    """Steps with filters, other orders, exclusions, breakdowns, and the time before."""
    scope = await _attempts(given, asked)
    names = tuple(each.name for each in asked.breakdowns)
    earlier = before(asked, scope.period, timezone=given.zone)
    question = Funnel(scope, earlier, names, asked.limit)
    return await given.answer(
        how,
        lambda found: funnel_json(found, names),
        question,
        rows=funnel_table,
        columns=broken_down(names, StepAnswerJson),
    )


@router.post("/funnel/people", **described(PeopleBehindJson, "Who is behind a step", rows=True))
async def funnel_people(given: Inquiring, how: Annotated[Paged, Query()], asked: BehindQuestion) -> Response:
    """Who did a step, or did the one before and got no further; in pages."""
    question = FunnelPeople(
        await _attempts(given, asked),
        asked.step,
        asked.dropped,
        page_after(how.cursor),
        how.limit,
        breakdowns=tuple(each.name for each in asked.breakdowns),
        labels=tuple(asked.labels),
    )

    def shown(found: PeopleAnswer) -> PeopleBehindJson:
        return behind(found)

    return await given.answer(how, shown, question, rows=lambda body: body.people, columns=PEOPLE_COLUMNS)


@router.post("/conversion", **described(list[ConversionRowJson], "Conversion over time", rows=True))
async def conversion(
    given: Inquiring, how: Annotated[AsTable, Query()], asked: ConversionQuestion
) -> Response:
    """Of those who did one thing in a bucket, how many did the other within the window after it."""
    scope = await _attempts(given, asked)
    names = tuple(each.name for each in asked.breakdowns)
    question = Conversion(
        scope,
        interval_of(asked, scope.period),
        before(asked, scope.period, timezone=given.zone),
        names,
        asked.limit,
    )
    return await given.answer(
        how,
        lambda rows: [conversion_json(each, names, given.zone) for each in rows],
        question,
        rows=conversion_table,
        columns=broken_down(names, ConversionPointJson),
    )


async def _attempts(given: Inquiry, asked: WayQuestion) -> Attempts:
    given.remember(asked)
    filters, steps = made(asked.filters), tuple(each.made() for each in asked.steps)
    every = [*filters, *(each for step in steps for each in step.filters)]
    breakdowns = tuple(each.name for each in asked.breakdowns)
    scope = Attempts(
        project=given.project.id,
        timezone=given.zone,
        period=await given.period(asked),
        steps=steps,
        window=timedelta(hours=asked.window_hours),
        by=VISITORS[asked.group_by],
        key=asked.key,
        filters=filters,
    )
    if isinstance(asked, OrderedQuestion):
        exclusions = tuple(
            Exclusion(each.name, made(each.filters), each.after, each.before) for each in asked.exclusions
        )
        every += [each for exclusion in exclusions for each in exclusion.filters]
        scope = replace(scope, order=asked.order, exclusions=exclusions)
    cohorts = await memberships(given, every, breakdowns=breakdowns, own=asked.cohorts)
    return replace(scope, cohorts=cohorts)


def funnel_json(found: FunnelAnswer, breakdowns: tuple[str, ...]) -> FunnelJson:
    """A funnel as the API shows it."""
    return FunnelJson(
        rows=[_row(each, breakdowns) for each in found.rows],
        previous=[_row(each, breakdowns) for each in found.previous],
    )


def _row(row: FunnelRow, breakdowns: tuple[str, ...]) -> FunnelRowJson:
    steps = [_step(number, each) for number, each in enumerate(row.steps, start=1)]
    return FunnelRowJson(
        breakdowns=_named(row.labels, row.other, breakdowns),
        steps=steps,
        total_users=steps[0].users,
        completed_users=steps[-1].users,
        overall_conversion_rate=percent(row.rate),
        median_seconds=rounded(row.median_s),
    )


def _step(number: int, step: FunnelStep) -> StepAnswerJson:
    return StepAnswerJson(
        step=number,
        event_name=step.name,
        users=step.count,
        conversion_rate_from_start=percent(step.of_first),
        conversion_rate_from_previous=percent(step.of_previous),
        dropoff_count=step.lost,
        dropoff_percent=None if step.of_previous is None else percent(1 - step.of_previous),
        is_highest_dropoff=step.is_largest_loss,
        median_seconds=rounded(step.median_s),
    )


def _named(labels: tuple[str, ...], other: bool, breakdowns: tuple[str, ...]) -> dict[str, str]:
    return dict(zip(breakdowns, ["Other"] * len(breakdowns) if other else labels, strict=True))


def broken_down(breakdowns: tuple[str, ...], model: type[BaseModel]) -> tuple[str, ...]:
    """The columns of rows of a breakdown."""
    return (*(f"breakdown.{name}" for name in breakdowns), *columns_of(model))


def funnel_table(body: FunnelJson) -> list[dict[str, Any]]:
    """A row for each step of each funnel."""
    return [
        {
            **{f"breakdown.{name}": value for name, value in row.breakdowns.items()},
            **step.model_dump(by_alias=True),
        }
        for row in body.rows
        for step in row.steps
    ]


def conversion_json(row: ConversionRow, breakdowns: tuple[str, ...], timezone: str) -> ConversionRowJson:
    """Conversion over time as the API shows it."""
    return ConversionRowJson(
        breakdowns=_named(row.labels, row.other, breakdowns),
        **_converted(row.total),
        data=[_point(each, timezone) for each in row.points],
        previous=[_point(each, timezone) for each in row.previous],
    )


def _converted(found: Converted) -> dict[str, Any]:
    return {"total": found.began, "conversions": found.finished, "rate": percent(found.rate)}


def _point(point: ConversionPoint, timezone: str) -> ConversionPointJson:
    return ConversionPointJson(date=local(point.start, timezone=timezone), **_converted(point.converted))


def conversion_table(rows: list[ConversionRowJson]) -> list[dict[str, Any]]:
    """A row for each bucket."""
    return [
        {**{f"breakdown.{name}": value for name, value in row.breakdowns.items()}, **point.model_dump()}
        for row in rows
        for point in row.data
    ]
