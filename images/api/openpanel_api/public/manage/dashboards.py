"""`/manage/projects/{projectId}/dashboards`: boards of reports, and where the reports stand on them."""

from functools import partial
from typing import Annotated, Any, Final
from uuid import uuid4

from fastapi import APIRouter, Path, Response
from pydantic import Field

from openpanel.metadata import DashboardRecord, dashboards
from openpanel_api.public.errors import BadRequest, NotFound
from openpanel_api.public.manage.project_json import Name
from openpanel_api.public.manage.routes import (
    Data,
    Json,
    Managed,
    Manager,
    Managing,
    ProjectId,
    Success,
    told,
)
from openpanel_api.public.manage.versions import Expected, tag
from openpanel_api.public.moments import moment_json

COLUMNS: Final = 12  # of the grid
MOST_ROWS: Final = 10_000
MAX_REPORTS: Final = 500  # of one board's layout

router = APIRouter(
    prefix="/manage/projects/{projectId}/dashboards", tags=["manage: dashboards"], route_class=Managed
)
DashboardId = Annotated[
    str, Path(alias="dashboardId", examples=["7c0d7e0a-5a51-4d3f-9d0b-1c2d3e4f5a60"], max_length=100)
]


class DashboardJson(Json):
    """A board; its reports are at `…/reports`."""

    id: str = Field(examples=["7c0d7e0a-5a51-4d3f-9d0b-1c2d3e4f5a60"])
    project_id: str = Field(examples=["shop"])
    name: str = Field(examples=["Sales"])
    version: int = Field(
        description="One more with each change; also the `ETag` of the answer.", examples=[3]
    )
    created_at: str = Field(examples=["2026-03-01T10:00:00.000Z"])
    updated_at: str = Field(examples=["2026-03-01T10:00:00.000Z"])


class DashboardNamed(Json):
    """Its name."""

    name: Name = Field(examples=["Sales"])


class PlaceJson(Json):
    """Where a report stands on a grid of twelve columns."""

    x: int = Field(ge=0, lt=COLUMNS, examples=[0])
    y: int = Field(ge=0, lt=MOST_ROWS, examples=[0])
    w: int = Field(ge=1, le=COLUMNS, examples=[6])
    h: int = Field(ge=1, le=100, examples=[4])


class LayoutJson(Json):
    """Where all reports of a board stand, by their ids; one that is left out stands below the others."""

    places: Annotated[dict[str, PlaceJson], Field(max_length=MAX_REPORTS)] = Field(
        examples=[{"1d2c3b4a-0000-4000-8000-5f6e7d8c9b0a": {"x": 0, "y": 0, "w": 6, "h": 4}}]
    )


@router.get(
    "",
    summary="List dashboards",
    response_model=Data[list[DashboardJson]],
    responses=told(list[DashboardJson]),
)
async def list_dashboards(manager: Managing, project: ProjectId) -> dict[str, Any]:
    """The project's boards, by name."""
    await manager.project(project)
    call = partial(dashboards.listed, manager.services.database, project=project)
    return {"data": [dashboard_json(each) for each in await manager.read(call)]}


@router.post(
    "", summary="Make a dashboard", response_model=Data[DashboardJson], responses=told(DashboardJson, 409)
)
async def make_dashboard(
    manager: Managing, response: Response, project: ProjectId, asked: DashboardNamed
) -> dict[str, Any]:
    """A board without reports."""
    await manager.project(project)
    create = partial(
        dashboards.create,
        manager.services.database,
        dashboard=str(uuid4()),
        project=project,
        name=asked.name,
        at=manager.services.now(),
    )
    return _told(response, await manager.change(create))


@router.get(
    "/{dashboardId}",
    summary="Read a dashboard",
    response_model=Data[DashboardJson],
    responses=told(DashboardJson),
)
async def read_dashboard(
    manager: Managing, response: Response, project: ProjectId, dashboard: DashboardId
) -> dict[str, Any]:
    """The board and its version."""
    return _told(response, await held(manager, project, dashboard))


@router.patch(
    "/{dashboardId}",
    summary="Rename a dashboard",
    response_model=Data[DashboardJson],
    responses=told(DashboardJson, 412),
)
async def rename_dashboard(
    manager: Managing,
    *,
    response: Response,
    project: ProjectId,
    dashboard: DashboardId,
    expected: Expected,
    asked: DashboardNamed,
) -> dict[str, Any]:
    """Gives it another name."""
    await manager.project(project)
    rename = partial(
        dashboards.rename,
        manager.services.database,
        project=project,
        dashboard=dashboard,
        name=asked.name,
        expected=expected,
        at=manager.services.now(),
    )
    return _told(response, await manager.change(rename))


@router.put(
    "/{dashboardId}/layout",
    summary="Arrange a dashboard",
    response_model=Data[DashboardJson],
    responses=told(DashboardJson, 412),
)
async def arrange_dashboard(
    manager: Managing,
    *,
    response: Response,
    project: ProjectId,
    dashboard: DashboardId,
    expected: Expected,
    asked: LayoutJson,
) -> dict[str, Any]:
    """Puts all reports of the board to their places at once."""
    for report, place in asked.places.items():
        if place.x + place.w > COLUMNS:
            raise BadRequest(f"places.{report}: x and w together are more than {COLUMNS} columns")
    await manager.project(project)
    arrange = partial(
        dashboards.arrange,
        manager.services.database,
        project=project,
        dashboard=dashboard,
        places={report: place.model_dump() for report, place in asked.places.items()},
        expected=expected,
        at=manager.services.now(),
    )
    return _told(response, await manager.change(arrange))


@router.delete(
    "/{dashboardId}", summary="Delete a dashboard", response_model=Success, responses=told(Success, 412)
)
async def delete_dashboard(
    manager: Managing, project: ProjectId, dashboard: DashboardId, expected: Expected
) -> dict[str, Any]:
    """With all its reports."""
    await manager.project(project)
    delete = partial(
        dashboards.delete,
        manager.services.database,
        project=project,
        dashboard=dashboard,
        expected=expected,
    )
    await manager.change(delete)
    return {"success": True}


def dashboard_json(record: DashboardRecord) -> dict[str, Any]:
    """The fields of `DashboardJson`."""
    return {
        "id": record.id,
        "projectId": record.project,
        "name": record.name,
        "version": record.version,
        "createdAt": moment_json(record.created_at),
        "updatedAt": moment_json(record.updated_at),
    }


async def held(manager: Manager, project: str, dashboard: str) -> DashboardRecord:
    """The project's dashboard of that id."""
    await manager.project(project)
    load = partial(dashboards.load, manager.services.database, project=project, dashboard=dashboard)
    found = await manager.read(load)
    if found is None:
        raise NotFound("Dashboard not found")
    return found


def _told(response: Response, record: DashboardRecord) -> dict[str, Any]:
    tag(response, record.version)
    return {"data": dashboard_json(record)}
