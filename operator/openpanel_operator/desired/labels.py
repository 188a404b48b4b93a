"""Labels, annotations and names of everything that the operator makes. Each key and each suffix stands here once.

Selectors are made of the fixed labels only: they cannot be changed later, so nothing a user writes is in them.
"""

import hashlib
from enum import StrEnum
from typing import Final

GROUP: Final = "openpanel.dev"
MANAGER: Final = "openpanel-operator"

NAME: Final = "app.kubernetes.io/name"
INSTANCE: Final = "app.kubernetes.io/instance"
COMPONENT: Final = "app.kubernetes.io/component"
PART_OF: Final = "app.kubernetes.io/part-of"
MANAGED_BY: Final = "app.kubernetes.io/managed-by"
CLUSTER: Final = f"{GROUP}/cluster"
PROJECT: Final = f"{GROUP}/project"
PROJECT_NAMESPACE: Final = f"{GROUP}/project-namespace"
SHARD: Final = f"{GROUP}/shard"
REPLICA: Final = f"{GROUP}/replica"
MEMBER: Final = f"{GROUP}/member"

REVISION: Final = f"{GROUP}/revision"  # annotation of pod templates, see `revision`
SECRETS: Final = f"{GROUP}/secrets"  # annotation of pod templates: checksum of the secrets they read
CONFIGURATION: Final = f"{GROUP}/configuration"  # annotation: checksum of the settings that need a restart
RESTART_AT: Final = f"{GROUP}/restart-at"  # annotation of the resource: a new value rolls its pods

LONGEST_NAME: Final = 52  # a StatefulSet's pods carry its name and a hash of eleven more in a label of 63


class Component(StrEnum):
    """What an object belongs to; also the key of `ClusterFacts.images`."""

    REDIS = "redis"
    POSTGRES = "postgres"
    CLICKHOUSE = "clickhouse"
    KEEPER = "keeper"
    INGEST = "ingest"
    API = "api"
    DASHBOARD = "dashboard"
    WORKER = "worker"
    MIGRATION = "migrate"
    EXPOSURE = "exposure"
    NETWORK = "network"
    MONITORING = "monitoring"
    QUOTA = "quota"
    CLIENT = "client"


def cluster_labels(cluster: str, *, component: Component) -> dict[str, str]:
    """Labels of an object of the cluster."""
    return {**cluster_selector(cluster, component=component), **_common(component)}


def cluster_selector(cluster: str, *, component: Component) -> dict[str, str]:
    """What tells the pods of one of the cluster's components from all others."""
    return {CLUSTER: cluster, INSTANCE: cluster, COMPONENT: component.value}


def project_labels(project: str, *, namespace: str, cluster: str, component: Component) -> dict[str, str]:
    """Labels of an object of a project; `namespace` is the AnalyticsProject's, the object may lie elsewhere."""
    return {
        **project_selector(project, cluster=cluster, component=component),
        PROJECT_NAMESPACE: namespace,
        **_common(component),
    }


def project_selector(project: str, *, cluster: str, component: Component) -> dict[str, str]:
    """What tells the pods of one of the project's components from all others."""
    return {CLUSTER: cluster, PROJECT: project, INSTANCE: project, COMPONENT: component.value}


def name_of(owner: str, *suffix: object, longest: int = LONGEST_NAME) -> str:
    """`<owner>-<suffix>…`; of an owner whose name is too long for that, its beginning and a checksum."""
    tail = "-".join(str(part) for part in suffix)
    name = f"{owner}-{tail}"
    if len(name) <= longest:
        return name
    checksum = hashlib.sha256(owner.encode()).hexdigest()[:8]
    head = owner[: longest - len(tail) - len(checksum) - 2].rstrip("-.")
    return f"{head}-{checksum}-{tail}"


def _common(component: Component) -> dict[str, str]:
    return {
        NAME: f"openpanel-{component.value}",
        PART_OF: "openpanel",
        MANAGED_BY: MANAGER,
    }
