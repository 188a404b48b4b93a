"""Lists of what visits have in common: where they came from, from which places, with which devices."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from openpanel.analytics.overview import TopAnswer
from openpanel.analytics.top_series import MAX_ROWS, PAGE, TopSeries, TopSeriesAnswer
from openpanel.analytics.top_values import TopValues
from openpanel_api.public.documented import described
from openpanel_api.public.inquiries import Inquiring, Inquiry
from openpanel_api.public.insights.parameters import Cut, Top, TopOfWeek, overview
from openpanel_api.public.moments import local
from openpanel_api.public.shapes import percent
from openpanel_api.public.tables import columns_of

router = APIRouter()

# The names of the routes, and what the questions call them.
DIMENSIONS: Final = {
    "referrer": "referrer_url", "referrer_name": "referrer", "referrer_type": "referrer_type",
    "utm_source": "utm.source", "utm_medium": "utm.medium", "utm_campaign": "utm.campaign",
    "utm_term": "utm.term", "utm_content": "utm.content",
    "region": "region", "country": "country", "city": "city",
    "device": "device", "brand": "brand", "model": "model",
    "browser": "browser", "browser_version": "browser_version", "os": "os", "os_version": "os_version",
}  # fmt: skip
Dimension = Literal[
    "referrer", "referrer_name", "referrer_type", "utm_source", "utm_medium", "utm_campaign", "utm_term",
    "utm_content", "region", "country", "city", "device", "brand", "model", "browser", "browser_version", "os",
    "os_version",
]  # fmt: skip


class TopJson(BaseModel):
    """One line of a list."""

    prefix: str = Field(
        description="What the name belongs to: the country of a city, the browser of a version.",
        examples=["KR"],
    )
    name: str = Field(
        description="Empty where there is none: a direct visit, an unknown place.", examples=["Seoul"]
    )
    visitors: int = Field(examples=[800])
    sessions: int = Field(examples=[1000])
    pageviews: int | None = Field(examples=[4000])
    revenue: int | None = Field(examples=[120000])
    share: float | None = Field(description="Percent of all visitors.", examples=[66.7])


class TopPointJson(BaseModel):
    """The value of a bucket."""

    date: str = Field(examples=["2026-03-01T00:00:00+09:00"])
    visitors: int = Field(examples=[80])
    sessions: int = Field(examples=[100])
    pageviews: int = Field(examples=[400])
    revenue: int = Field(examples=[12000])


POINT_COLUMNS: Final = ("prefix", "name", *columns_of(TopPointJson))


class TopSeriesJson(BaseModel):
    """One line of a list over time."""

    prefix: str
    name: str = Field(examples=["Seoul"])
    visitors: int = Field(examples=[800])
    sessions: int = Field(examples=[1000])
    data: list[TopPointJson]


class Referrers(Top):
    """Where visits came from."""

    breakdown: Literal[
        "referrer", "referrer_name", "referrer_type", "utm_source", "utm_medium", "utm_campaign", "utm_term",
        "utm_content",
    ] = "referrer_name"  # fmt: skip


class Geo(Top):
    """From which places."""

    breakdown: Literal["country", "region", "city"] = "country"


class Devices(Top):
    """With which devices."""

    breakdown: Literal["device", "brand", "model", "browser", "browser_version", "os", "os_version"] = (
        "device"
    )


class Lines(Cut):
    """How many lines over time."""

    limit: int = Field(default=10, ge=1, le=MAX_ROWS, description="Lines at most.")


class OverTime(Lines):
    """A list over time."""

    dimension: Dimension = Field(description="Of what.", examples=["country"])


def _list_of(dimension: str) -> Callable[..., Awaitable[Response]]:
    async def listed(given: Inquiring, asked: Annotated[TopOfWeek, Query()]) -> Response:
        return await _answer(given, asked, dimension)

    listed.__name__ = f"list_{dimension}"
    listed.__doc__ = f"Visits by `{dimension}`, most visitors first; without dates of the last seven days."
    return listed


for _name in DIMENSIONS:
    router.add_api_route(
        f"/{_name}", _list_of(_name), **described(list[TopJson], f"Visits by {_name}", rows=True)
    )


@router.get("/traffic/referrers", **described(list[TopJson], "Where visits came from", rows=True))
async def referrers(given: Inquiring, asked: Annotated[Referrers, Query()]) -> Response:
    """Sites, kinds of sites or campaigns."""
    return await _answer(given, asked, asked.breakdown)


@router.get("/traffic/geo", **described(list[TopJson], "Where visitors are", rows=True))
async def geo(given: Inquiring, asked: Annotated[Geo, Query()]) -> Response:
    """Countries, regions or cities."""
    return await _answer(given, asked, asked.breakdown)


@router.get("/traffic/devices", **described(list[TopJson], "What visitors use", rows=True))
async def devices(given: Inquiring, asked: Annotated[Devices, Query()]) -> Response:
    """Kinds of devices, browsers or systems."""
    return await _answer(given, asked, asked.breakdown)


@router.get("/traffic/series", **described(list[TopSeriesJson], "A list over time", rows=True))
async def over_time(given: Inquiring, asked: Annotated[OverTime, Query()]) -> Response:
    """How the first lines of a list went up and down."""
    return await _drawn(given, asked, DIMENSIONS[asked.dimension])


@router.get("/pages/series", **described(list[TopSeriesJson], "Pages over time", rows=True))
async def pages_over_time(given: Inquiring, asked: Annotated[Lines, Query()]) -> Response:
    """How the pages with most visitors went up and down; `prefix` is the origin, and revenue stays 0."""
    return await _drawn(given, asked, PAGE)


async def _drawn(given: Inquiry, asked: Lines, dimension: str) -> Response:
    question = TopSeries(await overview(given, asked), dimension, limit=asked.limit)
    return await given.answer(
        asked, lambda found: _over_time(found, given.zone), question, rows=_points, columns=POINT_COLUMNS
    )


async def _answer(given: Inquiry, asked: Top, dimension: str) -> Response:
    scope = await overview(given, asked)
    question = TopValues(scope, DIMENSIONS[dimension], limit=asked.limit, detailed=True)
    return await given.answer(asked, _lines, question)


def _lines(found: TopAnswer) -> list[TopJson]:
    return [
        TopJson(
            prefix=row.prefix, name=row.name, visitors=row.visitors, sessions=row.sessions, pageviews=row.views,
            revenue=row.revenue, share=percent(row.share),
        )
        for row in found.rows
    ]  # fmt: skip


def _over_time(found: TopSeriesAnswer, timezone: str) -> list[TopSeriesJson]:
    return [
        TopSeriesJson(
            prefix=row.prefix,
            name=row.name,
            visitors=row.visitors,
            sessions=row.sessions,
            data=[
                TopPointJson(
                    date=local(point.start, timezone=timezone), visitors=point.visitors, sessions=point.sessions,
                    pageviews=point.views, revenue=point.revenue,
                )
                for point in row.points
            ],
        )
        for row in found.rows
    ]  # fmt: skip


def _points(lines: list[TopSeriesJson]) -> list[dict[str, object]]:
    return [
        {"prefix": line.prefix, "name": line.name, **point.model_dump()}
        for line in lines
        for point in line.data
    ]
