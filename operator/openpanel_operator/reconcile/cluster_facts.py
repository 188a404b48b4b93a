"""What the builders of a PanelCluster's objects are told about stores and Secrets, read from where it is.

What cannot be read keeps its last known value, which the status has.
"""

from typing import Any
from urllib.parse import urlsplit

from openpanel_operator.desired import ClickHouseFacts, KeeperFacts, Node, RedisFacts, addresses
from openpanel_operator.desired.credentials import read_secrets
from openpanel_operator.desired.facts import CAUGHT_UP_S
from openpanel_operator.desired.labels import Component
from openpanel_operator.kube.kinds import CONFIG_MAP
from openpanel_operator.reconcile import credentials
from openpanel_operator.reconcile.credentials import Secrets
from openpanel_operator.reconcile.workloads import Owned
from openpanel_operator.reconcile.world import World
from openpanel_operator.resources.cluster import Cluster, PanelClusterSpec
from openpanel_operator.resources.reasons import Reason
from openpanel_operator.stores import Addresses, Stores


async def read_secrets_of(cluster: Cluster, *, world: World) -> Secrets:
    """Every Secret that the cluster's pods read, and the file of places; absent ones are left out."""
    found = {}
    for name in read_secrets(cluster):
        body = await credentials.look(world.kube, world.index, namespace=cluster.namespace, name=name)
        if body is not None:
            found[name] = credentials.decoded(body)
    geo = cluster.spec.geo
    if geo is not None and geo.config_map_name:
        body = await world.kube.get(CONFIG_MAP, geo.config_map_name, namespace=cluster.namespace)
        if body is not None:
            found[geo.config_map_name] = {"version": str(body["metadata"].get("resourceVersion", ""))}
    if geo is not None and geo.secret_name:
        body = await credentials.look(
            world.kube, world.index, namespace=cluster.namespace, name=geo.secret_name
        )
        if body is not None:
            found[geo.secret_name] = {"version": str(body["metadata"].get("resourceVersion", ""))}
    return Secrets(found)


async def clickhouse_facts(
    cluster: Cluster, owned: Owned, *, at: Addresses, stores: Stores
) -> ClickHouseFacts:
    """The managed servers: which there shall stay, which have the schema, which may go.

    One whose set is gone although nobody found it releasable is still among them, so that it is made again: else
    what it has would be missing from every answer.

    A server that is new, or has lost its tables, is asked by others only when it has its shard's data, too. Those that
    had the schema have it still while the tables of a newer version are waited for.
    """
    if cluster.spec.clickhouse.engine != "Managed":
        return ClickHouseFacts()
    nodes = frozenset(owned.nodes) | recorded_nodes(cluster)
    answering = any(workload.rollout.ready for workload in owned.nodes.values())
    known = recorded_nodes(cluster, furnished=True)
    told = await stores.furnished(at, like=known) if answering else {}
    delays = await stores.delays(at) if answering else {}
    furnished = frozenset(
        node
        for node in nodes
        if told.get(node, node in known)
        and (node in known or delays.get(node, CAUGHT_UP_S + 1) <= CAUGHT_UP_S)
    )
    surplus = sorted(node for node in nodes if not _is_wanted(cluster.spec, node))
    releasable = await stores.releasable(at, surplus) if surplus else frozenset()
    return ClickHouseFacts(nodes=nodes, furnished=furnished, releasable=releasable, delays=delays)


def recorded_nodes(cluster: Cluster, *, furnished: bool = False) -> frozenset[Node]:
    """The servers that the status has; `furnished`: those of them that had every table."""
    figures: dict[str, Any] = cluster.status.get("clickhouse") or {}
    return frozenset(
        Node(each["shard"], each["replica"])
        for each in figures.get("nodes") or ()
        if each.get("furnished") or not furnished
    )


def lacking_servers(cluster: Cluster, facts: ClickHouseFacts) -> bool:
    """Whether a server that is wanted is not there yet, or has not every table."""
    spec = cluster.spec.clickhouse
    wanted = (Node(shard, replica) for shard in range(spec.shards) for replica in range(spec.replicas))
    return spec.engine == "Managed" and any(node not in facts.furnished for node in wanted)


def held_back(cluster: Cluster, facts: ClickHouseFacts) -> tuple[Reason, str] | None:
    """Which server that nobody wants stays because of its data, and why; None: none does."""
    held = sorted(node for node in facts.nodes - facts.releasable if not _is_wanted(cluster.spec, node))
    shards = sorted({node.shard for node in held if node.shard >= cluster.spec.clickhouse.shards})
    if shards:
        which = ", ".join(map(str, shards))
        message = f"shard {which} gets nothing new, and goes when it is empty: move what it has"
        return Reason.SHARD_NOT_EMPTY, f'{message}, see "Taking a shard away" in docs/operations.md'
    if held:
        names = (addresses.clickhouse_node(cluster, shard=node.shard, replica=node.replica) for node in held)
        return (
            Reason.SCALE_DOWN_BLOCKED,
            f"{', '.join(names)}: the replicas that stay have not all of that data yet",
        )
    return None


def lagging(cluster: Cluster, facts: ClickHouseFacts) -> str:
    """Which servers are behind their shard, and by how much; "": none is."""
    behind = {node: delay for node, delay in sorted(facts.delays.items()) if delay > CAUGHT_UP_S}
    return ", ".join(
        f"{addresses.clickhouse_node(cluster, shard=node.shard, replica=node.replica)} is {told_delay(delay)} s behind"
        for node, delay in behind.items()
    )


def told_delay(seconds: int) -> int:
    """In tens, hundreds and so on, so that a status is not written anew with every second; 0: it has caught up."""
    return 0 if seconds <= CAUGHT_UP_S else seconds - seconds % 10 ** (len(str(seconds)) - 1)


async def keeper_facts(cluster: Cluster, owned: Owned, *, at: Addresses, stores: Stores) -> KeeperFacts:
    """The ensemble: its members and whether it may change."""
    recorded = tuple((cluster.status.get("keeper") or {}).get("members") or ())
    members = owned.of(Component.KEEPER.value)
    if not any(member.rollout.ready for member in members):
        return KeeperFacts(members=recorded, stable=False)
    told = await stores.keeper(at)
    return told if told is not None else KeeperFacts(members=recorded, stable=False)


def redis_facts(at: Addresses) -> RedisFacts:
    """What Redis's address says of encryption and of the database's number."""
    parts = urlsplit(at.redis)
    number = parts.path.strip("/")
    return RedisFacts(tls=parts.scheme == "rediss", database=int(number) if number.isdecimal() else 0)


def _is_wanted(spec: PanelClusterSpec, node: Node) -> bool:
    return node.shard < spec.clickhouse.shards and node.replica < spec.clickhouse.replicas
