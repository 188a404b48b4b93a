"""The tables of the metadata: columns and constraints only.

Read and written by the repositories of this room; nobody else sees a row of these. A change here needs a
migration, which a test compares with these models.
"""

from datetime import date, datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    MetaData,
    Text,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import DOUBLE_PRECISION, JSONB
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Unmapped,
    mapped_column,
    relationship,
    unmapped_column,
)

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Row(DeclarativeBase):
    """How Python's types become columns."""

    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map: ClassVar = {
        str: Text(),
        bytes: LargeBinary(),
        float: DOUBLE_PRECISION(),
        datetime: DateTime(timezone=True),
        UUID: Uuid(),
        list[str]: ARRAY(Text()),
        dict[str, Any]: JSONB(),
        list[dict[str, Any]]: JSONB(),
    }


class Organization(Row):
    __tablename__ = "organizations"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class User(Row):
    __tablename__ = "users"
    __table_args__ = (CheckConstraint("email = lower(email)", name="email_lower"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(unique=True)
    first_name: Mapped[str]
    last_name: Mapped[str]
    password_hash: Mapped[str | None]
    owner: Mapped[bool]  # set up this installation, and sees all of it
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Membership(Row):
    __tablename__ = "memberships"
    __table_args__ = (CheckConstraint("role IN ('admin', 'member')", name="role"),)

    organization_id: Mapped[str] = mapped_column(
        ForeignKey("organizations.id", ondelete="CASCADE"), primary_key=True
    )
    user_id: Mapped[UUID] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    role: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Project(Row):
    __tablename__ = "projects"
    __table_args__ = (
        CheckConstraint("rate_limit > 0 AND rate_burst > 0", name="rate_positive"),
        CheckConstraint("quota_events > 0", name="quota_positive"),
        CheckConstraint("pool_shards > 0", name="pool_shards_positive"),
        CheckConstraint("deletion_policy IN ('Retain', 'Delete', 'Snapshot')", name="deletion_policy"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    organization_id: Mapped[str] = mapped_column(ForeignKey("organizations.id"), index=True)
    name: Mapped[str]
    timezone: Mapped[str]
    cors: Mapped[list[str]]
    allow_unsafe_revenue: Mapped[bool]
    truncate_ip: Mapped[bool]
    honour_dnt: Mapped[bool]
    honour_gpc: Mapped[bool]
    cookieless: Mapped[bool]
    rate_limit: Mapped[float]
    rate_burst: Mapped[int]
    pool: Mapped[str]
    pool_shards: Mapped[int] = mapped_column(server_default=text("1"))
    retention: Mapped[dict[str, Any]]
    trusted_senders: Mapped[list[str]]
    quota_events: Mapped[int | None] = mapped_column(BigInteger)
    webhooks: Mapped[list[dict[str, Any]]]
    deletion_policy: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    deleted_at: Mapped[datetime | None]
    managed: Mapped[bool] = mapped_column(server_default=text("true"))  # described by a manifest
    domain: Mapped[str] = mapped_column(server_default=text("''"))
    cross_domain: Mapped[bool] = mapped_column(server_default=text("false"))
    types: Mapped[list[str]] = mapped_column(server_default=text("'{}'"))  # website, app, backend
    delete_after: Mapped[datetime | None]  # a removal that can still be taken back
    timezone_since: Mapped[datetime | None]  # None: it was never another
    # Namespace of the resource that describes it; None: not known. Not a part of the object, so that whoever loads or
    # makes projects gets along without it: the operator does so before the migration that brings it.
    owner: Unmapped[str | None] = unmapped_column()

    filters: Mapped[list["ProjectFilter"]] = relationship(
        order_by="ProjectFilter.position", cascade="all, delete-orphan", lazy="raise", passive_deletes=True
    )


class ErasedProject(Row):
    """The word that a project was erased. It stays when one of that id is made again, and is not that one's."""

    __tablename__ = "erased_projects"

    project_id: Mapped[str] = mapped_column(primary_key=True)
    organization_id: Mapped[str]  # whose it was
    erased_at: Mapped[datetime]  # the last time; what was accepted until then was the erased one's


class ProjectFilter(Row):
    __tablename__ = "project_filters"
    __table_args__ = (CheckConstraint("type IN ('ip', 'profile_id', 'event')", name="type"),)

    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    type: Mapped[str]
    value: Mapped[str]
    conditions: Mapped[list[dict[str, Any]]]


class PersonErasure(Row):
    """That everything about one person is to go, and the receipt once it has."""

    __tablename__ = "person_erasures"
    __table_args__ = (
        CheckConstraint("state IN ('asked', 'running', 'done', 'failed')", name="state"),
        Index("ix_person_erasures_project_id_asked_at", "project_id", "asked_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))
    profile_id: Mapped[str | None]  # as asked; like `names` not kept once it is done
    device_id: Mapped[str | None]
    person: Mapped[str]  # the number asked for; as all numbers here 16 hexadecimal digits
    persons: Mapped[list[str]]  # all numbers that stand for the person
    names: Mapped[list[str]]  # all its profile ids
    until_ms: Mapped[int] = mapped_column(BigInteger)  # what was received up to then is the erased person's
    asked_at: Mapped[datetime]
    asked_by: Mapped[str]
    state: Mapped[str]
    looks: Mapped[int]  # how often it was to be looked; one more when something may have come in since
    reason: Mapped[str] = mapped_column(server_default=text("''"))  # why it failed
    finished_at: Mapped[datetime | None]
    receipt: Mapped[dict[str, Any]]


class EventMeta(Row):
    __tablename__ = "event_meta"

    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    conversion: Mapped[bool]
    icon: Mapped[str]
    colour: Mapped[str]
    managed: Mapped[bool]  # made by a manifest, which may take it away again


class Client(Row):
    __tablename__ = "clients"
    __table_args__ = (
        CheckConstraint("type IN ('write', 'read', 'root')", name="type"),
        CheckConstraint("type = 'write' OR NOT ignore_cors_and_secret", name="open_only_to_write"),
        # A name is free again once its client is revoked: the next one of that name gets new credentials.
        Index(
            "uq_clients_project_id_name", "project_id", "name",
            unique=True, postgresql_where=text("revoked_at IS NULL"),
        ),
    )  # fmt: skip

    id: Mapped[UUID] = mapped_column(primary_key=True)
    organization_id: Mapped[str] = mapped_column(ForeignKey("organizations.id"), index=True)
    project_id: Mapped[str | None] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"), index=True)
    name: Mapped[str]
    type: Mapped[str]
    ignore_cors_and_secret: Mapped[bool]
    managed: Mapped[bool]  # made by a manifest, which may take it away again
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    revoked_at: Mapped[datetime | None]

    project: Mapped[Project | None] = relationship(lazy="raise")
    secrets: Mapped[list["ClientSecret"]] = relationship(
        order_by="ClientSecret.id.desc()", cascade="all, delete-orphan", lazy="raise", passive_deletes=True
    )


class ClientSecret(Row):
    __tablename__ = "client_secrets"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    client_id: Mapped[UUID] = mapped_column(ForeignKey("clients.id", ondelete="CASCADE"), index=True)
    hash: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]  # None: until it is rotated


class Salt(Row):
    __tablename__ = "salts"
    __table_args__ = (CheckConstraint("octet_length(value) = 32", name="length"),)

    day: Mapped[date] = mapped_column(primary_key=True)
    value: Mapped[bytes]


class SignInLink(Row):
    __tablename__ = "sign_in_links"

    token_hash: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]  # None: until it is used
    used_at: Mapped[datetime | None]


class DashboardSession(Row):
    __tablename__ = "dashboard_sessions"

    token_hash: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)


class Announcement(Row):
    """A change whose news has not gone out yet; written in the transaction of the change itself."""

    __tablename__ = "announcements"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    topic: Mapped[str]


class Dashboard(Row):
    __tablename__ = "dashboards"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"), index=True)
    name: Mapped[str]
    version: Mapped[int]  # one more with each change
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class Report(Row):
    __tablename__ = "reports"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    dashboard_id: Mapped[UUID] = mapped_column(ForeignKey("dashboards.id", ondelete="CASCADE"), index=True)
    name: Mapped[str]
    question: Mapped[dict[str, Any]]
    place: Mapped[dict[str, Any] | None]  # on the dashboard's grid; None: below all others
    version: Mapped[int]  # one more with each change, places aside
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    dashboard: Mapped[Dashboard] = relationship(lazy="raise")


class Cohort(Row):
    __tablename__ = "cohorts"
    __table_args__ = (
        CheckConstraint("kind IN ('dynamic', 'static')", name="kind"),
        CheckConstraint("(kind = 'static') = (generation IS NOT NULL)", name="static_is_kept"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"), index=True)
    name: Mapped[str]
    description: Mapped[str]
    kind: Mapped[str]
    definition: Mapped[dict[str, Any]]
    generation: Mapped[int | None] = mapped_column(BigInteger)  # which of the kept members are meant
    members: Mapped[int | None] = mapped_column(BigInteger)  # when they were counted last
    counted_at: Mapped[datetime | None]
    version: Mapped[int]  # one more with each change, countings aside
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class Reference(Row):
    """Something that happened beside the data and is shown on charts."""

    __tablename__ = "chart_references"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"), index=True)
    title: Mapped[str]
    description: Mapped[str]
    happened_at: Mapped[datetime]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
