"""Which Secrets a cluster needs that nobody but the operator can make. Their values are drawn by `reconcile`.

Every value is to be made of hexadecimal digits only: it goes into URLs, SQL and configuration files as it is.
"""

from dataclasses import dataclass
from typing import Final

from openpanel_operator.desired import addresses
from openpanel_operator.resources.cluster import Cluster

PASSWORD: Final = "password"  # noqa: S105 - the key, not the value
CLUSTER_SECRET: Final = "clusterSecret"  # noqa: S105
SECRET_KEY: Final = "secretKey"  # noqa: S105
URL: Final = "url"
LOGIN: Final = "user"  # of an external ClickHouse beside its url, with the password under its own key


@dataclass(frozen=True, slots=True)
class Generated:
    """One Secret with the keys that must be in it."""

    name: str
    keys: tuple[str, ...]


def generated_secrets(cluster: Cluster) -> tuple[Generated, ...]:
    """The Secrets of a cluster that are made once and stay."""
    spec = cluster.spec
    secrets = [Generated(addresses.keys_secret(cluster), (SECRET_KEY,))]
    if spec.redis.mode == "Managed":
        secrets.append(Generated(addresses.redis_secret(cluster), (PASSWORD,)))
    if spec.postgres.mode == "Managed":
        secrets.append(Generated(addresses.postgres_secret(cluster), (PASSWORD,)))
    if spec.clickhouse.engine == "Managed":
        secrets.append(Generated(addresses.clickhouse_secret(cluster), (PASSWORD, CLUSTER_SECRET)))
    if spec.clickhouse.engine == "Embedded":
        secrets.append(Generated(addresses.clickhouse_secret(cluster), (PASSWORD,)))
    return tuple(secrets)


def read_secrets(cluster: Cluster) -> tuple[str, ...]:
    """Names of all Secrets whose content the cluster's and its projects' pods read; a change rolls them."""
    spec = cluster.spec
    given = [
        spec.redis.external and spec.redis.external.secret_name,
        spec.postgres.external and spec.postgres.external.secret_name,
        spec.clickhouse.external and spec.clickhouse.external.secret_name,
    ]
    return (*(secret.name for secret in generated_secrets(cluster)), *(name for name in given if name))
