"""Figures of a PanelCluster for its status. Pure."""

from typing import Any

from openpanel_operator.desired import ClickHouseFacts, addresses
from openpanel_operator.desired.labels import Component
from openpanel_operator.reconcile.cluster_facts import recorded_nodes, told_delay
from openpanel_operator.reconcile.cluster_pass import ClusterPass
from openpanel_operator.reconcile.readiness import Rollout
from openpanel_operator.reconcile.scaling_figures import worker_figures
from openpanel_operator.reconcile.workloads import Owned


def figures(current: ClusterPass) -> dict[str, Any]:
    """Everything that is counted, as far as this pass came."""
    cluster, owned, before = current.resource, current.owned, current.before
    done = current.progress.done
    found: dict[str, Any] = {
        "ingestUrl": addresses.ingest_url(cluster),
        "apiUrl": addresses.api_url(cluster),
        "dashboardUrl": addresses.dashboard_url(cluster),
        "engine": before.get("engine") or cluster.spec.clickhouse.engine,
        "projects": sum(1 for _ in current.world.claims.projects_of(current.key)),
        "images": owned.images,
        "revisions": owned.revisions,
        "services": _services(owned),
        "workers": _workers(current, owned),
        "clickhouse": _clickhouse(current, owned),
        "keeper": _keeper(current, owned),
    }
    if current.version:
        found["stage"] = current.progress.label
        found["version"] = current.version if done else before.get("version")
        found["upgradingTo"] = None if done else current.version
    return found


def pods_of(rollout: Rollout | None) -> dict[str, int] | None:
    """Pods of one service."""
    return None if rollout is None else {"ready": rollout.ready, "desired": rollout.desired}


def _services(owned: Owned) -> dict[str, Any]:
    return {
        component.value: pods_of(owned.rollout(component.value))
        for component in (Component.INGEST, Component.API, Component.DASHBOARD)
    }


def _workers(current: ClusterPass, owned: Owned) -> dict[str, Any]:
    before = current.before.get("workers") or {}
    streams = max(int(before.get("shards") or 0), current.resource.spec.workers.streams)
    return worker_figures(
        owned,
        current.resource.spec.workers,
        component=Component.WORKER.value,
        before=before,
        streams=streams,
        scaled=current.world.scaled.get(current.key),
    )


def _clickhouse(current: ClusterPass, owned: Owned) -> dict[str, Any] | None:
    if current.resource.spec.clickhouse.engine != "Managed":
        return None
    facts = current.facts.clickhouse if current.facts else ClickHouseFacts()
    # What is recorded stays until it is found releasable: by this a server whose set is gone is known.
    nodes = frozenset(owned.nodes) | (recorded_nodes(current.resource) - facts.releasable)
    if not nodes:
        return None
    ready = {node for node, workload in owned.nodes.items() if workload.rollout.ready}
    return {
        "shards": len({node.shard for node in nodes}),
        "readyShards": len({node.shard for node in ready}),
        "nodes": [
            {
                "name": addresses.clickhouse_node(current.resource, shard=node.shard, replica=node.replica),
                "shard": node.shard,
                "replica": node.replica,
                "ready": node in ready,
                "furnished": node in facts.furnished,
                **({"delaySeconds": told_delay(facts.delays[node])} if node in facts.delays else {}),
            }
            for node in sorted(nodes)
        ],
    }


def _keeper(current: ClusterPass, owned: Owned) -> dict[str, Any] | None:
    members = owned.of(Component.KEEPER.value)
    if not members:
        return None
    told = list(current.facts.keeper.members) if current.facts else []
    return {
        "members": told or list((current.before.get("keeper") or {}).get("members") or ()),
        "ready": sum(1 for member in members if member.rollout.ready),
    }
