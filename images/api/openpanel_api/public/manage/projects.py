"""`/manage/projects`: make, read, change and remove projects, with their filters and how long data are kept."""

import secrets
from datetime import timedelta
from functools import partial
from typing import Any, Final
from uuid import uuid4

from fastapi import APIRouter

from openpanel import metadata
from openpanel.identity.credentials import hash_secret, new_secret
from openpanel.metadata import NewClient, ProjectDetails, ProjectRecord, project_edits
from openpanel.tenancy.limits_of_keeping import OfCluster, keep_for
from openpanel.tenancy.wanted import filters_of
from openpanel_api.public.errors import NotFound
from openpanel_api.public.manage.filter_json import filters_json
from openpanel_api.public.manage.project_json import (
    FiltersJson,
    NewProjectJson,
    ProjectChanges,
    ProjectJson,
    ProjectToMake,
    RetentionJson,
    ids_for,
    project_json,
)
from openpanel_api.public.manage.refusals import Conflict
from openpanel_api.public.manage.routes import Data, Managed, Manager, Managing, ProjectId, Success, told

GRACE: Final = timedelta(hours=24)  # between asking for a removal and its beginning
FIRST_CLIENT: Final = "first"
ATTEMPTS: Final = 3  # when others take the same id at the same moment
ONE_SERVER_ONLY: Final = (
    "In a cluster the operator tells each server how long data are kept: describe the project by a manifest "
    "(AnalyticsProject) with spec.retention"
)

router = APIRouter(prefix="/manage/projects", tags=["manage: projects"], route_class=Managed)


@router.get(
    "", summary="List projects", response_model=Data[list[ProjectJson]], responses=told(list[ProjectJson])
)
async def list_projects(manager: Managing) -> dict[str, Any]:
    """All projects of the client's organization."""
    call = partial(project_edits.listed, manager.services.database, organization=manager.organization)
    return {"data": [project_json(each) for each in await manager.read(call)]}


@router.post(
    "", summary="Make a project", response_model=Data[NewProjectJson], responses=told(NewProjectJson, 409)
)
async def make_project(manager: Managing, asked: ProjectToMake) -> dict[str, Any]:
    """Makes the project with a first `write` client, whose secret is in this answer and in no other."""
    secret = new_secret(secrets.token_bytes)
    hashed = await manager.read(lambda: hash_secret(secret))
    details, client_id = await manager.change(lambda: _create(manager, asked, hashed))
    return {"data": project_json(details) | {"client": {"id": client_id, "secret": secret}}}


@router.get(
    "/{projectId}", summary="Read a project", response_model=Data[ProjectJson], responses=told(ProjectJson)
)
async def read_project(manager: Managing, project: ProjectId) -> dict[str, Any]:
    """The project with its settings."""
    return {"data": project_json(await _details(manager, project))}


@router.patch(
    "/{projectId}",
    summary="Change a project",
    response_model=Data[ProjectJson],
    responses=told(ProjectJson, 409),
)
async def change_project(manager: Managing, project: ProjectId, asked: ProjectChanges) -> dict[str, Any]:
    """Sets what is given. What a manifest says of the project is refused: it would be reverted.

    Another time zone holds for what was counted before as well.
    """
    return {"data": project_json(await _change(manager, project, values=asked.columns()))}


@router.delete(
    "/{projectId}", summary="Remove a project", response_model=Success, responses=told(Success, 409)
)
async def remove_project(manager: Managing, project: ProjectId) -> dict[str, Any]:
    """Schedules the removal of the project and all its data in 24 hours. Until then everything goes on."""
    await manager.project(project)
    await manager.change(
        partial(
            project_edits.schedule_removal,
            manager.services.database,
            project=project,
            organization=manager.organization,
            at=manager.services.now() + GRACE,
        )
    )
    return {"success": True}


@router.post(
    "/{projectId}/restore",
    summary="Take a removal back",
    response_model=Data[ProjectJson],
    responses=told(ProjectJson),
)
async def restore_project(manager: Managing, project: ProjectId) -> dict[str, Any]:
    """The project stays. Possible until the removal has begun."""
    await manager.project(project)
    keep = partial(
        project_edits.keep, manager.services.database, project=project, organization=manager.organization
    )
    return {"data": project_json(await manager.change(keep))}


@router.get(
    "/{projectId}/filters",
    summary="Read filters",
    response_model=Data[FiltersJson],
    responses=told(FiltersJson),
)
async def read_filters(manager: Managing, project: ProjectId) -> dict[str, Any]:
    """What the project does not count: addresses and networks, profiles, events."""
    details = await _details(manager, project)
    return {"data": {"filters": filters_json(details.record.filters)}}


@router.put(
    "/{projectId}/filters",
    summary="Replace filters",
    response_model=Data[FiltersJson],
    responses=told(FiltersJson, 409),
)
async def replace_filters(manager: Managing, project: ProjectId, asked: FiltersJson) -> dict[str, Any]:
    """These and no others. Ingest heeds them within a second."""
    details = await _change(manager, project, values={}, filters=filters_of(asked.filters))
    return {"data": {"filters": filters_json(details.record.filters)}}


@router.get(
    "/{projectId}/retention",
    summary="Read how long data are kept",
    response_model=Data[RetentionJson],
    responses=told(RetentionJson),
)
async def read_retention(manager: Managing, project: ProjectId) -> dict[str, Any]:
    """Days for each kind of data."""
    return {"data": RetentionJson.of((await _details(manager, project)).record)}


@router.put(
    "/{projectId}/retention",
    summary="Set how long data are kept",
    response_model=Data[RetentionJson],
    responses=told(RetentionJson, 409),
)
async def set_retention(manager: Managing, project: ProjectId, asked: RetentionJson) -> dict[str, Any]:
    """All kinds at once. A shorter time deletes what is older."""
    await manager.project(project)
    keep = partial(
        keep_for,
        project,
        organization=manager.organization,
        days=asked.days(),
        database=manager.services.database,
        warehouse=manager.services.warehouse,
    )
    try:
        return {"data": RetentionJson.of((await manager.change(keep)).record)}
    except OfCluster as error:
        raise Conflict(ONE_SERVER_ONLY) from error


async def _details(manager: Manager, project: str) -> ProjectDetails:
    await manager.project(project)
    load = partial(
        project_edits.load, manager.services.database, project=project, organization=manager.organization
    )
    found = await manager.read(load)
    if found is None:
        raise NotFound("Project not found")
    return found


async def _change(manager: Manager, project: str, **changes: Any) -> ProjectDetails:
    await manager.project(project)
    return await manager.change(
        partial(
            project_edits.change,
            manager.services.database,
            project=project,
            organization=manager.organization,
            **changes,
        )
    )


def _create(manager: Manager, asked: ProjectToMake, hashed: str) -> tuple[ProjectDetails, str]:
    client = NewClient(
        id=str(uuid4()), name=FIRST_CLIENT, project=None, organization=manager.organization, type="write",
        secret_hash=hashed,
    )  # fmt: skip
    wanted = ProjectRecord(
        id="", name=asked.name, organization=manager.organization, timezone=asked.timezone,
        cors=tuple(asked.cors), deletion_policy="Delete",
    )  # fmt: skip
    for attempt in range(ATTEMPTS):
        try:
            details = project_edits.create(
                manager.services.database,
                wanted=wanted,
                ids=ids_for(asked.name),
                client=client,
                at=manager.services.now(),
                domain=asked.domain or "",
                cross_domain=asked.cross_domain,
                types=asked.types,
            )
        except metadata.Conflict:
            if attempt == ATTEMPTS - 1:
                raise
        else:
            return details, client.id
    raise AssertionError
