"""Groups of people (companies, teams): their types, a list, one of them with its members, and how it did."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, Field

from openpanel.analytics.group_activity import DayOfGroup, GroupActivity, GroupGrowth, GrowthPoint
from openpanel.analytics.group_members import GroupMembers
from openpanel.analytics.group_metrics import GroupFigures, GroupMetrics, GroupsMetrics
from openpanel.analytics.groups import (
    Group,
    GroupCursor,
    GroupDetail,
    Groups,
    GroupsAnswer,
    GroupType,
    GroupTypes,
)
from openpanel.analytics.person_cursors import PeopleCursor
from openpanel.analytics.person_rows import PeopleListAnswer
from openpanel_api.public.dates import Dates, InBuckets, interval_of
from openpanel_api.public.documented import described
from openpanel_api.public.errors import BadRequest, NotFound
from openpanel_api.public.inquiries import AsTable, How, Inquiring, Page
from openpanel_api.public.insights.events import Search
from openpanel_api.public.insights.parameters import Text, Value
from openpanel_api.public.insights.whole_ids import WholeIds
from openpanel_api.public.moments import local
from openpanel_api.public.shapes import Camel, Day, MaybeMoment, Moment, Shape, shaped

NOT_FOUND: Final = "Group not found"
WRONG_CURSOR: Final = "cursor: expected the cursor in the Link of an earlier answer"
router = APIRouter(prefix="/groups", route_class=WholeIds)
GroupId = Annotated[
    str,
    Path(
        alias="groupId",
        description="Id of the group. A slash in it is sent as it is or as `%2F`, and as `%2F` where it would lead to "
        "another route.",
        examples=["acme"],
    ),
]


class GroupTypeJson(Shape):
    """A kind of groups."""

    type: str = Field(examples=["company"])
    groups: int = Field(examples=[40])


class TypesJson(BaseModel):
    """The kinds that there are."""

    types: list[str] = Field(examples=[["company"]])
    counts: list[GroupTypeJson]


class GroupJson(Camel):
    """A group."""

    id: str = Field(validation_alias="group_id", examples=["acme"])
    type: str = Field(examples=["company"])
    name: str = Field(examples=["Acme Inc."])
    properties: dict[str, str] = Field(examples=[{"plan": "pro"}])
    created_at: Moment = Field(examples=["2026-01-01T00:00:00.000Z"])


class GroupRowJson(GroupJson):
    """A group of a list, and how much was done in it."""

    member_count: int = Field(examples=[12])
    events: int = Field(examples=[900])
    last_seen_at: MaybeMoment = Field(examples=["2026-03-01T10:00:00.000Z"])


class MemberJson(Camel):
    """Who belongs to it."""

    id: str = Field(examples=["user-42"])
    is_external: bool = Field(validation_alias="identified", examples=[True])
    first_seen_at: MaybeMoment = Field(validation_alias="first_seen", examples=["2026-01-01T00:00:00.000Z"])
    last_seen_at: MaybeMoment = Field(validation_alias="last_seen", examples=["2026-03-01T10:00:00.000Z"])
    events: int = Field(examples=[120])


class GroupPageJson(BaseModel):
    """A group and its members, those who were seen last first."""

    group: GroupJson
    member_count: int = Field(examples=[12])
    members: list[MemberJson]


class GroupFiguresJson(Camel):
    """The numbers of a group."""

    members: int = Field(examples=[12])
    events: int = Field(examples=[900])
    views: int = Field(examples=[600])
    sessions: int = Field(examples=[110])
    days_active: int = Field(examples=[30])
    revenue: int = Field(examples=[42000])
    first_seen: MaybeMoment = Field(examples=["2026-01-01T00:00:00.000Z"])
    last_seen: MaybeMoment = Field(examples=["2026-03-01T10:00:00.000Z"])


class GrowthJson(BaseModel):
    """Its members over time."""

    date: str = Field(examples=["2026-03-01T00:00:00+09:00"])
    joined: int = Field(description="Who came in this bucket.", examples=[2])
    members: int = Field(description="All who came up to its end.", examples=[12])


class GroupDayJson(Shape):
    """A day on which something was done in the group."""

    day: Day = Field(examples=["2026-03-01"])
    events: int = Field(examples=[40])
    members: int = Field(description="Who did them.", examples=[7])


class Listing(AsTable):
    """Which groups."""

    type: Value = Field(default=None, examples=["company"])
    search: Search = ""
    cursor: Text | None = Field(default=None, description="From the `Link` of the page before.")
    limit: int = Field(default=20, ge=1, le=1_000)


class WithMembers(How):
    """How many members."""

    member_limit: int = Field(default=10, alias="memberLimit", ge=1, le=50)


class Growing(InBuckets, AsTable):
    """When."""


class Members(AsTable):
    """How many."""

    cursor: Text | None = Field(default=None, description="From the `Link` of the page before.")
    limit: int = Field(default=20, ge=1, le=1_000)


class DaysOfGroup(Dates, AsTable):
    """When."""


@router.get("/types", **described(TypesJson, "Kinds of groups"))
async def types(given: Inquiring, asked: Annotated[How, Query()]) -> Response:
    """The kinds that there are, largest first."""

    def shown(found: tuple[GroupType, ...]) -> TypesJson:
        return TypesJson(
            types=[each.type for each in found], counts=[shaped(GroupTypeJson, each) for each in found]
        )

    return await given.answer(asked, shown, GroupTypes(given.project.id))


@router.get("", **described(list[GroupRowJson], "Groups", rows=True))
async def groups(given: Inquiring, asked: Annotated[Listing, Query()]) -> Response:
    """Groups, newest first; a page goes on with the `Link` of the answer."""
    after = GroupCursor.parse(asked.cursor) if asked.cursor else None
    if asked.cursor and after is None:
        raise BadRequest(WRONG_CURSOR)
    question = Groups(given.project.id, asked.type, asked.search, asked.limit, after)
    if asked.explain:
        return await given.answer(asked, list, question)
    page: GroupsAnswer = (await given.found(question)).answer
    ids = tuple(each.group_id for each in page.groups)
    if not ids:
        return await given.answer(asked, lambda: Page([], None))

    def shown(figures: Any) -> Page:
        return Page([_row(each, figures.get(each.group_id)) for each in page.groups], page.cursor)

    return await given.answer(asked, shown, GroupsMetrics(given.project.id, given.zone, ids, given.now))


@router.get("/{groupId:path}/metrics", **described(GroupFiguresJson, "Numbers of a group"))
async def metrics(given: Inquiring, group_id: GroupId, asked: Annotated[How, Query()]) -> Response:
    """How much was done in a group, by how many, and since when."""

    def shown(found: GroupFigures) -> GroupFiguresJson:
        return shaped(GroupFiguresJson, found)

    return await given.answer(asked, shown, GroupMetrics(given.project.id, given.zone, group_id, given.now))


@router.get(
    "/{groupId:path}/growth", **described(list[GrowthJson], "Members of a group over time", rows=True)
)
async def growth(given: Inquiring, group_id: GroupId, asked: Annotated[Growing, Query()]) -> Response:
    """Who joined when, and how many there were."""
    period = await given.period(asked)
    question = GroupGrowth(given.project.id, given.zone, group_id, period, interval_of(asked, period))

    def shown(found: tuple[GrowthPoint, ...]) -> list[GrowthJson]:
        return [
            GrowthJson(
                date=local(each.bucket.start, timezone=given.zone), joined=each.joined, members=each.members
            )
            for each in found
        ]

    return await given.answer(asked, shown, question)


@router.get("/{groupId:path}/members", **described(list[MemberJson], "Members of a group", rows=True))
async def members(given: Inquiring, group_id: GroupId, asked: Annotated[Members, Query()]) -> Response:
    """All of them, those who were seen in it last first; a page goes on with the `Link` of the answer."""
    after = PeopleCursor.parse(asked.cursor) if asked.cursor else None
    if asked.cursor and after is None:
        raise BadRequest(WRONG_CURSOR)

    def shown(found: PeopleListAnswer) -> Page:
        return Page([shaped(MemberJson, each) for each in found.people], found.cursor)

    question = GroupMembers(given.project.id, group_id, given.now, asked.limit, after)
    return await given.answer(asked, shown, question)


@router.get("/{groupId:path}/activity", **described(list[GroupDayJson], "Days of a group", rows=True))
async def activity(given: Inquiring, group_id: GroupId, asked: Annotated[DaysOfGroup, Query()]) -> Response:
    """On which days how much was done in a group, and by how many."""
    period = await given.period(asked)

    def shown(found: tuple[DayOfGroup, ...]) -> list[GroupDayJson]:
        return [shaped(GroupDayJson, each) for each in found]

    return await given.answer(asked, shown, GroupActivity(given.project.id, given.zone, group_id, period))


@router.get("/{groupId:path}", **described(GroupPageJson, "One group"))
async def one(given: Inquiring, group_id: GroupId, asked: Annotated[WithMembers, Query()]) -> Response:
    """A group and its members."""
    project = given.project.id

    def shown(group: Group | None, figures: GroupFigures, members: PeopleListAnswer) -> GroupPageJson:
        if group is None:
            raise NotFound(NOT_FOUND)
        return GroupPageJson(
            group=shaped(GroupJson, group),
            member_count=figures.members,
            members=[shaped(MemberJson, each) for each in members.people],
        )

    return await given.answer(
        asked,
        shown,
        GroupDetail(project, group_id),
        GroupMetrics(project, given.zone, group_id, given.now),
        GroupMembers(project, group_id, given.now, asked.member_limit),
    )


def _row(group: Group, figures: GroupFigures | None) -> GroupRowJson:
    return GroupRowJson.model_validate(
        {
            "group_id": group.group_id,
            "type": group.type,
            "name": group.name,
            "properties": group.properties,
            "created_at": group.created_at,
            "member_count": figures.members if figures else 0,
            "events": figures.events if figures else 0,
            "last_seen_at": figures.last_seen if figures else None,
        }
    )
