"""Resources of all shapes, and facts to render them with: what the tests of the builders go through."""

from collections.abc import Mapping
from typing import Any, Final

from openpanel_operator.desired import (
    ClusterFacts,
    KeeperFacts,
    Object,
    ProjectFacts,
    Stage,
    desired_cluster,
    desired_project,
)
from openpanel_operator.desired.revision import revision_of
from openpanel_operator.resources import Cluster, Project, parse_cluster, parse_project

VERSION: Final = "1.2.3"
KINDS: Final = frozenset({"ServiceMonitor", "ScaledObject", "HTTPRoute"})

EXTERNAL: Final = {
    "clickhouse": {"engine": "External", "external": {"secretName": "my-clickhouse", "cluster": "main"}},
    "redis": {"mode": "External", "external": {"secretName": "my-redis"}},
    "postgres": {"mode": "External", "external": {"secretName": "my-postgres"}},
}
EVERYTHING: Final = {
    "version": "9.9.9",
    "images": {"registry": "registry.example.com/op", "pullPolicy": "Always", "pullSecrets": ["pull"]},
    "clickhouse": {
        "shards": 2,
        "replicas": 2,
        "storage": {"size": "500Gi", "className": "fast"},
        "resources": {"requests": {"cpu": "4"}, "limits": {"memory": "32Gi"}},
        "placement": {"nodeSelector": {"disk": "nvme"}, "tolerations": [{"key": "db", "operator": "Exists"}]},
        "settings": {"max_concurrent_queries": "400", "merge_tree.max_suspicious_broken_parts": "5"},
    },
    "redis": {"resources": {"limits": {"memory": "8Gi"}}},
    "ingest": {"autoscaling": {"enabled": True, "min": 3, "max": 12}},
    "api": {"replicas": 4, "placement": {"topologyKey": "kubernetes.io/hostname"}},
    "workers": {"max": 6, "scaleToZero": True, "min": 0, "scaler": "Keda", "fallback": 2},
    "placement": {"priorityClassName": "analytics"},
    "exposure": {
        "type": "Ingress",
        "className": "nginx",
        "hosts": {"ingest": "in.example.com", "api": "api.example.com", "dashboard": "app.example.com"},
        "tls": {"issuer": {"name": "letsencrypt"}},
        "annotations": {"example.com/size": "4m"},
        "trustedProxies": ["10.0.0.0/8"],
        "clientIpHeader": "X-Real-IP",
    },
    "geo": {"claimName": "geo-files"},
    "observability": {"otlpEndpoint": "http://otel:4318", "labels": {"release": "prometheus"}},
    "networkPolicies": {"fromNamespaces": ["ingress-nginx"]},
    "deletionPolicy": "Delete",
}
CLUSTERS: Final[Mapping[str, Mapping[str, Any]]] = {
    "plain": {},
    "embedded": {"clickhouse": {"engine": "Embedded"}},
    "external": EXTERNAL,
    "two-shards": {"clickhouse": {"shards": 2, "replicas": 2}},
    "everything": EVERYTHING,
    "gateway": {
        "clickhouse": {"engine": "Embedded"},
        "exposure": {
            "type": "Gateway",
            "gatewayRef": {"name": "public", "namespace": "gateways", "sectionName": "https"},
            "hosts": {"ingest": "in.example.com", "dashboard": "app.example.com"},
            "tls": {"secretName": "wildcard"},
        },
        "geo": {"secretName": "geo"},
    },
    "external-keda": {**EXTERNAL, "workers": {"scaler": "Keda"}, "geo": {"configMapName": "geo"}},
}
PROJECTS: Final[Mapping[str, Mapping[str, Any]]] = {
    "shared": {},
    "shared-host": {"ingest": {"host": "shop.example.com", "tlsSecretName": "shop-certificate"}},
    "dedicated": {"ingest": {"mode": "Dedicated", "host": "shop.example.com"}},
    "dedicated-keda": {
        "ingest": {
            "mode": "Dedicated",
            "replicas": {"min": 2, "max": 9},
            "targetCpuPercent": 50,
            "targetMemoryPercent": 60,
            "resources": {"requests": {"cpu": "1"}, "limits": {"memory": "1Gi"}},
        },
        "workers": {"scaler": "Keda", "max": 8, "scaleToZero": True, "min": 0},
        "isolation": {"priorityClassName": "gold", "resourceQuota": {"pods": 7}},
    },
    "dedicated-counted": {
        "ingest": {"mode": "Dedicated"},
        "isolation": {
            "priorityClassName": "gold",
            "resourceQuota": {
                "admission": True,
                "pods": 12,
                "requests": {"cpu": "4"},
                "limits": {"memory": "16Gi"},
            },
        },
    },
}


def cluster(spec: Mapping[str, Any] | None = None, **metadata: object) -> Cluster:
    """A PanelCluster with this spec."""
    own = {"name": "main", "namespace": "analytics", "uid": "uid-of-main", "generation": 1}
    return parse_cluster({"metadata": {**own, **metadata}, "spec": spec or {}})


def project(spec: Mapping[str, Any] | None = None, **metadata: object) -> Project:
    """An AnalyticsProject with this spec."""
    own = {"name": "shop", "namespace": "analytics", "uid": "uid-of-shop", "generation": 1}
    return parse_project({"metadata": {**own, **metadata}, "spec": spec or {}})


def cluster_facts(**facts: Any) -> ClusterFacts:
    """Facts of a cluster that is whole, unless they say otherwise."""
    usual: dict[str, Any] = {
        "operator_namespace": "openpanel-system",
        "version": VERSION,
        "kinds": KINDS,
        "stage": Stage.DASHBOARD,
    }
    return ClusterFacts(**{**usual, **facts})


def project_facts(**facts: Any) -> ProjectFacts:
    """Likewise of a project."""
    usual: dict[str, Any] = {"version": VERSION, "kinds": KINDS}
    return ProjectFacts(**{**usual, **facts})


def all_rendered() -> dict[str, list[Object]]:
    """Every case with its objects."""
    rendered = {
        f"cluster-{name}": desired_cluster(cluster(spec), facts=cluster_facts())
        for name, spec in CLUSTERS.items()
    }
    host = cluster(CLUSTERS["everything"])
    for name, spec in PROJECTS.items():
        facts = project_facts()
        rendered[f"project-{name}"] = desired_project(project(spec), cluster=host, facts=facts)
    return rendered


def only(objects: list[Object], kind: str, name: str) -> Object:
    """The one object of that kind and name."""
    (found,) = (each for each in objects if each["kind"] == kind and each["metadata"]["name"] == name)
    return found


def of_kind(objects: list[Object], kind: str) -> dict[str, Object]:
    """The objects of a kind by name."""
    return {each["metadata"]["name"]: each for each in objects if each["kind"] == kind}


def pod_templates(objects: list[Object]) -> dict[str, Object]:
    """Pod templates by the kind and name of their workload."""
    return {
        f"{each['kind']}/{each['metadata']['name']}": each["spec"]["template"]
        for each in objects
        if "template" in each.get("spec", {})
    }


def recorded(objects: list[Object]) -> dict[str, str]:
    """The revisions of these workloads, as `reconcile` hands them back."""
    return {
        name.partition("/")[2]: revision_of(template) for name, template in pod_templates(objects).items()
    }


def stable_keeper(*members: int) -> KeeperFacts:
    """An ensemble that is in sync."""
    return KeeperFacts(members=members, stable=True)
