"""People: a list in pages, one of them, and what that one did."""

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Path, Query, Response
from pydantic import Field

from openpanel.analytics.described_profiles import DescribedProfile, DescribedProfiles
from openpanel.analytics.events import Events, EventsAnswer, Selection
from openpanel.analytics.people import People, PeopleSort
from openpanel.analytics.periods import Period
from openpanel.analytics.person_activity import (
    DayOfEvents,
    EventOfPerson,
    PathOfPerson,
    PersonActivity,
    PersonTopEvents,
    PersonTopPaths,
)
from openpanel.analytics.person_cursors import PeopleCursor
from openpanel.analytics.person_details import PersonDetail, PersonDetails
from openpanel.analytics.person_metrics import PersonFigures, PersonMetrics
from openpanel.analytics.person_rows import PeopleListAnswer, Person
from openpanel.analytics.person_selection import PeopleKind, PeopleSelection
from openpanel.analytics.property_filters import PropertyFilter
from openpanel.analytics.sessions import Sessions, SessionSelection
from openpanel_api.public.conversions import declared
from openpanel_api.public.dates import Dates, is_dated
from openpanel_api.public.documented import described
from openpanel_api.public.errors import BadRequest, NotFound
from openpanel_api.public.event_json import EventJson
from openpanel_api.public.inquiries import AsTable, How, Inquiring, Inquiry, Page
from openpanel_api.public.insights.events import Search, event_row
from openpanel_api.public.insights.parameters import InPeriod, Text, Value, conditions
from openpanel_api.public.insights.sessions import SessionJson, session_cursor, session_page
from openpanel_api.public.insights.whole_ids import WholeIds
from openpanel_api.public.memberships import memberships
from openpanel_api.public.moments import moment_text
from openpanel_api.public.shapes import Camel, Day, MaybeMoment, Shape, percent, rounded, shaped

SORTS: Final[dict[str, PeopleSort]] = {
    "lastSeen": "last_seen", "firstSeen": "first_seen", "events": "events",
}  # fmt: skip
NOT_FOUND: Final = "Profile not found"
router = APIRouter(prefix="/profiles", route_class=WholeIds)
ProfileId = Annotated[
    str,
    Path(
        alias="profileId",
        description="Id of the profile, or of an anonymous device. A slash in it is sent as it is or as `%2F`, and as "
        "`%2F` where it would lead to another route: `a%2Fevents` is one profile, `a/events` the events of `a`.",
        examples=["user-42"],
    ),
]


class ProfileRowJson(Camel):
    """Somebody; who nobody described has no names."""

    id: str = Field(description="The profile, or the device of who is anonymous.", examples=["user-42"])
    is_external: bool = Field(description="Whether the person was identified.", examples=[True])
    first_name: str = Field(examples=["Ada"])
    last_name: str = Field(examples=["Lovelace"])
    email: str = Field(examples=["ada@example.com"])
    avatar: str
    properties: dict[str, str] = Field(examples=[{"plan": "pro"}])
    groups: list[str] = Field(examples=[["acme"]])
    created_at: MaybeMoment = Field(
        description="When it was described first.", examples=["2026-01-01T00:00:00.000Z"]
    )
    first_seen_at: MaybeMoment = Field(validation_alias="first_seen", examples=["2026-01-01T00:00:00.000Z"])
    last_seen_at: MaybeMoment = Field(validation_alias="last_seen", examples=["2026-03-01T10:00:00.000Z"])
    events: int = Field(examples=[120])


class ProfilePageJson(Camel):
    """Somebody, and what that one did last."""

    profile: ProfileRowJson
    recent_events: list[EventJson]


class ProfileFiguresJson(Camel):
    """The numbers of a person; null where there is nothing to divide by."""

    profile_id: str = Field(examples=["user-42"])
    first_seen: str = Field(examples=["2026-01-01T00:00:00.000Z"])
    last_seen: str = Field(examples=["2026-03-01T10:00:00.000Z"])
    sessions: int = Field(examples=[12])
    screen_views: int = Field(examples=[60])
    total_events: int = Field(examples=[120])
    conversion_events: int = Field(description="Of events that the project calls conversions.", examples=[2])
    unique_days_active: int = Field(examples=[9])
    avg_session_duration_min: float | None = Field(examples=[4.2])
    p90_session_duration_min: float | None = Field(examples=[11.5])
    avg_events_per_session: float | None = Field(examples=[10.0])
    avg_time_between_sessions_sec: float | None = Field(examples=[86400.0])
    bounce_rate: float | None = Field(description="Percent.", examples=[16.67])
    revenue: int = Field(examples=[4200])


class ActivityDayJson(Shape):
    """A day with events."""

    day: Day = Field(examples=["2026-03-01"])
    events: int = Field(examples=[14])


class OwnEventJson(Shape):
    """An event that the person did."""

    name: str = Field(examples=["screen_view"])
    events: int = Field(examples=[60])


class OwnPathJson(Shape):
    """A page that the person saw."""

    origin: str = Field(examples=["https://example.com"])
    path: str = Field(examples=["/pricing"])
    views: int = Field(examples=[8])


class Who(InPeriod):
    """Which people. Dates, fields and `filters` are about what they did; without any, all people are listed."""

    kind: PeopleKind = Field(
        default="all", description="`power`: the identified ones by their number of events."
    )
    search: Search = ""
    name: Text | None = Field(default=None, description="The same as `search`.")
    email: Text | None = Field(default=None, description="Part of the address.")
    country: Value = None
    city: Value = None
    device: Value = None
    browser: Value = None
    inactive_days: int | None = Field(default=None, alias="inactiveDays", ge=1, le=3_660)
    min_sessions: int = Field(default=0, alias="minSessions", ge=0, le=1_000_000)
    performed_event: Text = Field(
        default="", alias="performedEvent", description="Name of an event that they did."
    )
    sort_by: Literal["lastSeen", "firstSeen", "events"] = Field(default="lastSeen", alias="sortBy")
    sort_order: Literal["asc", "desc"] = Field(default="desc", alias="sortOrder")
    cursor: Text | None = Field(default=None, description="From the `Link` of the page before.")
    limit: int = Field(default=20, ge=1, le=1_000)

    def conditions(self) -> tuple[PropertyFilter, ...]:
        """The filters, and those on fields."""
        names = ("country", "city", "device", "browser")
        given = [
            PropertyFilter(name, "is", (getattr(self, name),))
            for name in names
            if getattr(self, name) is not None
        ]
        if self.email:
            given.append(PropertyFilter("profile.email", "contains", (self.email,)))
        return (*conditions(self), *given)


class Recent(How):
    """How much of what was done last."""

    event_limit: int = Field(default=20, alias="eventLimit", ge=1, le=100)


class Limited(AsTable):
    """How many rows."""

    cursor: Text | None = Field(default=None, description="From the `Link` of the page before.")
    limit: int = Field(default=20, ge=1, le=1_000)


class EverOr(Dates, AsTable):
    """When. Without any of it: whenever it was."""


class Most(EverOr):
    """When, and how many rows. Without dates: whenever it was."""

    limit: int = Field(default=20, ge=1, le=1_000)


@router.get("", **described(list[ProfileRowJson], "People", rows=True))
async def profiles(given: Inquiring, asked: Annotated[Who, Query()]) -> Response:
    """People, those who were seen last first; a page goes on with the `Link` of the answer."""
    question = await _people(given, asked)
    if asked.explain:
        return await given.answer(asked, list, question)
    page: PeopleListAnswer = (await given.found(question)).answer
    ids = tuple(sorted({each.profile_id for each in page.people if each.profile_id}))

    def shown(known: Any) -> Page:
        return Page([_row(each, known.get(each.profile_id)) for each in page.people], page.cursor)

    return await given.answer(asked, shown, DescribedProfiles(given.project.id, ids))


@router.get("/{profileId:path}/sessions", **described(list[SessionJson], "Sessions of a person", rows=True))
async def sessions(given: Inquiring, profile_id: ProfileId, asked: Annotated[Limited, Query()]) -> Response:
    """Visits of a person, newest first, also from before it was known."""
    selection = SessionSelection(project=given.project.id, timezone=given.zone, profile=profile_id)
    question = Sessions(selection, asked.limit, session_cursor(asked.cursor))
    return await given.answer(asked, session_page, question)


@router.get("/{profileId:path}/metrics", **described(ProfileFiguresJson, "Numbers of a person"))
async def metrics(given: Inquiring, profile_id: ProfileId, asked: Annotated[How, Query()]) -> Response:
    """How much a person did, how often it came, how long it stayed."""
    question = PersonMetrics(given.project.id, given.zone, profile_id, await declared(given))

    def shown(found: PersonFigures | None) -> ProfileFiguresJson:
        if found is None:
            raise NotFound(NOT_FOUND)
        return _figures(profile_id, found)

    return await given.answer(asked, shown, question)


@router.get("/{profileId:path}/activity", **described(list[ActivityDayJson], "Days of a person", rows=True))
async def activity(given: Inquiring, profile_id: ProfileId, asked: Annotated[EverOr, Query()]) -> Response:
    """On which days a person did how much."""

    def shown(found: tuple[DayOfEvents, ...]) -> list[ActivityDayJson]:
        return [shaped(ActivityDayJson, each) for each in found]

    period = await _period(given, asked)
    return await given.answer(asked, shown, PersonActivity(given.project.id, given.zone, profile_id, period))


@router.get("/{profileId:path}/events", **described(list[OwnEventJson], "Events of a person", rows=True))
async def top_events(given: Inquiring, profile_id: ProfileId, asked: Annotated[Most, Query()]) -> Response:
    """Which events a person did most."""

    def shown(found: tuple[EventOfPerson, ...]) -> list[OwnEventJson]:
        return [shaped(OwnEventJson, each) for each in found]

    question = PersonTopEvents(given.project.id, profile_id, await _period(given, asked), asked.limit)
    return await given.answer(asked, shown, question)


@router.get("/{profileId:path}/pages", **described(list[OwnPathJson], "Pages of a person", rows=True))
async def top_paths(given: Inquiring, profile_id: ProfileId, asked: Annotated[Most, Query()]) -> Response:
    """Which pages a person saw most."""

    def shown(found: tuple[PathOfPerson, ...]) -> list[OwnPathJson]:
        return [shaped(OwnPathJson, each) for each in found]

    question = PersonTopPaths(given.project.id, profile_id, await _period(given, asked), asked.limit)
    return await given.answer(asked, shown, question)


@router.get("/{profileId:path}", **described(ProfilePageJson, "One person"))
async def one(given: Inquiring, profile_id: ProfileId, asked: Annotated[Recent, Query()]) -> Response:
    """A person, and what it did last; by its id, an alias of it, or a device it was known on."""
    who = PersonDetail(given.project.id, profile_id)
    did = Events(Selection(given.project.id, profile=profile_id, timezone=given.zone), asked.event_limit)
    if asked.explain:
        return await given.answer(asked, list, who, DescribedProfiles(given.project.id, (profile_id,)), did)
    found: PersonDetails | None = (await given.found(who)).answer
    own = found.profile_id if found else profile_id  # who never did anything may have been described

    def shown(told: Any, events: EventsAnswer) -> ProfilePageJson:
        rows = [EventJson.model_validate(event_row(each, given)) for each in events.events]
        return ProfilePageJson(profile=_person(found, told.get(own)), recent_events=rows)

    return await given.answer(asked, shown, DescribedProfiles(given.project.id, (own,) if own else ()), did)


async def _period(given: Inquiry, asked: Dates) -> Period | None:
    """The time that is asked about, `None` where none is named."""
    return await given.period(asked) if is_dated(asked) else None


async def _people(given: Inquiry, asked: Who) -> People:
    given.remember(asked)
    if asked.search and asked.name:
        raise BadRequest("name: expected either search or name")
    filters = asked.conditions()
    selection = PeopleSelection(
        project=given.project.id,
        timezone=given.zone,
        now=given.now,
        kind=asked.kind,
        search=asked.search or asked.name or "",
        period=await _period(given, asked),
        property_filters=filters,
        cohorts=await memberships(given, filters),
        performed=asked.performed_event,
        min_sessions=asked.min_sessions,
        inactive_days=asked.inactive_days,
    )
    after = PeopleCursor.parse(asked.cursor) if asked.cursor else None
    if asked.cursor and after is None:
        raise BadRequest("cursor: expected the cursor in the Link of an earlier answer")
    return People(selection, SORTS[asked.sort_by], asked.sort_order == "desc", asked.limit, after)


def _person(found: PersonDetails | None, known: DescribedProfile | None) -> ProfileRowJson:
    """Somebody who did something, or of whom the project was told."""
    if found is not None:
        return _row(found, known)
    if known is None:
        raise NotFound(NOT_FOUND)
    never = {"first_seen": None, "last_seen": None, "events": 0}
    return ProfileRowJson.model_validate(
        {"id": known.profile_id, "is_external": True, **never, **_told(known)}
    )


def _row(person: Person | PersonDetails, known: DescribedProfile | None) -> ProfileRowJson:
    told: dict[str, Any] = _told(known) if known else _UNTOLD
    seen = {"first_seen": person.first_seen, "last_seen": person.last_seen, "events": person.events}
    return ProfileRowJson.model_validate({"id": person.id, "is_external": person.identified, **seen, **told})


def _told(known: DescribedProfile) -> dict[str, Any]:
    return {
        "first_name": known.first_name,
        "last_name": known.last_name,
        "email": known.email,
        "avatar": known.avatar,
        "properties": known.properties,
        "groups": list(known.groups),
        "created_at": known.created_at,
    }


_UNTOLD: Final[dict[str, Any]] = {
    "first_name": "", "last_name": "", "email": "", "avatar": "", "properties": {}, "groups": [], "created_at": None,
}  # fmt: skip


def _figures(profile_id: str, found: PersonFigures) -> ProfileFiguresJson:
    return ProfileFiguresJson(
        profile_id=profile_id,
        first_seen=moment_text(found.first_seen),
        last_seen=moment_text(found.last_seen),
        sessions=found.sessions,
        screen_views=found.views,
        total_events=found.events,
        conversion_events=found.conversions,
        unique_days_active=found.days_active,
        avg_session_duration_min=_minutes(found.duration_s),
        p90_session_duration_min=_minutes(found.p90_duration_s),
        avg_events_per_session=rounded(found.events_per_session),
        avg_time_between_sessions_sec=rounded(found.between_sessions_s),
        bounce_rate=percent(found.bounce_rate),
        revenue=found.revenue,
    )


def _minutes(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds / 60, 2)
