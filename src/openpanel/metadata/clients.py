"""Questions about API credentials. Secrets come in and are kept as hashes only; who made one shows it once."""

from datetime import datetime
from typing import cast
from uuid import UUID

from sqlalchemy import delete, func, or_, select
from sqlalchemy.orm import Session, joinedload, selectinload
from sqlalchemy.orm.interfaces import ORMOption

from openpanel.metadata import announcements, projects
from openpanel.metadata.database import Database
from openpanel.metadata.errors import Managed, NotFound
from openpanel.metadata.models import Client, ClientSecret, Project
from openpanel.metadata.records import ClientRecord, ClientType, NewClient


def load(database: Database, *, client_id: str, at: datetime | None = None) -> ClientRecord | None:
    """The client of that id, also a revoked one, with the secrets valid at `at` (the database's now)."""
    number = _number(client_id)
    if number is None:
        return None
    with database.session() as session:
        row = session.get(Client, number, options=_whole(at))
        return _record(row) if row else None


def listed(database: Database, *, project: str, at: datetime | None = None) -> tuple[ClientRecord, ...]:
    """The project's clients that are not revoked, by name."""
    query = (
        select(Client)
        .options(*_whole(at))
        .where(Client.project_id == project, Client.revoked_at.is_(None))
        .order_by(Client.name)
    )
    with database.session() as session:
        return tuple(_record(row) for row in session.scalars(query))


def of_organization(
    database: Database, *, organization: str, project: str | None = None, at: datetime | None = None
) -> tuple[ClientRecord, ...]:
    """The organization's clients that are not revoked, or those of one of its projects, by name."""
    query = (
        select(Client)
        .outerjoin(Project, Project.id == Client.project_id)
        .options(*_whole(at))
        .where(Client.organization_id == organization, Client.revoked_at.is_(None))
        .where(Project.deleted_at.is_(None))
        .order_by(Client.name, Client.id)
    )
    if project is not None:
        query = query.where(Client.project_id == project)
    with database.session() as session:
        return tuple(_record(row) for row in session.scalars(query))


def create(database: Database, *, client: NewClient, at: datetime) -> None:
    """Make a client with its first secret; `Conflict` when the project has one of that name."""
    with database.session() as session:
        session.add(
            Client(
                id=UUID(client.id),
                organization_id=client.organization,
                project_id=client.project,
                name=client.name,
                type=client.type,
                ignore_cors_and_secret=client.ignore_cors_and_secret,
                managed=client.managed,
                secrets=[ClientSecret(hash=client.secret_hash, created_at=at)],
            )
        )
        announcements.client(session, client.id)


def put_managed(
    database: Database,
    *,
    client_id: str,
    organization: str,
    client_type: ClientType,
    ignore_cors_and_secret: bool,
) -> tuple[str, ...]:
    """Make the client what a manifest says, its secrets aside; the names of the fields that changed."""
    wanted: dict[str, object] = {
        "organization_id": organization,
        "type": client_type,
        "ignore_cors_and_secret": ignore_cors_and_secret,
        "managed": True,
    }
    with database.session() as session:
        row = _held(session, client_id)
        changed = tuple(name for name, value in wanted.items() if getattr(row, name) != value)
        for name in changed:
            setattr(row, name, wanted[name])
        if changed:
            announcements.client(session, client_id)
        return changed


def change(
    database: Database,
    *,
    client_id: str,
    name: str | None = None,
    ignore_cors_and_secret: bool | None = None,
) -> tuple[str, ...]:
    """Change a client that no manifest describes; the names of the fields that were something else.

    `Managed` when one does, `Conflict` when the project has a client of that name.
    """
    wanted = {"name": name, "ignore_cors_and_secret": ignore_cors_and_secret}
    with database.session() as session:
        row = _held(session, client_id)
        changed = tuple(
            key for key, value in wanted.items() if value is not None and getattr(row, key) != value
        )
        if row.managed and changed:
            raise Managed(f"client {row.name}", fields=changed)
        for key in changed:
            setattr(row, key, wanted[key])
        if changed:
            announcements.client(session, client_id)
        return changed


def rotate(database: Database, *, client_id: str, secret_hash: str, at: datetime, until: datetime) -> None:
    """Add a secret; the ones there so far stop being valid at `until`, unless they do earlier."""
    with database.session() as session:
        row = _held(session, client_id)
        if row.revoked_at is not None:
            raise NotFound(f"client {client_id} is revoked")
        for secret in session.scalars(select(ClientSecret).where(ClientSecret.client_id == row.id)):
            secret.expires_at = min(secret.expires_at or until, until)
        session.add(ClientSecret(client_id=row.id, hash=secret_hash, created_at=at))
        announcements.client(session, client_id)


def revoke(database: Database, *, client_id: str, at: datetime) -> bool:
    """Stop the client for good; whether it was running."""
    with database.session() as session:
        row = _held(session, client_id)
        if row.revoked_at is not None:
            return False
        row.revoked_at = at
        announcements.client(session, client_id)
        return True


def last_rotation(database: Database, *, client_id: str) -> datetime | None:
    """When the newest secret was made."""
    with database.session() as session:
        number = _number(client_id)
        return session.scalar(
            select(func.max(ClientSecret.created_at)).where(ClientSecret.client_id == number)
        )


def forget_expired(database: Database, *, at: datetime) -> int:
    """Delete the secrets whose overlap is over; how many."""
    statement = delete(ClientSecret).where(ClientSecret.expires_at <= at).returning(ClientSecret.client_id)
    with database.session() as session:
        owners = session.scalars(statement).all()
        for owner in set(owners):
            announcements.client(session, str(owner))
        return len(owners)


def _number(client_id: str) -> UUID | None:
    try:
        return UUID(client_id)
    except ValueError:
        return None


def _held(session: Session, client_id: str) -> Client:
    number = _number(client_id)
    row = session.get(Client, number, with_for_update=True) if number else None
    if row is None:
        raise NotFound(f"there is no client {client_id}")
    return row


def _whole(at: datetime | None) -> tuple[ORMOption, ...]:
    moment = func.now() if at is None else at
    valid = or_(ClientSecret.expires_at.is_(None), ClientSecret.expires_at > moment)
    return selectinload(Client.secrets.and_(valid)), joinedload(Client.project).selectinload(Project.filters)


def _record(row: Client) -> ClientRecord:
    ends = [secret.expires_at for secret in row.secrets if secret.expires_at is not None]
    return ClientRecord(
        id=str(row.id),
        name=row.name,
        project=projects.record(row.project) if row.project else None,
        organization=row.organization_id,
        type=cast("ClientType", row.type),
        secret_hashes=tuple(secret.hash for secret in row.secrets),
        ignore_cors_and_secret=row.ignore_cors_and_secret,
        revoked=row.revoked_at is not None,
        secrets_valid_until=min(ends, default=None),
        managed=row.managed,
    )
