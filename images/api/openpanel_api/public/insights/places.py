"""When and where people come: by weekday and hour, by place, right now; and what they paid."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from openpanel.analytics.heat_map import HeatMap, HeatMapAnswer
from openpanel.analytics.map import Map, MapAnswer
from openpanel.analytics.realtime import Realtime, RealtimeAnswer
from openpanel.analytics.revenue import Revenue, RevenueAnswer, RevenueFigures
from openpanel_api.public.documented import described
from openpanel_api.public.inquiries import How, Inquiring
from openpanel_api.public.insights.parameters import InPeriod, Scoped, Top, overview
from openpanel_api.public.insights.top import DIMENSIONS, Dimension
from openpanel_api.public.shapes import (
    Camel,
    Degrees,
    Id,
    Local,
    MaybeDegrees,
    Moment,
    Rounded,
    Shape,
    rounded,
    shaped,
)

router = APIRouter()


class LiveJson(BaseModel):
    """Right now."""

    visitors: int = Field(description="People with an event within the last five minutes.", examples=[17])


class HeatJson(BaseModel):
    """An hour of a weekday, in all weeks together."""

    weekday: int = Field(description="1 is Monday.", examples=[1])
    hour: int = Field(description="Of the project's clock.", examples=[10])
    visitors: int = Field(examples=[40])
    sessions: int = Field(examples=[44])
    pageviews: int = Field(examples=[180])


class PlaceJson(Shape):
    """A place with visits."""

    country: str = Field(examples=["KR"])
    region: str = Field(examples=["Seoul"])
    city: str = Field(examples=["Seoul"])
    latitude: MaybeDegrees = Field(examples=[37.57])
    longitude: MaybeDegrees = Field(examples=[126.98])
    visitors: int = Field(examples=[800])
    sessions: int = Field(examples=[1000])
    pageviews: int = Field(validation_alias="views", examples=[4000])


class RevenueFiguresJson(BaseModel):
    """What was paid, in the smallest unit of the currency."""

    revenue: int = Field(examples=[420000])
    payments: int = Field(examples=[100])
    payers: int = Field(description="Different people.", examples=[90])
    outside: int = Field(
        description="What of the revenue belongs to no session, and so to no source.", examples=[5000]
    )
    per_visitor: float | None = Field(examples=[350.0])
    per_session: float | None = Field(examples=[280.0])
    per_payer: float | None = Field(examples=[4666.67])


class RevenuePointJson(Shape):
    """A bucket."""

    date: Local = Field(validation_alias="start", examples=["2026-03-01T00:00:00+09:00"])
    running: bool
    revenue: int = Field(examples=[12000])
    payments: int = Field(examples=[3])


class RevenueSourceJson(Shape):
    """What came from where."""

    name: str = Field(examples=["Google"])
    revenue: int = Field(examples=[120000])
    visitors: int = Field(examples=[300])
    sessions: int = Field(examples=[340])
    per_visitor: Rounded = Field(examples=[400.0])


class RevenueJson(BaseModel):
    """What was paid, over time and by source."""

    summary: RevenueFiguresJson
    previous: RevenueFiguresJson | None = Field(description="With `previous=true`.")
    series: list[RevenuePointJson]
    previous_series: list[RevenuePointJson] = Field(description="With `previous=true`.")
    sources: list[RevenueSourceJson]


class MinuteJson(Shape):
    """A minute."""

    date: Local = Field(validation_alias="start", examples=["2026-03-01T21:00:00+09:00"])
    visitors: int = Field(examples=[9])
    sessions: int = Field(examples=[9])
    pageviews: int = Field(validation_alias="views", examples=[20])


class LivePathJson(Shape):
    """A page that is seen now."""

    origin: str = Field(examples=["https://example.com"])
    path: str = Field(examples=["/pricing"])
    visitors: int = Field(examples=[4])
    pageviews: int = Field(validation_alias="views", examples=[6])


class LiveReferrerJson(Shape):
    """Where visitors of now came from."""

    name: str = Field(examples=["Google"])
    type: str = Field(examples=["search"])
    visitors: int = Field(examples=[4])
    sessions: int = Field(examples=[4])


class LivePlaceJson(Shape):
    """Where visitors of now are."""

    country: str = Field(examples=["KR"])
    region: str
    city: str
    visitors: int = Field(examples=[4])
    sessions: int = Field(examples=[4])


class LivePointJson(Shape):
    """Visitors of now on a map."""

    latitude: Degrees = Field(examples=[37.57])
    longitude: Degrees = Field(examples=[126.98])
    country: str = Field(examples=["KR"])
    city: str = Field(examples=["Seoul"])
    visitors: int = Field(examples=[4])
    sessions: int = Field(examples=[4])


class ActiveSessionJson(Camel):
    """A visit that goes on."""

    id: Id = Field(validation_alias="session_id", examples=["04be7712fa90c3d1"])
    profile_id: str = Field(examples=["user-42"])
    started_at: Moment = Field(examples=["2026-03-01T11:50:00.000Z"])
    last_at: Moment = Field(examples=["2026-03-01T11:59:00.000Z"])
    views: int = Field(examples=[4])
    events: int = Field(examples=[1])
    entry_path: str = Field(examples=["/"])
    path: str = Field(examples=["/pricing"])
    referrer: str
    country: str
    city: str
    os: str
    browser: str
    device: str


class RealtimeJson(Shape):
    """The last thirty minutes."""

    visitors_now: int = Field(description="Within the last five minutes.", examples=[7])
    visitors: int = Field(examples=[20])
    sessions: int = Field(examples=[21])
    pageviews: int = Field(validation_alias="views", examples=[60])
    minutes: list[MinuteJson]
    paths: list[LivePathJson]
    referrers: list[LiveReferrerJson]
    countries: list[LivePlaceJson]
    cities: list[LivePlaceJson]
    coordinates: list[LivePointJson]
    active: list[ActiveSessionJson]


class Rows(How):
    """How many rows of each list."""

    limit: int = Field(default=10, ge=1, le=100)


class Places(Top):
    """How many places."""

    limit: int = Field(default=500, ge=1, le=1_000)


class Payments(Scoped):
    """By which source."""

    dimension: Dimension = "referrer_name"
    limit: int = Field(default=10, ge=1, le=1_000)


@router.get("/live", **described(LiveJson, "Visitors right now"))
async def live(given: Inquiring, asked: Annotated[How, Query()]) -> Response:
    """People with an event within the last five minutes; one on two devices is one."""

    def shown(found: RealtimeAnswer) -> LiveJson:
        return LiveJson(visitors=found.visitors_now)

    return await given.answer(asked, shown, Realtime(given.project.id, given.now))


@router.get("/realtime", **described(RealtimeJson, "The last thirty minutes"))
async def realtime(given: Inquiring, asked: Annotated[Rows, Query()]) -> Response:
    """Who is here: minute by minute, on which pages, from where; and the visits that go on."""

    def shown(found: RealtimeAnswer) -> RealtimeJson:
        return shaped(RealtimeJson, found, timezone=given.zone)

    return await given.answer(asked, shown, Realtime(given.project.id, given.now, asked.limit))


@router.get("/heat_map", **described(list[HeatJson], "Weekdays and hours", rows=True))
async def heat_map(given: Inquiring, asked: Annotated[InPeriod, Query()]) -> Response:
    """When visits begin: seven days from Monday, each with 24 hours."""

    def shown(found: HeatMapAnswer) -> list[HeatJson]:
        return [
            HeatJson(
                weekday=day, hour=hour, visitors=cell.visitors, sessions=cell.sessions, pageviews=cell.views
            )
            for day, hours in enumerate(found.days, start=1)
            for hour, cell in enumerate(hours)
        ]

    return await given.answer(asked, shown, HeatMap(await overview(given, asked)))


@router.get("/map", **described(list[PlaceJson], "Places", rows=True))
async def places(given: Inquiring, asked: Annotated[Places, Query()]) -> Response:
    """Where visitors are, with coordinates."""

    def shown(found: MapAnswer) -> list[PlaceJson]:
        return [shaped(PlaceJson, each) for each in found.places]

    return await given.answer(asked, shown, Map(await overview(given, asked), asked.limit))


@router.get("/revenue", **described(RevenueJson, "Revenue", rows=True))
async def revenue(given: Inquiring, asked: Annotated[Payments, Query()]) -> Response:
    """What was paid, over time and by source."""
    question = Revenue(await overview(given, asked), DIMENSIONS[asked.dimension], asked.limit)

    def shown(found: RevenueAnswer) -> RevenueJson:
        return RevenueJson(
            summary=_revenue(found.current),
            previous=_revenue(found.previous) if found.previous else None,
            series=[shaped(RevenuePointJson, each, timezone=given.zone) for each in found.points],
            previous_series=[
                shaped(RevenuePointJson, each, timezone=given.zone) for each in found.previous_points
            ],
            sources=[shaped(RevenueSourceJson, each) for each in found.sources],
        )

    return await given.answer(asked, shown, question, rows=_series)


def _revenue(found: RevenueFigures) -> RevenueFiguresJson:
    return RevenueFiguresJson(
        revenue=found.revenue,
        payments=found.payments,
        payers=found.payers,
        outside=found.outside,
        per_visitor=rounded(found.per_visitor),
        per_session=rounded(found.per_session),
        per_payer=rounded(found.per_payer),
    )


def _series(body: RevenueJson) -> list[dict[str, Any]]:
    return [each.model_dump() for each in body.series]
