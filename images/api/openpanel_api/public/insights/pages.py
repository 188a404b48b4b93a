"""The pages of a project: what is seen most, where visits begin and end, how each page does, what follows from it."""

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from openpanel.analytics.outgoing import OutgoingAnswer, OutgoingLinks
from openpanel.analytics.overview import TopAnswer
from openpanel.analytics.page_conversions import PageConversions, PageConversionsAnswer
from openpanel.analytics.pages import Page, Pages, PagesAnswer, PageSort
from openpanel.analytics.top_values import TopValues
from openpanel_api.public.conversions import conversion_names
from openpanel_api.public.documented import described
from openpanel_api.public.inquiries import Inquiring, Inquiry
from openpanel_api.public.inquiries import Page as Rows
from openpanel_api.public.insights.parameters import Text, Top, overview
from openpanel_api.public.query_strings import EMPTY_IS_A_VALUE
from openpanel_api.public.question_json import Name
from openpanel_api.public.shapes import Percent, Shape, percent, rounded, shaped
from openpanel_api.public.tables import columns_of

HIGH_BOUNCE: Final = 70  # percent
LOW_ENGAGEMENT: Final = 1  # minutes
GOOD_BOUNCE, GOOD_DURATION = 40, 2
MOST_PAGES: Final = 500
SORTS: Final[dict[str, PageSort]] = {
    "sessions": "sessions", "pageviews": "pageviews", "bounce_rate": "bounce_rate", "avg_duration": "average",
    "revenue": "revenue", "path": "path",
}  # fmt: skip

router = APIRouter(prefix="/pages")
links = APIRouter()


class PageJson(Shape):
    """A page."""

    origin: str = Field(examples=["https://example.com"])
    path: str = Field(examples=["/pricing"])
    sessions: int = Field(examples=[400])
    pageviews: int = Field(examples=[520])
    revenue: int = Field(description="Of the sessions that saw it.", examples=[42000])


class SignalsJson(BaseModel):
    """What is remarkable about a page."""

    high_bounce: bool = Field(description="More than 70 percent of its visits saw nothing else.")
    low_engagement: bool = Field(description="Seen for less than a minute.")
    good_landing_page: bool = Field(
        description="Less than 40 percent bounced, and it was seen for two minutes."
    )


class PerformanceJson(PageJson):
    """How a page does."""

    title: str = Field(description="The latest one.", examples=["Pricing"])
    avg_duration: float | None = Field(description="Minutes until the next page.", examples=[1.4])
    bounce_rate: float | None = Field(description="Percent.", examples=[38.5])
    seo_signals: SignalsJson


class PagesJson(BaseModel):
    """Some of the pages, and how many there are."""

    total_pages: int = Field(examples=[120])
    shown: int = Field(examples=[50])
    more: bool = Field(description="Whether there are more after these.", examples=[True])
    pages: list[PerformanceJson]


PERFORMANCE_COLUMNS: Final = columns_of(PerformanceJson)


class PageConversionJson(Shape):
    """What follows from a page."""

    origin: str = Field(examples=["https://example.com"])
    path: str = Field(examples=["/pricing"])
    visitors: int = Field(description="Who saw it.", examples=[300])
    converted: int = Field(description="Who then did it.", examples=[30])
    conversions: int = Field(description="How often.", examples=[34])
    rate: Percent = Field(description="Percent of visitors.", examples=[10.0])


class LinkJson(Shape):
    """A link to another site."""

    href: str = Field(examples=["https://github.com/example"])
    text: str = Field(examples=["GitHub"])
    clicks: int = Field(examples=[12])
    visitors: int = Field(examples=[10])
    sessions: int = Field(examples=[11])


class EntryExit(Top):
    """Where visits begin, or end."""

    mode: Literal["entry", "exit"] = "entry"


class Performance(Top):
    """Which pages, in which order."""

    search: Annotated[Text, EMPTY_IS_A_VALUE] = Field(default="", description="Part of path or title.")
    sort_by: Literal["sessions", "pageviews", "bounce_rate", "avg_duration", "revenue", "path"] = Field(
        default="sessions", alias="sortBy"
    )
    sort_order: Literal["asc", "desc"] = Field(default="desc", alias="sortOrder")
    limit: int = Field(default=50, ge=1, le=MOST_PAGES, description="Rows at most.")
    offset: int = Field(default=0, ge=0, le=100_000, description="Rows to leave out before.")


class Converting(Top):
    """Which conversions, how long after."""

    event: list[Name] = Field(
        default_factory=list, max_length=20, examples=[["signup"]],
        description="Names of events; left out: those that the project calls conversions.",
    )  # fmt: skip
    hours: int = Field(default=24, ge=1, le=720, description="So long after the page was seen.")


@router.get("", **described(list[PageJson], "Pages", rows=True))
async def pages(given: Inquiring, asked: Annotated[Top, Query()]) -> Response:
    """Pages, most sessions first."""
    return await _pages(given, asked, sort="sessions")


@router.get("/top", **described(list[PageJson], "Top pages", rows=True))
async def top(given: Inquiring, asked: Annotated[Top, Query()]) -> Response:
    """Pages, most pageviews first."""
    return await _pages(given, asked, sort="pageviews")


@router.get("/entry_exit", **described(list[PageJson], "Where visits begin or end", rows=True))
async def entry_exit(given: Inquiring, asked: Annotated[EntryExit, Query()]) -> Response:
    """First or last pages of visits."""
    question = TopValues(await overview(given, asked), asked.mode, limit=asked.limit, detailed=True)
    return await given.answer(asked, _ends, question)


@router.get("/performance", **described(PagesJson, "How each page does", rows=True))
async def performance(given: Inquiring, asked: Annotated[Performance, Query()]) -> Response:
    """Titles, time on page, bounce rate and revenue; searched, sorted and in parts."""
    question = Pages(
        await overview(given, asked), search=asked.search, sort=SORTS[asked.sort_by],
        descending=asked.sort_order == "desc", limit=asked.limit, offset=asked.offset,
    )  # fmt: skip

    def shown(found: PagesAnswer) -> PagesJson:
        return _performance(found, before=asked.offset)

    return await given.answer(
        asked, shown, question, rows=lambda body: body.pages, columns=PERFORMANCE_COLUMNS
    )


@router.get("/conversions", **described(list[PageConversionJson], "What follows from each page", rows=True))
async def conversions(given: Inquiring, asked: Annotated[Converting, Query()]) -> Response:
    """How many of those who saw a page did something afterwards."""
    scope = await overview(given, asked)
    names = await conversion_names(given, asked.event)

    def shown(found: PageConversionsAnswer) -> list[PageConversionJson]:
        return [shaped(PageConversionJson, each) for each in found.pages]

    return await given.answer(asked, shown, PageConversions(scope, names, asked.hours, asked.limit))


@links.get("/links", **described(list[LinkJson], "Outgoing links", rows=True))
async def outgoing(given: Inquiring, asked: Annotated[Top, Query()]) -> Response:
    """Links to other sites that were followed."""

    def shown(found: OutgoingAnswer) -> list[LinkJson]:
        return [shaped(LinkJson, each) for each in found.links]

    return await given.answer(asked, shown, OutgoingLinks(await overview(given, asked), asked.limit))


async def _pages(given: Inquiry, asked: Top, *, sort: PageSort) -> Response:
    def shown(found: PagesAnswer) -> Rows:
        return Rows(
            [shaped(PageJson, each) for each in found.pages], None, more=found.total > len(found.pages)
        )

    return await given.answer(asked, shown, Pages(await overview(given, asked), sort=sort, limit=asked.limit))


def _ends(found: TopAnswer) -> list[PageJson]:
    return [
        PageJson(
            origin=row.prefix,
            path=row.name,
            sessions=row.sessions,
            pageviews=row.views or 0,
            revenue=row.revenue or 0,
        )
        for row in found.rows
    ]


def _performance(found: PagesAnswer, *, before: int) -> PagesJson:
    shown = [_page(each) for each in found.pages]
    more = before + len(shown) < found.total
    return PagesJson(total_pages=found.total, shown=len(shown), more=more, pages=shown)


def _page(page: Page) -> PerformanceJson:
    minutes = None if page.average_ms is None else page.average_ms / 60_000
    bounced = percent(page.bounce_rate)
    plain: dict[str, Any] = shaped(PageJson, page).model_dump()
    return PerformanceJson(
        **plain,
        title=page.title,
        avg_duration=rounded(minutes),
        bounce_rate=bounced,
        seo_signals=SignalsJson(
            high_bounce=bounced is not None and bounced > HIGH_BOUNCE,
            low_engagement=minutes is not None and minutes < LOW_ENGAGEMENT,
            good_landing_page=bounced is not None
            and bounced < GOOD_BOUNCE
            and minutes is not None
            and minutes > GOOD_DURATION,
        ),
    )
