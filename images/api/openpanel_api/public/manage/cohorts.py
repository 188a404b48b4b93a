"""`/manage/projects/{projectId}/cohorts`: groups of persons, computed with every question or kept as they were once."""

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, Final, TypeVar
from uuid import uuid4

import anyio
import structlog
from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import Field, StringConstraints

from openpanel.analytics.cohorts import CohortSize
from openpanel.analytics.reading import Reading
from openpanel.metadata import CohortKind, CohortRecord, ProjectRecord, cohorts, lock
from openpanel.metadata.cohorts import Counted
from openpanel_api.public.asking import answered
from openpanel_api.public.errors import NotFound
from openpanel_api.public.inquiries import How, PlansJson
from openpanel_api.public.manage import cohort_members
from openpanel_api.public.manage.changes import Changes
from openpanel_api.public.manage.cohort_json import (
    EXAMPLE,
    Definition,
    DefinitionJson,
    definition_of,
    dynamic,
)
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

MAX_DESCRIPTION: Final = 2_000  # characters
_TRIED: Final = "preview"  # what a cohort is called that is not there

router = APIRouter(
    prefix="/manage/projects/{projectId}/cohorts", tags=["manage: cohorts"], route_class=Managed
)
CohortId = Annotated[
    str, Path(alias="cohortId", examples=["3f9d2a10-7b64-4e0e-8a55-2b1c0d9e8f70"], max_length=100)
]
Description = Annotated[str, StringConstraints(max_length=MAX_DESCRIPTION)]
T = TypeVar("T")
_log = structlog.get_logger(__name__)


class CohortJson(Json):
    """A cohort."""

    id: str = Field(examples=["3f9d2a10-7b64-4e0e-8a55-2b1c0d9e8f70"])
    project_id: str = Field(examples=["shop"])
    name: str = Field(examples=["Regulars"])
    description: str
    type: CohortKind = Field(
        description="`dynamic`: whoever fits when a question is asked. `static`: who fitted when it was computed."
    )
    definition: dict[str, Any] = Field(examples=[EXAMPLE])
    members: int | None = Field(description="How many there were when they were counted last.", examples=[42])
    counted_at: str | None = Field(examples=["2026-03-01T10:00:00.000Z"])
    version: int = Field(description="One more with each change; also the `ETag`.", examples=[1])
    created_at: str = Field(examples=["2026-03-01T10:00:00.000Z"])
    updated_at: str = Field(examples=["2026-03-01T10:00:00.000Z"])


class CohortToMake(Json):
    """What a cohort is."""

    name: Name = Field(examples=["Regulars"])
    description: Description = ""
    type: CohortKind = "dynamic"
    definition: DefinitionJson = Field(examples=[EXAMPLE])


class CohortChanges(Changes):
    """What is to be different; what is left out stays. With another definition a static cohort is computed anew."""

    name: Name | None = Field(default=None, examples=["Regulars"])
    description: Description | None = None
    definition: DefinitionJson | None = Field(default=None, examples=[EXAMPLE])


class Preview(Json):
    """A definition to try."""

    definition: DefinitionJson = Field(examples=[EXAMPLE])


class PreviewJson(Json):
    """How many persons fit a definition."""

    members: int = Field(examples=[42])


@router.get(
    "", summary="List cohorts", response_model=Data[list[CohortJson]], responses=told(list[CohortJson])
)
async def list_cohorts(manager: Managing, project: ProjectId) -> dict[str, Any]:
    """The project's cohorts, by name."""
    await manager.project(project)
    call = partial(cohorts.listed, manager.services.database, project=project)
    return {"data": [cohort_json(each) for each in await manager.read(call)]}


@router.post(
    "/preview",
    summary="Try a definition",
    response_model=Data[PreviewJson] | PlansJson,
    responses=told(PreviewJson, 412, 422),
)
async def preview_cohort(
    manager: Managing,
    *,
    request: Request,
    response: Response,
    project: ProjectId,
    how: Annotated[How, Query()],
    asked: Preview,
) -> Response:
    """Counts who fits, and keeps nothing."""
    record = await manager.project(project)
    _check(request, record, asked.definition, manager)
    given = manager.about(request, response, record)
    wanted = dynamic(_TRIED, asked.definition, now=given.now, timezone=given.zone)

    def shown(members: int) -> dict[str, Any]:
        return {"data": {"members": members}}

    return await given.answer(how, shown, CohortSize(project, given.zone, wanted))


@router.post("", summary="Make a cohort", response_model=Data[CohortJson], responses=told(CohortJson, 422))
async def make_cohort(
    manager: Managing, request: Request, response: Response, project: ProjectId, asked: CohortToMake
) -> dict[str, Any]:
    """Counts it; a static one is computed and kept before it is there."""
    record = await manager.project(project)
    _check(request, record, asked.definition, manager)
    cohort = str(uuid4())

    async def make() -> CohortRecord:
        counted = await _counted(
            manager,
            request=request,
            project=record,
            cohort=cohort,
            definition=asked.definition,
            kind=asked.type,
        )
        create = partial(
            cohorts.create,
            manager.services.database,
            cohort=cohort,
            project=project,
            name=asked.name,
            description=asked.description,
            kind=asked.type,
            definition=_saved(asked.definition),
            counted=counted,
        )
        return await manager.change(create)

    try:
        return _told(response, await make())
    except BaseException:  # whatever was written is nobody's
        if asked.type == "static":
            with anyio.CancelScope(shield=True):
                await manager.read(lambda: forget(manager, project, cohort, but=None))
        raise


@router.get(
    "/{cohortId}", summary="Read a cohort", response_model=Data[CohortJson], responses=told(CohortJson)
)
async def read_cohort(
    manager: Managing, response: Response, project: ProjectId, cohort: CohortId
) -> dict[str, Any]:
    """The cohort, and how many it had when it was counted last."""
    return _told(response, await held(manager, project, cohort))


@router.patch(
    "/{cohortId}",
    summary="Change a cohort",
    response_model=Data[CohortJson],
    responses=told(CohortJson, 412, 422),
)
async def change_cohort(
    manager: Managing,
    *,
    request: Request,
    response: Response,
    project: ProjectId,
    cohort: CohortId,
    expected: Expected,
    asked: CohortChanges,
) -> dict[str, Any]:
    """Sets what is given."""
    record = await manager.project(project)
    values: dict[str, Any] = asked.model_dump(include={"name", "description"}, exclude_unset=True)
    apply = partial(
        cohorts.change,
        manager.services.database,
        project=project,
        cohort=cohort,
        expected=expected,
        at=manager.services.now(),
    )
    if asked.definition is None:
        return _told(response, await manager.change(partial(apply, values=values)))
    _check(request, record, asked.definition, manager)
    values["definition"] = _saved(asked.definition)
    definition = asked.definition

    def redefine(before: CohortRecord, comment: str) -> CohortRecord:
        counted = _recounted(manager, record, before, definition, comment=comment)
        return apply(values=values, counted=counted)

    return _told(response, await _alone(manager, request, project, cohort, redefine))


@router.post(
    "/{cohortId}/refresh",
    summary="Compute a cohort anew",
    response_model=Data[CohortJson],
    responses=told(CohortJson, 422),
)
async def refresh_cohort(
    manager: Managing, request: Request, response: Response, project: ProjectId, cohort: CohortId
) -> dict[str, Any]:
    """Counts a dynamic cohort; of a static one, keeps who fits now in place of who fitted before."""
    record = await manager.project(project)

    def refresh(before: CohortRecord, comment: str) -> CohortRecord:
        counted = _recounted(manager, record, before, definition_of(before), comment=comment)
        return cohorts.count(manager.services.database, project=project, cohort=cohort, counted=counted)

    return _told(response, await _alone(manager, request, project, cohort, refresh))


@router.delete("/{cohortId}", summary="Delete a cohort", response_model=Success, responses=told(Success, 412))
async def delete_cohort(
    manager: Managing, project: ProjectId, cohort: CohortId, expected: Expected
) -> dict[str, Any]:
    """Forgets the cohort. Reports that name it say so when they are asked."""
    await manager.project(project)
    delete = partial(
        cohorts.delete, manager.services.database, project=project, cohort=cohort, expected=expected
    )
    gone = await manager.change(delete)
    if gone.generation is not None:
        await manager.read(lambda: forget(manager, project, cohort, but=None))
    return {"success": True}


def cohort_json(record: CohortRecord) -> dict[str, Any]:
    """The fields of `CohortJson`."""
    return {
        "id": record.id,
        "projectId": record.project,
        "name": record.name,
        "description": record.description,
        "type": record.kind,
        "definition": dict(record.definition),
        "members": record.members,
        "countedAt": moment_json(record.counted_at),
        "version": record.version,
        "createdAt": moment_json(record.created_at),
        "updatedAt": moment_json(record.updated_at),
    }


async def held(manager: Manager, project: str, cohort: str) -> CohortRecord:
    """The project's cohort of that id."""
    await manager.project(project)
    return await manager.read(lambda: _load(manager, project, cohort))


def forget(manager: Manager, project: str, cohort: str, *, but: int | None) -> None:
    """Delete the kept members of a cohort but those of one generation."""
    cohort_members.forget(
        manager.services.warehouse,
        project,
        cohort,
        but=but,
        log=lambda reason: _log.warning("cohort_not_forgotten", reason=reason),
    )


def _load(manager: Manager, project: str, cohort: str) -> CohortRecord:
    found = cohorts.load(manager.services.database, project=project, cohort=cohort)
    if found is None:
        raise NotFound("Cohort not found")
    return found


def _check(request: Request, project: ProjectRecord, definition: Definition, manager: Manager) -> None:
    """Refuse what could not be asked: writing it as a statement shows it."""
    request.state.asked = {"definition": _saved(definition)}
    wanted = dynamic("new", definition, now=manager.services.now(), timezone=project.timezone)
    wanted.members(Reading(project.id, timezone=project.timezone))


def _saved(definition: Definition) -> dict[str, Any]:
    return definition.model_dump(mode="json", by_alias=True, exclude_unset=True)


async def _counted(
    manager: Manager,
    *,
    request: Request,
    project: ProjectRecord,
    cohort: str,
    definition: Definition,
    kind: CohortKind,
) -> Counted:
    """How many a new cohort has; a static one's members are kept with it."""
    now, warehouse = manager.services.now(), manager.services.warehouse
    wanted = dynamic(cohort, definition, now=now, timezone=project.timezone)
    if kind == "dynamic":
        size = partial(cohort_members.size, warehouse, project, wanted)
        return Counted(await answered(request, manager.services, lambda comment: size(comment=comment)), now)
    generation = cohort_members.following(None, now=now)
    keep = partial(cohort_members.keep, warehouse, project, wanted, generation=generation, now=now)
    return await answered(request, manager.services, lambda comment: keep(comment=comment))


def _recounted(
    manager: Manager, project: ProjectRecord, before: CohortRecord, definition: Definition, *, comment: str
) -> Counted:
    """How many fit now; of a static cohort they are the next generation."""
    now, warehouse = manager.services.now(), manager.services.warehouse
    wanted = dynamic(before.id, definition, now=now, timezone=project.timezone)
    if before.kind == "dynamic":
        return Counted(cohort_members.size(warehouse, project, wanted, comment=comment), now)
    generation = cohort_members.following(before.generation, now=now)
    return cohort_members.keep(warehouse, project, wanted, generation=generation, now=now, comment=comment)


async def _alone(
    manager: Manager,
    request: Request,
    project: str,
    cohort: str,
    change: Callable[[CohortRecord, str], CohortRecord],
) -> CohortRecord:
    """Change a cohort's members while nobody else does; of the generations only the one that is named stays."""

    def changed(comment: str) -> CohortRecord:
        with lock(manager.services.database, f"openpanel.cohort.{cohort}"):
            named = _load(manager, project, cohort)
            try:
                named = change(named, comment)
            finally:
                if named.generation is not None:
                    forget(manager, project, cohort, but=named.generation)
            return named

    return await manager.change_while_asked(request, changed)


def _told(response: Response, record: CohortRecord) -> dict[str, Any]:
    tag(response, record.version)
    return {"data": cohort_json(record)}
