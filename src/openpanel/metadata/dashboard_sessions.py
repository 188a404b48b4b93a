"""Browsers that are signed in. The cookie holds the token; here only its fingerprint is kept."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select, update

from openpanel.metadata import users
from openpanel.metadata.database import Database
from openpanel.metadata.models import DashboardSession, User
from openpanel.metadata.records import SessionRecord
from openpanel.metadata.tokens import fingerprint


def begin(database: Database, *, user: str, token: str, at: datetime, expires_at: datetime) -> None:
    """Let the holder of `token` be the person until `expires_at`."""
    row = DashboardSession(
        token_hash=fingerprint(token), user_id=UUID(user), created_at=at, expires_at=expires_at
    )  # fmt: skip
    with database.session() as session:
        session.add(row)


def load(database: Database, *, token: str, at: datetime) -> SessionRecord | None:
    """Who the holder of `token` is at `at`."""
    query = (
        select(DashboardSession, User)
        .join(User, User.id == DashboardSession.user_id)
        .where(DashboardSession.token_hash == fingerprint(token), DashboardSession.expires_at > at)
    )
    with database.session() as session:
        found = session.execute(query).first()
        return (
            SessionRecord(users.record(found[1]), found[0].created_at, found[0].expires_at) if found else None
        )


def extend(database: Database, *, token: str, expires_at: datetime) -> None:
    """Move the end of a session that is in use."""
    statement = update(DashboardSession).where(DashboardSession.token_hash == fingerprint(token))
    with database.session() as session:
        session.execute(statement.values(expires_at=expires_at))


def end(database: Database, *, token: str) -> None:
    """Sign the browser out."""
    with database.session() as session:
        session.execute(delete(DashboardSession).where(DashboardSession.token_hash == fingerprint(token)))


def forget_expired(database: Database, *, at: datetime) -> int:
    """Delete the sessions that are over; how many."""
    statement = delete(DashboardSession).where(DashboardSession.expires_at <= at)
    with database.session() as session:
        return len(session.scalars(statement.returning(DashboardSession.token_hash)).all())
