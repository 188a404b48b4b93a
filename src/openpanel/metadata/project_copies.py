"""A project with its settings and saved work as plain data, and made again from them: what a snapshot keeps.

Kept are rows by table and column, as JSON has them. Credentials are not among them, nor what is one for whoever
reads it: the addresses of webhooks.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Column, Select, Table, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from openpanel.metadata import announcements
from openpanel.metadata.database import Database
from openpanel.metadata.models import (
    Cohort,
    Dashboard,
    EventMeta,
    Organization,
    Project,
    ProjectFilter,
    Reference,
    Report,
    Row,
)

Copy = Mapping[str, Sequence[Mapping[str, Any]]]  # table → rows, each by column

# What the project is, then what people made in it; each after what it refers to.
_SETTINGS: Final = (Project, ProjectFilter, EventMeta)
_SAVED_WORK: Final = (Dashboard, Report, Cohort, Reference)
# Of a project that is brought back: nobody removes it, and whoever describes it next owns it.
_ALIVE: Final[Mapping[str, object]] = {"deleted_at": None, "delete_after": None, "owner": None}
_WITHHELD: Final[Mapping[str, object]] = {"webhooks": []}


def copied(database: Database, *, project: str) -> Copy:
    """All there is of the project but its credentials; no rows: there is no such project."""
    with database.session() as session:
        return {table.name: _rows(session, table, project) for table in _tables((*_SETTINGS, *_SAVED_WORK))}


def put_back(database: Database, *, copy: Copy) -> bool:
    """Make the project again where it is missing, and what people had saved in it; whether it was missing.

    A project that is there keeps its settings, and everything in it that has the id of something saved.
    """
    [kept] = copy[Project.__tablename__]
    with database.session() as session:
        organization = str(kept["organization_id"])
        session.execute(
            insert(Organization).values(id=organization, name=organization).on_conflict_do_nothing()
        )
        made = session.scalar(
            insert(Project)
            .values(**_values(Row.metadata.tables[Project.__tablename__], kept), **_ALIVE)
            .on_conflict_do_nothing()
            .returning(Project.id)
        )
        models = (*_SETTINGS[1:], *_SAVED_WORK) if made else _SAVED_WORK
        for table in _tables(models):
            for row in copy.get(table.name, ()):
                session.execute(insert(table).values(**_values(table, row)).on_conflict_do_nothing())
        announcements.project(session, str(kept["id"]))
        return made is not None


def time_zone(copy: Copy) -> str:
    """The zone in which the days of the copied project began."""
    [kept] = copy[Project.__tablename__]
    return str(kept["timezone"])


def _tables(models: Sequence[type[Row]]) -> Iterator[Table]:
    return (Row.metadata.tables[model.__tablename__] for model in models)


def _rows(session: Session, table: Table, project: str) -> list[dict[str, Any]]:
    found = session.execute(_of_project(table, project)).mappings()
    return [{name: _plain(value) for name, value in {**row, **_hidden(row)}.items()} for row in found]


def _of_project(table: Table, project: str) -> Select[Any]:
    columns = [column for column in table.columns if column.name not in _ALIVE]
    query = select(*columns).order_by(*table.primary_key.columns)
    if table.name == Project.__tablename__:
        return query.where(table.c.id == project)
    if table.name == Report.__tablename__:
        boards = select(Dashboard.id).where(Dashboard.project_id == project)
        return query.where(table.c.dashboard_id.in_(boards))
    return query.where(table.c.project_id == project)


def _hidden(row: Mapping[Any, Any]) -> dict[str, object]:
    return {name: value for name, value in _WITHHELD.items() if name in row}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value


def _values(table: Table, kept: Mapping[str, Any]) -> dict[str, Any]:
    """The columns that there are today; what a copy of before does not know has its default."""
    return {name: _typed(table.columns[name], kept[name]) for name in kept if name in table.columns}


def _typed(column: Column[Any], value: Any) -> Any:
    kind = column.type.python_type
    if value is None or kind not in {datetime, UUID}:
        return value
    return datetime.fromisoformat(value) if kind is datetime else UUID(value)
