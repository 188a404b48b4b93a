"""Questions about dashboards: the boards of a project, and where their reports stand."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from openpanel.metadata import versions
from openpanel.metadata.database import Database
from openpanel.metadata.errors import NotFound
from openpanel.metadata.models import Dashboard, Report
from openpanel.metadata.numbers import number
from openpanel.metadata.records import DashboardRecord


def load(database: Database, *, project: str, dashboard: str) -> DashboardRecord | None:
    """The project's dashboard of that id."""
    with database.session() as session:
        row = found(session, project=project, dashboard=dashboard)
        return record(row) if row else None


def listed(database: Database, *, project: str) -> tuple[DashboardRecord, ...]:
    """The project's dashboards, by name."""
    query = select(Dashboard).where(Dashboard.project_id == project).order_by(Dashboard.name, Dashboard.id)
    with database.session() as session:
        return tuple(record(row) for row in session.scalars(query))


def create(database: Database, *, dashboard: str, project: str, name: str, at: datetime) -> DashboardRecord:
    """Make a board without reports."""
    with database.session() as session:
        row = Dashboard(
            id=UUID(dashboard), project_id=project, name=name, version=1, created_at=at, updated_at=at
        )
        session.add(row)
        return record(row)


def rename(
    database: Database, *, project: str, dashboard: str, name: str, expected: int | None, at: datetime
) -> DashboardRecord:
    """Give the board another name; `Stale` when it is not of the expected version."""
    with database.session() as session:
        row = held(session, project=project, dashboard=dashboard)
        versions.check(row, subject=f"dashboard {dashboard}", expected=expected)
        if row.name != name:
            row.name = name
            versions.advance(row, at=at)
        return record(row)


def arrange(
    database: Database,
    *,
    project: str,
    dashboard: str,
    places: Mapping[str, Mapping[str, int]],
    expected: int | None,
    at: datetime,
) -> DashboardRecord:
    """Put each of the board's reports to its place; one that is left out has none. `NotFound` names others."""
    with database.session() as session:
        row = held(session, project=project, dashboard=dashboard)
        versions.check(row, subject=f"dashboard {dashboard}", expected=expected)
        query = select(Report).where(Report.dashboard_id == row.id).with_for_update()
        reports = {str(report.id): report for report in session.scalars(query)}
        if unknown := sorted(places.keys() - reports.keys()):
            raise NotFound(f"dashboard {dashboard} has no report {unknown[0]}")
        for name, report in reports.items():
            report.place = dict(places[name]) if name in places else None
        versions.advance(row, at=at)
        return record(row)


def delete(database: Database, *, project: str, dashboard: str, expected: int | None) -> None:
    """Delete the board and its reports."""
    with database.session() as session:
        row = held(session, project=project, dashboard=dashboard)
        versions.check(row, subject=f"dashboard {dashboard}", expected=expected)
        session.delete(row)


def found(session: Session, *, project: str, dashboard: str, lock: bool = False) -> Dashboard | None:
    """The row, in the transaction of the caller."""
    key = number(dashboard)
    row = session.get(Dashboard, key, with_for_update=lock) if key else None
    return row if row is not None and row.project_id == project else None


def held(session: Session, *, project: str, dashboard: str) -> Dashboard:
    """The row, locked until the caller's transaction ends."""
    row = found(session, project=project, dashboard=dashboard, lock=True)
    if row is None:
        raise NotFound(f"project {project} has no dashboard {dashboard}")
    return row


def record(row: Dashboard) -> DashboardRecord:
    """The frozen form of a row."""
    return DashboardRecord(
        id=str(row.id),
        project=row.project_id,
        name=row.name,
        version=row.version,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
