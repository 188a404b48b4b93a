"""Single events, how often each happens, and what there is to choose from: names, properties and their values."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, BeforeValidator, Field, TypeAdapter

from openpanel.analytics.event_rows import Event
from openpanel.analytics.event_stats import ConversionRow, Conversions, EventStats, EventStatsAnswer
from openpanel.analytics.events import Cursor, EventDetail, EventInSession, Events, EventsAnswer, Selection
from openpanel.analytics.property_filters import PropertyFilter
from openpanel.analytics.top_events import TopEvents, TopEventsAnswer
from openpanel.identity.ids import from_hex
from openpanel_api.public.conversions import conversion_names
from openpanel_api.public.dates import interval_of
from openpanel_api.public.documented import described
from openpanel_api.public.errors import BadRequest, NotFound
from openpanel_api.public.event_json import EventJson, event_json
from openpanel_api.public.event_lines import COLUMNS
from openpanel_api.public.inquiries import How, Inquiring, Inquiry, Page
from openpanel_api.public.insights.parameters import Cut, InPeriod, Text, Top, Value, conditions, overview
from openpanel_api.public.lists import listed
from openpanel_api.public.memberships import memberships
from openpanel_api.public.moments import local
from openpanel_api.public.query_strings import EMPTY_IS_A_VALUE
from openpanel_api.public.question_json import Name, parsed, written
from openpanel_api.public.shapes import Percent, Shape, shaped
from openpanel_api.public.tables import columns_of

MOST_EVENTS: Final = 1_000
PROPERTY_OBJECT: Final[TypeAdapter[dict[str, str | int | float | bool]]] = TypeAdapter(
    dict[str, str | int | float | bool]
)
router = APIRouter(prefix="/events")
Names = Annotated[list[Name], BeforeValidator(listed), Field(max_length=100)]
Search = Annotated[
    Text,
    Field(description="Part of the text, without regard to case.", max_length=1_000),
    EMPTY_IS_A_VALUE,
]


class Described(InPeriod):
    """Conditions by the names of fields, for what has place, device and source."""

    path: Value = None
    country: Value = Field(default=None, examples=["KR"])
    city: Value = None
    device: Value = None
    browser: Value = None
    os: Value = None
    referrer: Value = None
    referrer_name: Value = Field(default=None, alias="referrerName")
    referrer_type: Value = Field(default=None, alias="referrerType")
    profile_id: Text | None = Field(default=None, alias="profileId", description="What this person did.")
    search: Search = ""
    cursor: Text | None = Field(default=None, description="From the `Link` of the page before.")
    limit: int = Field(default=20, ge=1, le=MOST_EVENTS, description="Rows of a page.")

    def fields_given(self) -> tuple[PropertyFilter, ...]:
        """The conditions on fields."""
        names = (
            "path",
            "country",
            "city",
            "device",
            "browser",
            "os",
            "referrer",
            "referrer_name",
            "referrer_type",
        )
        given = ((name, getattr(self, name)) for name in names)
        return tuple(PropertyFilter(name, "is", (value,)) for name, value in given if value is not None)


class Which(Described):
    """Which events."""

    event_names: Names = Field(
        default_factory=list, alias="eventNames", description="Names: repeated, or a JSON array.",
        examples=[["screen_view"]],
    )  # fmt: skip
    session_id: Text | None = Field(
        default=None, alias="sessionId", description="What was done in this session."
    )
    properties: Text | None = Field(
        default=None,
        description="JSON object: properties and the values they must have.",
        examples=['{"plan":"pro"}'],
    )


class TopNames(Top):
    """Which events."""

    event: Names = Field(default_factory=list, description="Only these, also where they never happened.")


class Stats(Cut):
    """Which events, over time."""

    event: Names = Field(default_factory=list, description="Only these.")
    limit: int = Field(default=50, ge=1, le=MOST_EVENTS)


class Converting(InPeriod):
    """Which conversions."""

    event: Names = Field(
        default_factory=list, description="Left out: those that the project calls conversions."
    )


class NeighboursJson(BaseModel):
    """An event, and what was done before and after it in its session."""

    event: EventJson
    before: EventJson | None
    after: EventJson | None


class TopEventJson(Shape):
    """How often an event happened."""

    name: str = Field(examples=["signup"])
    events: int = Field(examples=[40])
    visitors: int = Field(examples=[38])
    sessions: int = Field(examples=[39])
    share: Percent = Field(description="Percent of all events.", examples=[3.2])


class StatPointJson(BaseModel):
    """A bucket."""

    date: str = Field(examples=["2026-03-01T00:00:00+09:00"])
    count: int = Field(examples=[4])


class StatJson(BaseModel):
    """How often an event happened, over time."""

    name: str = Field(examples=["signup"])
    total: int = Field(examples=[40])
    data: list[StatPointJson]


POINT_COLUMNS: Final = ("name", *columns_of(StatPointJson))


class ConversionJson(Shape):
    """What the project calls a conversion."""

    name: str = Field(examples=["signup"])
    events: int = Field(examples=[40])
    persons: int = Field(examples=[38])
    sessions: int = Field(examples=[39])
    revenue: int = Field(examples=[0])
    rate: Percent = Field(description="Percent of all people.", examples=[3.2])


@router.get("", **described(list[EventJson], "Events", rows=True))
async def events(given: Inquiring, asked: Annotated[Which, Query()]) -> Response:
    """Events newest first, with their properties; a page goes on with the `Link` of the answer."""
    given.remember(asked)
    filters = (*conditions(asked), *asked.fields_given(), *_properties(asked.properties))
    period = await given.period(asked)
    selection = Selection(
        project=given.project.id,
        start=period.start,
        end=period.end,
        names=tuple(asked.event_names),
        profile=asked.profile_id or "",
        property_filters=filters,
        cohorts=await memberships(given, filters),
        session=session_number(asked.session_id),
        search=asked.search,
        timezone=given.zone,
    )

    def shown(found: EventsAnswer) -> Page:
        return Page([event_row(each, given) for each in found.events], found.cursor)

    question = Events(selection, asked.limit, after=cursor_of(asked.cursor))
    return await given.answer(asked, shown, question, rows=list, columns=COLUMNS)


@router.get("/top", **described(list[TopEventJson], "Most frequent events", rows=True))
async def top(given: Inquiring, asked: Annotated[TopNames, Query()]) -> Response:
    """How often each event happened, to how many."""

    def shown(found: TopEventsAnswer) -> list[TopEventJson]:
        return [shaped(TopEventJson, each) for each in found.events]

    question = TopEvents(await overview(given, asked), tuple(asked.event), asked.limit)
    return await given.answer(asked, shown, question)


@router.get("/stats", **described(list[StatJson], "Events over time", rows=True))
async def stats(given: Inquiring, asked: Annotated[Stats, Query()]) -> Response:
    """How often each event happened, bucket by bucket."""
    given.remember(asked)
    filters = conditions(asked)
    period = await given.period(asked)
    question = EventStats(
        project=given.project.id,
        timezone=given.zone,
        period=period,
        interval=interval_of(asked, period),
        names=tuple(asked.event),
        filters=filters,
        cohorts=await memberships(given, filters),
        limit=asked.limit,
    )
    return await given.answer(
        asked, lambda found: _stats(found, given.zone), question, rows=_points, columns=POINT_COLUMNS
    )


@router.get("/conversions", **described(list[ConversionJson], "Conversions", rows=True))
async def conversions(given: Inquiring, asked: Annotated[Converting, Query()]) -> Response:
    """How often the project's conversions happened, to how many, and for how much."""
    given.remember(asked)
    filters = conditions(asked)

    def shown(found: tuple[ConversionRow, ...]) -> list[ConversionJson]:
        return [shaped(ConversionJson, each) for each in found]

    question = Conversions(
        project=given.project.id,
        timezone=given.zone,
        period=await given.period(asked),
        names=await conversion_names(given, asked.event),
        filters=filters,
        cohorts=await memberships(given, filters),
    )
    return await given.answer(asked, shown, question)


@router.get("/{eventId}", **described(NeighboursJson, "One event"))
async def event(
    given: Inquiring,
    asked: Annotated[How, Query()],
    event_id: Annotated[
        str, Path(alias="eventId", description="Id of the event.", examples=["5f3c1b2a99e01d47"])
    ],
) -> Response:
    """An event, and what was done before and after it in its session."""
    number = from_hex(event_id)
    if number is None:
        raise NotFound("Event not found")

    def shown(found: EventInSession | None) -> NeighboursJson:
        if found is None:
            raise NotFound("Event not found")
        rows = [event_row(each, given) if each else None for each in (found.event, found.before, found.after)]
        return NeighboursJson.model_validate(dict(zip(("event", "before", "after"), rows, strict=True)))

    return await given.answer(asked, shown, EventDetail(given.project.id, number))


def event_row(event: Event, given: Inquiry) -> dict[str, Any]:
    """An event with its properties."""
    return event_json(event, project=given.project.id) | {"properties": event.properties}


def cursor_of(text: str | None) -> Cursor | None:
    """The place that a page goes on after. Raises `BadRequest`."""
    cursor = Cursor.parse(text) if text else None
    if text and cursor is None:
        raise BadRequest("cursor: expected the cursor in the Link of an earlier answer")
    return cursor


def session_number(text: str | None) -> int | None:
    """The number of a session. Raises `BadRequest`."""
    if not text:
        return None
    number = from_hex(text)
    if number is None:
        raise BadRequest("sessionId: expected 16 hexadecimal digits")
    return number


def _properties(text: str | None) -> tuple[PropertyFilter, ...]:
    wanted = parsed(text, PROPERTY_OBJECT, name="properties", nothing={})
    return tuple(
        PropertyFilter(f"properties.{key}", "is", (written(value),)) for key, value in wanted.items()
    )


def _stats(found: EventStatsAnswer, timezone: str) -> list[StatJson]:
    dates = [local(bucket.start, timezone=timezone) for bucket in found.buckets]
    return [
        StatJson(
            name=row.name,
            total=row.total,
            data=[
                StatPointJson(date=date, count=count) for date, count in zip(dates, row.counts, strict=True)
            ],
        )
        for row in found.rows
    ]


def _points(rows: list[StatJson]) -> list[dict[str, Any]]:
    return [{"name": row.name, **point.model_dump()} for row in rows for point in row.data]
