"""Questions about projects: one, many, whose, and bringing one to what is wanted."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, cast
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Table, func, literal, or_, select, update
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Session, selectinload

from openpanel.metadata import announcements, person_erasures
from openpanel.metadata.database import Database
from openpanel.metadata.models import Client, ErasedProject, Membership, Project, ProjectFilter, User
from openpanel.metadata.records import (
    Condition,
    DeletionPolicy,
    Filter,
    FilterType,
    ProjectRecord,
    RetentionKind,
    Standing,
    Webhook,
)

FILTERS: Final = selectinload(Project.filters)
_PROJECTS: Final = cast("Table", Project.__table__)


def load(database: Database, *, project: str) -> ProjectRecord | None:
    """The project of that id, also one that is marked as deleted."""
    with database.session() as session:
        row = session.get(Project, project, options=[FILTERS])
        return record(row) if row else None


def standing(database: Database, *, project: str) -> Standing:
    """What is known of the project of that id, and of one that had it before."""
    asked = select(literal(project).label("id")).subquery()
    query = (
        select(Project, ErasedProject.erased_at)
        .select_from(asked)
        .outerjoin(Project, Project.id == asked.c.id)
        .outerjoin(ErasedProject, ErasedProject.project_id == asked.c.id)
        .options(FILTERS)
    )
    with database.session() as session:
        row, erased_at = cast("tuple[Project | None, datetime | None]", session.execute(query).one())
        forgotten = person_erasures.forgotten_within(session, projects=[project]).get(project, ())
        return Standing(record(row) if row is not None else None, erased_at, forgotten)


def listed(database: Database, *, organization: str | None = None) -> tuple[ProjectRecord, ...]:
    """All projects that are not deleted, or those of one organization, by id."""
    query = select(Project).options(FILTERS).where(Project.deleted_at.is_(None)).order_by(Project.id)
    if organization is not None:
        query = query.where(Project.organization_id == organization)
    with database.session() as session:
        return tuple(record(row) for row in session.scalars(query))


def visible_to(database: Database, *, user: str) -> tuple[ProjectRecord, ...]:
    """The projects of the organizations that the person is a member of, by id; an owner sees all."""
    person = UUID(user)
    organizations = select(Membership.organization_id).where(Membership.user_id == person)
    owner = select(User.id).where(User.id == person, User.owner).exists()
    query = (
        select(Project)
        .options(FILTERS)
        .where(Project.deleted_at.is_(None), or_(owner, Project.organization_id.in_(organizations)))
        .order_by(Project.id)
    )
    with database.session() as session:
        return tuple(record(row) for row in session.scalars(query))


def put(database: Database, *, wanted: ProjectRecord) -> tuple[str, ...]:
    """Make the project what a manifest says, its filters aside; the names of the fields that changed."""
    with database.session() as session:
        row = session.get(Project, wanted.id, with_for_update=True)
        if row is None:
            session.add(Project(id=wanted.id, deleted_at=None, managed=True, **columns(wanted)))
            announcements.project(session, wanted.id)
            return ("id",)
        changed = assign(row, {**columns(wanted), "managed": True, "delete_after": None})
        if row.deleted_at is not None and not wanted.deleted:
            row.deleted_at = None
            changed = (*changed, "deleted")
        if changed:
            announcements.project(session, wanted.id)
        return changed


def put_filters(database: Database, *, project: str, filters: tuple[Filter, ...]) -> bool:
    """Make these the project's filters; whether they were others."""
    with database.session() as session:
        row = session.get(Project, project, options=[FILTERS], with_for_update=True)
        if row is None or tuple(_filter(entry) for entry in row.filters) == filters:
            return False
        replace_filters(session, row, filters)
        announcements.project(session, project)
        return True


def mark_deleted(database: Database, *, project: str, at: datetime, policy: DeletionPolicy) -> bool:
    """Hide the project and stop its clients; whether it was there. `policy` says what becomes of its data.

    With "Delete" nothing of the project is written any more from now on.
    """
    with database.session() as session:
        row = session.get(Project, project, with_for_update=True)
        if row is None:
            return False
        was_there = row.deleted_at is None
        if was_there or row.deletion_policy != policy:
            row.deleted_at, row.deletion_policy = row.deleted_at or at, policy
            announcements.project(session, project)
        return was_there


def removed_at(database: Database, *, project: str) -> datetime | None:
    """When the project was marked as deleted; None: it was not, or is not there."""
    with database.session() as session:
        return session.scalar(select(Project.deleted_at).where(Project.id == project))


def owner_of(database: Database, *, project: str) -> str | None:
    """The namespace of the resource that describes the project, or did so last; "": it was made through the API.

    None: not known, or there is no such project.
    """
    with database.session() as session:
        row = session.scalar(_whole(_PROJECTS.c.id == project)) or {}
    return row.get("owner") or (None if row.get("managed", True) else "")


def owners_in(database: Database, *, organization: str) -> frozenset[str]:
    """The namespaces that have projects in the organization, also deleted ones; "": there is one made through the API.

    Projects of manifests of which nobody noted whose they are do not count.
    """
    with database.session() as session:
        rows = list(session.scalars(_whole(_PROJECTS.c.organization_id == organization)))
    return frozenset(one.get("owner") or "" for one in rows if one.get("owner") or not one["managed"])


def own(database: Database, *, project: str, owner: str) -> bool:
    """Make it the project of this namespace; whether it was another's or nobody's.

    Tables that cannot say yet whose a project is are left as they are.
    """
    with database.session() as session:
        row = session.scalar(_whole(_PROJECTS.c.id == project).with_for_update())
        if row is None or row.get("owner", owner) == owner:
            return False
        session.execute(update(_PROJECTS).where(_PROJECTS.c.id == project).values(owner=owner))
        return True


def identity(database: Database, *, project: str) -> str:
    """What no other project has, of this name neither, here nor elsewhere; "": there is no such project."""
    query = select(Project.created_at, Project.deleted_at).where(Project.id == project)
    with database.session() as session:
        row = session.execute(query).one_or_none()
        return " ".join(str(moment and moment.timestamp()) for moment in row) if row else ""


def erase(database: Database, *, project: str) -> bool:
    """Forget the project with its filters, clients and secrets, but not that it was erased; whether it was there."""
    with database.session() as session:
        row = session.get(Project, project, with_for_update=True)
        if row is None:
            return False
        _announce_clients(session, project)
        announcements.project(session, project)
        _note_erased(session, row)
        session.delete(row)
        return True


def record(row: Project) -> ProjectRecord:
    """The frozen form of a row whose filters are loaded."""
    return ProjectRecord(
        id=row.id,
        name=row.name,
        organization=row.organization_id,
        timezone=row.timezone,
        cors=tuple(row.cors),
        filters=tuple(_filter(entry) for entry in row.filters),
        allow_unsafe_revenue=row.allow_unsafe_revenue,
        truncate_ip=row.truncate_ip,
        honour_dnt=row.honour_dnt,
        honour_gpc=row.honour_gpc,
        cookieless=row.cookieless,
        rate_limit=row.rate_limit,
        rate_burst=row.rate_burst,
        pool=row.pool,
        pool_shards=row.pool_shards,
        retention_days=cast("dict[RetentionKind, int | None]", dict(row.retention)),
        trusted_senders=tuple(row.trusted_senders),
        quota_events=row.quota_events,
        webhooks=tuple(_webhook(entry) for entry in row.webhooks),
        deletion_policy=cast("DeletionPolicy", row.deletion_policy),
        deleted=row.deleted_at is not None,
        timezone_since=row.timezone_since,
    )


def columns(wanted: ProjectRecord) -> dict[str, Any]:
    """What a manifest says of a project, by the columns that keep it."""
    return {
        "name": wanted.name,
        "organization_id": wanted.organization,
        "timezone": wanted.timezone,
        "cors": list(wanted.cors),
        "allow_unsafe_revenue": wanted.allow_unsafe_revenue,
        "truncate_ip": wanted.truncate_ip,
        "honour_dnt": wanted.honour_dnt,
        "honour_gpc": wanted.honour_gpc,
        "cookieless": wanted.cookieless,
        "rate_limit": wanted.rate_limit,
        "rate_burst": wanted.rate_burst,
        "pool": wanted.pool,
        "pool_shards": wanted.pool_shards,
        "retention": dict(wanted.retention_days),
        "trusted_senders": list(wanted.trusted_senders),
        "quota_events": wanted.quota_events,
        "deletion_policy": wanted.deletion_policy,
        "webhooks": [
            {"url": webhook.url, "events": list(webhook.events), "secret_name": webhook.secret_name}
            for webhook in wanted.webhooks
        ],
    }


def assign(row: Project, values: Mapping[str, Any]) -> tuple[str, ...]:
    """Set the columns that are something else; their names. Of another time zone is kept since when it holds."""
    changed = tuple(name for name, value in values.items() if getattr(row, name) != value)
    for name in changed:
        setattr(row, name, values[name])
    if "timezone" in changed:
        row.timezone_since = cast("datetime", func.now())  # by the clock that also says when the row was made
    return changed


def replace_filters(session: Session, row: Project, filters: tuple[Filter, ...]) -> None:
    """Give the project other filters, in the transaction of the caller."""
    row.filters.clear()
    session.flush()  # the primary keys of the old filters are given to the new ones
    row.filters.extend(_filter_row(entry, position=place) for place, entry in enumerate(filters))


def _whole(which: ColumnElement[bool]) -> Select[tuple[dict[str, Any]]]:
    """Rows as JSON, which names no column, so that they may be asked for one that is not there yet."""
    row = func.to_jsonb(_PROJECTS.table_valued(), type_=JSONB)
    return select(row).select_from(_PROJECTS).where(which)


def _note_erased(session: Session, row: Project) -> None:
    """Keep the word that it was erased. Tables that have no place for it yet are left as they are."""
    if not session.scalar(select(func.to_regclass(ErasedProject.__tablename__).is_not(None))):
        return
    said = {"organization_id": row.organization_id, "erased_at": func.clock_timestamp()}
    word = insert(ErasedProject).values(project_id=row.id, **said)
    session.execute(word.on_conflict_do_update(index_elements=[ErasedProject.project_id], set_=said))


def _announce_clients(session: Session, project: str) -> None:
    for client_id in session.scalars(select(Client.id).where(Client.project_id == project)):
        announcements.client(session, str(client_id))


def _filter(row: ProjectFilter) -> Filter:
    conditions = tuple(Condition(c["name"], c["operator"], tuple(c["values"])) for c in row.conditions)
    return Filter(cast("FilterType", row.type), row.value, conditions)


def _filter_row(entry: Filter, *, position: int) -> ProjectFilter:
    conditions = [
        {"name": c.name, "operator": c.operator, "values": list(c.values)} for c in entry.conditions
    ]
    return ProjectFilter(position=position, type=entry.type, value=entry.value, conditions=conditions)


def _webhook(entry: dict[str, Any]) -> Webhook:
    return Webhook(entry["url"], tuple(entry["events"]), entry["secret_name"])
