"""Questions about reports: the saved questions of a project's dashboards. What they ask is not looked at here."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from openpanel.metadata import dashboards, versions
from openpanel.metadata.database import Database
from openpanel.metadata.errors import NotFound
from openpanel.metadata.models import Dashboard, Report
from openpanel.metadata.numbers import number
from openpanel.metadata.records import ReportRecord


def load(database: Database, *, project: str, report: str) -> ReportRecord | None:
    """The project's report of that id."""
    with database.session() as session:
        row = _found(session, project, report)
        return _record(row) if row else None


def listed(database: Database, *, project: str, dashboard: str | None = None) -> tuple[ReportRecord, ...]:
    """The reports of a project, or of one of its dashboards, the oldest first."""
    query = (
        select(Report)
        .join(Report.dashboard)
        .options(joinedload(Report.dashboard))
        .where(Dashboard.project_id == project)
        .order_by(Report.created_at, Report.id)
    )
    if dashboard is not None:
        query = query.where(Report.dashboard_id == number(dashboard))
    with database.session() as session:
        return tuple(_record(row) for row in session.scalars(query))


def create(
    database: Database,
    *,
    report: str,
    project: str,
    dashboard: str,
    name: str,
    question: Mapping[str, Any],
    at: datetime,
) -> ReportRecord:
    """Save a question on a dashboard; `NotFound` when the project has no such dashboard."""
    with database.session() as session:
        board = dashboards.held(session, project=project, dashboard=dashboard)
        row = Report(
            id=UUID(report), dashboard=board, name=name, question=dict(question), place=None, version=1,
            created_at=at, updated_at=at,
        )  # fmt: skip
        session.add(row)
        session.flush()
        return _record(row)


def duplicate(
    database: Database, *, project: str, report: str, as_report: str, name: str, at: datetime
) -> ReportRecord:
    """Save the same question once more beside it, without a place of its own."""
    with database.session() as session:
        row = _held(session, project, report)
        copy = Report(
            id=UUID(as_report), dashboard=row.dashboard, name=name, question=dict(row.question), place=None,
            version=1, created_at=at, updated_at=at,
        )  # fmt: skip
        session.add(copy)
        session.flush()
        return _record(copy)


def change(
    database: Database,
    *,
    project: str,
    report: str,
    expected: int | None,
    at: datetime,
    name: str | None = None,
    question: Mapping[str, Any] | None = None,
    dashboard: str | None = None,
) -> ReportRecord:
    """Give it another name, question or dashboard; `Stale` when it is not of the expected version."""
    with database.session() as session:
        row = _held(session, project, report)
        versions.check(row, subject=f"report {report}", expected=expected)
        before = (row.name, row.question, row.dashboard_id)
        if name is not None:
            row.name = name
        if question is not None:
            row.question = dict(question)
        if dashboard is not None and number(dashboard) != row.dashboard_id:
            row.dashboard = dashboards.held(session, project=project, dashboard=dashboard)
            row.place = None
        session.flush()
        if (row.name, row.question, row.dashboard_id) != before:
            versions.advance(row, at=at)
        return _record(row)


def delete(database: Database, *, project: str, report: str, expected: int | None) -> None:
    """Forget the report."""
    with database.session() as session:
        row = _held(session, project, report)
        versions.check(row, subject=f"report {report}", expected=expected)
        session.delete(row)


def _found(session: Session, project: str, report: str, *, lock: bool = False) -> Report | None:
    key = number(report)
    if key is None:
        return None
    query = select(Report).options(joinedload(Report.dashboard)).where(Report.id == key)
    row = session.scalar(query.with_for_update(of=Report) if lock else query)
    return row if row is not None and row.dashboard.project_id == project else None


def _held(session: Session, project: str, report: str) -> Report:
    row = _found(session, project, report, lock=True)
    if row is None:
        raise NotFound(f"project {project} has no report {report}")
    return row


def _record(row: Report) -> ReportRecord:
    return ReportRecord(
        id=str(row.id),
        project=row.dashboard.project_id,
        dashboard=str(row.dashboard.id),
        name=row.name,
        question=row.question,
        place=row.place,
        version=row.version,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
