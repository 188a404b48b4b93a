"""Projects as those who look after them make, change and remove them, without a manifest.

A field that a manifest describes is not changed here: the next time the manifest is applied it would be as before.
Every question names the organization that asks; a project of another one is not found.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, cast
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from openpanel.metadata import announcements
from openpanel.metadata.database import Database
from openpanel.metadata.errors import Conflict, Managed, NotFound
from openpanel.metadata.models import Client, ClientSecret, ErasedProject, Project
from openpanel.metadata.projects import FILTERS, assign, columns, record, replace_filters
from openpanel.metadata.records import (
    SHARED_POOL,
    Filter,
    NewClient,
    ProjectDetails,
    ProjectRecord,
    ProjectType,
)

# What a manifest says nothing about.
FREE: Final = frozenset({"domain", "cross_domain", "types"})


def load(database: Database, *, project: str, organization: str) -> ProjectDetails | None:
    """The project, unless it is removed."""
    with database.session() as session:
        row = session.get(Project, project, options=[FILTERS])
        return _details(row) if row is not None and _is_of(row, organization) else None


def listed(database: Database, *, organization: str) -> tuple[ProjectDetails, ...]:
    """The organization's projects that are not removed, by id."""
    query = (
        select(Project)
        .options(FILTERS)
        .where(Project.deleted_at.is_(None), Project.organization_id == organization)
        .order_by(Project.id)
    )
    with database.session() as session:
        return tuple(_details(row) for row in session.scalars(query))


def create(
    database: Database,
    *,
    wanted: ProjectRecord,
    ids: Sequence[str],
    client: NewClient,
    at: datetime,
    domain: str = "",
    cross_domain: bool = False,
    types: Sequence[ProjectType] = (),
) -> ProjectDetails:
    """Make a project with its first client, under the first of `ids` that is free. Its pool is that of all.

    One that another organization had until its project was erased is not free: somebody may still send or ask by it.
    """
    with database.session() as session:
        taken = _taken(session, ids, organization=wanted.organization)
        chosen = next((each for each in ids if each not in taken), None)
        if chosen is None:
            raise Conflict("all these ids are taken")
        row = Project(
            id=chosen, deleted_at=None, delete_after=None, timezone_since=None, managed=False, filters=[],
            domain=domain, cross_domain=cross_domain, types=list(types), created_at=at,
            **{**columns(wanted), "pool_shards": _shards(session)},
        )  # fmt: skip
        session.add(row)
        session.add(_client(client, project=chosen, at=at))
        announcements.project(session, chosen)
        announcements.client(session, client.id)
        session.flush()
        return _details(row)


def change(
    database: Database,
    *,
    project: str,
    organization: str,
    values: Mapping[str, Any],
    filters: tuple[Filter, ...] | None = None,
) -> ProjectDetails:
    """Set these columns, and the filters if there are any given; `Managed` for what a manifest says otherwise."""
    with database.session() as session:
        row = _held(session, project, organization)
        before = record(row)
        other = tuple(name for name, value in values.items() if getattr(row, name) != value)
        if filters is not None and filters != before.filters:
            other = (*other, "filters")
        if row.managed and (said := tuple(name for name in other if name not in FREE)):
            raise Managed(f"project {project}", fields=said)
        assign(row, values)
        if "filters" in other and filters is not None:
            replace_filters(session, row, filters)
        if other:
            announcements.project(session, project)
        session.flush()
        return _details(row)


def schedule_removal(database: Database, *, project: str, organization: str, at: datetime) -> datetime:
    """Have the project removed at that moment, or at the earlier one that was decided on before."""
    with database.session() as session:
        row = _held(session, project, organization)
        if row.managed:
            raise Managed(f"project {project}")
        row.delete_after = min(row.delete_after or at, at)
        return row.delete_after


def keep(database: Database, *, project: str, organization: str) -> ProjectDetails:
    """Take a removal back that has not begun."""
    with database.session() as session:
        row = _held(session, project, organization)
        row.delete_after = None
        return _details(row)


def due(database: Database, *, at: datetime) -> tuple[str, ...]:
    """The projects whose time of grace is over, also those whose removal was begun and not finished."""
    query = select(Project.id).where(Project.delete_after <= at).order_by(Project.delete_after)
    with database.session() as session:
        return tuple(session.scalars(query))


def begin_removal(database: Database, *, project: str, at: datetime) -> bool:
    """Mark the project as deleted unless its removal was taken back; whether it is now to be removed."""
    with database.session() as session:
        row = session.get(Project, project, with_for_update=True)
        if row is None or row.delete_after is None or row.delete_after > at:
            return False
        if row.deleted_at is None:
            row.deleted_at = at
            announcements.project(session, project)
        return True


def end_removal(database: Database, *, project: str) -> None:
    """Note that a removal that keeps the data is done."""
    with database.session() as session:
        row = session.get(Project, project, with_for_update=True)
        if row is not None:
            row.delete_after = None


def _taken(session: Session, ids: Sequence[str], *, organization: str) -> set[str]:
    """Those of the ids that a project has, or one of another organization had."""
    there = select(Project.id).where(Project.id.in_(ids))
    erased = select(ErasedProject.project_id).where(
        ErasedProject.project_id.in_(ids), ErasedProject.organization_id != organization
    )
    return {*session.scalars(there), *session.scalars(erased)}


def _held(session: Session, project: str, organization: str) -> Project:
    row = session.get(Project, project, options=[FILTERS], with_for_update={"of": Project})
    if row is None or not _is_of(row, organization):
        raise NotFound(f"there is no project {project}")
    return row


def _is_of(row: Project, organization: str) -> bool:
    return row.organization_id == organization and row.deleted_at is None


def _shards(session: Session) -> int:
    """How many streams the pool of all has, as far as projects from manifests were told."""
    query = select(Project.pool_shards).where(Project.pool == SHARED_POOL, Project.managed)
    return session.scalar(query.order_by(Project.created_at.desc()).limit(1)) or 1


def _client(client: NewClient, *, project: str, at: datetime) -> Client:
    return Client(
        id=UUID(client.id),
        organization_id=client.organization,
        project_id=project,
        name=client.name,
        type=client.type,
        ignore_cors_and_secret=client.ignore_cors_and_secret,
        managed=False,
        secrets=[ClientSecret(hash=client.secret_hash, created_at=at)],
    )


def _details(row: Project) -> ProjectDetails:
    return ProjectDetails(
        record=record(row),
        managed=row.managed,
        domain=row.domain,
        cross_domain=row.cross_domain,
        types=cast("tuple[ProjectType, ...]", tuple(row.types)),
        created_at=row.created_at,
        delete_after=row.delete_after,
    )
