"""Visits: a list in pages, and one of them."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import Field

from openpanel.analytics.session_rows import Session
from openpanel.analytics.sessions import (
    SessionCursor,
    SessionDetail,
    Sessions,
    SessionsAnswer,
    SessionSelection,
)
from openpanel.identity.ids import from_hex
from openpanel_api.public.documented import described
from openpanel_api.public.errors import BadRequest, NotFound
from openpanel_api.public.inquiries import How, Inquiring, Page
from openpanel_api.public.insights.events import Described
from openpanel_api.public.insights.parameters import conditions
from openpanel_api.public.memberships import memberships
from openpanel_api.public.shapes import Camel, Id, Moment, shaped

router = APIRouter(prefix="/sessions")


class SessionJson(Camel):
    """A visit; source, place and device are those of its first event."""

    id: Id = Field(
        validation_alias="session_id", description="16 hexadecimal digits.", examples=["04be7712fa90c3d1"]
    )
    device_id: Id = Field(examples=["9a1f0c3be2d84756"])
    profile_id: str = Field(description="Empty where nobody was identified in it.", examples=["user-42"])
    started_at: Moment = Field(examples=["2026-03-01T09:58:12.004Z"])
    ended_at: Moment = Field(examples=["2026-03-01T10:04:00.000Z"])
    duration: int = Field(description="Milliseconds.", examples=[347996])
    is_bounce: bool = Field(description="At most one page.")
    screen_view_count: int = Field(validation_alias="views", examples=[4])
    event_count: int = Field(
        validation_alias="events", description="Events that are no pageviews.", examples=[2]
    )
    revenue: int = Field(examples=[0])
    groups: list[str] = Field(examples=[["acme"]])
    entry_path: str = Field(examples=["/"])
    entry_origin: str = Field(examples=["https://example.com"])
    exit_path: str = Field(examples=["/pricing"])
    referrer: str
    referrer_name: str
    referrer_type: str
    utm_source: str
    utm_medium: str
    utm_campaign: str
    utm_term: str
    utm_content: str
    country: str = Field(examples=["KR"])
    region: str
    city: str
    os: str
    os_version: str
    browser: str
    browser_version: str
    device: str
    brand: str
    model: str
    has_replay: bool


@router.get("", **described(list[SessionJson], "Sessions", rows=True))
async def sessions(given: Inquiring, asked: Annotated[Described, Query()]) -> Response:
    """Visits newest first; a page goes on with the `Link` of the answer."""
    given.remember(asked)
    filters = (*conditions(asked), *asked.fields_given())
    selection = SessionSelection(
        project=given.project.id,
        timezone=given.zone,
        period=await given.period(asked),
        property_filters=filters,
        cohorts=await memberships(given, filters),
        profile=asked.profile_id or "",
        search=asked.search,
    )
    question = Sessions(selection, asked.limit, session_cursor(asked.cursor))
    return await given.answer(asked, session_page, question)


@router.get("/{sessionId}", **described(SessionJson, "One session"))
async def one(
    given: Inquiring,
    asked: Annotated[How, Query()],
    session_id: Annotated[
        str, Path(alias="sessionId", description="Id of the session.", examples=["04be7712fa90c3d1"])
    ],
) -> Response:
    """A visit."""
    number = from_hex(session_id)
    if number is None:
        raise NotFound("Session not found")

    def shown(found: Session | None) -> SessionJson:
        if found is None:
            raise NotFound("Session not found")
        return session_json(found)

    return await given.answer(asked, shown, SessionDetail(given.project.id, number))


def session_json(session: Session) -> SessionJson:
    """A visit as the API shows it."""
    return shaped(SessionJson, session)


def session_page(found: SessionsAnswer) -> Page:
    """A page of visits."""
    return Page([session_json(each) for each in found.sessions], found.cursor)


def session_cursor(text: str | None) -> SessionCursor | None:
    """The place that a page goes on after. Raises `BadRequest`."""
    cursor = SessionCursor.parse(text) if text else None
    if text and cursor is None:
        raise BadRequest("cursor: expected the cursor in the Link of an earlier answer")
    return cursor
