"""Who is in a cohort: in pages, or all of them as a table that is sent while it is read."""

import csv
import io
from collections.abc import AsyncIterator, Callable, Iterable
from functools import partial
from typing import Annotated, Any, Final, Literal

import anyio
from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import Field
from pydantic_core import to_json

from openpanel.analytics.asking import ask
from openpanel.analytics.cohorts import CohortMembers, DynamicCohort, StaticCohort
from openpanel.analytics.limits import Priority
from openpanel.analytics.people_pages import MAX_PEOPLE, FoundPerson, PeopleAnswer
from openpanel.analytics.reading import Membership
from openpanel.identity.ids import from_hex, to_hex
from openpanel.metadata import ProjectRecord
from openpanel.tenancy import stored
from openpanel_api.public.asking import answered, fresh_name
from openpanel_api.public.errors import BadRequest
from openpanel_api.public.manage import cohort_members
from openpanel_api.public.manage.cohort_json import membership
from openpanel_api.public.manage.cohorts import CohortId, held
from openpanel_api.public.manage.routes import Json, Managed, Manager, Managing, ProjectId, told

COLUMNS: Final = ("personId", "profileId")

router = APIRouter(
    prefix="/manage/projects/{projectId}/cohorts/{cohortId}/members",
    tags=["manage: cohorts"],
    route_class=Managed,
)


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


@router.get(
    "",
    summary="List members",
    response_model=MembersPage,
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
    request: Request,
    *,
    project: ProjectId,
    cohort: CohortId,
    cursor: Annotated[str, Query(description="`cursor` of the page before.", max_length=16)] = "",
    limit: Annotated[int, Query(description="Persons of a page.", ge=1, le=MAX_PEOPLE)] = 100,
) -> dict[str, Any]:
    """A page of them."""
    after = from_hex(cursor) if cursor else 0
    if after is None:
        raise BadRequest("cursor: expected the value of cursor of an earlier answer")
    record = await manager.project(project)
    found = await held(manager, project, cohort)
    members = membership(found, now=manager.services.now(), timezone=record.timezone)
    page = partial(_page, manager, record, members, after=after, limit=limit)
    answer = await answered(request, manager.services, lambda comment: page(comment=comment))
    return {"data": [_json(each) for each in answer.people], "cursor": _cursor(answer)}


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
    project: ProjectId,
    cohort: CohortId,
    output: Annotated[Literal["csv", "ndjson"], Query(alias="format")] = "csv",
) -> StreamingResponse:
    """All of them, as they were when the export began. A page is in memory at a time, however many there are."""
    record = await manager.project(project)
    found = await held(manager, project, cohort)
    now = manager.services.now()
    members = membership(found, now=now, timezone=record.timezone)
    kept: Membership = members
    if isinstance(members, DynamicCohort):
        copy = DynamicCohort(f"export-{fresh_name()}", members.definition, now)
        keep = partial(cohort_members.keep, manager.services.warehouse, record, copy)
        await manager.read(lambda: keep(generation=1, now=now))
        kept = StaticCohort(copy.id, 1)
    write, media_type = _OUTPUTS[output]
    return StreamingResponse(
        _lines(manager, record, kept, write, passing=kept is not members), media_type=media_type
    )


async def _lines(
    manager: Manager,
    project: ProjectRecord,
    cohort: Membership,
    write: Callable[[Iterable[FoundPerson]], bytes],
    *,
    passing: bool,
) -> AsyncIterator[bytes]:
    """The table in pieces; `passing`: the kept members are this export's own and go with it."""
    try:
        yield _head(write)
        after: int | None = 0
        while after is not None:
            page = partial(_page, manager, project, cohort, after=after, limit=MAX_PEOPLE)
            answer = await manager.read(partial(page, priority=Priority.EXPORT))
            yield write(answer.people)
            after = answer.cursor
    finally:
        if passing:
            erase = partial(stored.erase_cohort, manager.services.warehouse, project=project.id)
            with anyio.CancelScope(shield=True):  # also when the client has left
                await manager.read(partial(erase, cohort=cohort.id, but=None))


def _page(
    manager: Manager,
    project: ProjectRecord,
    cohort: Membership,
    *,
    after: int,
    limit: int,
    comment: str = "",
    priority: Priority = Priority.PAGE,
) -> PeopleAnswer:
    question = CohortMembers(project.id, project.timezone, cohort, after=after, limit=limit)
    return ask(manager.services.warehouse, question, log_comment=comment, priority=priority)


def _cursor(answer: PeopleAnswer) -> str | None:
    return to_hex(answer.cursor) if answer.cursor is not None else None


def _json(person: FoundPerson) -> dict[str, str]:
    return {"personId": to_hex(person.person), "profileId": person.profile_id}


def _csv(people: Iterable[FoundPerson]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows((to_hex(each.person), each.profile_id) for each in people)
    return text.getvalue().encode()


def _ndjson(people: Iterable[FoundPerson]) -> bytes:
    return b"".join(to_json(_json(each)) + b"\n" for each in people)


def _head(write: Callable[[Iterable[FoundPerson]], bytes]) -> bytes:
    return f"{','.join(COLUMNS)}\n".encode() if write is _csv else b""


_OUTPUTS: Final = {"csv": (_csv, "text/csv; charset=utf-8"), "ndjson": (_ndjson, "application/x-ndjson")}
