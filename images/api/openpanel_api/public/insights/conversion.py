"""Conversion over time: of those who did one thing in a bucket, how many did another one within the window."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from openpanel.analytics.breakdowns import MAX_KEPT
from openpanel.analytics.conversions import Conversion, ConversionPoint, ConversionRow, Converted
from openpanel_api.public.dates import Compared, before, interval_of
from openpanel_api.public.documented import described
from openpanel_api.public.guarded import Guarded
from openpanel_api.public.inquiries import AsTable, Inquiring
from openpanel_api.public.insights.funnels import WayQuestion, attempts_of, broken_down, labelled, named
from openpanel_api.public.moments import local
from openpanel_api.public.shapes import percent

router = APIRouter(route_class=Guarded)


class ConvertedJson(BaseModel):
    """How many began, and how many of them went on."""

    total: int = Field(description="Who did the first thing.", examples=[40])
    conversions: int = Field(description="Who did the second one within the window.", examples=[10])
    rate: float | None = Field(description="Percent.", examples=[25.0])


class ConversionPointJson(BaseModel):
    """Those who began in a bucket."""

    date: str = Field(examples=["2026-03-01T00:00:00+09:00"])
    total: int = Field(description="Who did the first thing.", examples=[40])
    conversions: int = Field(description="Who did the second one within the window.", examples=[10])
    rate: float | None = Field(description="Percent.", examples=[25.0])


class ConversionRowJson(BaseModel):
    """Conversion over time, of everybody or of a value of the breakdown."""

    breakdowns: dict[str, str] = Field(examples=[{}])
    other: bool = Field(description="All values of the breakdown that were not kept, together.")
    total: int = Field(examples=[400])
    conversions: int = Field(examples=[100])
    rate: float | None = Field(examples=[25.0])
    data: list[ConversionPointJson]
    previous: list[ConversionPointJson] = Field(description="With `previous=true`.")
    previous_total: ConvertedJson | None = Field(
        description="Of all of the time before, in which each visitor counts once; with `previous=true`.",
        examples=[None],
    )


class ConversionQuestion(Compared, WayQuestion):
    """Over time, and against the time before."""

    limit: int = Field(default=10, ge=1, le=MAX_KEPT, description="Values of the breakdown that are kept.")


@router.post(
    "/conversion", **described(list[ConversionRowJson], "Conversion over time", rows=True, posted=True)
)
async def conversion(
    given: Inquiring, how: Annotated[AsTable, Query()], asked: ConversionQuestion
) -> Response:
    """Of those who did one thing in a bucket, how many did the other within the window after it."""
    scope = await attempts_of(given, asked)
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


def conversion_json(row: ConversionRow, breakdowns: tuple[str, ...], timezone: str) -> ConversionRowJson:
    """Conversion over time as the API shows it."""
    return ConversionRowJson(
        breakdowns=named(row.labels, row.other, breakdowns),
        other=row.other,
        **_converted(row.total),
        data=[_point(each, timezone) for each in row.points],
        previous=[_point(each, timezone) for each in row.previous],
        previous_total=ConvertedJson(**_converted(row.previous_total)) if row.previous_total else None,
    )


def _converted(found: Converted) -> dict[str, Any]:
    return {"total": found.began, "conversions": found.finished, "rate": percent(found.rate)}


def _point(point: ConversionPoint, timezone: str) -> ConversionPointJson:
    return ConversionPointJson(date=local(point.start, timezone=timezone), **_converted(point.converted))


def conversion_table(rows: list[ConversionRowJson]) -> list[dict[str, Any]]:
    """A row for each bucket."""
    return [
        {**labelled(row.breakdowns, other=row.other), **point.model_dump()}
        for row in rows
        for point in row.data
    ]
