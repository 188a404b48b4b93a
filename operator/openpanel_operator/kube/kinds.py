"""The kinds of objects that the operator deals with, and where the API server keeps them."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import quote


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind: `path` is where its objects are."""

    api_version: str
    name: str
    plural: str
    namespaced: bool = True

    @property
    def group(self) -> str:
        """The API group; "" for the core."""
        return self.api_version.rpartition("/")[0]

    @property
    def root(self) -> str:
        """Where the API server describes this kind's group and version."""
        return f"/apis/{self.api_version}" if self.group else f"/api/{self.api_version}"

    def path(self, *, namespace: str | None = None, name: str | None = None, sub: str | None = None) -> str:
        """The path of one object, its subresource, or of all in a namespace or everywhere."""
        parts = [self.root]
        if self.namespaced and namespace is not None:
            parts += ["namespaces", quote(namespace, safe="")]
        parts.append(self.plural)
        parts += [quote(part, safe="") for part in (name, sub) if part is not None]
        return "/".join(parts)


PROJECT: Final = Kind("openpanel.dev/v1alpha1", "AnalyticsProject", "analyticsprojects")
CLUSTER: Final = Kind("openpanel.dev/v1alpha1", "PanelCluster", "panelclusters")

NAMESPACE: Final = Kind("v1", "Namespace", "namespaces", namespaced=False)
POD: Final = Kind("v1", "Pod", "pods")
EVENT: Final = Kind("v1", "Event", "events")
LEASE: Final = Kind("coordination.k8s.io/v1", "Lease", "leases")
SECRET: Final = Kind("v1", "Secret", "secrets")
CONFIG_MAP: Final = Kind("v1", "ConfigMap", "configmaps")
SERVICE: Final = Kind("v1", "Service", "services")
DEPLOYMENT: Final = Kind("apps/v1", "Deployment", "deployments")
STATEFUL_SET: Final = Kind("apps/v1", "StatefulSet", "statefulsets")
JOB: Final = Kind("batch/v1", "Job", "jobs")
RESOURCE_QUOTA: Final = Kind("v1", "ResourceQuota", "resourcequotas")
AUTOSCALER: Final = Kind("autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers")

# What is made for a resource, watched by label, restored and pruned.
OWNED: Final[tuple[Kind, ...]] = (
    SECRET,
    CONFIG_MAP,
    SERVICE,
    Kind("v1", "PersistentVolumeClaim", "persistentvolumeclaims"),
    DEPLOYMENT,
    STATEFUL_SET,
    JOB,
    AUTOSCALER,
    RESOURCE_QUOTA,
    Kind("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets"),
    Kind("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies"),
    Kind("networking.k8s.io/v1", "Ingress", "ingresses"),
)
# The same, where the cluster has them installed.
OPTIONAL: Final[tuple[Kind, ...]] = (
    Kind("monitoring.coreos.com/v1", "ServiceMonitor", "servicemonitors"),
    Kind("keda.sh/v1alpha1", "ScaledObject", "scaledobjects"),
    Kind("keda.sh/v1alpha1", "TriggerAuthentication", "triggerauthentications"),
    Kind("gateway.networking.k8s.io/v1", "HTTPRoute", "httproutes"),
)
# What others have installed, as far as it has to be known: nothing of it is made here.
NOTICED: Final[tuple[Kind, ...]] = (Kind("cert-manager.io/v1", "Certificate", "certificates"),)
# Never deleted because it is no longer rendered: data is only deleted when someone says so.
KEPT: Final = frozenset({"PersistentVolumeClaim"})

_ALL: Final = {
    (kind.api_version, kind.name): kind
    for kind in (PROJECT, CLUSTER, NAMESPACE, POD, EVENT, LEASE, *OWNED, *OPTIONAL)
}


def kind_of(api_version: str, name: str) -> Kind:
    """The kind that an object names; `KeyError` for one that the operator does not deal with."""
    return _ALL[api_version, name]
