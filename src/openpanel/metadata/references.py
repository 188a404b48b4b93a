"""Questions about references: what happened beside the data, such as a release."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from openpanel.metadata.database import Database
from openpanel.metadata.errors import NotFound
from openpanel.metadata.models import Project, Reference
from openpanel.metadata.numbers import number
from openpanel.metadata.records import ReferenceRecord


def load(database: Database, *, organization: str, reference: str) -> ReferenceRecord | None:
    """The reference of that id, of a project of the organization."""
    with database.session() as session:
        row = _found(session, organization, reference)
        return _record(row) if row else None


def listed(
    database: Database, *, organization: str, project: str | None = None
) -> tuple[ReferenceRecord, ...]:
    """The references of an organization's projects, or of one of them, the newest first."""
    query = (
        select(Reference)
        .join(Project, Project.id == Reference.project_id)
        .where(Project.organization_id == organization, Project.deleted_at.is_(None))
        .order_by(Reference.happened_at.desc(), Reference.id)
    )
    if project is not None:
        query = query.where(Reference.project_id == project)
    with database.session() as session:
        return tuple(_record(row) for row in session.scalars(query))


def create(
    database: Database,
    *,
    reference: str,
    project: str,
    title: str,
    description: str,
    happened_at: datetime,
    at: datetime,
) -> ReferenceRecord:
    """Note that something happened."""
    with database.session() as session:
        row = Reference(
            id=UUID(reference), project_id=project, title=title, description=description,
            happened_at=happened_at, created_at=at, updated_at=at,
        )  # fmt: skip
        session.add(row)
        return _record(row)


def change(
    database: Database, *, organization: str, reference: str, values: Mapping[str, Any], at: datetime
) -> ReferenceRecord:
    """Set title, description or when it happened."""
    with database.session() as session:
        row = _held(session, organization, reference)
        for name, value in values.items():
            setattr(row, name, value)
        row.updated_at = at
        return _record(row)


def delete(database: Database, *, organization: str, reference: str) -> None:
    """Forget the reference."""
    with database.session() as session:
        session.delete(_held(session, organization, reference))


def _found(session: Session, organization: str, reference: str, *, lock: bool = False) -> Reference | None:
    key = number(reference)
    if key is None:
        return None
    query = (
        select(Reference)
        .join(Project, Project.id == Reference.project_id)
        .where(Reference.id == key, Project.organization_id == organization, Project.deleted_at.is_(None))
    )
    return session.scalar(query.with_for_update(of=Reference) if lock else query)


def _held(session: Session, organization: str, reference: str) -> Reference:
    row = _found(session, organization, reference, lock=True)
    if row is None:
        raise NotFound(f"there is no reference {reference}")
    return row


def _record(row: Reference) -> ReferenceRecord:
    return ReferenceRecord(
        id=str(row.id),
        project=row.project_id,
        title=row.title,
        description=row.description,
        happened_at=row.happened_at,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
