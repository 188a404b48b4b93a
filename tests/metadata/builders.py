"""Valid rows with defaults, under names that no other test uses."""

import itertools
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from openpanel.metadata import (
    Database,
    NewClient,
    ProjectRecord,
    UserRecord,
    clients,
    organizations,
    projects,
    users,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
_numbers = itertools.count(1)


def an_organization(database: Database) -> str:
    name = f"org-{next(_numbers)}"
    organizations.ensure(database, organization=name, name=name.title())
    return name


def a_project(database: Database, **fields: Any) -> ProjectRecord:
    organization = fields.pop("organization", None) or an_organization(database)
    name = f"project-{next(_numbers)}"
    wanted = ProjectRecord(id=name, name=name.title(), organization=organization, **fields)
    projects.put(database, wanted=wanted)
    return wanted


def a_client(database: Database, *, project: ProjectRecord, **fields: Any) -> NewClient:
    defaults: dict[str, Any] = {"name": f"client-{next(_numbers)}", "type": "write", "secret_hash": "hash-1"}
    new = NewClient(
        id=str(uuid4()), project=project.id, organization=project.organization, **{**defaults, **fields}
    )
    clients.create(database, client=new, at=NOON)
    return new


def a_user(database: Database, **fields: Any) -> UserRecord:
    wanted = UserRecord(str(uuid4()), f"person-{next(_numbers)}@example.com", **fields)
    return users.ensure(database, wanted=wanted)
