"""`GET /export/events`: single events as they are kept, newest first, by page or by cursor."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from openpanel.analytics.asking import ask
from openpanel.analytics.described_profiles import DescribedProfiles
from openpanel.analytics.event_rows import Event
from openpanel.analytics.events import Cursor, EventCount, Events, EventsAnswer, Selection
from openpanel.metadata import EventMeta, ProjectRecord, event_meta
from openpanel_api.public import export_parameters
from openpanel_api.public.access import Access, reader
from openpanel_api.public.asking import answered
from openpanel_api.public.documented import EXAMPLE_EVENT, REFUSALS, ROWS, refusals
from openpanel_api.public.errors import BadRequest
from openpanel_api.public.event_columns import Arrow, Parquet
from openpanel_api.public.event_json import FIELDS, EventJson, event_json
from openpanel_api.public.event_lines import Csv, Lines
from openpanel_api.public.event_pages import Writer, first_page, written
from openpanel_api.public.export_parameters import EventsParameters
from openpanel_api.public.moments import LAST, beginning, ending
from openpanel_api.public.profiles import profile_json
from openpanel_api.public.services import Given, Services

# Fields of an event that a filter may name, and what questions call them.
DIMENSIONS: Final = {
    "name": "event", "path": "page", "origin": "origin", "title": "title",
    "referrer": "referrer_url", "referrerName": "referrer", "referrerType": "referrer_type",
    "utmSource": "utm.source", "utmMedium": "utm.medium", "utmCampaign": "utm.campaign",
    "utmTerm": "utm.term", "utmContent": "utm.content",
    "country": "country", "region": "region", "city": "city",
    "os": "os", "osVersion": "os_version", "browser": "browser", "browserVersion": "browser_version",
    "device": "device", "brand": "brand", "model": "model", "sdkName": "sdk_name", "sdkVersion": "sdk_version",
    "profileId": "profile", "sessionId": "session", "revenue": "revenue", "duration": "duration",
}  # fmt: skip
# The names that OpenPanel takes beside these.
ALIASES: Final = {
    "referrer_name": "referrer", "referrer_type": "referrer_type", "os_version": "os_version",
    "browser_version": "browser_version", "profile_id": "profile", "session_id": "session",
    "utm_source": "utm.source", "utm_medium": "utm.medium", "utm_campaign": "utm.campaign",
    "utm_term": "utm.term", "utm_content": "utm.content",
}  # fmt: skip


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
Reader = Annotated[Access, Depends(reader("Export", verb="export"))]

router = APIRouter(tags=["export"])


@router.get(
    "/export/events",
    summary="Read events",
    response_model=EventsPage,
    responses={
        200: {"content": {"application/json": {"example": EXAMPLE}, **FILES}},
        **refusals(*REFUSALS),
    },
)
async def events(
    request: Request,
    response: Response,
    services: Given,
    access: Reader,
    asked: Annotated[EventsParameters, Query()],
) -> Response:
    """Events newest first, both bounds included. Without bounds: all there are."""
    project = await access.project(services, named=asked.named_project)
    if asked.format != "json":
        return await _file(services, response, asked, project)
    wanted = _wanted(asked, project)
    found = await answered(request, services, lambda comment: _find(services, wanted, comment))
    headers = {name: value for name, value in response.headers.items() if name != "content-length"}
    return Response(msgspec.json.encode(_page(found, wanted)), media_type="application/json", headers=headers)


async def _file(
    services: Services, response: Response, asked: EventsParameters, project: ProjectRecord
) -> Response:
    """All events as a file. The first page is asked for before anything is sent, so that refusals are answers."""
    if asked.cursor or asked.page is not None:
        raise BadRequest("format: a file has no pages; expected no page and no cursor beside it")
    if export_parameters.includes(asked.includes, known=frozenset(FIELDS)) & {"profile", "meta"}:
        raise BadRequest("includes: profile and meta are in json only")
    selection = _selection(asked, project)
    media_type, writer = _writer(asked.format, project.id)
    first = await first_page(services, selection, limit=asked.most)
    pieces = written(services, selection, first, limit=asked.most, writer=writer)
    headers = {name: value for name, value in response.headers.items() if name != "content-length"}
    headers["Content-Disposition"] = f'attachment; filename="{project.id}-events.{asked.format}"'
    return StreamingResponse(pieces, media_type=media_type, headers=headers)


def _writer(output: str, project: str) -> tuple[str, Writer]:
    if output == "csv":
        return "text/csv; charset=utf-8", Csv(project)
    if output == "ndjson":
        return "application/x-ndjson", Lines(project)
    if output == "parquet":
        return "application/vnd.apache.parquet", Parquet(project)
    return "application/vnd.apache.arrow.stream", Arrow(project)


@dataclass(frozen=True, slots=True)
class _Wanted:
    question: Events
    includes: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Found:
    answer: EventsAnswer
    total: int | None
    profiles: dict[str, Any]
    meta: dict[str, EventMeta]


def _wanted(asked: EventsParameters, project: ProjectRecord) -> _Wanted:
    if asked.cursor and asked.page is not None:
        raise BadRequest("page: expected no page beside a cursor")
    selection = _selection(asked, project)
    question = Events(selection, limit=asked.rows, page=asked.page or 1, after=_cursor(asked.cursor))
    return _Wanted(question, export_parameters.includes(asked.includes, known=frozenset(FIELDS)))


def _selection(asked: EventsParameters, project: ProjectRecord) -> Selection:
    zone = project.timezone
    return Selection(
        project=project.id,
        start=beginning(asked.start, name="start", timezone=zone) if asked.start else None,
        end=ending(asked.end, name="end", timezone=zone) if asked.end else None,
        names=export_parameters.names(asked.event, parameter="event"),
        profile=asked.profile or "",
        filters=export_parameters.filters(asked.filters, dimensions={**DIMENSIONS, **ALIASES}),
    )


def _cursor(text: str | None) -> Cursor | None:
    if not text:
        return None
    cursor = Cursor.parse(text)
    if cursor is None or cursor.created_at_ms > LAST.timestamp() * 1_000:
        raise BadRequest("cursor: expected the value of meta.cursor of an earlier answer")
    return cursor


def _find(services: Services, wanted: _Wanted, comment: str) -> _Found:
    """All that the page needs, asked one after the other in one thread."""
    question, project = wanted.question, wanted.question.project
    answer = ask(services.warehouse, question, log_comment=comment)
    total = None
    if question.after is None:
        total = ask(services.warehouse, EventCount(question.selection), log_comment=comment)
    profiles: dict[str, Any] = {}
    if "profile" in wanted.includes and (ids := _profile_ids(answer.events)):
        described = ask(services.warehouse, DescribedProfiles(project, ids), log_comment=comment)
        profiles = {one: profile_json(profile) for one, profile in described.items()}
    known = event_meta.listed(services.database, project=project) if "meta" in wanted.includes else ()
    return _Found(answer, total, profiles, {each.name: each for each in known})


def _profile_ids(found: Iterable[Event]) -> tuple[str, ...]:
    return tuple(sorted({event.profile_id for event in found if event.profile_id}))


def _page(found: _Found, wanted: _Wanted) -> dict[str, Any]:
    question, answer, total = wanted.question, found.answer, found.total
    meta = {
        "count": len(answer.events),
        "totalCount": total,
        "pages": None if total is None else -(-total // question.limit),
        "current": None if total is None else question.page,
        "cursor": str(answer.cursor) if answer.cursor else None,
    }
    return {"meta": meta, "data": [_event(event, found, wanted) for event in answer.events]}


def _event(event: Event, found: _Found, wanted: _Wanted) -> dict[str, Any]:
    shown = event_json(event, project=wanted.question.project)
    if "properties" in wanted.includes:
        shown["properties"] = event.properties
    if "profile" in wanted.includes:
        shown["profile"] = found.profiles.get(event.profile_id)
    if "meta" in wanted.includes:
        shown["meta"] = _meta(found.meta.get(event.name))
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
