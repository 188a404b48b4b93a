"""The home page: every project the reader may see, each with how it does now."""

from dataclasses import dataclass, replace
from itertools import groupby
from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from openpanel.analytics import periods
from openpanel.analytics.asking import ask
from openpanel.analytics.former_days import former_days
from openpanel.analytics.metrics import Metrics
from openpanel.analytics.overview import Overview
from openpanel.analytics.volume import Volume
from openpanel.metadata import organizations
from openpanel.metadata.records import ProjectRecord
from openpanel.warehouse import WarehouseError
from openpanel_dashboard.access import OfProject, SignedIn
from openpanel_dashboard.components import Change
from openpanel_dashboard.languages import N_
from openpanel_dashboard.live import Pulse, look
from openpanel_dashboard.pages.overview import spans
from openpanel_dashboard.pages.overview.metrics import METRICS
from openpanel_dashboard.questions import BusyError
from openpanel_dashboard.rendering import Reader, overview_address, reader_of, shell, templates_of
from openpanel_dashboard.services import Given, Services

NOT_READ: Final = N_("The numbers cannot be read at the moment.")

router = APIRouter()


@dataclass(frozen=True, slots=True)
class ProjectCard:
    """One project of the list."""

    name: str
    detail: str
    address: str
    figures: str


@dataclass(frozen=True, slots=True)
class Group:
    """The projects of one organization."""

    name: str
    projects: tuple[ProjectCard, ...]


@dataclass(frozen=True, slots=True)
class ProjectsContext:
    """What `projects.html` shows."""

    groups: tuple[Group, ...]


@dataclass(frozen=True, slots=True)
class ProjectFigures:
    """What `project_figures.html` shows."""

    online: str
    is_online: bool
    notice: str  # why there are no numbers
    visitors: str = ""
    title: str = ""
    change: Change | None = None


@router.get("/")
def page(request: Request, given: SignedIn, services: Given) -> Response:
    """The list; each project's numbers load by themselves."""
    reader = reader_of(request, services)
    return templates_of(request).answer(
        "pages/projects.html",
        reader=reader,
        title=reader.language.say("Projects"),
        shell=shell(reader=reader, user=given.user.email, here="/", projects=given.projects, project=None),
        projects=context(given.projects, services=services),
    )


@router.get("/o/{org}/p/{project}/figures")
async def figures(request: Request, given: OfProject, services: Given) -> Response:
    """The numbers of one project of the list."""
    reader = reader_of(request, services)
    try:
        known = await services.questions.ask(
            lambda: project_figures(given.project, reader=reader, services=services)
        )
    except BusyError:
        known = ProjectFigures(online="", is_online=False, notice=reader.language.say(NOT_READ))
    return templates_of(request).answer(
        "pages/project_figures.html",
        reader=reader,
        title="",
        figures=known,
    )


def context(visible: tuple[ProjectRecord, ...], *, services: Services) -> ProjectsContext:
    """The projects by organization."""
    groups = []
    by_organization = sorted(visible, key=lambda one: (one.organization, one.name.casefold()))
    for identifier, members in groupby(by_organization, key=lambda one: one.organization):
        organization = organizations.load(services.database, organization=identifier)
        groups.append(
            Group(
                name=organization.name if organization else identifier,
                projects=tuple(_card(project) for project in members),
            )
        )
    return ProjectsContext(groups=tuple(groups))


def project_figures(project: ProjectRecord, *, reader: Reader, services: Services) -> ProjectFigures:
    """Visitors right now and in the last 24 hours."""
    say, now = reader.language.say, services.clock()
    period = periods.resolve("24h", timezone=project.timezone, now=now)
    before = periods.previous(period, timezone=project.timezone)
    scope = Overview(project=project.id, timezone=project.timezone, period=period, previous=before)
    former = former_days(project, now=now)
    online = look(services, project, Pulse(0, 0)).online
    known = ProjectFigures(
        online=say("%(count)s online", count=reader.language.write.count(online)),
        is_online=online > 0,
        notice=say(NOT_READ),
    )
    try:
        answer = services.answers.ask(Metrics(scope), former=former).answer
        volume = ask(services.warehouse, Volume(project.id, project.timezone), former=former)
        since = volume.earliest(project.timezone)
    except WarehouseError:
        return known
    metric, write = METRICS[0], reader.language.write
    current = metric.read(answer.current)
    measured = since is not None and since <= before.start  # less than the whole would look like growth
    earlier = metric.read(answer.previous) if answer.previous and measured else None
    against = spans.compared_text(before, timezone=project.timezone, now=now, language=reader.language)
    return replace(
        known,
        visitors=metric.short(current, write),
        title=metric.exact(current, write),
        change=metric.change(current, earlier, language=reader.language, against=against),
        notice="",
    )


def _card(project: ProjectRecord) -> ProjectCard:
    address = overview_address(project)
    sites = ", ".join(project.cors) or project.id
    return ProjectCard(
        name=project.name,
        detail=f"{sites} · {project.timezone}",
        address=address,
        figures=f"/o/{project.organization}/p/{project.id}/figures",
    )
