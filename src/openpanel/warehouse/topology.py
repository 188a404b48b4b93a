"""Which servers a cluster has, as one of them knows it, and how each is asked for itself.

Of a cluster that somebody else runs one address is known. What each server must be told on its own (its tables, its
TTLs) goes to the same port of every host that the named cluster has, as the same user.
"""

from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from openpanel.warehouse.client import Warehouse

_HOSTS: Final = """
SELECT host_name FROM system.clusters WHERE cluster = {cluster:String}
GROUP BY host_name ORDER BY min((shard_num, replica_num))
"""


def hosts(warehouse: Warehouse, *, cluster: str) -> tuple[str, ...]:
    """Names of the hosts of a cluster, in the order of shards and replicas; (): the server knows no such cluster."""
    return tuple(host for (host,) in warehouse.query(_HOSTS, parameters={"cluster": cluster}))


def server_urls(url: str, *, cluster: str) -> Sequence[str]:
    """The address of each server of the cluster that `url` leads to; (): it knows no such cluster."""
    with Warehouse(url, database="system") as entry:
        return [at_host(url, host) for host in hosts(entry, cluster=cluster)]


def at_host(url: str, host: str) -> str:
    """`url` with another host."""
    parts = urlsplit(url)
    login = parts.netloc.rpartition("@")[0]
    name = f"[{host}]" if ":" in host else host
    place = name if parts.port is None else f"{name}:{parts.port}"
    return urlunsplit(parts._replace(netloc=f"{login}@{place}" if login else place))
