"""`GET /export/events`: single events as they are kept, newest first, by page or by cursor."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from openpanel.analytics.described_profiles import DescribedProfile, DescribedProfiles
from openpanel.analytics.event_rows import Event
from openpanel.analytics.events import Cursor, EventCount, Events, EventsAnswer, Selection
from openpanel.analytics.property_filters import PropertyFilter
from openpanel.metadata import EventMeta, event_meta
from openpanel_api.public import export_parameters
from openpanel_api.public.dates import check_range
from openpanel_api.public.documented import EXAMPLE_EVENT, REFUSALS, ROWS, UNCHANGED, refusals
from openpanel_api.public.errors import BadRequest
from openpanel_api.public.event_columns import Arrow, Parquet
from openpanel_api.public.event_json import FIELDS, EventJson, event_json
from openpanel_api.public.event_lines import Csv, Lines
from openpanel_api.public.event_pages import Writer, first_page, first_question, written
from openpanel_api.public.export_parameters import EventsParameters
from openpanel_api.public.inquiries import Entrance, Inquiry, PlansJson, entrance
from openpanel_api.public.memberships import memberships
from openpanel_api.public.moments import LAST, beginning, ending
from openpanel_api.public.profiles import profile_json
from openpanel_api.public.question_json import FILTERS, FilterJson, made, parsed


class MetaOfPage(BaseModel):
    """Where this page stands."""

    count: int = Field(description="Events of this page.")
    total_count: int | None = Field(alias="totalCount", description="All that match; null beside a cursor.")
    pages: int | None = Field(description="Pages of this size; null beside a cursor.")
    current: int | None = Field(description="This page; null beside a cursor.")
    cursor: str | None = Field(description="What goes on after this page; null after the last.")


class EventsPage(BaseModel):
    """The answer."""

    meta: MetaOfPage
    data: list[EventJson]


EXAMPLE: Final = {
    "meta": {"count": 1, "totalCount": 1, "pages": 1, "current": 1, "cursor": None},
    "data": [EXAMPLE_EVENT],
}
_BINARY: Final = {"schema": {"type": "string", "format": "binary"}}
FILES: Final = {
    **ROWS,
    "application/vnd.apache.parquet": _BINARY,
    "application/vnd.apache.arrow.stream": _BINARY,
}
Entered = Annotated[Entrance, Depends(entrance("Export", verb="export"))]

router = APIRouter(tags=["export"])


@router.get(
    "/export/events",
    summary="Read events",
    response_model=EventsPage | PlansJson,
    responses={
        200: {"content": {"application/json": {"example": EXAMPLE}, **FILES}},
        304: {"description": UNCHANGED},
        **refusals(*REFUSALS),
    },
)
async def events(entered: Entered, asked: Annotated[EventsParameters, Query()]) -> Response:
    """Events newest first, both bounds included. Without bounds: all there are."""
    given = await entered.about(asked.named_project)
    selection = await _selection(given, asked)
    if asked.format != "json":
        return await _file(given, asked, selection)
    if asked.cursor and asked.page is not None:
        raise BadRequest("page: expected no page beside a cursor")
    includes = export_parameters.includes(asked.includes, known=frozenset(FIELDS))
    question = Events(selection, limit=asked.rows, page=asked.page or 1, after=_cursor(asked.cursor))
    questions = (question, *(() if question.after else (EventCount(selection),)))
    if asked.explain:
        return await given.explained(*questions)
    page, *counted = [each.answer for each in await given.found_all(*questions)]
    beside = await _beside(given, page.events, includes)
    total = counted[0] if counted else None
    data = [_event(event, given.project.id, includes, beside) for event in page.events]
    return given.respond(msgspec.json.encode({"meta": _meta_of(page, question, total), "data": data}))


async def _file(given: Inquiry, asked: EventsParameters, selection: Selection) -> Response:
    """All events as a file. The first page is asked for before anything is sent, so that refusals are answers."""
    if asked.cursor or asked.page is not None:
        raise BadRequest("format: a file has no pages; expected no page and no cursor beside it")
    if export_parameters.includes(asked.includes, known=frozenset(FIELDS)) & {"profile", "meta"}:
        raise BadRequest("includes: profile and meta are in json only")
    question = first_question(selection, limit=asked.most)
    if asked.explain:
        return await given.explained(question)
    project = given.project.id
    media_type, writer = _writer(asked.format, project)
    first = await first_page(given.request, given.services, question)
    pieces = written(given.services, selection, first, limit=asked.most, writer=writer)
    disposition = f'attachment; filename="{project}-events.{asked.format}"'
    headers = {**given.headers, "Content-Disposition": disposition}
    return StreamingResponse(pieces, media_type=media_type, headers=headers)


def _writer(output: str, project: str) -> tuple[str, Writer]:
    if output == "csv":
        return "text/csv; charset=utf-8", Csv(project)
    if output == "ndjson":
        return "application/x-ndjson", Lines(project)
    if output == "parquet":
        return "application/vnd.apache.parquet", Parquet(project)
    return "application/vnd.apache.arrow.stream", Arrow(project)


async def _selection(given: Inquiry, asked: EventsParameters) -> Selection:
    zone = given.zone
    filters = _filters(given, asked)
    start = beginning(asked.start, name="start", timezone=zone) if asked.start else None
    end = ending(asked.end, name="end", timezone=zone) if asked.end else None
    check_range(start, end, now=given.now, names=("start", "end"))
    return Selection(
        project=given.project.id,
        start=start,
        end=end,
        names=export_parameters.names(asked.event, parameter="event"),
        profile=asked.profile or "",
        property_filters=filters,
        cohorts=await memberships(given, filters),
        timezone=zone,
    )


def _filters(given: Inquiry, asked: EventsParameters) -> tuple[PropertyFilter, ...]:
    """What the events must meet; the request remembers them, to tell which of them cannot be used."""
    filters: list[FilterJson] = parsed(asked.filters, FILTERS, name="filters", nothing=[])
    told = [each.model_dump(mode="json", by_alias=True, exclude_unset=True) for each in filters]
    given.request.state.asked = {"filters": told}
    return made(filters)


def _cursor(text: str | None) -> Cursor | None:
    if not text:
        return None
    cursor = Cursor.parse(text)
    if cursor is None or cursor.created_at_ms > LAST.timestamp() * 1_000:
        raise BadRequest("cursor: expected the value of meta.cursor of an earlier answer")
    return cursor


@dataclass(frozen=True, slots=True)
class _Beside:
    """What is shown with events on demand."""

    profiles: Mapping[str, DescribedProfile]
    meta: Mapping[str, EventMeta]


async def _beside(given: Inquiry, found: Sequence[Event], includes: frozenset[str]) -> _Beside:
    project, services = given.project.id, given.services
    profiles: Mapping[str, DescribedProfile] = {}
    ids = tuple(sorted({event.profile_id for event in found if event.profile_id}))
    if "profile" in includes and ids:
        profiles = (await given.found(DescribedProfiles(project, ids))).answer
    known: Sequence[EventMeta] = ()
    if "meta" in includes:
        known = await services.blocking(lambda: event_meta.listed(services.database, project=project))
    return _Beside(profiles, {each.name: each for each in known})


def _meta_of(page: EventsAnswer, question: Events, total: int | None) -> dict[str, Any]:
    return {
        "count": len(page.events),
        "totalCount": total,
        "pages": None if total is None else -(-total // question.limit),
        "current": None if total is None else question.page,
        "cursor": str(page.cursor) if page.cursor else None,
    }


def _event(event: Event, project: str, includes: frozenset[str], beside: _Beside) -> dict[str, Any]:
    shown = event_json(event, project=project)
    if "properties" in includes:
        shown["properties"] = event.properties
    if "profile" in includes:
        profile = beside.profiles.get(event.profile_id)
        shown["profile"] = profile_json(profile) if profile else None
    if "meta" in includes:
        shown["meta"] = _meta(beside.meta.get(event.name))
    return shown


def _meta(known: EventMeta | None) -> dict[str, Any] | None:
    if known is None:
        return None
    return {
        "name": known.name,
        "conversion": known.conversion,
        "icon": known.icon or None,
        "color": known.colour or None,
    }
