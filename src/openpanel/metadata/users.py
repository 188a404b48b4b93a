"""Questions about people and what they belong to."""

from typing import cast
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from openpanel.metadata.database import Database
from openpanel.metadata.models import Membership, User
from openpanel.metadata.records import MembershipRecord, Role, UserRecord


def load(database: Database, *, user: str) -> UserRecord | None:
    """The person of that id."""
    with database.session() as session:
        row = session.get(User, UUID(user))
        return record(row) if row else None


def by_email(database: Database, *, email: str) -> UserRecord | None:
    """The person with that address, however it is capitalised."""
    with database.session() as session:
        row = session.scalar(select(User).where(User.email == func.lower(email)))
        return record(row) if row else None


def owners(database: Database) -> tuple[UserRecord, ...]:
    """Who set this installation up, first one first; empty on a new one."""
    query = select(User).where(User.owner).order_by(User.created_at, User.id)
    with database.session() as session:
        return tuple(record(row) for row in session.scalars(query))


def ensure(database: Database, *, wanted: UserRecord) -> UserRecord:
    """Make the person unless somebody has the address already; who has it now."""
    email = wanted.email.lower()
    values = {
        "id": UUID(wanted.id), "email": email, "owner": wanted.owner,
        "first_name": wanted.first_name, "last_name": wanted.last_name,
    }  # fmt: skip
    with database.session() as session:
        session.execute(insert(User).values(values).on_conflict_do_nothing(index_elements=[User.email]))
        return record(session.scalars(select(User).where(User.email == email)).one())


def join(database: Database, *, user: str, organization: str, role: Role) -> None:
    """Make the person a member with that role, whatever the role was before."""
    values = {"user_id": UUID(user), "organization_id": organization, "role": role}
    statement = insert(Membership).values(values)
    with database.session() as session:
        session.execute(
            statement.on_conflict_do_update(
                index_elements=[Membership.organization_id, Membership.user_id], set_={"role": role}
            )
        )


def memberships(database: Database, *, user: str) -> tuple[MembershipRecord, ...]:
    """What the person is a member of, by organization."""
    query = select(Membership).where(Membership.user_id == UUID(user)).order_by(Membership.organization_id)
    with database.session() as session:
        return tuple(
            MembershipRecord(
                user=str(row.user_id), organization=row.organization_id, role=cast("Role", row.role)
            )
            for row in session.scalars(query)
        )


def record(row: User) -> UserRecord:
    """The frozen form of a row."""
    return UserRecord(
        str(row.id), row.email, first_name=row.first_name, last_name=row.last_name, owner=row.owner
    )
