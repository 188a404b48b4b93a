"""Names of Services and Secrets, ports, and the addresses by which services find one another and are found."""

from typing import Final

from openpanel.tenancy.spec import AnalyticsProjectSpec
from openpanel_operator.desired.labels import Component, name_of
from openpanel_operator.resources.cluster import Cluster
from openpanel_operator.resources.resource import Resource

Project = Resource[AnalyticsProjectSpec]

HTTP: Final = "http"  # name of the port of every service of ours
PORTS: Final = {
    Component.INGEST: 3000,
    Component.DASHBOARD: 3001,
    Component.API: 3002,
    Component.WORKER: 3003,
}
REDIS_PORT: Final = 6379
POSTGRES_PORT: Final = 5432
CLICKHOUSE_HTTP_PORT: Final = 8123
CLICKHOUSE_NATIVE_PORT: Final = 9000
CLICKHOUSE_INTERSERVER_PORT: Final = 9009
CLICKHOUSE_METRICS_PORT: Final = 9363
KEEPER_CLIENT_PORT: Final = 2181
KEEPER_RAFT_PORT: Final = 9234
KEEPER_CONTROL_PORT: Final = 9182

USER: Final = "openpanel"  # of PostgreSQL and ClickHouse
DATABASE: Final = "openpanel"  # likewise
CLICKHOUSE_CLUSTER: Final = "openpanel"  # in remote_servers


def workload(cluster: Cluster, component: Component) -> str:
    """Name of the cluster's workload and of its Service."""
    return name_of(cluster.name, component.value)


def project_workload(project: Project, component: Component) -> str:
    """Name of the project's own workload and of its Service."""
    return name_of(project.name, component.value)


def project_quota(project: Project) -> str:
    """Name of the ResourceQuota that counts the project's pods."""
    return name_of(project.name, Component.QUOTA.value)


def host(cluster: Cluster, name: str) -> str:
    """Where a Service of the cluster's namespace answers inside Kubernetes."""
    return f"{name}.{cluster.namespace}.svc"


def redis_secret(cluster: Cluster) -> str:
    """Secret of the managed Redis; key: password."""
    return name_of(cluster.name, "redis")


def postgres_secret(cluster: Cluster) -> str:
    """Secret of the managed PostgreSQL; key: password."""
    return name_of(cluster.name, "postgres")


def clickhouse_secret(cluster: Cluster) -> str:
    """Secret of the managed or embedded ClickHouse; keys: password, and clusterSecret if managed."""
    return name_of(cluster.name, "clickhouse")


def keys_secret(cluster: Cluster) -> str:
    """Secret of the services; key: secretKey."""
    return name_of(cluster.name, "keys")


def clickhouse_nodes_service(cluster: Cluster) -> str:
    """The headless Service by which each ClickHouse server has a name."""
    return name_of(cluster.name, "clickhouse-nodes")


def clickhouse_shard(cluster: Cluster, *, shard: int) -> str:
    """Name of what belongs to all replicas of a shard."""
    return name_of(cluster.name, "clickhouse", shard)


def clickhouse_node(cluster: Cluster, *, shard: int, replica: int) -> str:
    """Name of the StatefulSet of one ClickHouse server."""
    return name_of(cluster.name, "clickhouse", shard, replica)


def clickhouse_node_host(cluster: Cluster, *, shard: int, replica: int) -> str:
    """Where one ClickHouse server answers."""
    pod = f"{clickhouse_node(cluster, shard=shard, replica=replica)}-0"
    return f"{pod}.{host(cluster, clickhouse_nodes_service(cluster))}"


def keeper_service(cluster: Cluster) -> str:
    """The headless Service by which each Keeper member has a name."""
    return name_of(cluster.name, "keeper")


def keeper_member(cluster: Cluster, *, index: int) -> str:
    """Name of the StatefulSet of one Keeper member."""
    return name_of(cluster.name, "keeper", index)


def keeper_host(cluster: Cluster, *, index: int) -> str:
    """Where one Keeper member answers."""
    return f"{keeper_member(cluster, index=index)}-0.{host(cluster, keeper_service(cluster))}"


def ingest_url(cluster: Cluster, *, project: Project | None = None) -> str:
    """Where events are sent to: the project's own host if it has one, then the cluster's, then the Service."""
    exposure = cluster.spec.exposure
    if project is not None and project.spec.ingest.host and exposure.type != "None":
        secure = project.spec.ingest.tls_secret_name is not None and exposure.scheme is None
        return f"{'https' if secure else exposure.url_scheme}://{project.spec.ingest.host}"
    if project is not None and project.spec.ingest.mode == "Dedicated":
        return _inside(cluster, project_workload(project, Component.INGEST), Component.INGEST)
    return _url(cluster, exposure.hosts.ingest, Component.INGEST)


def api_url(cluster: Cluster) -> str:
    """Where the public API is asked."""
    return _url(cluster, cluster.spec.exposure.hosts.api, Component.API)


def dashboard_url(cluster: Cluster) -> str:
    """Where people look."""
    return _url(cluster, cluster.spec.exposure.hosts.dashboard, Component.DASHBOARD)


def _url(cluster: Cluster, outside: str | None, component: Component) -> str:
    exposure = cluster.spec.exposure
    if outside and exposure.type != "None":
        return f"{exposure.url_scheme}://{outside}"
    return _inside(cluster, workload(cluster, component), component)


def _inside(cluster: Cluster, name: str, component: Component) -> str:
    return f"http://{host(cluster, name)}:{PORTS[component]}"
