"""What is asked of the stores for a project, and whether it is known to be there: a thousand projects do not ask anew."""

import hashlib
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from openpanel.tenancy.fields import span
from openpanel.tenancy.pools import own_name
from openpanel_operator.desired import addresses
from openpanel_operator.desired.credentials import SECRET_KEY
from openpanel_operator.desired.labels import Component
from openpanel_operator.kube import Ref
from openpanel_operator.kube.kinds import SECRET
from openpanel_operator.reconcile import (
    client_objects,
    client_secrets,
    conditions,
    credentials,
    owners,
    retention,
    warehouse_user,
)
from openpanel_operator.reconcile.annotations import RECONCILE_AT, as_followed
from openpanel_operator.reconcile.credentials import SecretFault
from openpanel_operator.reconcile.project_pass import ProjectPass
from openpanel_operator.reconcile.world import VERIFY_S, Ensured
from openpanel_operator.resources.reasons import ConditionType, Reason
from openpanel_operator.stores import Credential, Wanted

USUAL_OVERLAP: Final = timedelta(hours=24)  # of the secret before, for clients without a rotation
PROJECTS_FRESH_FOR: Final = timedelta(seconds=30)
KEY_AGAIN_S: Final = 5.0  # seconds until it is looked again for the cluster's key
REFUSED_S: Final = 300.0  # seconds after which a server is asked again for the user that it would not make


def streams(current: ProjectPass) -> int:
    """Streams that take the project's events; never fewer than there were."""
    if current.dedicated:
        return own_streams(current)
    shared = (current.at.cluster.status.get("workers") or {}).get("shards")
    return max(current.at.cluster.spec.workers.streams, int(shared or 0))


def own_streams(current: ProjectPass) -> int:
    """Streams that the project has for itself, or had: all of them while it has workers there or shares those of all.

    A project that gets streams of its own anew has as many as it asks for.
    """
    pool, workers = current.before.get("pool") or {}, current.before.get("workers") or {}
    had = pool.get("shards") if pool.get("name") == own_name(current.key.name) else None
    anew = current.dedicated and not current.owned.of(Component.WORKER.value)
    kept = None if anew else workers.get("shards")
    return max(int(current.resource.spec.workers.streams), int(had or 0), int(kept or 0))


def wanted(current: ProjectPass) -> Wanted:
    """What the stores shall have, with the clients' secrets in clear."""
    assert current.manifest is not None
    given = {
        client.name: Credential(
            secret=_secret_of(current, client.name),
            serial=current.issues[client.name].serial,
            overlap=span(client.rotation.overlap) if client.rotation else USUAL_OVERLAP,
        )
        for client in current.resource.spec.clients
    }
    return Wanted(
        manifest=current.manifest,
        pool=current.pool["name"],
        shards=current.streams,
        credentials=given,
        user_secret=warehouse_user.secret_of(current),
        namespace=current.key.namespace,
        consent=owners.consent(
            current.at.cluster.annotations, project=current.key.name, namespace=current.key.namespace
        ),
    )


def wish(current: ProjectPass) -> str:
    """A checksum of all that is asked of the stores."""
    assert current.manifest is not None
    serials = {name: issue.serial for name, issue in current.issues.items()}
    parts = (
        current.manifest.model_dump_json(by_alias=True),
        current.dedicated,
        current.streams,
        sorted(serials.items()),
        as_followed(current.resource.annotations, RECONCILE_AT),
        hash(current.at.at),
        current.user_issue.serial if current.user_issue else 0,
        _key(current),
    )
    return hashlib.sha256(repr(parts).encode()).hexdigest()


async def bring(current: ProjectPass) -> None:
    """Ask the stores for all of it, unless they are known to have it."""
    _need_key(current)
    world, checksum = current.world, wish(current)
    if await is_known(current, checksum=checksum):
        return
    done = await world.stores.ensure(wanted(current), current.at.at)
    trust_s = REFUSED_S if done.user_refused else VERIFY_S
    world.known.ensured[current.key] = Ensured(
        checksum, world.clock() + timedelta(seconds=trust_s * (0.5 + world.chance()))
    )
    warehouse_user.report(current, refused=done.user_refused)
    current.client_ids = dict(done.client_ids)
    current.notes += done.changes
    if done.changes:
        current.status["serial"] = int(current.before.get("serial") or 0) + 1


async def is_known(current: ProjectPass, *, checksum: str) -> bool:
    """Whether the stores are known to have all of this checksum: it was asked for here, or the status says so."""
    world, before = current.world, current.before
    reported = {each["name"]: each for each in before.get("clients") or ()}
    current.client_ids = {name: each["clientId"] for name, each in reported.items() if each.get("clientId")}
    names = {client.name for client in current.resource.spec.clients}
    if not names <= set(current.client_ids) or names != set(reported):
        return False
    if current.key.name not in await _projects(current):
        return False  # the stores were lost, or put back to an earlier day
    remembered = world.known.ensured.get(current.key)
    if remembered is not None:
        return remembered.wish == checksum and world.clock() < remembered.until
    if not _is_reported(current, reported):
        return False
    # After a restart the status is believed, and looked after within the hour.
    world.known.ensured[current.key] = Ensured(
        checksum, world.clock() + timedelta(seconds=VERIFY_S * world.chance())
    )
    return True


def _is_reported(current: ProjectPass, reported: Mapping[str, Mapping[str, Any]]) -> bool:
    before = current.before
    provisioned = conditions.found(before.get("conditions") or (), ConditionType.PROVISIONED.value) or {}
    assert current.manifest is not None
    return (
        provisioned.get("status") == "True"
        and provisioned.get("observedGeneration") == current.resource.generation
        and before.get("reconciledAt") == as_followed(current.resource.annotations, RECONCILE_AT)
        and before.get("pool") == current.pool
        and before.get("retention", {}) == retention.applied(current.manifest)
        and warehouse_user.is_reported(current)
        and all(
            reported[name].get("serial") == issue.serial and not issue.why
            for name, issue in current.issues.items()
        )
        and _is_handed_out(current)
    )


def _is_handed_out(current: ProjectPass) -> bool:
    """Whether every Secret holds what follows from the cluster's key: the stores know nothing of another key."""
    project = current.resource
    handed = [
        (client_objects.secret_name(project.name, client), "clientSecret", _secret_of(current, client.name))
        for client in project.spec.clients
    ]
    value = warehouse_user.secret_of(current)
    if value is not None and not warehouse_user.was_refused(current):
        handed.append((warehouse_user.secret_name(project.name), "password", value))
    for name, key, wanted_value in handed:
        there = current.world.index.get(Ref(SECRET, project.namespace, name))
        if credentials.decoded(there or {}).get(key) != wanted_value:
            return False
    return True


def _need_key(current: ProjectPass) -> None:
    """Halt while the key is not there from which every secret follows: its cluster is about to make it anew."""
    try:
        _key(current)
    except SecretFault as error:
        current.look_again(KEY_AGAIN_S)
        raise current.halt(ConditionType.CLUSTER_READY, Reason.CLUSTER_NOT_READY, str(error)) from error


def _key(current: ProjectPass) -> str:
    return current.at.secrets.value(addresses.keys_secret(current.at.cluster), SECRET_KEY, store="ClickHouse")


def _secret_of(current: ProjectPass, client: str) -> str:
    return client_secrets.derive(
        _key(current),
        project_uid=current.resource.uid,
        client=client,
        serial=current.issues[client].serial,
    )


async def _projects(current: ProjectPass) -> frozenset[str]:
    """The projects that the stores know, asked for once for all."""
    world, key = current.world, current.at.key
    known, now = world.known.projects.get(key), world.clock()
    mine = current.key.name
    if known is not None and now - known[0] < PROJECTS_FRESH_FOR:
        if mine in known[1]:
            return known[1]
        if current.key in world.known.ensured:  # made since
            return known[1] | {mine}
    there = await world.stores.projects(current.at.at)
    world.known.projects[key] = (now, there)
    return there
