"""Funnels, and who is behind a step."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from openpanel.analytics.attempts import MAX_EXCLUSIONS, MAX_STEPS, Attempts, Exclusion, Visitor
from openpanel.analytics.breakdowns import MAX_BREAKDOWNS, MAX_KEPT
from openpanel.analytics.funnels import Funnel, FunnelAnswer, FunnelPeople, FunnelRow, FunnelStep
from openpanel.analytics.occurrences import Step
from openpanel.analytics.people_pages import PeopleAnswer
from openpanel_api.public.dates import Against, Dates, before
from openpanel_api.public.documented import described
from openpanel_api.public.guarded import Guarded
from openpanel_api.public.inquiries import AsTable, Inquiring, Inquiry
from openpanel_api.public.insights.behind import PEOPLE_COLUMNS, PeopleBehindJson, behind, page_after
from openpanel_api.public.insights.parameters import Filtered, Text, conditions
from openpanel_api.public.lists import listed
from openpanel_api.public.memberships import memberships
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
router = APIRouter(route_class=Guarded)


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
    mean_seconds: float | None = Field(description="Since the step before.", examples=[31.0])


class FunnelRowJson(Camel):
    """A funnel of everybody, or of a value of the breakdown."""

    breakdowns: dict[str, str] = Field(examples=[{}])
    other: bool = Field(description="All values of the breakdown that were not kept, together.")
    steps: list[StepAnswerJson]
    total_users: int = Field(description="Visitors who did the first step.", examples=[200])
    completed_users: int = Field(description="Visitors who did all of them.", examples=[50])
    overall_conversion_rate: float | None = Field(description="Percent.", examples=[25.0])
    median_seconds: float | None = Field(description="From the first step to the last.", examples=[320.0])
    mean_seconds: float | None = Field(description="From the first step to the last.", examples=[410.5])


class FunnelJson(BaseModel):
    """A row of everybody, or one for each value of the breakdown, the largest first."""

    rows: list[FunnelRowJson]
    previous: list[FunnelRowJson] = Field(description="The same rows of the time before, with `previous`.")


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

    steps: Annotated[list[Name], BeforeValidator(listed)] = Field(
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


@router.post("/funnel", **described(FunnelJson, "A funnel with filters", rows=True, posted=True))
async def large_funnel(given: Inquiring, how: Annotated[AsTable, Query()], asked: FunnelQuestion) -> Response:
    """Steps with filters, other orders, exclusions, breakdowns, and the time before."""
    scope = await attempts_of(given, asked)
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


@router.post("/funnel/people", **described(PeopleBehindJson, "Who is behind a step", rows=True, posted=True))
async def funnel_people(given: Inquiring, how: Annotated[Paged, Query()], asked: BehindQuestion) -> Response:
    """Who did a step, or did the one before and got no further; in pages."""
    question = FunnelPeople(
        await attempts_of(given, asked),
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


async def attempts_of(given: Inquiry, asked: WayQuestion) -> Attempts:
    """The attempts that are asked about."""
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
        breakdowns=named(row.labels, row.other, breakdowns),
        other=row.other,
        steps=steps,
        total_users=steps[0].users,
        completed_users=steps[-1].users,
        overall_conversion_rate=percent(row.rate),
        median_seconds=rounded(row.median_s),
        mean_seconds=rounded(row.mean_s),
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
        mean_seconds=rounded(step.mean_s),
    )


def named(labels: tuple[str, ...], other: bool, breakdowns: tuple[str, ...]) -> dict[str, str]:
    """The values of a row by the names of the breakdowns."""
    return dict(zip(breakdowns, ["Other"] * len(breakdowns) if other else labels, strict=True))


def broken_down(breakdowns: tuple[str, ...], model: type[BaseModel]) -> tuple[str, ...]:
    """The columns of rows of a breakdown."""
    labels = [f"breakdown.{name}" for name in breakdowns]
    return (*labels, *(["other"] if labels else []), *columns_of(model))


def labelled(breakdowns: Mapping[str, str], *, other: bool) -> dict[str, Any]:
    """What says of which value of the breakdown a row of a table is."""
    labels = {f"breakdown.{name}": value for name, value in breakdowns.items()}
    return {**labels, **({"other": other} if labels else {})}


def funnel_table(body: FunnelJson) -> list[dict[str, Any]]:
    """A row for each step of each funnel."""
    return [
        {
            **labelled(row.breakdowns, other=row.other),
            **step.model_dump(by_alias=True),
        }
        for row in body.rows
        for step in row.steps
    ]
