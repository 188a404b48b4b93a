"""Which parts of a ClickHouse server's configuration it follows without a restart.

`CHANGEABLE` is what `system.server_settings` says itself (`changeable_without_restart`), pinned; the tests compare it
with the engine. The sections are what the server reads anew whenever its files change.
"""

from typing import Final

SECTIONS: Final = frozenset({
    "remote_servers", "macros", "zookeeper", "users", "profiles", "quotas", "logger", "interserver_http_credentials",
    "dictionaries_config", "user_defined_executable_functions_config", "named_collections",
})  # fmt: skip

CHANGEABLE: Final = frozenset({
    "abort_on_logical_error", "allow_feature_tier", "asynchronous_metrics_key_values_mode",
    "backups_io_thread_pool_queue_size", "concurrent_threads_lazy_allocation", "concurrent_threads_scheduler",
    "concurrent_threads_soft_limit_num", "concurrent_threads_soft_limit_ratio_to_cores", "config_reload_interval_ms",
    "cpu_slot_preemption", "cpu_slot_preemption_timeout_ms", "cpu_slot_quantum_ns",
    "disk_connections_rcvbuf", "disk_connections_sndbuf", "dns_allow_resolve_names_to_ipv4",
    "dns_allow_resolve_names_to_ipv6", "enable_read_through_distributed_cache", "enable_write_through_distributed_cache",
    "encryption_header_cache_size", "format_parsing_thread_pool_queue_size", "http_connections_rcvbuf",
    "http_connections_sndbuf", "iceberg_manifest_decode_thread_pool_queue_size", "iceberg_metadata_files_cache_size",
    "index_mark_cache_size", "index_uncompressed_cache_size", "io_thread_pool_queue_size",
    "mark_cache_size", "max_active_parts_loading_thread_pool_size", "max_backups_io_thread_pool_free_size",
    "max_backups_io_thread_pool_size", "max_concurrent_insert_queries", "max_concurrent_queries",
    "max_concurrent_select_queries", "max_database_num_to_throw", "max_database_num_to_warn",
    "max_dictionary_num_to_throw", "max_dictionary_num_to_warn", "max_distributed_cache_read_bandwidth_for_server",
    "max_distributed_cache_write_bandwidth_for_server", "max_fetch_partition_thread_pool_size", "max_format_parsing_thread_pool_free_size",
    "max_format_parsing_thread_pool_size", "max_iceberg_manifest_decode_thread_pool_free_size", "max_iceberg_manifest_decode_thread_pool_size",
    "max_io_thread_pool_free_size", "max_io_thread_pool_size", "max_local_read_bandwidth_for_server",
    "max_local_write_bandwidth_for_server", "max_named_collection_num_to_throw", "max_named_collection_num_to_warn",
    "max_os_cpu_wait_time_ratio_to_drop_connection", "max_outdated_parts_loading_thread_pool_size", "max_part_num_to_warn",
    "max_partition_size_to_drop", "max_parts_cleaning_thread_pool_size", "max_pending_mutations_execution_time_to_warn",
    "max_pending_mutations_to_warn", "max_per_cpu_untracked_memory", "max_prefixes_deserialization_thread_pool_free_size",
    "max_prefixes_deserialization_thread_pool_size", "max_remote_read_network_bandwidth_for_server", "max_remote_write_network_bandwidth_for_server",
    "max_replicated_table_num_to_throw", "max_server_memory_usage", "max_snapshot_commit_thread_pool_free_size",
    "max_snapshot_commit_thread_pool_size", "max_table_num_to_throw", "max_table_num_to_warn",
    "max_table_size_to_drop", "max_view_num_to_throw", "max_view_num_to_warn",
    "max_waiting_queries", "merge_workload", "min_allocation_size_to_throw_on_memory_limit",
    "min_os_cpu_wait_time_ratio_to_drop_connection", "mmap_cache_size", "mutation_workload",
    "paimon_metadata_files_cache_max_entries", "paimon_metadata_files_cache_size", "parquet_metadata_cache_size",
    "per_cpu_untracked_memory_thread_buffer", "point_in_polygon_cache_size", "prefixes_deserialization_thread_pool_thread_pool_queue_size",
    "primary_index_cache_size", "query_condition_cache_size", "reader_executor_memory_pressure_critical_level_pct",
    "reader_executor_memory_pressure_elevated_level_pct", "reader_executor_memory_pressure_high_level_pct", "s3queue_disable_streaming",
    "show_license_expiration_warnings", "storage_connections_rcvbuf", "storage_connections_sndbuf",
    "text_index_header_cache_size", "text_index_postings_cache_size", "text_index_tokens_cache_size",
    "throw_on_unknown_workload", "uncompressed_cache_size", "unique_key_bitmap_cache_size_bytes",
    "vector_similarity_index_cache_size",
})  # fmt: skip

RELOADED: Final = SECTIONS | CHANGEABLE
