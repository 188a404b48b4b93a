"""Links that sign a person in once. Whoever made the token shows it; here only its fingerprint is kept."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, or_, select, update

from openpanel.metadata import users
from openpanel.metadata.database import Database
from openpanel.metadata.models import SignInLink, User
from openpanel.metadata.records import UserRecord
from openpanel.metadata.tokens import fingerprint


def issue(database: Database, *, user: str, token: str, at: datetime, expires_at: datetime | None) -> None:
    """Let `token` sign the person in once; without an end it waits until it is used. Ends the person's older links."""
    number = UUID(user)
    with database.session() as session:
        session.execute(delete(SignInLink).where(SignInLink.user_id == number, SignInLink.used_at.is_(None)))
        session.add(
            SignInLink(token_hash=fingerprint(token), user_id=number, created_at=at, expires_at=expires_at)
        )


def redeem(database: Database, *, token: str, at: datetime) -> UserRecord | None:
    """Who the token signs in, the first time before its end; nobody after that."""
    statement = (
        update(SignInLink)
        .where(
            SignInLink.token_hash == fingerprint(token),
            SignInLink.used_at.is_(None),
            or_(SignInLink.expires_at.is_(None), SignInLink.expires_at > at),
        )
        .values(used_at=at)
        .returning(SignInLink.user_id)
    )
    with database.session() as session:
        number = session.scalar(statement)
        row = session.get(User, number) if number else None
        return users.record(row) if row else None


def was_used(database: Database, *, user: str) -> bool:
    """Whether the person ever signed in by a link."""
    query = select(SignInLink.token_hash).where(
        SignInLink.user_id == UUID(user), SignInLink.used_at.is_not(None)
    )
    with database.session() as session:
        return session.scalar(select(query.exists())) is True
