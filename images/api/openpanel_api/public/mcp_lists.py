"""The tools that tell what there is to ask about: projects, dashboards, reports, and where people see them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from mcp_types import Tool

from openpanel.analytics.periods import BadRange, resolve
from openpanel.metadata import ProjectRecord, dashboards, projects, reports
from openpanel_api.public.access import Access
from openpanel_api.public.dashboard_addresses import RANGES, USUAL_RANGE, project_pages
from openpanel_api.public.errors import BadRequest
from openpanel_api.public.mcp_tools import PROJECT, tool_of
from openpanel_api.public.moments import moment_json
from openpanel_api.public.services import Services

_OF_PROJECT: Final = {PROJECT: {"type": "string", "description": "Left out: the project of the credentials."}}
_OF_DASHBOARD: Final = {
    "dashboardId": {"type": "string", "description": "Reports of this dashboard only.", "maxLength": 100}
}
_OF_RANGE: Final = {
    "range": {
        "type": "string",
        "description": f"What the pages show: {', '.join(RANGES)}, or two days as 2026-03-01..2026-03-31. "
        f"Left out: {USUAL_RANGE}.",
        "maxLength": 40,
    }
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A call of a tool by a client that has proved who it is."""

    services: Services
    access: Access
    arguments: dict[str, Any]

    async def project(self) -> ProjectRecord:
        """The project that is asked about."""
        return await self.access.project(self.services, named=self.text(PROJECT))

    def text(self, name: str) -> str | None:
        """An argument that is a text, if it is there."""
        value = self.arguments.get(name)
        if value is not None and not isinstance(value, str):
            raise BadRequest(f"{name}: expected a text")
        return value


async def list_projects(asked: Asked) -> Any:
    """A client of a project sees that, one of the organization all of it."""
    client, database = asked.access.client, asked.services.database
    if client.project is not None and client.type == "read":
        return [_project(client.project)]
    found = await asked.services.blocking(lambda: projects.listed(database, organization=client.organization))
    return [_project(each) for each in found]


async def list_dashboards(asked: Asked) -> Any:
    project = await asked.project()
    database = asked.services.database
    found = await asked.services.blocking(lambda: dashboards.listed(database, project=project.id))
    return [{"id": each.id, "name": each.name, "updatedAt": moment_json(each.updated_at)} for each in found]


async def list_reports(asked: Asked) -> Any:
    project = await asked.project()
    database, dashboard = asked.services.database, asked.text("dashboardId")
    found = await asked.services.blocking(
        lambda: reports.listed(database, project=project.id, dashboard=dashboard)
    )
    return [
        {
            "id": each.id,
            "name": each.name,
            "dashboardId": each.dashboard,
            "chartType": each.question.get("chartType"),
            "updatedAt": moment_json(each.updated_at),
        }
        for each in found
    ]


async def get_dashboard_urls(asked: Asked) -> Any:
    project = await asked.project()
    given = asked.text("range")
    span = USUAL_RANGE if given is None else given
    _check_range(span, project, now=asked.services.now())
    root = asked.services.dashboard_url.rstrip("/")
    pages = project_pages(root, organization=project.organization, project=project.id, span=span)
    return {"projectId": project.id, **pages}


def _check_range(span: str, project: ProjectRecord, *, now: datetime) -> None:
    """Refuse what the dashboard would not show. Raises `BadRequest`."""
    if span in RANGES:
        return
    if ".." not in span:
        raise BadRequest(f"range: expected one of {', '.join(RANGES)}, or two days as 2026-03-01..2026-03-31")
    try:
        resolve(span, timezone=project.timezone, now=now)
    except BadRange as error:
        raise BadRequest(f"range: {error.reason}") from error


def _project(record: ProjectRecord) -> dict[str, str]:
    return {
        "id": record.id,
        "name": record.name,
        "organizationId": record.organization,
        "timezone": record.timezone,
    }


Answer = Callable[[Asked], Awaitable[Any]]
LISTS: Final[dict[str, tuple[Tool, Answer]]] = {
    tool.name: (tool, answer)
    for tool, answer in (
        (
            tool_of("list_projects", "The projects that can be asked about.", properties={}, required=[]),
            list_projects,
        ),
        (
            tool_of(
                "list_dashboards", "The dashboards of a project.", properties={**_OF_PROJECT}, required=[]
            ),
            list_dashboards,
        ),
        (
            tool_of(
                "list_reports",
                "The saved reports of a project; `get_report_data` answers one.",
                properties={**_OF_PROJECT, **_OF_DASHBOARD},
                required=[],
            ),
            list_reports,
        ),
        (
            tool_of(
                "get_dashboard_urls",
                "Where people look at a project: addresses of its pages, of each chart, and of each whole list.",
                properties={**_OF_PROJECT, **_OF_RANGE},
                required=[],
            ),
            get_dashboard_urls,
        ),
    )
}
