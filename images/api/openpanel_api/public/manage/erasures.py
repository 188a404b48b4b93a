"""`/manage/projects/{projectId}/erasures`: have a person erased, and see the receipts."""

from functools import partial
from http import HTTPStatus
from typing import Annotated, Any, Final, Literal
from uuid import uuid4

from fastapi import APIRouter, Path
from pydantic import ConfigDict, Field, StringConstraints, model_validator

from openpanel.identity.ids import DEVICE_REF_MAX, foreign_device, person_of_profile
from openpanel.metadata import PersonErasure, person_erasures
from openpanel.tenancy.people import numbers_of
from openpanel.wire import limits
from openpanel_api.public.errors import NotFound
from openpanel_api.public.manage.routes import Data, Json, Managed, Manager, Managing, ProjectId, told
from openpanel_api.public.moments import moment_json

EXAMPLE: Final = "2f6d1c80-3a7e-4b19-9c42-8e5f0a1b2c3d"

router = APIRouter(
    prefix="/manage/projects/{projectId}/erasures", tags=["manage: people"], route_class=Managed
)
ErasurePath = Annotated[str, Path(alias="erasureId", examples=[EXAMPLE], max_length=100)]
ProfileId = Annotated[str, StringConstraints(min_length=1, max_length=limits.PROFILE_ID)]
DeviceId = Annotated[str, StringConstraints(min_length=1, max_length=DEVICE_REF_MAX)]


class ErasureToAsk(Json):
    """Whom: by a profile's id, as for the profile's page, or by a device's id."""

    model_config = ConfigDict(**Json.model_config, json_schema_extra={"example": {"profileId": "user-42"}})

    profile_id: ProfileId | None = Field(default=None, examples=["user-42"])
    device_id: DeviceId | None = Field(
        default=None, description="As shown, or as the client names it.", examples=["9a1f0c3be2d84756"]
    )

    @model_validator(mode="after")
    def _names_one(self) -> "ErasureToAsk":
        if (self.profile_id is None) == (self.device_id is None):
            raise ValueError("expected either profileId or deviceId")
        return self


class ReceiptJson(Json):
    """What was removed, and what stays."""

    persons: int = Field(description="Ids that stood for the person: profiles and devices.", examples=[3])
    rows: dict[str, int] = Field(
        description="Rows that were removed, by table.", examples=[{"events": 128, "sessions": 9}]
    )
    keys: int = Field(description="Keys that were removed from Redis.", examples=[4])
    stays: list[str] = Field(description="What was not removed, and why.", examples=[["Backups."]])


class ErasureJson(Json):
    """That a person is to be erased, and how far that is."""

    id: str = Field(examples=[EXAMPLE])
    project_id: str = Field(examples=["shop"])
    profile_id: str | None = Field(
        description="Who was asked for; not kept once it is done.", examples=["user-42"]
    )
    device_id: str | None = Field(description="The same for a device.", examples=[None])
    state: Literal["asked", "running", "done", "failed"] = Field(examples=["asked"])
    reason: str = Field(description="Why it failed.", examples=[""])
    until: str = Field(
        description="What is received up to then is erased; what comes later is kept.",
        examples=["2026-03-01T10:00:10.000Z"],
    )
    asked_at: str = Field(examples=["2026-03-01T10:00:00.000Z"])
    asked_by: str = Field(
        description="Id of the client that asked.", examples=["5a1f6b1e-6a0e-4f0b-9c5e-0d1c2b3a4f50"]
    )
    finished_at: str | None = Field(examples=[None])
    receipt: ReceiptJson | None = Field(description="Once something was removed.", examples=[None])


_ACCEPTED: Final = told(ErasureJson)
_ACCEPTED[202] = _ACCEPTED.pop(200)


@router.get(
    "",
    summary="List erasures",
    response_model=Data[list[ErasureJson]],
    responses=told(list[ErasureJson]),
)
async def list_erasures(manager: Managing, project: ProjectId) -> dict[str, Any]:
    """The latest thousand of a project, the newest first."""
    await manager.project(project)
    call = partial(person_erasures.listed, manager.services.database, project=project)
    return {"data": [erasure_json(each) for each in await manager.read(call)]}


@router.post(
    "",
    status_code=HTTPStatus.ACCEPTED,
    summary="Erase a person",
    response_model=Data[ErasureJson],
    responses=_ACCEPTED,
)
async def ask_for_an_erasure(manager: Managing, project: ProjectId, asked: ErasureToAsk) -> dict[str, Any]:
    """Has everything removed that is stored about the person, under all its profile ids and on all its devices.

    A worker does it within a minute or so and writes the receipt. Nothing takes it back. Whoever is asked for while
    the same is still being done is answered with that; of somebody unknown the receipt says that there was nothing.
    """
    await manager.project(project)
    return {"data": erasure_json(await manager.change(partial(_ask, manager, project, asked)))}


@router.get(
    "/{erasureId}",
    summary="Read an erasure",
    response_model=Data[ErasureJson],
    responses=told(ErasureJson),
)
async def read_erasure(manager: Managing, project: ProjectId, erasure: ErasurePath) -> dict[str, Any]:
    """How far it is, and the receipt."""
    await manager.project(project)
    load = partial(person_erasures.load, manager.services.database, project=project, erasure=erasure)
    found = await manager.read(load)
    if found is None:
        raise NotFound("Erasure not found")
    return {"data": erasure_json(found)}


def erasure_json(record: PersonErasure) -> dict[str, Any]:
    """The fields of `ErasureJson`."""
    return {
        "id": record.id,
        "projectId": record.project,
        "profileId": record.profile_id,
        "deviceId": record.device_id,
        "state": record.state,
        "reason": record.reason,
        "until": moment_json(record.until),
        "askedAt": moment_json(record.asked_at),
        "askedBy": record.asked_by,
        "finishedAt": moment_json(record.finished_at) if record.finished_at else None,
        "receipt": dict(record.receipt) or None,
    }


def _ask(manager: Manager, project: str, asked: ErasureToAsk) -> PersonErasure:
    ask = partial(
        person_erasures.ask,
        manager.services.database,
        erasure=str(uuid4()),
        project=project,
        by=manager.access.client.id,
    )
    if asked.profile_id is not None:
        person, *also = numbers_of(asked.profile_id)
        return ask(person=person, also=also, profile_id=asked.profile_id)
    assert asked.device_id is not None
    # Who has no name and is told about all the same has a profile under the device's id.
    device = foreign_device(project, asked.device_id)
    return ask(person=device, also=(person_of_profile(asked.device_id),), device_id=asked.device_id)
