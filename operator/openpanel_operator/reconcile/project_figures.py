"""Figures of an AnalyticsProject for its status. Pure."""

from datetime import datetime, timedelta
from typing import Any

from openpanel.tenancy.fields import span
from openpanel.tenancy.spec import Client
from openpanel_operator.desired import addresses
from openpanel_operator.desired.labels import Component
from openpanel_operator.reconcile import warehouse_user
from openpanel_operator.reconcile.client_objects import secret_name
from openpanel_operator.reconcile.client_secrets import Issue
from openpanel_operator.reconcile.cluster_figures import pods_of
from openpanel_operator.reconcile.conditions import moment, stamp
from openpanel_operator.reconcile.project_pass import ProjectPass
from openpanel_operator.reconcile.provisioning import own_streams
from openpanel_operator.reconcile.scaling_figures import worker_figures
from openpanel_operator.resources.reasons import ConditionType


def figures(current: ProjectPass) -> dict[str, Any]:
    """Everything that is told, as far as this pass came; what was not reached stays as it was."""
    found: dict[str, Any] = {"clientCount": len(current.resource.spec.clients)}
    if current.serving is None:
        return found
    cluster, owned = current.serving.cluster, current.owned
    found |= {
        "ingestUrl": addresses.ingest_url(cluster, project=current.resource),
        "apiUrl": addresses.api_url(cluster),
        "dashboardUrl": addresses.dashboard_url(cluster),
        "ingest": pods_of(owned.rollout(Component.INGEST.value)),
        "images": owned.images or None,
        "revisions": owned.revisions or None,
        "workers": _workers(current),
    }
    if _is_reached(current, ConditionType.CREDENTIALS_READY):
        found["clients"] = _clients(current)
        found["warehouseUser"] = warehouse_user.figures(current)
    if _is_reached(current, ConditionType.PROVISIONED):
        found["pool"] = current.pool
    return found


def _is_reached(current: ProjectPass, type_: ConditionType) -> bool:
    found = current.conditions.get(type_.value)
    return found is not None and found.status == "True"


def _workers(current: ProjectPass) -> dict[str, Any] | None:
    before = current.before.get("workers") or {}
    if not current.owned.of(Component.WORKER.value):
        # The streams of before stay named: what arrives late in one of them is looked for.
        return {"replicas": 0, "ready": 0, "shards": before["shards"]} if before.get("shards") else None
    return worker_figures(
        current.owned,
        current.resource.spec.workers,
        component=Component.WORKER.value,
        before=before,
        streams=current.streams if current.dedicated else own_streams(current),
        scaled=current.world.scaled.get(current.key),
    )


def _clients(current: ProjectPass) -> list[dict[str, Any]]:
    known = {each["name"]: each for each in current.before.get("clients") or ()}
    return [
        _client(current, client, known.get(client.name) or {}, current.issues[client.name])
        for client in current.resource.spec.clients
    ]


def _client(current: ProjectPass, client: Client, before: dict[str, Any], issue: Issue) -> dict[str, Any]:
    said = {
        "name": client.name,
        "type": client.type,
        "clientId": current.client_ids[client.name],
        "secretName": secret_name(current.key.name, client),
        "serial": issue.serial,
        "issuedAt": stamp(issue.issued_at),
    }
    until = _previous_until(client, before, issue)
    if until is not None:
        said["previousValidUntil"] = stamp(until)
    if client.rotation is not None:
        said["nextRotation"] = stamp(issue.issued_at + span(client.rotation.interval))
    return said


def _previous_until(client: Client, before: dict[str, Any], issue: Issue) -> datetime | None:
    """Until when the secret before works; said as long as this one is the newest, over or not."""
    if before.get("serial") == issue.serial:
        told = before.get("previousValidUntil")
        return moment(told) if told else None
    if issue.serial <= 1:
        return None
    return issue.issued_at + (span(client.rotation.overlap) if client.rotation else timedelta(hours=24))
