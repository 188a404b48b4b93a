"""`/manage/references`: what happened beside the data, such as a release; charts show it."""

from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any, Final
from uuid import uuid4

from fastapi import APIRouter, Path, Query
from pydantic import AwareDatetime, BeforeValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from openpanel.metadata import ReferenceRecord, references
from openpanel_api.public.errors import BadRequest, NotFound
from openpanel_api.public.manage.changes import Changes
from openpanel_api.public.manage.project_json import Name
from openpanel_api.public.manage.routes import Data, Json, Managed, Managing, Success, told
from openpanel_api.public.moments import FIRST, LAST, MOMENT, moment_json

MAX_DESCRIPTION: Final = 2_000  # characters

router = APIRouter(prefix="/manage/references", tags=["manage: references"], route_class=Managed)
ReferencePath = Annotated[
    str, Path(alias="referenceId", examples=["0b9b7b86-8f57-4c39-8f3b-0b6c1d2e3f40"], max_length=100)
]


def _written(value: Any) -> Any:
    if not isinstance(value, str) or not MOMENT.fullmatch(value):
        raise PydanticCustomError("moment", "expected a time with its offset (2026-03-01T10:00:00Z)")
    return value


Moment = Annotated[AwareDatetime, BeforeValidator(_written)]
Description = Annotated[str, StringConstraints(max_length=MAX_DESCRIPTION)]


class ReferenceJson(Json):
    """Something that happened."""

    id: str = Field(examples=["0b9b7b86-8f57-4c39-8f3b-0b6c1d2e3f40"])
    project_id: str = Field(examples=["shop"])
    title: str = Field(examples=["Release 2.0"])
    description: str = Field(examples=["New checkout"])
    datetime: str = Field(examples=["2026-03-01T10:00:00.000Z"])
    created_at: str = Field(examples=["2026-03-01T10:05:00.000Z"])
    updated_at: str = Field(examples=["2026-03-01T10:05:00.000Z"])


class ReferenceToMake(Json):
    """What happened, and when."""

    project_id: Annotated[str, Field(max_length=100)] = Field(examples=["shop"])
    title: Name = Field(examples=["Release 2.0"])
    description: Description = Field(default="", examples=["New checkout"])
    datetime: Moment = Field(description="With its offset from UTC.", examples=["2026-03-01T10:00:00Z"])


class ReferenceChanges(Changes):
    """What is to be different; what is left out stays."""

    title: Name | None = Field(default=None, examples=["Release 2.0.1"])
    description: Description | None = None
    datetime: Moment | None = None


@router.get(
    "",
    summary="List references",
    response_model=Data[list[ReferenceJson]],
    responses=told(list[ReferenceJson]),
)
async def list_references(
    manager: Managing,
    project: Annotated[
        str | None, Query(alias="projectId", description="Of this project only.", max_length=100)
    ] = None,
) -> dict[str, Any]:
    """The newest first."""
    if project is not None:
        await manager.project(project)
    call = partial(
        references.listed, manager.services.database, organization=manager.organization, project=project
    )
    return {"data": [reference_json(each) for each in await manager.read(call)]}


@router.post(
    "", summary="Make a reference", response_model=Data[ReferenceJson], responses=told(ReferenceJson)
)
async def make_reference(manager: Managing, asked: ReferenceToMake) -> dict[str, Any]:
    """Notes that something happened."""
    await manager.project(asked.project_id)
    create = partial(
        references.create,
        manager.services.database,
        reference=str(uuid4()),
        project=asked.project_id,
        title=asked.title,
        description=asked.description,
        happened_at=_within(asked.datetime),
        at=manager.services.now(),
    )
    return {"data": reference_json(await manager.change(create))}


@router.get(
    "/{referenceId}",
    summary="Read a reference",
    response_model=Data[ReferenceJson],
    responses=told(ReferenceJson),
)
async def read_reference(manager: Managing, reference: ReferencePath) -> dict[str, Any]:
    """One of them."""
    load = partial(
        references.load, manager.services.database, organization=manager.organization, reference=reference
    )
    found = await manager.read(load)
    if found is None:
        raise NotFound("Reference not found")
    return {"data": reference_json(found)}


@router.patch(
    "/{referenceId}",
    summary="Change a reference",
    response_model=Data[ReferenceJson],
    responses=told(ReferenceJson),
)
async def change_reference(
    manager: Managing, reference: ReferencePath, asked: ReferenceChanges
) -> dict[str, Any]:
    """Sets what is given."""
    values: dict[str, Any] = {"title": asked.title, "description": asked.description}
    values["happened_at"] = _within(asked.datetime) if asked.datetime is not None else None
    change = partial(
        references.change,
        manager.services.database,
        organization=manager.organization,
        reference=reference,
        values={name: value for name, value in values.items() if value is not None},
        at=manager.services.now(),
    )
    return {"data": reference_json(await manager.change(change))}


@router.delete(
    "/{referenceId}", summary="Delete a reference", response_model=Success, responses=told(Success)
)
async def delete_reference(manager: Managing, reference: ReferencePath) -> dict[str, Any]:
    """Forgets it."""
    delete = partial(
        references.delete, manager.services.database, organization=manager.organization, reference=reference
    )
    await manager.change(delete)
    return {"success": True}


def reference_json(record: ReferenceRecord) -> dict[str, Any]:
    """The fields of `ReferenceJson`."""
    return {
        "id": record.id,
        "projectId": record.project,
        "title": record.title,
        "description": record.description,
        "datetime": moment_json(record.happened_at),
        "createdAt": moment_json(record.created_at),
        "updatedAt": moment_json(record.updated_at),
    }


def _within(moment: datetime) -> datetime:
    try:
        found = moment.astimezone(UTC)
    except OverflowError:
        found = LAST
    if not FIRST < found < LAST:
        raise BadRequest(f"datetime: expected a time between {FIRST.year} and {LAST.year}")
    return found
