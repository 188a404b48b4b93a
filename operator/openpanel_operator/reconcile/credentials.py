"""The Secrets of a cluster: those that are generated, those that people bring, and the addresses made of both.

What a generated Secret holds is made once and never changed: the stores were started with it. With deletion policy Retain it
outlives the cluster, as the volumes do, since nobody could open them without it.
"""

import base64
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlsplit, urlunsplit

from openpanel_operator import store_urls
from openpanel_operator.desired import Node, addresses
from openpanel_operator.desired.addresses import (
    CLICKHOUSE_CLUSTER,
    CLICKHOUSE_HTTP_PORT,
    DATABASE,
    KEEPER_CLIENT_PORT,
    POSTGRES_PORT,
    REDIS_PORT,
    USER,
)
from openpanel_operator.desired.credentials import LOGIN, PASSWORD, URL, Generated
from openpanel_operator.desired.labels import Component, cluster_labels
from openpanel_operator.desired.ownership import cluster_owners
from openpanel_operator.kube import Key, Kube, Object, Ref
from openpanel_operator.kube.index import Index, owner_of
from openpanel_operator.kube.kinds import CLUSTER, SECRET
from openpanel_operator.reconcile.applying import KEEP, is_applied
from openpanel_operator.reconcile.comparing import differences
from openpanel_operator.resources.cluster import Cluster
from openpanel_operator.stores import Addresses, Store

BYTES: Final = 24  # of a generated value: 192 bits, written as hexadecimal digits

Values = Mapping[str, str]


class SecretFault(Exception):
    """A Secret is not as it has to be for a store."""

    def __init__(self, message: str, store: Store) -> None:
        super().__init__(message)
        self.store = store


class SecretMissing(SecretFault):
    """A Secret that is needed is not there."""

    def __init__(self, name: str, store: Store) -> None:
        super().__init__(f"Secret {name} is not there", store)


class KeyMissing(SecretFault):
    """A Secret lacks a key."""

    def __init__(self, name: str, key: str, store: Store) -> None:
        super().__init__(f"Secret {name} has no key {key}", store)


class AddressInvalid(SecretFault):
    """What a Secret says is no address of its store; the message has no part of it."""


@dataclass(frozen=True, slots=True)
class Secrets:
    """The Secrets of a cluster that were read, by name."""

    values: Mapping[str, Values]

    def checksums(self) -> dict[str, str]:
        """By which a change is noticed."""
        return {name: _checksum(values) for name, values in self.values.items()}

    def value(self, name: str, key: str, *, store: Store) -> str:
        """One value; raises what is missing."""
        if name not in self.values:
            raise SecretMissing(name, store)
        if key not in self.values[name]:
            raise KeyMissing(name, key, store)
        return self.values[name][key]


async def look(kube: Kube, index: Index, *, namespace: str, name: str) -> Object | None:
    """A Secret from the index, else from the API server; one of ours is known from then on."""
    known = index.get(Ref(SECRET, namespace, name))
    if known is not None:
        return known
    found = await kube.get(SECRET, name, namespace=namespace)
    if found is not None and owner_of(found, kind=SECRET) is not None:
        index.put(found, kind=SECRET)
    return found


def decoded(secret: Mapping[str, Any]) -> dict[str, str]:
    """The values of a Secret; one that is no text counts as absent."""
    values = {}
    for key, value in (secret.get("data") or {}).items():
        try:
            values[key] = base64.b64decode(value, validate=True).decode()
        except ValueError:
            continue
    return values


def generated_refs(cluster: Cluster) -> frozenset[Ref]:
    """Every Secret that is generated for the cluster, or was when its spec was another: known by name, not by label."""
    names = (
        addresses.keys_secret(cluster),
        addresses.redis_secret(cluster),
        addresses.postgres_secret(cluster),
        addresses.clickhouse_secret(cluster),
    )
    return frozenset(Ref(SECRET, cluster.namespace, name) for name in names)


async def as_generated(
    secret: Generated, *, cluster: Cluster, kube: Kube, index: Index, fresh: Callable[[int], bytes]
) -> Object | None:
    """The Secret as it should be; None: it is one that a person made, and nothing is missing in it."""
    there = await look(kube, index, namespace=cluster.namespace, name=secret.name)
    wanted = _wanted(secret, cluster, there, fresh)
    if there is None or wanted is None or not differences(wanted, there):
        return wanted
    # What is known may be old by now, and what a Secret holds is never written over.
    there = await kube.get(SECRET, secret.name, namespace=cluster.namespace)
    wanted = _wanted(secret, cluster, there, fresh)
    if there is not None and wanted is not None:
        wanted["metadata"]["resourceVersion"] = there["metadata"]["resourceVersion"]
    return wanted


def _wanted(
    secret: Generated, cluster: Cluster, there: Object | None, fresh: Callable[[int], bytes]
) -> Object | None:
    """The Secret with what it holds and new values for what it lacks."""
    data = dict((there or {}).get("data") or {})
    lacking = [key for key in secret.keys if key not in data]
    if there is not None and not lacking and not _is_ours(there, cluster):
        return None
    data |= {key: base64.b64encode(fresh(BYTES).hex().encode()).decode() for key in lacking}
    owners = cluster_owners(cluster) if cluster.spec.deletion_policy == "Delete" else ()
    return {
        "apiVersion": SECRET.api_version,
        "kind": SECRET.name,
        "metadata": {
            "name": secret.name,
            "namespace": cluster.namespace,
            "labels": cluster_labels(cluster.name, component=_component(cluster, secret.name)),
            "annotations": {KEEP: "true"},
            **({"ownerReferences": list(owners)} if owners else {}),
        },
        "type": "Opaque",
        "data": data,
    }


def _is_ours(there: Object, cluster: Cluster) -> bool:
    return is_applied(there) or owner_of(there, kind=SECRET) == Key(
        CLUSTER.name, cluster.namespace, cluster.name
    )


def addresses_of(cluster: Cluster, *, secrets: Secrets, nodes: frozenset[Node]) -> Addresses:
    """Where the cluster's stores are; raises what is missing."""
    managed = cluster.spec.clickhouse.engine == "Managed"  # the embedded engine is asked where all is asked
    return Addresses(
        redis=_redis(cluster, secrets),
        postgres=_postgres(cluster, secrets),
        clickhouse=_clickhouse(cluster, secrets),
        database=DATABASE,
        nodes={node: _node(cluster, node, secrets) for node in sorted(nodes)} if managed else {},
        keepers=_keepers(cluster),
        clustered=_clustered(cluster),
        keeps_users=cluster.spec.clickhouse.engine != "Embedded",
        owner=f"{cluster.namespace}/{cluster.name}",
    )


def _redis(cluster: Cluster, secrets: Secrets) -> str:
    external = cluster.spec.redis.external
    if external is not None:
        return _external(cluster, external.secret_name, secrets, store="Redis")
    name = addresses.redis_secret(cluster)
    password = secrets.value(name, PASSWORD, store="Redis")
    host = addresses.host(cluster, addresses.workload(cluster, Component.REDIS))
    return _managed(cluster, name, f"redis://:{password}@{host}:{REDIS_PORT}/0", store="Redis")


def _postgres(cluster: Cluster, secrets: Secrets) -> str:
    external = cluster.spec.postgres.external
    if external is not None:
        return _external(cluster, external.secret_name, secrets, store="PostgreSQL")
    name = addresses.postgres_secret(cluster)
    password = secrets.value(name, PASSWORD, store="PostgreSQL")
    host = addresses.host(cluster, addresses.workload(cluster, Component.POSTGRES))
    url = f"postgresql+psycopg://{USER}:{password}@{host}:{POSTGRES_PORT}/{DATABASE}"
    return _managed(cluster, name, url, store="PostgreSQL")


def _clickhouse(cluster: Cluster, secrets: Secrets) -> str:
    external = cluster.spec.clickhouse.external
    if external is not None:
        return _with_user(
            _external(cluster, external.secret_name, secrets, store="ClickHouse"),
            secrets.values[external.secret_name],
        )
    return _server(cluster, addresses.workload(cluster, Component.CLICKHOUSE), secrets)


def _node(cluster: Cluster, node: Node, secrets: Secrets) -> str:
    host = addresses.clickhouse_node_host(cluster, shard=node.shard, replica=node.replica)
    return _at_host(cluster, host, secrets)


def _server(cluster: Cluster, name: str, secrets: Secrets) -> str:
    return _at_host(cluster, addresses.host(cluster, name), secrets)


def _at_host(cluster: Cluster, host: str, secrets: Secrets) -> str:
    name = addresses.clickhouse_secret(cluster)
    password = secrets.value(name, PASSWORD, store="ClickHouse")
    return _managed(
        cluster, name, f"http://{USER}:{password}@{host}:{CLICKHOUSE_HTTP_PORT}", store="ClickHouse"
    )


def _external(cluster: Cluster, name: str, secrets: Secrets, *, store: Store) -> str:
    """The address that somebody gave, if it is one."""
    url = secrets.value(name, URL, store=store)
    fault = store_urls.fault_of(store, url)
    if fault:
        raise AddressInvalid(f"the key {URL} of Secret {cluster.namespace}/{name} {fault}", store)
    return url


def _managed(cluster: Cluster, name: str, url: str, *, store: Store) -> str:
    """The address with a password that was generated, unless somebody wrote another that cannot stand in one."""
    if store_urls.fault_of(store, url):
        where = f"the key {PASSWORD} of Secret {cluster.namespace}/{name}"
        raise AddressInvalid(
            f"{where} cannot stand in an address: write it with letters and digits only", store
        )
    return url


def _with_user(url: str, values: Values) -> str:
    """`url` with user and password of their own keys, unless it has them itself."""
    parts = urlsplit(url)
    if "@" in parts.netloc or not values.get(LOGIN):
        return url
    login = f"{quote(values[LOGIN], safe='')}:{quote(values.get(PASSWORD, ''), safe='')}"
    return urlunsplit(parts._replace(netloc=f"{login}@{parts.netloc}"))


def _keepers(cluster: Cluster) -> tuple[tuple[str, int], ...]:
    if cluster.spec.clickhouse.engine != "Managed":
        return ()
    members = range(cluster.spec.clickhouse.keeper.replicas)
    return tuple((addresses.keeper_host(cluster, index=index), KEEPER_CLIENT_PORT) for index in members)


def _clustered(cluster: Cluster) -> str:
    clickhouse = cluster.spec.clickhouse
    if clickhouse.engine == "Managed":
        return CLICKHOUSE_CLUSTER
    return (clickhouse.external.cluster or "") if clickhouse.external else ""


def _component(cluster: Cluster, name: str) -> Component:
    by_name = {
        addresses.redis_secret(cluster): Component.REDIS,
        addresses.postgres_secret(cluster): Component.POSTGRES,
        addresses.clickhouse_secret(cluster): Component.CLICKHOUSE,
    }
    return by_name.get(name, Component.API)


def _checksum(values: Values) -> str:
    text = "\0".join(f"{key}={value}" for key, value in sorted(values.items()))
    return hashlib.sha256(text.encode()).hexdigest()[:12]
