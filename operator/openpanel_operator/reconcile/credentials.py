"""The Secrets of a cluster: those that are generated, those that people bring, and the addresses made of both.

A generated Secret is made once and never changed: the stores were started with it. With deletion policy Retain it
outlives the cluster, as the volumes do, since nobody could open them without it.
"""

import base64
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlsplit, urlunsplit

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
from openpanel_operator.desired.credentials import PASSWORD, URL, Generated, generated_secrets
from openpanel_operator.desired.labels import Component, cluster_labels
from openpanel_operator.desired.ownership import cluster_owners
from openpanel_operator.kube import Kube, Object, Ref
from openpanel_operator.kube.index import Index, owner_of
from openpanel_operator.kube.kinds import SECRET
from openpanel_operator.reconcile.applying import KEEP
from openpanel_operator.resources.cluster import Cluster
from openpanel_operator.stores import Addresses, Store

BYTES: Final = 24  # of a generated value: 192 bits, written as hexadecimal digits

Values = Mapping[str, str]


class SecretMissing(Exception):
    """A Secret that is needed is not there."""

    def __init__(self, name: str, store: Store) -> None:
        super().__init__(f"Secret {name} is not there")
        self.store = store


class KeyMissing(Exception):
    """A Secret lacks a key."""

    def __init__(self, name: str, key: str, store: Store) -> None:
        super().__init__(f"Secret {name} has no key {key}")
        self.store = store


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


def missing(cluster: Cluster, *, found: Mapping[str, Values]) -> list[Generated]:
    """The Secrets that have to be generated still, with the keys that they lack."""
    lacking = []
    for secret in generated_secrets(cluster):
        keys = tuple(key for key in secret.keys if key not in found.get(secret.name, {}))
        if keys:
            lacking.append(Generated(secret.name, keys))
    return lacking


def generated(secret: Generated, *, cluster: Cluster, there: Values, fresh: Callable[[int], bytes]) -> Object:
    """The Secret with what it has and new values for what it lacks."""
    values = {**there, **{key: fresh(BYTES).hex() for key in secret.keys}}
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
        "data": {key: base64.b64encode(value.encode()).decode() for key, value in values.items()},
    }


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
    )


def _redis(cluster: Cluster, secrets: Secrets) -> str:
    external = cluster.spec.redis.external
    if external is not None:
        return secrets.value(external.secret_name, URL, store="Redis")
    password = secrets.value(addresses.redis_secret(cluster), PASSWORD, store="Redis")
    host = addresses.host(cluster, addresses.workload(cluster, Component.REDIS))
    return f"redis://:{password}@{host}:{REDIS_PORT}/0"


def _postgres(cluster: Cluster, secrets: Secrets) -> str:
    external = cluster.spec.postgres.external
    if external is not None:
        return secrets.value(external.secret_name, URL, store="PostgreSQL")
    password = secrets.value(addresses.postgres_secret(cluster), PASSWORD, store="PostgreSQL")
    host = addresses.host(cluster, addresses.workload(cluster, Component.POSTGRES))
    return f"postgresql+psycopg://{USER}:{password}@{host}:{POSTGRES_PORT}/{DATABASE}"


def _clickhouse(cluster: Cluster, secrets: Secrets) -> str:
    external = cluster.spec.clickhouse.external
    if external is not None:
        return _with_user(
            secrets.value(external.secret_name, URL, store="ClickHouse"),
            secrets.values[external.secret_name],
        )
    return _server(cluster, addresses.workload(cluster, Component.CLICKHOUSE), secrets)


def _node(cluster: Cluster, node: Node, secrets: Secrets) -> str:
    password = secrets.value(addresses.clickhouse_secret(cluster), PASSWORD, store="ClickHouse")
    host = addresses.clickhouse_node_host(cluster, shard=node.shard, replica=node.replica)
    return f"http://{USER}:{password}@{host}:{CLICKHOUSE_HTTP_PORT}"


def _server(cluster: Cluster, name: str, secrets: Secrets) -> str:
    password = secrets.value(addresses.clickhouse_secret(cluster), PASSWORD, store="ClickHouse")
    return f"http://{USER}:{password}@{addresses.host(cluster, name)}:{CLICKHOUSE_HTTP_PORT}"


def _with_user(url: str, values: Values) -> str:
    """`url` with user and password of their own keys, unless it has them itself."""
    parts = urlsplit(url)
    if "@" in parts.netloc or not values.get("user"):
        return url
    login = f"{quote(values['user'], safe='')}:{quote(values.get('password', ''), safe='')}"
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
