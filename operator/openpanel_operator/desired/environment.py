"""What services are told: the environment of `openpanel.settings`, with addresses of stores put together from Secrets.

A Secret's value never passes through here: it is named, and the kubelet puts it into `$(…)`.
"""

from typing import Final

from openpanel_operator.desired import addresses, sizes
from openpanel_operator.desired.addresses import CLICKHOUSE_CLUSTER, DATABASE, USER
from openpanel_operator.desired.credentials import LOGIN, PASSWORD, SECRET_KEY, URL
from openpanel_operator.desired.labels import Component
from openpanel_operator.desired.objects import Object
from openpanel_operator.desired.pods import secret_value, value
from openpanel_operator.desired.redis import memory_for_data
from openpanel_operator.resources.cluster import Cluster

SPOOL: Final = "/var/lib/openpanel/spool"
GEO: Final = "/etc/openpanel/geo"
CLICKHOUSE_USER: Final = "OPENPANEL_CLICKHOUSE_USER"
CLICKHOUSE_PASSWORD: Final = "OPENPANEL_CLICKHOUSE_PASSWORD"  # noqa: S105 - a name
STREAMS: Final = "OPENPANEL_SHARDS"
CLICKHOUSE_CLUSTER_NAME: Final = "OPENPANEL_CLICKHOUSE_CLUSTER"
HIGH_WATER: Final = "OPENPANEL_HIGH_WATER_EVENTS"
# Of a Redis whose size nobody here knows: ingest itself stops where most of its `maxmemory` is taken.
EXTERNAL_HIGH_WATER: Final = 1_000_000_000
EVENT_BYTES: Final = 256  # of Redis's memory for one waiting event, all that is kept beside it included


def store_variables(cluster: Cluster) -> list[Object]:
    """Where the stores are, with credentials."""
    return [
        *_redis(cluster),
        *_postgres(cluster),
        *_clickhouse(cluster),
        value("OPENPANEL_CLICKHOUSE_DATABASE", DATABASE),
        *_clickhouse_cluster(cluster),
    ]


def common_variables(cluster: Cluster) -> list[Object]:
    """What every service is told."""
    observability = cluster.spec.observability
    traces = observability.otlp_endpoint
    return [
        *store_variables(cluster),
        value("OPENPANEL_HOST", "0.0.0.0"),  # noqa: S104 - the pod's own
        value("OPENPANEL_LOG_LEVEL", observability.log_level),
        *([value("OTEL_EXPORTER_OTLP_ENDPOINT", traces)] if traces else []),
    ]


def public_variables(cluster: Cluster) -> list[Object]:
    """By which names the world knows the services, and whom they believe about it."""
    exposure = cluster.spec.exposure
    header = exposure.client_ip_header
    return [
        value("OPENPANEL_INGEST_URL", addresses.ingest_url(cluster)),
        value("OPENPANEL_API_URL", addresses.api_url(cluster)),
        value("OPENPANEL_DASHBOARD_URL", addresses.dashboard_url(cluster)),
        value("OPENPANEL_TRUSTED_PROXIES", ",".join(exposure.trusted_proxies)),
        *([value("OPENPANEL_CLIENT_IP_HEADER", header)] if header else []),
    ]


def pool_variables(name: str, *, streams: int) -> list[Object]:
    """Which streams are written or drained."""
    return [value("OPENPANEL_POOL", name), value(STREAMS, streams)]


def intake_variables(cluster: Cluster) -> list[Object]:
    """How much ingest takes before it says that it is full."""
    redis = cluster.spec.redis
    spool = value("OPENPANEL_SPOOL_DIR", SPOOL)
    if redis.mode == "External":
        return [spool, value(HIGH_WATER, EXTERNAL_HIGH_WATER)]
    memory = sizes.memory_limit(sizes.amounts(redis.resources, default=sizes.DEFAULTS[Component.REDIS]))
    return [spool, value(HIGH_WATER, max(memory_for_data(memory) // EVENT_BYTES, 1))]


def signing_variables(cluster: Cluster) -> list[Object]:
    """The key of cookies and links."""
    secret = addresses.keys_secret(cluster)
    return [secret_value("OPENPANEL_SECRET_KEY", secret=secret, key=SECRET_KEY)]


def _redis(cluster: Cluster) -> list[Object]:
    external = cluster.spec.redis.external
    if external is not None:
        return [secret_value("OPENPANEL_REDIS_URL", secret=external.secret_name, key=URL)]
    host = addresses.host(cluster, addresses.workload(cluster, Component.REDIS))
    return [
        secret_value("REDIS_PASSWORD", secret=addresses.redis_secret(cluster), key=PASSWORD),
        value("OPENPANEL_REDIS_URL", f"redis://:$(REDIS_PASSWORD)@{host}:{addresses.REDIS_PORT}/0"),
    ]


def _postgres(cluster: Cluster) -> list[Object]:
    external = cluster.spec.postgres.external
    if external is not None:
        return [secret_value("OPENPANEL_POSTGRES_URL", secret=external.secret_name, key=URL)]
    host = addresses.host(cluster, addresses.workload(cluster, Component.POSTGRES))
    url = f"postgresql+psycopg://{USER}:$(POSTGRES_PASSWORD)@{host}:{addresses.POSTGRES_PORT}/{DATABASE}"
    return [
        secret_value("POSTGRES_PASSWORD", secret=addresses.postgres_secret(cluster), key=PASSWORD),
        value("OPENPANEL_POSTGRES_URL", url),
    ]


def _clickhouse(cluster: Cluster) -> list[Object]:
    external = cluster.spec.clickhouse.external
    if external is not None:
        secret = external.secret_name
        return [
            secret_value("OPENPANEL_CLICKHOUSE_URL", secret=secret, key=URL),
            # What stands in the address itself goes before them.
            secret_value(CLICKHOUSE_USER, secret=secret, key=LOGIN, optional=True),
            secret_value(CLICKHOUSE_PASSWORD, secret=secret, key=PASSWORD, optional=True),
        ]
    host = addresses.host(cluster, addresses.workload(cluster, Component.CLICKHOUSE))
    return [
        secret_value("CLICKHOUSE_PASSWORD", secret=addresses.clickhouse_secret(cluster), key=PASSWORD),
        value("OPENPANEL_CLICKHOUSE_URL", clickhouse_url(host)),
    ]


def _clickhouse_cluster(cluster: Cluster) -> list[Object]:
    """By which name the servers are one cluster; nothing of a single one."""
    spec = cluster.spec.clickhouse
    if spec.engine == "Managed":
        return [value(CLICKHOUSE_CLUSTER_NAME, CLICKHOUSE_CLUSTER)]
    named = spec.external.cluster if spec.external else None
    return [value(CLICKHOUSE_CLUSTER_NAME, named)] if named else []


def clickhouse_url(host: str) -> str:
    """A server's address with the password that the kubelet puts in."""
    return f"http://{USER}:$(CLICKHOUSE_PASSWORD)@{host}:{addresses.CLICKHOUSE_HTTP_PORT}"
