"""Questions about organizations."""

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from openpanel.metadata.database import Database
from openpanel.metadata.models import Organization
from openpanel.metadata.records import OrganizationRecord


def load(database: Database, *, organization: str) -> OrganizationRecord | None:
    """The organization of that id."""
    with database.session() as session:
        row = session.get(Organization, organization)
        return _record(row) if row else None


def listed(database: Database) -> tuple[OrganizationRecord, ...]:
    """All organizations by id."""
    with database.session() as session:
        return tuple(_record(row) for row in session.scalars(select(Organization).order_by(Organization.id)))


def ensure(database: Database, *, organization: str, name: str) -> bool:
    """Make the organization if it is missing; whether it was. An existing one keeps its name."""
    statement = insert(Organization).values(id=organization, name=name).on_conflict_do_nothing()
    with database.session() as session:
        return session.scalar(statement.returning(Organization.id)) is not None


def _record(row: Organization) -> OrganizationRecord:
    return OrganizationRecord(id=row.id, name=row.name)
