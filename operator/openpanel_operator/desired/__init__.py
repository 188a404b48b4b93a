"""Which Kubernetes objects a resource stands for: pure builders, no I/O, no clock, no randomness.

What other rooms use:

    desired_cluster, desired_project         every object of a resource, in the order in which they are applied
    redis_objects_of                         those of a cluster's Redis, as a project's pass knows the cluster
    ClusterFacts, ProjectFacts, …            what the builders are told about the world (`facts`)
    addresses, credentials, labels           names that others must agree on
    rolling.next_to_replace                  which store's pod goes next
    project.most_pods                        the bounds that a project's quota leaves
    project.quota_shortage                   what the quota has no room for

Plain dictionaries as the API server takes them. No object holds the value of a secret, and none claims a number of
replicas that something else scales.
"""

from openpanel_operator.desired.addresses import Project
from openpanel_operator.desired.clickhouse import clickhouse_objects
from openpanel_operator.desired.engine import engine_objects
from openpanel_operator.desired.exposure import cluster_exposure
from openpanel_operator.desired.facts import (
    ClickHouseFacts,
    ClusterFacts,
    KeeperFacts,
    Node,
    ProjectFacts,
    RedisFacts,
    Stage,
)
from openpanel_operator.desired.keeper import keeper_objects
from openpanel_operator.desired.migration import migration_objects
from openpanel_operator.desired.monitoring import monitoring_objects
from openpanel_operator.desired.network import cluster_policies
from openpanel_operator.desired.objects import Object
from openpanel_operator.desired.platform import Platform
from openpanel_operator.desired.postgres import postgres_objects
from openpanel_operator.desired.project import project_objects
from openpanel_operator.desired.redis import redis_objects
from openpanel_operator.desired.services import shared_services
from openpanel_operator.resources.cluster import Cluster

__all__ = [
    "ClickHouseFacts",
    "ClusterFacts",
    "KeeperFacts",
    "Node",
    "Object",
    "ProjectFacts",
    "RedisFacts",
    "Stage",
    "desired_cluster",
    "desired_project",
    "redis_objects_of",
]


def desired_cluster(cluster: Cluster, *, facts: ClusterFacts) -> list[Object]:
    """Every object of the cluster but its generated Secrets: policies, stores, schema, services, ways in."""
    platform = Platform.of_cluster(cluster, facts=facts)
    return [
        *cluster_policies(platform, operator_namespace=facts.operator_namespace),
        *redis_objects(platform),
        *postgres_objects(platform),
        *keeper_objects(platform, facts=facts.keeper),
        *clickhouse_objects(platform, facts=facts.clickhouse, keeper=facts.keeper),
        *engine_objects(platform),
        *migration_objects(platform, facts=facts),
        *shared_services(platform, facts=facts),
        *cluster_exposure(platform),
        *monitoring_objects(platform),
    ]


def desired_project(project: Project, *, cluster: Cluster, facts: ProjectFacts) -> list[Object]:
    """Every object of the project but its clients' Secrets."""
    platform = Platform.of_project(cluster, facts=facts, annotations=project.annotations)
    return project_objects(platform, project=project, facts=facts)


def redis_objects_of(cluster: Cluster, *, facts: ProjectFacts) -> list[Object]:
    """The objects of the cluster's Redis, for who waits until its pod is of them."""
    return redis_objects(Platform.of_project(cluster, facts=facts, annotations={}))
