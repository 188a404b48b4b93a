"""`/manage/projects/{projectId}/people/{profileId}/export`: everything that is stored about one person.

Sent while it is read, a page of it in memory at a time, so that it needs no job and no place to lie.
"""

from collections.abc import AsyncIterator, Iterator
from functools import partial
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Path
from fastapi.responses import StreamingResponse

from openpanel.tenancy.people import Person, numbers_of, resolved
from openpanel.tenancy.person_export import Line, export_person
from openpanel.wire import limits
from openpanel_api.public.insights.whole_ids import WholeIds
from openpanel_api.public.manage.routes import Managed, Manager, Managing, ProjectId, told

EXAMPLE: Final = (
    '{"kind":"person","project":"shop","profile_ids":["user-42"],"persons":["9a1f0c3be2d84756"]}\n'
    '{"kind":"profile","profile_id":"user-42","email":"kim@example.com"}\n'
)


class ManagedWithWholeIds(Managed, WholeIds):
    """A managed route whose ids may hold slashes."""


router = APIRouter(
    prefix="/manage/projects/{projectId}/people", tags=["manage: people"], route_class=ManagedWithWholeIds
)
ProfileId = Annotated[
    str,
    Path(
        alias="profileId",
        description="A profile's id, or that of a device of somebody without one.",
        examples=["user-42"],
        max_length=limits.PROFILE_ID,
    ),
]
_RESPONSES: Final = told(dict[str, Any]) | {
    200: {"content": {"application/x-ndjson": {"schema": {"type": "string"}, "example": EXAMPLE}}}
}


@router.get(
    "/{profileId:path}/export",
    summary="Export a person",
    response_class=StreamingResponse,
    responses=_RESPONSES,
)
async def export(manager: Managing, project: ProjectId, profile: ProfileId) -> StreamingResponse:
    """Profile, devices, groups, sessions, events with their properties, parts of recordings, kept members of cohorts
    and dead letters that name it: one JSON object a line, whose `kind` says what it is.

    Of somebody unknown there is the first line alone.
    """
    await manager.project(project)
    warehouse = manager.services.warehouse
    asked = Person(project, numbers_of(profile), (profile,), until_ms=0)
    person = await manager.read(partial(resolved, warehouse, asked))
    disposition = f'attachment; filename="{project}-person.ndjson"'
    return StreamingResponse(
        _lines(manager, export_person(warehouse, person)),
        media_type="application/x-ndjson",
        headers={"Content-Disposition": disposition},
    )


async def _lines(manager: Manager, pages: Iterator[list[Line]]) -> AsyncIterator[bytes]:
    encoder = msgspec.json.Encoder()
    while page := await manager.read(partial(next, pages, None)):
        yield encoder.encode_lines(page)
