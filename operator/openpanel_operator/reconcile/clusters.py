"""The PanelCluster of a project: which it is, whether it serves, where its stores are.

Addresses and Secrets are remembered for a short while: a thousand projects share them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from openpanel_operator.desired import Stage
from openpanel_operator.kube import Key
from openpanel_operator.reconcile import conditions, credentials, maintenance, staging
from openpanel_operator.reconcile.claims import ref_of_key
from openpanel_operator.reconcile.cluster_facts import read_secrets_of
from openpanel_operator.reconcile.credentials import SecretFault, Secrets
from openpanel_operator.reconcile.workloads import owned_of
from openpanel_operator.reconcile.world import World
from openpanel_operator.resources.cluster import Cluster, parse_cluster
from openpanel_operator.resources.reasons import ConditionType, Reason
from openpanel_operator.resources.resource import InvalidSpec
from openpanel_operator.stores import Addresses

FRESH_FOR: Final = timedelta(seconds=30)

# Without these nothing of a project can be made; the others only keep it from being used.
NEEDED: Final = (
    ConditionType.REDIS_READY,
    ConditionType.POSTGRES_READY,
    ConditionType.CLICKHOUSE_READY,
    ConditionType.SCHEMA_IN_SYNC,
)


def outlook(status: Mapping[str, Any]) -> object:
    """What projects see of their cluster: when it is another, they have to look."""
    told = status.get("conditions") or ()
    urls = [status.get(name) for name in ("ingestUrl", "apiUrl", "dashboardUrl")]
    rollout = [status.get(name) for name in ("stage", "version", "upgradingTo", "observedGeneration")]
    shards = (status.get("workers") or {}).get("shards")
    return [(each["type"], each["status"]) for each in told], urls, rollout, shards


class NoCluster(Exception):
    """There is no cluster that the project could be on."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Serving:
    """The cluster of a project, with what is needed of it."""

    key: Key
    cluster: Cluster
    secrets: Secrets = field(repr=False)
    at: Addresses = field(repr=False)

    @property
    def missing(self) -> str | None:
        """Which of its parts is not ready, of those that a project needs; None: it can be used."""
        known = self.cluster.status.get("conditions") or ()
        for type_ in NEEDED:
            if not conditions.is_true(known, type_.value):
                found = conditions.found(known, type_.value) or {}
                return f"{type_.value}: {found.get('message') or found.get('reason') or 'not seen yet'}"
        return None

    @property
    def stage(self) -> Stage:
        """How far its roll-out is."""
        told = str(self.cluster.status.get("stage") or "").upper()
        return Stage[told] if told in Stage.__members__ else Stage.DASHBOARD

    def version(self, own: str) -> str:
        """The version that its services shall run."""
        return staging.version_of(self.cluster.spec, own=own, recorded=self.cluster.status.get("version"))


def found(project: Key, *, world: World) -> tuple[Key, Cluster]:
    """The cluster of the project; raises `NoCluster`."""
    key = world.claims.cluster_of(project)
    if isinstance(key, list):
        if key:
            names = ", ".join(f"{each.namespace}/{each.name}" for each in key)
            raise NoCluster(Reason.CLUSTER_AMBIGUOUS, f"clusterRef names none of {names}")
        raise NoCluster(Reason.CLUSTER_NOT_FOUND, "there is no PanelCluster")
    return key, parsed(key, world=world)


def must_stay(project: Key, *, world: World) -> None:
    """Raise `NoCluster` if the project is to be on another cluster than the one that has its data."""
    other = world.claims.other_named(project)
    if other is None:
        return
    here, _ = found(project, world=world)
    message = (
        f"the project's data are on PanelCluster {here.namespace}/{here.name}, and clusterRef names"
        f" {other.namespace}/{other.name}; delete the project and make it anew with that clusterRef"
        " (docs/operations.md, another PanelCluster)"
    )
    raise NoCluster(Reason.CHANGE_REFUSED, message)


async def serving(project: Key, *, world: World) -> Serving:
    """The cluster of the project with the addresses of its stores; raises `NoCluster`."""
    key, cluster = found(project, world=world)
    return await _serving(key, cluster, world)


async def stores_of(key: Key, *, world: World) -> Serving:
    """A cluster with the addresses of its own stores; raises `NoCluster`."""
    return await _serving(key, parsed(key, world=world), world)


def parsed(key: Key, *, world: World) -> Cluster:
    """The cluster of that key; raises `NoCluster`."""
    body = world.index.get(ref_of_key(key))
    if body is None:
        raise NoCluster(Reason.CLUSTER_NOT_FOUND, f"there is no PanelCluster {key.namespace}/{key.name}")
    try:
        return parse_cluster(body)
    except InvalidSpec as error:
        message = f"PanelCluster {key.namespace}/{key.name}: {error}"
        raise NoCluster(Reason.CLUSTER_NOT_READY, message) from error


async def _serving(key: Key, cluster: Cluster, world: World) -> Serving:
    cluster = maintenance.seen_by_projects(cluster)
    known, now = world.known.clusters.get(key), world.clock()
    if known is not None and now - known[0] < FRESH_FOR:
        return Serving(key, cluster, known[1], known[2])
    secrets = await read_secrets_of(cluster, world=world)
    nodes = frozenset(owned_of(world.index.owned(key)).nodes)
    try:
        at = credentials.addresses_of(cluster, secrets=secrets, nodes=nodes)
    except SecretFault as error:
        message = f"PanelCluster {key.namespace}/{key.name}: {error}"
        raise NoCluster(Reason.CLUSTER_NOT_READY, message) from error
    world.known.clusters[key] = (now, secrets, at)
    return Serving(key, cluster, secrets, at)
