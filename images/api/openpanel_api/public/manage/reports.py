"""Reports: saved questions on the dashboards of a project. A question that could not be asked is not saved."""

from functools import partial
from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Path, Request, Response
from pydantic import Field

from openpanel.metadata import ProjectRecord, ReportRecord, reports
from openpanel_api.public.errors import BadRequest, NotFound
from openpanel_api.public.manage.changes import Changes
from openpanel_api.public.manage.cohort_members import memberships
from openpanel_api.public.manage.dashboards import DashboardId, PlaceJson, held
from openpanel_api.public.manage.project_json import Name
from openpanel_api.public.manage.report_json import EXAMPLE, Report, ReportJson, question_of
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

router = APIRouter(prefix="/manage/projects/{projectId}", tags=["manage: reports"], route_class=Managed)
ReportId = Annotated[
    str, Path(alias="reportId", examples=["1d2c3b4a-0000-4000-8000-5f6e7d8c9b0a"], max_length=100)
]


class SavedReportJson(Json):
    """A saved question."""

    id: str = Field(examples=["1d2c3b4a-0000-4000-8000-5f6e7d8c9b0a"])
    project_id: str = Field(examples=["shop"])
    dashboard_id: str = Field(examples=["7c0d7e0a-5a51-4d3f-9d0b-1c2d3e4f5a60"])
    name: str = Field(examples=["Visitors by country"])
    report: dict[str, Any] = Field(
        description="The question, as it was saved: see the body of `POST`.", examples=[EXAMPLE]
    )
    layout: PlaceJson | None = Field(description="Where it stands; null: below the others.")
    version: int = Field(
        description="One more with each change of it, places aside; also the `ETag`.", examples=[2]
    )
    created_at: str = Field(examples=["2026-03-01T10:00:00.000Z"])
    updated_at: str = Field(examples=["2026-03-01T10:00:00.000Z"])


class ReportToSave(Json):
    """What to save."""

    name: Name = Field(examples=["Visitors by country"])
    report: ReportJson = Field(examples=[EXAMPLE])


class ReportChanges(Changes):
    """What is to be different; what is left out stays. A question is replaced as a whole."""

    name: Name | None = Field(default=None, examples=["Visitors by country"])
    report: ReportJson | None = Field(default=None, examples=[EXAMPLE])
    dashboard_id: Annotated[str, Field(max_length=100)] | None = Field(
        default=None, description="To move it there.", examples=["7c0d7e0a-5a51-4d3f-9d0b-1c2d3e4f5a60"]
    )


class CopyToMake(Json):
    """How to call the copy."""

    name: Name | None = Field(
        default=None, description="Left out: as before with (copy) behind.", examples=["Visitors, mobile"]
    )


@router.get(
    "/dashboards/{dashboardId}/reports",
    summary="List the reports of a dashboard",
    response_model=Data[list[SavedReportJson]],
    responses=told(list[SavedReportJson]),
)
async def list_reports(manager: Managing, project: ProjectId, dashboard: DashboardId) -> dict[str, Any]:
    """The oldest first."""
    await held(manager, project, dashboard)
    call = partial(reports.listed, manager.services.database, project=project, dashboard=dashboard)
    return {"data": [report_json(each) for each in await manager.read(call)]}


@router.post(
    "/dashboards/{dashboardId}/reports",
    summary="Save a report",
    response_model=Data[SavedReportJson],
    responses=told(SavedReportJson),
)
async def save_report(
    manager: Managing,
    *,
    request: Request,
    response: Response,
    project: ProjectId,
    dashboard: DashboardId,
    asked: ReportToSave,
) -> dict[str, Any]:
    """Saves the question on the dashboard."""
    record = await manager.project(project)
    question = await _checked(manager, request, record, asked.report)
    create = partial(
        reports.create,
        manager.services.database,
        report=str(uuid4()),
        project=project,
        dashboard=dashboard,
        name=asked.name,
        question=question,
        at=manager.services.now(),
    )
    return _told(response, await manager.change(create))


@router.get(
    "/reports/{reportId}",
    summary="Read a report",
    response_model=Data[SavedReportJson],
    responses=told(SavedReportJson),
)
async def read_report(
    manager: Managing, response: Response, project: ProjectId, report: ReportId
) -> dict[str, Any]:
    """The saved question. What it answers is at `/insights/{projectId}/reports/{reportId}/data`."""
    return _told(response, await _held(manager, project, report))


@router.patch(
    "/reports/{reportId}",
    summary="Change a report",
    response_model=Data[SavedReportJson],
    responses=told(SavedReportJson, 412),
)
async def change_report(
    manager: Managing,
    *,
    request: Request,
    response: Response,
    project: ProjectId,
    report: ReportId,
    expected: Expected,
    asked: ReportChanges,
) -> dict[str, Any]:
    """Sets what is given."""
    record = await manager.project(project)
    question = None
    if asked.report is not None:
        question = await _checked(manager, request, record, asked.report)
    change = partial(
        reports.change,
        manager.services.database,
        project=project,
        report=report,
        expected=expected,
        at=manager.services.now(),
        name=asked.name,
        question=question,
        dashboard=asked.dashboard_id,
    )
    return _told(response, await manager.change(change))


@router.post(
    "/reports/{reportId}/duplicate",
    summary="Copy a report",
    response_model=Data[SavedReportJson],
    responses=told(SavedReportJson),
)
async def copy_report(
    manager: Managing, response: Response, project: ProjectId, report: ReportId, asked: CopyToMake
) -> dict[str, Any]:
    """The same question once more on the same dashboard."""
    before = await _held(manager, project, report)
    duplicate = partial(
        reports.duplicate,
        manager.services.database,
        project=project,
        report=report,
        as_report=str(uuid4()),
        name=asked.name or f"{before.name[:190]} (copy)",
        at=manager.services.now(),
    )
    return _told(response, await manager.change(duplicate))


@router.delete(
    "/reports/{reportId}", summary="Delete a report", response_model=Success, responses=told(Success, 412)
)
async def delete_report(
    manager: Managing, project: ProjectId, report: ReportId, expected: Expected
) -> dict[str, Any]:
    """Forgets it."""
    await manager.project(project)
    delete = partial(
        reports.delete, manager.services.database, project=project, report=report, expected=expected
    )
    await manager.change(delete)
    return {"success": True}


def report_json(record: ReportRecord) -> dict[str, Any]:
    """The fields of `SavedReportJson`."""
    return {
        "id": record.id,
        "projectId": record.project,
        "dashboardId": record.dashboard,
        "name": record.name,
        "report": dict(record.question),
        "layout": dict(record.place) if record.place else None,
        "version": record.version,
        "createdAt": moment_json(record.created_at),
        "updatedAt": moment_json(record.updated_at),
    }


async def _held(manager: Manager, project: str, report: str) -> ReportRecord:
    await manager.project(project)
    found = await manager.read(
        partial(reports.load, manager.services.database, project=project, report=report)
    )
    if found is None:
        raise NotFound("Report not found")
    return found


async def _checked(
    manager: Manager, request: Request, project: ProjectRecord, report: Report
) -> dict[str, Any]:
    """The question as it is saved. Writing it as a statement shows whether it can be asked; it is not asked."""
    saved: dict[str, Any] = report.model_dump(mode="json", by_alias=True, exclude_unset=True)
    request.state.asked = {"report": saved}
    now = manager.services.now()
    cohorts = await manager.read(lambda: memberships(manager.services.database, project, now=now))
    try:
        question = question_of(report, project, now=now, cohorts=cohorts, earliest=now)
        question.statement(question.exact)
    except BadRequest as error:
        raise BadRequest(f"report.{error.message}") from error
    return saved


def _told(response: Response, record: ReportRecord) -> dict[str, Any]:
    tag(response, record.version)
    return {"data": report_json(record)}
