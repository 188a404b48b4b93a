"""How events of a name are shown and which of them are conversions."""

from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from openpanel.metadata import announcements
from openpanel.metadata.database import Database
from openpanel.metadata.errors import Full, Managed
from openpanel.metadata.models import EventMeta as Row
from openpanel.metadata.records import EventMeta

MAX_OF_PEOPLE: Final = 500  # names; a manifest says as many beside them


def listed(database: Database, *, project: str) -> tuple[EventMeta, ...]:
    """All that is known of the project's event names, by name."""
    query = select(Row).where(Row.project_id == project).order_by(Row.name)
    with database.session() as session:
        return tuple(_record(row) for row in session.scalars(query))


def managed(database: Database, *, project: str) -> frozenset[str]:
    """The event names that a manifest describes."""
    query = select(Row.name).where(Row.project_id == project, Row.managed)
    with database.session() as session:
        return frozenset(session.scalars(query))


def put(database: Database, *, project: str, event: EventMeta) -> bool:
    """Set what a person decided about one event name; whether it was something else.

    `Managed` where a manifest decides, `Full` when people have said something of as many names as may be.
    """
    with database.session() as session:
        row = session.get(Row, (project, event.name), with_for_update=True)
        if row is not None and _record(row) == event:
            return False
        if row is not None and row.managed:
            raise Managed(f"event {event.name}")
        if row is None:
            _must_have_room(session, project)
            session.add(_row(event, project=project, managed=False))
        else:
            _assign(row, event, managed=False)
        announcements.project(session, project)
        return True


def delete(database: Database, *, project: str, name: str) -> bool:
    """Forget what a person decided about the name; whether there was anything. `Managed` where a manifest decides."""
    with database.session() as session:
        row = session.get(Row, (project, name), with_for_update=True)
        if row is None:
            return False
        if row.managed:
            raise Managed(f"event {name}")
        session.delete(row)
        announcements.project(session, project)
        return True


def put_managed(database: Database, *, project: str, events: tuple[EventMeta, ...]) -> tuple[str, ...]:
    """Make these what a manifest says of event names; the names that changed. What people added stays."""
    wanted = {event.name: event for event in events}
    with database.session() as session:
        rows = {
            row.name: row
            for row in session.scalars(select(Row).where(Row.project_id == project).with_for_update())
        }
        changed = [name for name, event in wanted.items() if name not in rows or not _is(rows[name], event)]
        gone = [name for name, row in rows.items() if row.managed and name not in wanted]
        for name in changed:
            if name in rows:
                _assign(rows[name], wanted[name], managed=True)
            else:
                session.add(_row(wanted[name], project=project, managed=True))
        for name in gone:
            session.delete(rows[name])
        if changed or gone:
            announcements.project(session, project)
        return tuple(sorted(changed + gone))


def _must_have_room(session: Session, project: str) -> None:
    said = select(func.count()).where(Row.project_id == project, Row.managed.is_(False))
    if session.scalars(said).one() >= MAX_OF_PEOPLE:
        raise Full(
            f"{MAX_OF_PEOPLE} event names are described already, as many as may be: forget one of them first"
        )


def _is(row: Row, event: EventMeta) -> bool:
    return row.managed and _record(row) == event


def _assign(row: Row, event: EventMeta, *, managed: bool) -> None:
    row.conversion, row.icon, row.colour, row.managed = event.conversion, event.icon, event.colour, managed


def _row(event: EventMeta, *, project: str, managed: bool) -> Row:
    return Row(
        project_id=project, name=event.name, conversion=event.conversion, icon=event.icon, colour=event.colour,
        managed=managed,
    )  # fmt: skip


def _record(row: Row) -> EventMeta:
    return EventMeta(row.name, conversion=row.conversion, icon=row.icon, colour=row.colour)
