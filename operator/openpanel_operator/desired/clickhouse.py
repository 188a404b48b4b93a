"""The managed ClickHouse: one StatefulSet per shard and replica, so that each server can be replaced alone.

A server is asked by others only when it has the whole schema, and it goes only when its data is safe elsewhere. A changed
template waits for `rolling`: servers restart one after the other, never together.
"""

from collections.abc import Iterable
from typing import Final

from openpanel_operator.desired import addresses, sizes
from openpanel_operator.desired import clickhouse_configuration as configuration
from openpanel_operator.desired.addresses import (
    CLICKHOUSE_HTTP_PORT,
    CLICKHOUSE_INTERSERVER_PORT,
    CLICKHOUSE_METRICS_PORT,
    CLICKHOUSE_NATIVE_PORT,
    DATABASE,
    USER,
)
from openpanel_operator.desired.credentials import CLUSTER_SECRET, PASSWORD
from openpanel_operator.desired.facts import ClickHouseFacts, KeeperFacts, Node
from openpanel_operator.desired.keeper import members
from openpanel_operator.desired.labels import REPLICA, SHARD, Component
from openpanel_operator.desired.objects import Object, config_map, disruption_budget, service
from openpanel_operator.desired.platform import Platform
from openpanel_operator.desired.pods import (
    CLICKHOUSE_UID,
    Container,
    Probe,
    http_get,
    mount,
    pod,
    run,
    secret_value,
    template,
    value,
)
from openpanel_operator.desired.stateful import Claim, stateful_set

STOP_S: Final = 120  # queries in hand get half of it

PORTS: Final = {
    "http": CLICKHOUSE_HTTP_PORT,
    "native": CLICKHOUSE_NATIVE_PORT,
    "interserver": CLICKHOUSE_INTERSERVER_PORT,
    "metrics": CLICKHOUSE_METRICS_PORT,
}
# Without tables it would answer questions with errors; a server whose volume was lost is such a one.
_HAS_SCHEMA: Final = "SELECT throwIf(countIf(state = 'finished') = 0) FROM schema_migrations"
_READY: Final = (
    f'clickhouse-client --user {USER} --password "$CLICKHOUSE_PASSWORD" --database {DATABASE}'
    f' --connect_timeout 2 --query "{_HAS_SCHEMA}"'
)


def clickhouse_objects(platform: Platform, *, facts: ClickHouseFacts, keeper: KeeperFacts) -> list[Object]:
    """Every object of the managed servers; none where somebody else runs them, or the engine is embedded."""
    if platform.spec.clickhouse.engine != "Managed":
        return []
    files = configuration.server_files(
        topology=topology(platform, facts=facts, keeper=keeper),
        memory=_memory(platform),
        settings=platform.spec.clickhouse.settings,
    )
    name = addresses.workload(platform.cluster, Component.CLICKHOUSE)
    place, selector = platform.place(Component.CLICKHOUSE), platform.selector(Component.CLICKHOUSE)
    entry = {key: PORTS[key] for key in ("http", "native")}
    nodes = present(platform, facts=facts)
    return [
        config_map(name, place=place, data={_key(path): text for path, text in files.items()}),
        service(name, place=place, selector=selector, ports=entry),
        service(
            addresses.clickhouse_nodes_service(platform.cluster),
            place=place,
            selector=selector,
            ports=PORTS,
            headless=True,
        ),
        *_budgets(platform, nodes),
        *(_server(platform, name, node, tuple(files)) for node in nodes),
    ]


def wanted(platform: Platform) -> frozenset[Node]:
    """The servers that the spec asks for."""
    spec = platform.spec.clickhouse
    return frozenset(Node(shard, replica) for shard in range(spec.shards) for replica in range(spec.replicas))


def present(platform: Platform, *, facts: ClickHouseFacts) -> tuple[Node, ...]:
    """The servers that there shall be now: what is asked for, and what is not yet safe to take away."""
    return tuple(sorted(wanted(platform) | (facts.nodes - facts.releasable)))


def topology(platform: Platform, *, facts: ClickHouseFacts, keeper: KeeperFacts) -> configuration.Topology:
    """What the servers are told of one another: those with the schema; at the very first start, all of them.

    A shard that nobody wants any more is read for as long as it is there, and gets nothing new.
    """
    asked = {node for node in present(platform, facts=facts) if node in facts.furnished}
    asked = asked or set(wanted(platform))
    cluster = platform.cluster
    numbers = sorted({node.shard for node in asked})
    shards = [[_host(platform, node) for node in sorted(asked) if node.shard == shard] for shard in numbers]
    open_ = {node.shard for node in wanted(platform) & asked}
    closed = frozenset(place for place, shard in enumerate(numbers) if open_ and shard not in open_)
    keepers = [addresses.keeper_host(cluster, index=index) for index in members(platform, facts=keeper)]
    return configuration.Topology(shards=shards, keepers=keepers, closed=closed)


def _host(platform: Platform, node: Node) -> str:
    return addresses.clickhouse_node_host(platform.cluster, shard=node.shard, replica=node.replica)


def _size(platform: Platform) -> sizes.Amounts:
    return sizes.amounts(platform.spec.clickhouse.resources, default=sizes.DEFAULTS[Component.CLICKHOUSE])


def _memory(platform: Platform) -> int:
    return sizes.memory_limit(_size(platform))


def _key(path: str) -> str:
    """A ConfigMap has no folders."""
    return path.replace("/", "_")


def _budgets(platform: Platform, nodes: Iterable[Node]) -> Iterable[Object]:
    """One server of each shard may be away."""
    place = platform.place(Component.CLICKHOUSE)
    for shard in sorted({node.shard for node in nodes}):
        own = {SHARD: str(shard)}
        yield disruption_budget(
            addresses.clickhouse_shard(platform.cluster, shard=shard),
            place=place.with_labels(own),
            selector={**platform.selector(Component.CLICKHOUSE), **own},
        )


def _server(platform: Platform, files: str, node: Node, paths: Iterable[str]) -> Object:
    name = addresses.clickhouse_node(platform.cluster, shard=node.shard, replica=node.replica)
    spec = platform.spec.clickhouse
    place = platform.place(Component.CLICKHOUSE)
    own = {SHARD: str(node.shard), REPLICA: str(node.replica)}
    selector = platform.selector(Component.CLICKHOUSE)
    items = [{"key": _key(path), "path": path} for path in paths]
    body = pod(
        (_container(platform, node),),
        # Copies of one shard keep apart; two shards may share a host.
        selector={**selector, SHARD: own[SHARD]},
        placement=platform.placement(spec.placement),
        uid=CLICKHOUSE_UID,
        volumes=({"name": "files", "configMap": {"name": files, "items": items, "defaultMode": 0o444}},),
        pull_secrets=platform.spec.images.pull_secrets,
        grace_s=STOP_S,
    )
    notes = platform.annotations(
        secrets=(addresses.clickhouse_secret(platform.cluster),),
        configuration=configuration.restart_checksum(memory=_memory(platform), settings=spec.settings),
    )
    rendered = template(body, labels={**place.labels, **own}, annotations=notes)
    return stateful_set(
        name,
        place=place.with_labels(own),
        selector={**selector, **own},
        service=addresses.clickhouse_nodes_service(platform.cluster),
        template=platform.settled(rendered, component=Component.CLICKHOUSE, workload=name),
        claim=Claim(spec.storage.size, spec.storage.class_name, platform.spec.deletion_policy),
        on_delete=True,
    )


def _container(platform: Platform, node: Node) -> Container:
    secret = addresses.clickhouse_secret(platform.cluster)
    return Container(
        name="clickhouse",
        image=platform.image(Component.CLICKHOUSE),
        pull_policy=platform.spec.images.pull_policy,
        command=("clickhouse-server", f"--config-file={configuration.FILES}/{configuration.MAIN}"),
        env=(
            value("TZ", "UTC"),
            value(configuration.SHARD_VARIABLE, node.shard),
            value(configuration.REPLICA_VARIABLE, f"{node.shard}-{node.replica}"),
            value(configuration.HOST_VARIABLE, _host(platform, node)),
            secret_value(configuration.PASSWORD_VARIABLE, secret=secret, key=PASSWORD),
            secret_value(configuration.CLUSTER_SECRET_VARIABLE, secret=secret, key=CLUSTER_SECRET),
        ),
        ports=PORTS,
        mounts=(mount("data", configuration.DATA), mount("files", configuration.FILES, read_only=True)),
        resources=_size(platform),
        startup=Probe(http_get("/ping", port="http"), failures=360),  # half an hour to load its parts
        readiness=Probe(run("sh", "-c", _READY), period=10, timeout=5),
        liveness=Probe(http_get("/ping", port="http"), period=10, timeout=10, failures=12),
    )
