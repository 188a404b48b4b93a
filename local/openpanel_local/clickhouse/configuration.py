"""What the server is told, and the engine's two configuration files made from it. Pure: text and numbers only.

The engine leaves much to defaults that suit a machine of its own (caches of gigabytes, memory up to 90 % of the
machine's) and, as a library, trusts its caller with the machine. Both are bounded here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

_MIB = 1024 * 1024
_MEMORY_SHARE = 4  # a quarter of the machine's memory, within the bounds
_MEMORY_BOUNDS_MB = (512, 2_048)
_QUERY_MEMORY_SHARE = 0.6  # of the server's; the rest is for merges, inserts and other queries
_SPILL_SHARE = 0.25  # of the server's; aggregations and sorts beyond it go to disk
# The engine's own `default` lies over the files of the working folder, which takes a grant that nobody has.
CLOSED_DATABASE, DATABASE_INSTEAD = "default", "main"
_COMPILED_AFTER = 20  # times that an expression was computed
_MERGE_BASE = 12  # parts of a size that become one; the engine's own 5 writes everything twice as often
ANY_PORT_OF_A_SHARD = 9_000  # never opened: the engine takes a replica for itself if the port is its own


@dataclass(frozen=True, slots=True)
class Config:
    """One server. Sizes in bytes unless the name says otherwise."""

    data: Path
    password: str
    port: int
    host: str = "127.0.0.1"
    user: str = "openpanel"
    memory_mb: int = _MEMORY_BOUNDS_MB[0]
    threads: int = 2  # of one query
    max_reads: int = 16  # statements at once, besides inserts of data
    max_inserts: int = 8
    queue_wait_s: float = 10.0
    max_statement: int = 16 * _MIB
    max_body: int = 1024 * _MIB
    max_whole_result: int = 256 * _MIB  # of formats that cannot be streamed
    io_timeout_s: float = 180.0  # a client that neither sends nor reads
    stop_grace_s: float = 1.0
    cluster: str = ""  # name of a cluster of one shard, this engine; '': none

    @property
    def engine_file(self) -> Path:
        """Where the rendered engine configuration stands."""
        return self.data / "engine.xml"

    @property
    def users_file(self) -> Path:
        """Where the rendered users configuration stands."""
        return self.data / "users.xml"

    @property
    def store(self) -> Path:
        """The engine's own folder."""
        return self.data / "store"

    @property
    def temporary(self) -> Path:
        """Where the engine keeps what lives only as long as the process."""
        return self.data / "tmp"

    @property
    def backups(self) -> Path:
        """What the disk `backups` is."""
        return self.data / "backups"


def default_memory_mb(machine_bytes: int) -> int:
    """The memory limit for a machine of that much memory."""
    least, most = _MEMORY_BOUNDS_MB
    return min(most, max(least, machine_bytes // _MEMORY_SHARE // _MIB))


# Engines that keep their data in the engine's own folder or nowhere; the database engines are granted alike.
ENGINES = (
    *("MergeTree", "ReplacingMergeTree", "SummingMergeTree", "AggregatingMergeTree", "CollapsingMergeTree"),
    *(
        "VersionedCollapsingMergeTree",
        "CoalescingMergeTree",
        "ReplicatedMergeTree",
        "ReplicatedReplacingMergeTree",
    ),
    *(
        "ReplicatedSummingMergeTree",
        "ReplicatedAggregatingMergeTree",
        "Distributed",
        "View",
        "MaterializedView",
    ),
    *("Memory", "Null", "Merge", "Buffer", "Log", "TinyLog", "StripeLog", "Set", "Join", "GenerateRandom"),
)
# No CREATE DICTIONARY: a dictionary's source may be a program. No FUNCTION, FILE, URL, REMOTE, SYSTEM SHUTDOWN.
_RIGHTS = (
    *(
        "SELECT",
        "INSERT",
        "ALTER",
        "CREATE DATABASE",
        "CREATE TABLE",
        "CREATE VIEW",
        "CREATE TEMPORARY TABLE",
    ),
    *("DROP", "UNDROP TABLE", "TRUNCATE", "OPTIMIZE", "SHOW", "KILL QUERY", "dictGet", "BACKUP"),
    *("SYSTEM FLUSH", "SYSTEM MERGES", "SYSTEM TTL MERGES"),
)
_GRANTS = (
    f"GRANT {', '.join(_RIGHTS)} ON *.*",
    "GRANT READ, WRITE ON DISK",
    *(f"GRANT TABLE ENGINE ON {engine}" for engine in ENGINES),
)
# Each of these lets a statement name a file, an address, a program or another language.
_FIXED_SETTINGS = (
    *("dialect", "format_schema", "format_schema_source", "format_template_row", "format_template_resultset"),
    *(
        "format_template_row_format",
        "format_template_resultset_format",
        "input_format_record_errors_file_path",
    ),
    *("format_avro_schema_registry_url", "url_base", "allow_experimental_eval_table_function"),
    *("allow_python_table_function", "allow_experimental_ai_functions", "allow_introspection_functions"),
    *("dynamic_disk_allow_from_env", "dynamic_disk_allow_include", "dynamic_disk_allow_from_zk"),
    *("merge_tree_disk", "allow_deprecated_database_ordinary"),
)


def users_xml(config: Config) -> str:
    """The one user that every connection is, with grants, fixed settings and defaults."""
    memory = config.memory_mb * _MIB
    settings = {
        "async_insert": 0,  # an insert is answered when it is on disk
        "distributed_foreground_insert": 1,
        "max_threads": config.threads,
        "max_insert_threads": 1,
        "max_memory_usage": int(memory * _QUERY_MEMORY_SHARE),
        "max_bytes_before_external_group_by": int(memory * _SPILL_SHARE),
        "max_bytes_before_external_sort": int(memory * _SPILL_SHARE),
        "input_format_parallel_parsing": 0,  # each costs a set of buffers
        "output_format_parallel_formatting": 0,
        "log_queries": 0,
        # Compiling takes some 65 ms: what is asked again and again is worth it, what was asked three times is not.
        "min_count_to_compile_expression": _COMPILED_AFTER,
        "min_count_to_compile_aggregate_expression": _COMPILED_AFTER,
        "min_count_to_compile_sort_description": _COMPILED_AFTER,
        "allow_python_table_function": 0,
    }
    fixed = "".join(f"<{name}><const/></{name}>" for name in _FIXED_SETTINGS)
    grants = "".join(f"<query>{escape(grant)}</query>" for grant in _GRANTS)
    return (
        f"<clickhouse><profiles><default>{_elements(settings)}<constraints>{fixed}</constraints></default></profiles>"
        "<quotas><default/></quotas><users><default><password></password><networks><ip>::/0</ip></networks>"
        f"<profile>default</profile><quota>default</quota><grants>{grants}</grants></default></users></clickhouse>\n"
    )


def engine_xml(config: Config) -> str:
    """Limits, folders and, if asked for, a cluster. The time zone is the environment's `TZ`, not a setting."""
    limits = {
        "max_server_memory_usage": config.memory_mb * _MIB,
        "mark_cache_size": 64 * _MIB,
        "primary_index_cache_size": 32 * _MIB,
        "index_mark_cache_size": 16 * _MIB,
        "uncompressed_cache_size": 0,
        "index_uncompressed_cache_size": 0,
        "mmap_cache_size": 0,
        "compiled_expression_cache_size": 16 * _MIB,
        "background_pool_size": 2,
        "background_merges_mutations_concurrency_ratio": 2,
        "background_common_pool_size": 2,
        "background_move_pool_size": 1,
        "background_fetches_pool_size": 1,
        "background_schedule_pool_size": 4,
        "background_buffer_flush_schedule_pool_size": 1,
        "background_message_broker_schedule_pool_size": 1,
        "background_distributed_schedule_pool_size": 1,
        "tables_loader_foreground_pool_size": 2,
        "tables_loader_background_pool_size": 1,
        "max_thread_pool_size": 1_000,
        "max_thread_pool_free_size": 4,
        "tcp_port": ANY_PORT_OF_A_SHARD,
    }
    merge_tree: dict[str, int | str] = {
        # With two background threads these would never be reached by their defaults.
        "number_of_free_entries_in_pool_to_execute_mutation": 1,
        "number_of_free_entries_in_pool_to_lower_max_size_of_merge": 1,
        "number_of_free_entries_in_pool_to_execute_optimize_entire_partition": 1,
        # Each row is merged a few times rather than a dozen; a table has some parts more for it.
        "merge_selector_base": _MERGE_BASE,
        # Merging would count the distinct values of every column, for questions that the sort key answers.
        "auto_statistics_types": "",
    }
    backups = escape(f"{config.backups}/")
    return (
        f"<clickhouse>{_elements(limits)}<merge_tree>{_elements(merge_tree)}</merge_tree>"
        f"<users_config>{escape(str(config.users_file))}</users_config>"
        # Folders that do not exist, so that nothing in them can be named.
        f"<user_files_path>{escape(str(config.data / 'no-files'))}/</user_files_path>"
        f"<user_scripts_path>{escape(str(config.data / 'no-scripts'))}/</user_scripts_path>"
        f"<format_schema_path>{escape(str(config.data / 'no-schemas'))}/</format_schema_path>"
        "<storage_configuration><disks><backups><type>local</type>"
        f"<path>{backups}</path></backups></disks></storage_configuration>"
        f"<backups><allowed_disk>backups</allowed_disk><allowed_path>{backups}</allowed_path></backups>"
        f"{_cluster(config)}</clickhouse>\n"
    )


def _cluster(config: Config) -> str:
    """One shard with this engine as its only replica, so that `Distributed` tables work."""
    if not config.cluster:
        return ""
    replica = f"<replica><host>127.0.0.1</host><port>{ANY_PORT_OF_A_SHARD}</port></replica>"
    return (
        f"<remote_servers><{config.cluster}><shard>{replica}</shard></{config.cluster}></remote_servers>"
        f"<macros><cluster>{config.cluster}</cluster><shard>1</shard><replica>1</replica></macros>"
    )


def _elements(values: Mapping[str, int | str]) -> str:
    return "".join(f"<{name}>{value}</{name}>" for name, value in values.items())
