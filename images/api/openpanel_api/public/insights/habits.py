"""Who comes back: active users, weekly retention, cohorts of beginners, stickiness, when people were last seen."""

from datetime import date
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from openpanel.analytics.engagement import Engagement, EngagementAnswer, RetainedWeek, WeeklyRetention
from openpanel.analytics.habits import ActiveDay, ActiveUsers, Doings, Stickiness
from openpanel.analytics.reading import ANY_EVENT
from openpanel_api.public.documented import described
from openpanel_api.public.inquiries import AsTable, Inquiring, Inquiry
from openpanel_api.public.insights.parameters import InPeriod, Text, conditions
from openpanel_api.public.memberships import memberships
from openpanel_api.public.shapes import percent
from openpanel_api.public.tables import columns_of

LABELS: Final = {1: "DAU", 7: "WAU", 30: "MAU"}
router = APIRouter()


class ActiveDayJson(BaseModel):
    """A day."""

    date: str = Field(examples=["2026-03-01"])
    users: int = Field(
        description="Different people, on this day or within the window before it.", examples=[540]
    )


class ActiveUsersJson(BaseModel):
    """How many people are active."""

    window_days: int = Field(examples=[7])
    label: str = Field(examples=["WAU"])
    series: list[ActiveDayJson]


class WeekJson(BaseModel):
    """A week."""

    date: str = Field(description="Its Monday.", examples=["2026-02-23"])
    active_users: int = Field(examples=[500])
    retained_users: int = Field(description="Who came in the week after it too.", examples=[200])
    retention: float | None = Field(description="Percent.", examples=[40.0])
    running: bool = Field(description="Whether the week after it is not over yet.")


class StickinessJson(BaseModel):
    """How many people were active on so many days."""

    intervals: int = Field(description="Days, weeks or months with activity.", examples=[3])
    users: int = Field(examples=[80])


class EngagementSummaryJson(BaseModel):
    """People by when they were last active."""

    total_identified_users: int = Field(examples=[900])
    active_last_7_days: int = Field(examples=[300])
    active_8_to_14_days: int = Field(examples=[100])
    active_15_to_30_days: int = Field(examples=[150])
    inactive_31_to_60_days: int = Field(examples=[150])
    churned_60_plus_days: int = Field(examples=[200])


class LastSeenJson(BaseModel):
    """People who were last active so many days ago."""

    days: int = Field(description="0 is today.", examples=[3])
    users: int = Field(examples=[40])


class EngagementJson(BaseModel):
    """When people were last active."""

    summary: EngagementSummaryJson
    distribution: list[LastSeenJson]


class Active(InPeriod):
    """Whose activity, in which window."""

    days: int = Field(
        default=7, ge=1, le=90, description="Length of the window: 1 daily, 7 weekly, 30 monthly."
    )
    event: Text = Field(default=ANY_EVENT, description="Activity is this event; `*`: any.")


class Sticky(InPeriod):
    """Whose activity, in which intervals."""

    interval: Literal["day", "week", "month"] = "day"
    event: Text = Field(default=ANY_EVENT, description="Activity is this event; `*`: any.")


class Weeks(AsTable):
    """How many weeks."""

    weeks: int = Field(default=12, ge=1, le=104, description="Weeks, the last of them is this one.")


class Known(AsTable):
    """Of whom."""

    known: bool = Field(default=True, description="Only people who have a profile.")


@router.get("/active_users", **described(ActiveUsersJson, "Active users", rows=True))
async def active_users(given: Inquiring, asked: Annotated[Active, Query()]) -> Response:
    """Different people within a window that moves from day to day."""

    def shown(days: tuple[ActiveDay, ...]) -> ActiveUsersJson:
        return ActiveUsersJson(
            window_days=asked.days,
            label=LABELS.get(asked.days, f"{asked.days}d active"),
            series=[ActiveDayJson(date=each.day.isoformat(), users=each.persons) for each in days],
        )

    question = ActiveUsers(await _doings(given, asked, asked.event), asked.days)
    return await given.answer(asked, shown, question, rows=lambda body: body.series)


@router.get("/stickiness", **described(list[StickinessJson], "On how many days people come", rows=True))
async def stickiness(given: Inquiring, asked: Annotated[Sticky, Query()]) -> Response:
    """People by the number of days, weeks or months in which they were active."""

    def shown(counts: tuple[int, ...]) -> list[StickinessJson]:
        return [StickinessJson(intervals=number, users=users) for number, users in enumerate(counts, start=1)]

    return await given.answer(
        asked, shown, Stickiness(await _doings(given, asked, asked.event), asked.interval)
    )


@router.get("/retention", **described(list[WeekJson], "Who comes again the week after", rows=True))
async def retention(given: Inquiring, asked: Annotated[Weeks, Query()]) -> Response:
    """Of those who were active in a week, how many were in the next one too."""

    def shown(weeks: tuple[RetainedWeek, ...]) -> list[WeekJson]:
        return [_week(each) for each in weeks]

    question = WeeklyRetention(given.project.id, given.zone, _today(given), asked.weeks)
    return await given.answer(asked, shown, question)


@router.get("/engagement", **described(EngagementJson, "When people were last active", rows=True))
async def engagement(given: Inquiring, asked: Annotated[Known, Query()]) -> Response:
    """People by the days since they were last active, and the usual groups of them."""
    question = Engagement(given.project.id, given.zone, _today(given), known=asked.known)
    columns = columns_of(LastSeenJson)
    return await given.answer(
        asked, _engagement, question, rows=lambda body: body.distribution, columns=columns
    )


async def _doings(given: Inquiry, asked: InPeriod, event: str) -> Doings:
    given.remember(asked)
    filters = conditions(asked)
    return Doings(
        project=given.project.id, timezone=given.zone, period=await given.period(asked), name=event,
        filters=filters, cohorts=await memberships(given, filters),
    )  # fmt: skip


def _week(week: RetainedWeek) -> WeekJson:
    return WeekJson(
        date=week.week.isoformat(),
        active_users=week.active,
        retained_users=week.retained,
        retention=percent(week.rate),
        running=week.running,
    )


def _engagement(found: EngagementAnswer) -> EngagementJson:
    summary = EngagementSummaryJson(
        total_identified_users=found.total,
        active_last_7_days=found.last_7_days,
        active_8_to_14_days=found.days_8_to_14,
        active_15_to_30_days=found.days_15_to_30,
        inactive_31_to_60_days=found.days_31_to_60,
        churned_60_plus_days=found.days_61_and_more,
    )
    distribution = [LastSeenJson(days=days, users=users) for days, users in found.distribution]
    return EngagementJson(summary=summary, distribution=distribution)


def _today(given: Inquiry) -> date:
    return given.now.astimezone(ZoneInfo(given.zone)).date()
