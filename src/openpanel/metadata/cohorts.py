"""Questions about cohorts: which groups of persons a project has defined. Who is in them is the warehouse's business."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from openpanel.metadata import versions
from openpanel.metadata.database import Database
from openpanel.metadata.errors import NotFound
from openpanel.metadata.models import Cohort
from openpanel.metadata.numbers import number
from openpanel.metadata.records import CohortKind, CohortRecord


@dataclass(frozen=True, slots=True)
class Counted:
    """How many there were when they were counted; of a static cohort, as which generation they are kept."""

    members: int
    at: datetime
    generation: int | None = None


def load(database: Database, *, project: str, cohort: str) -> CohortRecord | None:
    """The project's cohort of that id."""
    with database.session() as session:
        row = _found(session, project, cohort)
        return _record(row) if row else None


def listed(database: Database, *, project: str) -> tuple[CohortRecord, ...]:
    """The project's cohorts, by name."""
    query = select(Cohort).where(Cohort.project_id == project).order_by(Cohort.name, Cohort.id)
    with database.session() as session:
        return tuple(_record(row) for row in session.scalars(query))


def create(
    database: Database,
    *,
    cohort: str,
    project: str,
    name: str,
    description: str,
    kind: CohortKind,
    definition: Mapping[str, Any],
    counted: Counted,
) -> CohortRecord:
    """Make a cohort that has just been counted."""
    with database.session() as session:
        row = Cohort(
            id=UUID(cohort), project_id=project, name=name, description=description, kind=kind,
            definition=dict(definition), generation=counted.generation, members=counted.members,
            counted_at=counted.at, version=1, created_at=counted.at, updated_at=counted.at,
        )  # fmt: skip
        session.add(row)
        return _record(row)


def change(
    database: Database,
    *,
    project: str,
    cohort: str,
    expected: int | None,
    at: datetime,
    values: Mapping[str, Any],
    counted: Counted | None = None,
) -> CohortRecord:
    """Set name, description or definition; with the definition comes a new count. `Stale` as everywhere."""
    with database.session() as session:
        row = _held(session, project, cohort)
        versions.check(row, subject=f"cohort {cohort}", expected=expected)
        changed = [name for name, value in values.items() if getattr(row, name) != value]
        for name in changed:
            setattr(row, name, values[name])
        if counted is not None:
            _assign(row, counted)
        if changed:
            versions.advance(row, at=at)
        return _record(row)


def count(database: Database, *, project: str, cohort: str, counted: Counted) -> CohortRecord:
    """Note how many it has now; a count that is older than the last one changes nothing."""
    with database.session() as session:
        row = _held(session, project, cohort)
        if counted.generation is None or counted.generation > (row.generation or 0):
            _assign(row, counted)
        return _record(row)


def delete(database: Database, *, project: str, cohort: str, expected: int | None) -> CohortRecord:
    """Forget the cohort; what it was."""
    with database.session() as session:
        row = _held(session, project, cohort)
        versions.check(row, subject=f"cohort {cohort}", expected=expected)
        session.delete(row)
        return _record(row)


def _assign(row: Cohort, counted: Counted) -> None:
    row.members, row.counted_at, row.generation = counted.members, counted.at, counted.generation


def _found(session: Session, project: str, cohort: str, *, lock: bool = False) -> Cohort | None:
    key = number(cohort)
    row = session.get(Cohort, key, with_for_update=lock) if key else None
    return row if row is not None and row.project_id == project else None


def _held(session: Session, project: str, cohort: str) -> Cohort:
    row = _found(session, project, cohort, lock=True)
    if row is None:
        raise NotFound(f"project {project} has no cohort {cohort}")
    return row


def _record(row: Cohort) -> CohortRecord:
    return CohortRecord(
        id=str(row.id),
        project=row.project_id,
        name=row.name,
        description=row.description,
        kind=cast("CohortKind", row.kind),
        definition=row.definition,
        generation=row.generation,
        members=row.members,
        counted_at=row.counted_at,
        version=row.version,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
