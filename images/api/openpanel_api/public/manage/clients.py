"""`/manage/clients`: API credentials of an organization. A secret is shown in the answer that makes it, and never again."""

import secrets
from datetime import timedelta
from functools import partial
from typing import Annotated, Any, Final, Literal
from uuid import uuid4

from fastapi import APIRouter, Path, Query
from pydantic import ConfigDict, Field

from openpanel.identity.credentials import hash_secret, new_secret
from openpanel.metadata import ClientRecord, NewClient, clients
from openpanel.metadata import Managed as ManagedByManifest
from openpanel_api.public.errors import BadRequest, NotFound
from openpanel_api.public.manage.changes import Changes
from openpanel_api.public.manage.project_json import Name
from openpanel_api.public.manage.routes import Data, Json, Managed, Manager, Managing, Success, told

LONGEST_OVERLAP_H: Final = 720  # hours that an old secret may go on beside the new one
NO_CLIENT: Final = "Client not found"

router = APIRouter(prefix="/manage/clients", tags=["manage: clients"], route_class=Managed)
ClientPath = Annotated[
    str, Path(alias="clientId", examples=["5a1f6b1e-6a0e-4f0b-9c5e-0d1c2b3a4f50"], max_length=100)
]


class ClientJson(Json):
    """Credentials, without the secret."""

    id: str = Field(examples=["5a1f6b1e-6a0e-4f0b-9c5e-0d1c2b3a4f50"])
    name: str = Field(examples=["web"])
    type: Literal["write", "read", "root"]
    project_id: str | None = Field(description="null: of the whole organization.", examples=["shop"])
    organization_id: str = Field(examples=["acme"])
    ignore_cors_and_secret: bool
    has_secret: bool = Field(examples=[True])
    managed: bool = Field(description="Whether a manifest describes it.")


class SecretJson(ClientJson):
    """Credentials at the only moment when the secret is shown."""

    secret: str = Field(examples=["sec_0123456789abcdef0123456789abcdef01234567"])


class ClientToMake(Json):
    """What new credentials are made of."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "web", "projectId": "shop"}]})

    name: Name = Field(examples=["web"])
    type: Literal["write", "read", "root"] = Field(
        default="write",
        description="`write` sends, `read` reads its project, `root` manages the organization.",
    )
    project_id: Annotated[str, Field(max_length=100)] | None = Field(
        default=None, description="Left out: of the whole organization; not for `write`.", examples=["shop"]
    )
    ignore_cors_and_secret: bool = Field(default=False, description="Whether anybody may send; `write` only.")


class ClientChanges(Changes):
    """What is to be different; what is left out stays."""

    name: Name | None = Field(default=None, examples=["web"])
    ignore_cors_and_secret: bool | None = Field(default=None, examples=[False])


class Rotation(Json):
    """How to replace a secret."""

    overlap_hours: float = Field(
        default=24, ge=0, le=LONGEST_OVERLAP_H, description="How long the old one goes on.", examples=[24]
    )


@router.get(
    "", summary="List clients", response_model=Data[list[ClientJson]], responses=told(list[ClientJson])
)
async def list_clients(
    manager: Managing,
    project: Annotated[
        str | None, Query(alias="projectId", description="Of this project only.", max_length=100)
    ] = None,
) -> dict[str, Any]:
    """The organization's clients that are not revoked."""
    if project is not None:
        await manager.project(project)
    call = partial(
        clients.of_organization,
        manager.services.database,
        organization=manager.organization,
        project=project,
        at=manager.services.now(),
    )
    return {"data": [client_json(each) for each in await manager.read(call)]}


@router.post("", summary="Make a client", response_model=Data[SecretJson], responses=told(SecretJson, 409))
async def make_client(manager: Managing, asked: ClientToMake) -> dict[str, Any]:
    """Its secret is in this answer and in no other."""
    if asked.project_id is not None:
        await manager.project(asked.project_id)
    elif asked.type == "write":
        raise BadRequest("projectId: a write client sends to a project")
    if asked.ignore_cors_and_secret and asked.type != "write":
        raise BadRequest("ignoreCorsAndSecret: for write clients only; data is never read without a secret")
    secret = new_secret(secrets.token_bytes)
    hashed = await manager.read(lambda: hash_secret(secret))
    new = NewClient(
        id=str(uuid4()), name=asked.name, project=asked.project_id, organization=manager.organization,
        type=asked.type, secret_hash=hashed, ignore_cors_and_secret=asked.ignore_cors_and_secret,
    )  # fmt: skip
    now = manager.services.now()
    await manager.change(lambda: clients.create(manager.services.database, client=new, at=now))
    return {"data": client_json(await _held(manager, new.id)) | {"secret": secret}}


@router.get(
    "/{clientId}", summary="Read a client", response_model=Data[ClientJson], responses=told(ClientJson)
)
async def read_client(manager: Managing, client: ClientPath) -> dict[str, Any]:
    """The client, without its secret or any hash of it."""
    return {"data": client_json(await _held(manager, client))}


@router.patch(
    "/{clientId}", summary="Change a client", response_model=Data[ClientJson], responses=told(ClientJson, 409)
)
async def change_client(manager: Managing, client: ClientPath, asked: ClientChanges) -> dict[str, Any]:
    """Sets what is given. Ingest heeds it within a second."""
    held = await _held(manager, client)
    if asked.ignore_cors_and_secret and held.type != "write":
        raise BadRequest("ignoreCorsAndSecret: for write clients only; data is never read without a secret")
    await manager.change(
        partial(
            clients.change,
            manager.services.database,
            client_id=client,
            name=asked.name,
            ignore_cors_and_secret=asked.ignore_cors_and_secret,
        )
    )
    return {"data": client_json(await _held(manager, client))}


@router.post(
    "/{clientId}/rotate",
    summary="Replace a secret",
    response_model=Data[SecretJson],
    responses=told(SecretJson, 409),
)
async def rotate_client(manager: Managing, client: ClientPath, asked: Rotation) -> dict[str, Any]:
    """Makes a new secret, shown in this answer alone; the one so far goes on for the overlap."""
    _refuse_managed(await _held(manager, client))
    secret, now = new_secret(secrets.token_bytes), manager.services.now()
    hashed = await manager.read(lambda: hash_secret(secret))
    await manager.change(
        partial(
            clients.rotate,
            manager.services.database,
            client_id=client,
            secret_hash=hashed,
            at=now,
            until=now + timedelta(hours=asked.overlap_hours),
        )
    )
    return {"data": client_json(await _held(manager, client)) | {"secret": secret}}


@router.delete("/{clientId}", summary="Revoke a client", response_model=Success, responses=told(Success, 409))
async def revoke_client(manager: Managing, client: ClientPath) -> dict[str, Any]:
    """Stops the client for good, everywhere within a second."""
    _refuse_managed(await _held(manager, client))
    now = manager.services.now()
    await manager.change(lambda: clients.revoke(manager.services.database, client_id=client, at=now))
    return {"success": True}


def client_json(record: ClientRecord) -> dict[str, Any]:
    """The fields of `ClientJson`."""
    return {
        "id": record.id,
        "name": record.name,
        "type": record.type,
        "projectId": record.project.id if record.project else None,
        "organizationId": record.organization,
        "ignoreCorsAndSecret": record.ignore_cors_and_secret,
        "hasSecret": bool(record.secret_hashes),
        "managed": record.managed,
    }


async def _held(manager: Manager, client: str) -> ClientRecord:
    load = partial(clients.load, manager.services.database, client_id=client, at=manager.services.now())
    found = await manager.read(load)
    if found is None or found.id != client or found.revoked or found.organization != manager.organization:
        raise NotFound(NO_CLIENT)
    return found


def _refuse_managed(record: ClientRecord) -> None:
    if record.managed:
        raise ManagedByManifest(f"client {record.name}", fields=("spec.clients",))
