"""PostgreSQL: organizations, people, projects, credentials, salts. Frozen records out, never a live row.

Each repository is a module of questions that take a `Database`: `clients.load(database, client_id=…)`.
"""

from openpanel.metadata import (
    announcements,
    clients,
    dashboard_sessions,
    event_meta,
    organizations,
    projects,
    salts,
    sign_in_links,
    users,
)
from openpanel.metadata.database import Database
from openpanel.metadata.errors import Conflict, Invalid, MetadataError, NotFound, SchemaMissing, Unavailable
from openpanel.metadata.locks import lock
from openpanel.metadata.records import (
    RETENTION_KINDS,
    SHARED_POOL,
    ClientRecord,
    ClientType,
    Condition,
    DeletionPolicy,
    EventMeta,
    Filter,
    MembershipRecord,
    NewClient,
    OrganizationRecord,
    ProjectRecord,
    RetentionKind,
    SessionRecord,
    UserRecord,
    Webhook,
)
from openpanel.metadata.schema import is_current, migrate

__all__ = [
    "RETENTION_KINDS",
    "SHARED_POOL",
    "ClientRecord",
    "ClientType",
    "Condition",
    "Conflict",
    "Database",
    "DeletionPolicy",
    "EventMeta",
    "Filter",
    "Invalid",
    "MembershipRecord",
    "MetadataError",
    "NewClient",
    "NotFound",
    "OrganizationRecord",
    "ProjectRecord",
    "RetentionKind",
    "SchemaMissing",
    "SessionRecord",
    "Unavailable",
    "UserRecord",
    "Webhook",
    "announcements",
    "clients",
    "dashboard_sessions",
    "event_meta",
    "is_current",
    "lock",
    "migrate",
    "organizations",
    "projects",
    "salts",
    "sign_in_links",
    "users",
]
