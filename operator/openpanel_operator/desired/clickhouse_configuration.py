"""The configuration files of the managed ClickHouse servers, and which of their settings need a restart.

The files are the same for every server: what differs (macros, its own name) and what is secret stands in the pod's
environment. They are whole, so nothing depends on what an image brings along. Pure: values in, text out.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from openpanel_operator.desired.addresses import (
    CLICKHOUSE_CLUSTER,
    CLICKHOUSE_HTTP_PORT,
    CLICKHOUSE_INTERSERVER_PORT,
    CLICKHOUSE_METRICS_PORT,
    CLICKHOUSE_NATIVE_PORT,
    KEEPER_CLIENT_PORT,
    USER,
)
from openpanel_operator.desired.clickhouse_reloading import RELOADED
from openpanel_operator.desired.objects import checksum
from openpanel_operator.desired.sizes import MIB
from openpanel_operator.desired.xml import FromEnv, Tree, Value, merged, nested, xml_of

DATA: Final = "/var/lib/clickhouse"
FILES: Final = "/etc/openpanel/clickhouse"
MAIN: Final = "config.xml"
USERS: Final = "users.xml"

SHARD_VARIABLE: Final = "CLICKHOUSE_SHARD"
REPLICA_VARIABLE: Final = "CLICKHOUSE_REPLICA"
HOST_VARIABLE: Final = "CLICKHOUSE_INTERSERVER_HOST"
PASSWORD_VARIABLE: Final = "CLICKHOUSE_PASSWORD"  # noqa: S105 - a name
CLUSTER_SECRET_VARIABLE: Final = "CLICKHOUSE_CLUSTER_SECRET"  # noqa: S105

INTERSERVER_USER: Final = "replica"
LOG_DAYS: Final = 7
# The process's own and what it does not count; what is left of the limit to one query or to a sort in memory.
MEMORY_SHARE: Final = 0.85
QUERY_SHARE: Final = 0.5
SPILL_SHARE: Final = 0.2
CACHE_SHARES: Final = {
    "mark_cache_size": 0.1,
    "primary_index_cache_size": 0.05,
    "index_mark_cache_size": 0.03,
    "query_condition_cache_size": 0.01,
    "compiled_expression_cache_size": 0.01,
}


@dataclass(frozen=True, slots=True)
class Topology:
    """Which servers there are, as all of them are told."""

    shards: Sequence[Sequence[str]]
    """Host names of the replicas, shard by shard; only servers that have the schema."""
    keepers: Sequence[str]
    closed: frozenset[int] = frozenset()
    """Positions of the shards that are read and get nothing new, because they are to go."""


def server_files(*, topology: Topology, memory: int, settings: Mapping[str, str]) -> dict[str, str]:
    """The files under their paths. `memory` is the container's limit in bytes; `settings` are the user's own."""
    trees = {
        MAIN: _main(),
        "config.d/10-network.xml": _network(),
        "config.d/20-macros.xml": _macros(),
        "config.d/30-cluster.xml": _cluster(topology),
        "config.d/40-keeper.xml": _keeper(topology),
        "config.d/50-logs.xml": _logs(),
        "config.d/60-metrics.xml": _metrics(),
        "config.d/70-access.xml": _access(),
        "config.d/80-memory.xml": _memory(memory),
        "config.d/90-settings.xml": user_settings(settings),
        USERS: _users(),
        "users.d/10-profiles.xml": _profiles(memory),
        "users.d/20-quotas.xml": _quotas(),
    }
    return {path: xml_of(tree) for path, tree in trees.items()}


def restart_checksum(*, memory: int, settings: Mapping[str, str]) -> str:
    """Changes when a server must be restarted to follow its files. Topology, users and what is reloaded do not count."""
    whole: Tree = {}
    for tree in (
        _main(),
        _network(),
        _logs(),
        _metrics(),
        _access(),
        _memory(memory),
        user_settings(settings),
    ):
        whole = merged(whole, tree)
    return checksum({name: repr(value) for name, value in whole.items() if name not in RELOADED})


def user_settings(settings: Mapping[str, str]) -> Tree:
    """Server settings as the user writes them: dots lead into sections."""
    tree: Tree = {}
    for name in sorted(settings):
        tree = merged(tree, nested(name, settings[name]))
    return tree


def _main() -> Tree:
    return {
        "logger": {"level": "information", "console": 1, "formatting": {"type": "json"}},
        "timezone": "UTC",
        "path": f"{DATA}/",
        "tmp_path": f"{DATA}/tmp/",  # noqa: S108 - on the volume
        "user_files_path": f"{DATA}/user_files/",
        "format_schema_path": f"{DATA}/format_schemas/",
        "default_profile": "default",
        "default_database": "default",
        "mlock_executable": "false",  # takes a capability that the pod does not have
        # A pod that ends lets queries finish, within its time to end.
        "shutdown_wait_unfinished_queries": 1,
        "shutdown_wait_unfinished": 60,
        "max_connections": 4096,
        "max_concurrent_queries": 200,
        "background_schedule_pool_size": 64,
    }


def _network() -> Tree:
    return {
        "listen_host": ["::", "0.0.0.0"],  # noqa: S104 - the pod's own; who may come is a NetworkPolicy's matter
        "listen_try": 1,
        "http_port": CLICKHOUSE_HTTP_PORT,
        "tcp_port": CLICKHOUSE_NATIVE_PORT,
        "interserver_http_port": CLICKHOUSE_INTERSERVER_PORT,
        "interserver_http_host": FromEnv(HOST_VARIABLE),
        "interserver_http_credentials": {
            "user": INTERSERVER_USER,
            "password": FromEnv(CLUSTER_SECRET_VARIABLE),
        },
        "keep_alive_timeout": 75,
    }


def _macros() -> Tree:
    return {
        "macros": {
            "cluster": CLICKHOUSE_CLUSTER,
            "shard": FromEnv(SHARD_VARIABLE),
            "replica": FromEnv(REPLICA_VARIABLE),
        }
    }


def _cluster(topology: Topology) -> Tree:
    """The cluster, and all its servers as replicas of one shard, to ask each of them for itself."""
    shards = [
        _shard(hosts, closed=place in topology.closed) for place, hosts in enumerate(topology.shards) if hosts
    ]
    every = [host for hosts in topology.shards for host in hosts]
    return {
        "remote_servers": {
            CLICKHOUSE_CLUSTER: _cluster_of(shards),
            f"{CLICKHOUSE_CLUSTER}_all": _cluster_of([_shard(every)]),
        }
    }


def _cluster_of(shards: list[Tree]) -> Tree:
    return {"secret": FromEnv(CLUSTER_SECRET_VARIABLE), "shard": shards}


def _shard(hosts: Iterable[str], *, closed: bool = False) -> Tree:
    weight: Tree = {"weight": 0} if closed else {}  # Distributed tables read it and write nothing there
    return {
        **weight,
        # Replicated tables copy by themselves; writing to every replica would count rows twice.
        "internal_replication": "true",
        "replica": [{"host": host, "port": CLICKHOUSE_NATIVE_PORT} for host in hosts],
    }


def _keeper(topology: Topology) -> Tree:
    nodes: list[Tree] = [{"host": host, "port": KEEPER_CLIENT_PORT} for host in topology.keepers]
    return {
        "zookeeper": {
            "node": nodes,
            "session_timeout_ms": 30_000,
            "operation_timeout_ms": 10_000,
        },
        "distributed_ddl": {"path": "/clickhouse/task_queue/ddl"},
    }


def _logs() -> Tree:
    """Tables that the server keeps about itself: few, and gone after some days."""
    kept: dict[str, Value] = {
        "partition_by": "toMonday(event_date)",
        "ttl": f"event_date + INTERVAL {LOG_DAYS} DAY DELETE",
        "flush_interval_milliseconds": 7_500,
    }
    tables = ("query_log", "part_log", "error_log", "asynchronous_metric_log")
    return {table: {"database": "system", "table": table, **kept} for table in tables}


def _metrics() -> Tree:
    return {
        "prometheus": {
            "endpoint": "/metrics",
            "port": CLICKHOUSE_METRICS_PORT,
            "metrics": "true",
            "events": "true",
            "asynchronous_metrics": "true",
            "errors": "true",
        }
    }


def _access() -> Tree:
    """One user from the file; those made by statements are in Keeper, so that every server has them."""
    return {
        "user_directories": {
            "users_xml": {"path": f"{FILES}/{USERS}"},
            "replicated": {"zookeeper_path": "/clickhouse/access"},
        },
        "access_control_improvements": {
            "users_without_row_policies_can_read_rows": "true",
            "on_cluster_queries_require_cluster_grant": "true",
            "select_from_system_db_requires_grant": "true",
            "select_from_information_schema_requires_grant": "true",
            "settings_constraints_replace_previous": "true",
        },
    }


def _memory(limit: int) -> Tree:
    """Fixed bounds instead of shares of the machine's memory, which is not the pod's."""
    server = int(limit * MEMORY_SHARE)
    return {
        "max_server_memory_usage": server,
        "max_server_memory_usage_to_ram_ratio": 0.95,
        **{name: max(int(server * share), 16 * MIB) for name, share in CACHE_SHARES.items()},
        "uncompressed_cache_size": 0,
        "index_uncompressed_cache_size": 0,
        "mmap_cache_size": 0,
        "merges_mutations_memory_usage_soft_limit": int(server * QUERY_SHARE),
    }


def _users() -> Tree:
    """The one administrator; there is no `default`, whom everybody would know."""
    user: Tree = {
        "password": FromEnv(PASSWORD_VARIABLE),
        "networks": {"ip": "::/0"},
        "profile": "default",
        "quota": "default",
        "access_management": 1,
        "named_collection_control": 1,
        "show_named_collections": 1,
    }
    return {"users": {USER: user}}


def _profiles(limit: int) -> Tree:
    server = int(limit * MEMORY_SHARE)
    values: dict[str, Value] = {
        "async_insert": 0,  # an insert is answered when it is stored
        "distributed_foreground_insert": 1,
        "insert_deduplicate": 1,
        "deduplicate_blocks_in_dependent_materialized_views": 1,
        "max_memory_usage": int(server * QUERY_SHARE),
        "max_bytes_before_external_group_by": int(server * SPILL_SHARE),
        "max_bytes_before_external_sort": int(server * SPILL_SHARE),
        # Whichever server is asked, the same replica is: it sees its own writes.
        "load_balancing": "in_order",
        "prefer_localhost_replica": 0,
        "log_queries": 1,
        "log_queries_min_query_duration_ms": 100,
    }
    return {"profiles": {"default": values}}


def _quotas() -> Tree:
    """Nobody is bounded here; counting is what makes `system.quota_usage` tell who asks how much."""
    hour: Tree = {
        "duration": 3600,
        "queries": 0,
        "errors": 0,
        "result_rows": 0,
        "read_rows": 0,
        "execution_time": 0,
    }
    return {"quotas": {"default": {"interval": hour}}}
