"""News of changes that caches elsewhere must hear: kept with the change, told afterwards, forgotten when told.

A topic is what goes over the channel of changes: `client:<id>` or `project:<id>`. Written in the transaction of
the change itself, so a crash before the telling loses no news.
"""

from collections.abc import Iterable

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from openpanel.metadata.database import Database
from openpanel.metadata.models import Announcement


def pending(database: Database) -> tuple[tuple[int, str], ...]:
    """What has changed and was not told yet: number and topic, in order."""
    with database.session() as session:
        rows = session.execute(select(Announcement.id, Announcement.topic).order_by(Announcement.id))
        return tuple((row.id, row.topic) for row in rows)


def done(database: Database, *, numbers: Iterable[int]) -> None:
    """Forget what was told."""
    with database.session() as session:
        session.execute(delete(Announcement).where(Announcement.id.in_(list(numbers))))


def client(session: Session, client_id: str) -> None:
    """Note, in the transaction of the change, that a client is not what it was."""
    session.add(Announcement(topic=f"client:{client_id}"))


def project(session: Session, project_id: str) -> None:
    """Note, in the transaction of the change, that a project is not what it was."""
    session.add(Announcement(topic=f"project:{project_id}"))
