"""The project's own ClickHouse user: its secret, the Secret that holds it, and what is told of it.

For people and programs that ask ClickHouse themselves; the services have a user of their own. The embedded engine
keeps no users, and a server of somebody else may refuse to: the project serves all the same.
"""

import base64
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

from openpanel.tenancy.warehouse_user import user_name
from openpanel_operator.desired import addresses
from openpanel_operator.desired.credentials import SECRET_KEY
from openpanel_operator.desired.labels import Component, project_labels
from openpanel_operator.desired.ownership import project_owners
from openpanel_operator.kube import Object
from openpanel_operator.kube.kinds import SECRET
from openpanel_operator.reconcile import client_objects, client_secrets, conditions
from openpanel_operator.reconcile.annotations import ROTATE
from openpanel_operator.reconcile.conditions import stamp
from openpanel_operator.reconcile.passing import Pass
from openpanel_operator.reconcile.project_pass import ProjectPass
from openpanel_operator.resources.reasons import ConditionType, Reason

SUBJECT: Final = "@clickhouse"  # where clients have their name; theirs have no such character
CONDITION: Final = ConditionType.WAREHOUSE_USER_READY


def secret_name(project: str) -> str:
    """Name of the Secret; those of clients have no dot unless somebody gave them one."""
    return f"{project}.clickhouse"


async def plan(current: ProjectPass) -> None:
    """Decide which secret the user has now."""
    if not current.at.at.keeps_users:
        current.well(CONDITION, Reason.NO_SQL_USERS)
        return
    name = secret_name(current.key.name)
    if name in {client_objects.secret_name(current.key.name, each) for each in current.resource.spec.clients}:
        current.report(CONDITION, "False", Reason.SECRET_CONFLICT, f"a client has Secret {name}")
        return
    secret = await client_objects.look(
        current.world, namespace=current.key.namespace, name=name, owner=current.key
    )
    current.user_issue = client_secrets.issue(
        None,
        current=client_secrets.recorded(secret),
        exists=secret is not None,
        reported=int((current.before.get("warehouseUser") or {}).get("serial") or 0),
        asked=current.resource.annotations.get(ROTATE, ""),
        now=current.world.clock(),
    )


def secret_of(current: ProjectPass) -> str | None:
    """The user's secret; None: there is no user."""
    if current.user_issue is None:
        return None
    key = current.at.secrets.value(addresses.keys_secret(current.at.cluster), SECRET_KEY, store="ClickHouse")
    return client_secrets.derive(
        key, project_uid=current.resource.uid, client=SUBJECT, serial=current.user_issue.serial
    )


def report(current: ProjectPass, *, refused: str) -> None:
    """Say whether the server made the user."""
    if refused:
        current.report(CONDITION, "False", Reason.USER_REFUSED, refused)
    elif current.user_issue is not None:
        current.well(CONDITION)


def is_reported(current: ProjectPass) -> bool:
    """Whether the status says what became of the user, and of the secret that it has now."""
    told = conditions.found(current.before.get("conditions") or (), CONDITION.value)
    issue = current.user_issue
    if told is None or issue is None or was_refused(current):
        return told is not None
    known = current.before.get("warehouseUser") or {}
    return known.get("serial") == issue.serial and not issue.why


def was_refused(current: Pass[Any]) -> bool:
    """Whether the server would not make the user when it was last asked."""
    told = conditions.found(current.before.get("conditions") or (), CONDITION.value) or {}
    return told.get("reason") == Reason.USER_REFUSED.value


def secrets(current: ProjectPass) -> list[Object]:
    """The Secret with the user's address, name and password; none where there is no user."""
    value, issue = secret_of(current), current.user_issue
    if value is None or issue is None or not _is_made(current):
        return []
    project = current.resource
    data = {
        "url": _without_login(current.at.at.clickhouse),
        "database": current.at.at.database,
        "user": user_name(project.name),
        "password": value,
    }
    labels = project_labels(
        project.name,
        namespace=project.namespace,
        cluster=current.at.cluster.name,
        component=Component.CLIENT,
    )
    body = {
        "apiVersion": SECRET.api_version,
        "kind": SECRET.name,
        "metadata": {
            "name": secret_name(project.name),
            "namespace": project.namespace,
            "labels": labels,
            "annotations": issue.notes(),
            "ownerReferences": list(project_owners(project, namespace=project.namespace)),
        },
        "type": "Opaque",
        "data": {name: base64.b64encode(text.encode()).decode() for name, text in data.items()},
    }
    return [body]


def figures(current: ProjectPass) -> dict[str, Any] | None:
    """What the status says of the user."""
    issue = current.user_issue
    if issue is None or not _is_made(current):
        return None
    return {
        "name": user_name(current.key.name),
        "secretName": secret_name(current.key.name),
        "serial": issue.serial,
        "issuedAt": stamp(issue.issued_at),
    }


def _is_made(current: ProjectPass) -> bool:
    told = current.conditions.get(CONDITION.value)
    return told.status == "True" if told is not None else not was_refused(current)


def _without_login(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
