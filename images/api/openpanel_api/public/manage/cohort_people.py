"""Who is in a cohort: in pages, or all of them as a table that is sent while it is read."""

import csv
import io
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from functools import partial
from typing import Annotated, Any, Final, Literal

import anyio
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import Field
from pydantic_core import to_json
from starlette.types import Receive, Scope, Send

from openpanel.analytics.asking import ask
from openpanel.analytics.cohorts import CohortMembers, DynamicCohort, StaticCohort
from openpanel.analytics.limits import Priority
from openpanel.analytics.people_pages import MAX_PEOPLE, FoundPerson, PeopleAnswer
from openpanel.analytics.reading import Membership
from openpanel.identity.ids import to_hex
from openpanel.metadata import ProjectRecord
from openpanel_api.public.asking import answered, answered_within, fresh_name
from openpanel_api.public.inquiries import How, PlansJson
from openpanel_api.public.insights.behind import page_after
from openpanel_api.public.manage import cohort_members
from openpanel_api.public.manage.cohort_json import membership
from openpanel_api.public.manage.cohorts import CohortId, forget, held
from openpanel_api.public.manage.routes import Json, Managed, Manager, Managing, ProjectId, told
from openpanel_api.public.tables import cell

COLUMNS: Final = ("personId", "profileId")

router = APIRouter(
    prefix="/manage/projects/{projectId}/cohorts/{cohortId}/members",
    tags=["manage: cohorts"],
    route_class=Managed,
)


class MembersGoneError(Exception):
    """Members that were being sent are not kept any more."""


class MemberJson(Json):
    """A person of a cohort."""

    person_id: str = Field(description="16 hexadecimal digits.", examples=["9a1f0c3be2d84756"])
    profile_id: str = Field(description="'' for one that is anonymous.", examples=["user-42"])


class MembersPage(Json):
    """Some of the persons, by their ids."""

    data: list[MemberJson]
    cursor: str | None = Field(
        description="What goes on after this page; null after the last.", examples=[None]
    )


class PageOfMembers(How):
    """Which of them."""

    cursor: Annotated[str, Field(max_length=16)] = Field(
        default="", description="`cursor` of the page before."
    )
    limit: int = Field(default=100, ge=1, le=MAX_PEOPLE, description="Persons of a page.")


@router.get(
    "",
    summary="List members",
    response_model=MembersPage | PlansJson,
    responses=told(MemberJson, 422)
    | {
        200: {
            "content": {
                "application/json": {
                    "example": {
                        "data": [{"personId": "9a1f0c3be2d84756", "profileId": "user-42"}],
                        "cursor": None,
                    }
                }
            }
        }
    },
)
async def list_members(
    manager: Managing,
    *,
    request: Request,
    response: Response,
    project: ProjectId,
    cohort: CohortId,
    asked: Annotated[PageOfMembers, Query()],
) -> Response:
    """A page of them."""
    given = manager.about(request, response, await manager.project(project))
    found = await held(manager, project, cohort)
    members = membership(found, now=given.now, timezone=given.zone)
    after = page_after(asked.cursor)

    def shown(page: PeopleAnswer) -> dict[str, Any]:
        cursor = to_hex(page.cursor) if page.cursor is not None else None
        return {"data": [_json(each) for each in page.people], "cursor": cursor}

    question = CohortMembers(project, given.zone, members, after=after, limit=asked.limit)
    return await given.answer(asked, shown, question)


@router.get(
    "/export",
    summary="Export members",
    response_class=StreamingResponse,
    responses=told(MemberJson, 422)
    | {
        200: {
            "content": {
                "text/csv": {"example": "personId,profileId\n9a1f0c3be2d84756,user-42\n"},
                "application/x-ndjson": {"schema": {"type": "string"}},
            }
        }
    },
)
async def export_members(
    manager: Managing,
    *,
    request: Request,
    project: ProjectId,
    cohort: CohortId,
    output: Annotated[Literal["csv", "ndjson"], Query(alias="format")] = "csv",
) -> StreamingResponse:
    """All of them, as they were when the export began. A page is in memory at a time, however many there are.

    In CSV a profile id that a spreadsheet would compute, such as `=1`, has a `'` in front; lines of JSON are exact.

    When the members of a static cohort are computed anew or deleted meanwhile, the connection breaks off.
    """
    record = await manager.project(project)
    found = await held(manager, project, cohort)
    now = manager.services.now()
    members = membership(found, now=now, timezone=record.timezone)
    kept: Membership = members
    if isinstance(members, DynamicCohort):
        copy = DynamicCohort(f"export-{fresh_name()}", members.definition, now)
        await _keep(manager, request, record, copy)
        kept = StaticCohort(copy.id, 1)
    write, media_type = _OUTPUTS[output]
    lines = _lines(manager, record, kept, write)
    if isinstance(members, StaticCohort):
        return StreamingResponse(_whole(manager, members, project, lines), media_type=media_type)
    return _Passing(lines, media_type=media_type, forget=partial(_erase, manager, record, kept.id))


class _Passing(StreamingResponse):
    """A table of members that were kept for it, and go with it, also when nobody reads a line of it."""

    def __init__(
        self, lines: AsyncIterator[bytes], *, media_type: str, forget: Callable[[], Awaitable[None]]
    ) -> None:
        super().__init__(lines, media_type=media_type)
        self._forget = forget

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._forget()


async def _keep(manager: Manager, request: Request, project: ProjectRecord, copy: DynamicCohort) -> None:
    """Keep who is in the cohort now, for as long as they are sent; what cannot be kept whole is not kept."""
    warehouse = manager.services.warehouse
    keep = partial(cohort_members.keep, warehouse, project, copy, generation=1, now=copy.now)
    try:
        await answered(request, manager.services, lambda comment: keep(comment=comment))
    except BaseException:
        await _erase(manager, project, copy.id)
        raise


async def _lines(
    manager: Manager,
    project: ProjectRecord,
    cohort: Membership,
    write: Callable[[Iterable[FoundPerson]], bytes],
) -> AsyncIterator[bytes]:
    """The table in pieces."""
    warehouse = manager.services.warehouse
    yield _head(write)
    after: int | None = 0
    while after is not None:
        question = CohortMembers(project.id, project.timezone, cohort, after=after, limit=MAX_PEOPLE)
        page = partial(ask, warehouse, question, priority=Priority.EXPORT)
        answer = await answered_within(manager.services, partial(_commented, page))
        yield write(answer.people)
        after = answer.cursor


async def _whole(
    manager: Manager, cohort: StaticCohort, project: str, lines: AsyncIterator[bytes]
) -> AsyncIterator[bytes]:
    """The same pieces, if the members are still kept after the last of them: without, there was nothing to read."""
    async for piece in lines:
        yield piece
    found = await held(manager, project, cohort.id)
    if found.generation != cohort.generation:
        raise MembersGoneError(cohort.id)


def _commented(page: Callable[..., PeopleAnswer], comment: str) -> PeopleAnswer:
    return page(log_comment=comment)


async def _erase(manager: Manager, project: ProjectRecord, cohort: str) -> None:
    """Forget kept members, also when the client has left."""
    with anyio.CancelScope(shield=True):
        await manager.read(lambda: forget(manager, project.id, cohort, but=None))


def _json(person: FoundPerson) -> dict[str, str]:
    return {"personId": to_hex(person.person), "profileId": person.profile_id}


def _csv(people: Iterable[FoundPerson]) -> bytes:
    text = io.StringIO()
    rows = ((to_hex(each.person), cell(each.profile_id)) for each in people)
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def _ndjson(people: Iterable[FoundPerson]) -> bytes:
    return b"".join(to_json(_json(each)) + b"\n" for each in people)


def _head(write: Callable[[Iterable[FoundPerson]], bytes]) -> bytes:
    return f"{','.join(COLUMNS)}\n".encode() if write is _csv else b""


_OUTPUTS: Final = {"csv": (_csv, "text/csv; charset=utf-8"), "ndjson": (_ndjson, "application/x-ndjson")}
