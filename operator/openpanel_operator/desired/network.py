"""Who may reach whose pods. Each policy admits to one component; whatever it does not name stays outside.

Tenants are kept apart where their pods are reached, not where they start: a project's pods admit everybody but pods of
other projects, wherever in Kubernetes those run.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from openpanel_operator.desired import addresses, clickhouse, keeper
from openpanel_operator.desired.addresses import CLICKHOUSE_HTTP_PORT, CLICKHOUSE_METRICS_PORT, PORTS
from openpanel_operator.desired.autoscaling import SCALED_OBJECT
from openpanel_operator.desired.labels import CLUSTER, COMPONENT, MANAGER, NAME, PROJECT, Component, name_of
from openpanel_operator.desired.objects import Object, Place
from openpanel_operator.desired.platform import Platform

NAMESPACE: Final = "kubernetes.io/metadata.name"
KEDA: Final = {"app": "keda-operator"}  # its chart and its plain manifest both set it

# Who asks the stores, shared or a project's own.
_ASKING: Final = (
    Component.INGEST,
    Component.API,
    Component.DASHBOARD,
    Component.WORKER,
    Component.MIGRATION,
)


def cluster_policies(platform: Platform, *, operator_namespace: str) -> list[Object]:
    """Policies of the cluster's stores and services."""
    if not platform.spec.network_policies.enabled:
        return []
    operator = _pods({NAME: MANAGER}, namespace=operator_namespace)
    return [*_stores(platform, operator), *_services(platform)]


def project_policies(
    platform: Platform, *, project: str, place: Place, selectors: Mapping[Component, Mapping[str, str]]
) -> list[Object]:
    """Policies of a project's own pods."""
    if not platform.spec.network_policies.enabled:
        return []
    sources = [*_not_of_projects(platform), _own(project)]
    return [
        _policy(name_of(project, component.value), place, selector, [_admit(sources, [PORTS[component]])])
        for component, selector in selectors.items()
    ]


def _stores(platform: Platform, operator: Object) -> Iterable[Object]:
    asking = _asking(platform)
    spec = platform.spec
    if spec.redis.mode == "Managed":
        keda = [{"namespaceSelector": {}, "podSelector": {"matchLabels": dict(KEDA)}}]
        more = keda if SCALED_OBJECT in platform.kinds else []
        rules = [_admit([*asking, operator, *more], [addresses.REDIS_PORT])]
        yield _of_component(platform, Component.REDIS, rules)
    if spec.postgres.mode == "Managed":
        rules = [_admit([*asking, operator], [addresses.POSTGRES_PORT])]
        yield _of_component(platform, Component.POSTGRES, rules)
    if spec.clickhouse.engine == "Embedded":
        rules = [_admit([*asking, operator], [CLICKHOUSE_HTTP_PORT])]
        yield _of_component(platform, Component.CLICKHOUSE, rules)
    if spec.clickhouse.engine == "Managed":
        yield from _servers(platform, asking, operator)


def _servers(platform: Platform, asking: Sequence[Object], operator: Object) -> Iterable[Object]:
    servers = {"podSelector": {"matchLabels": platform.selector(Component.CLICKHOUSE)}}
    members = {"podSelector": {"matchLabels": platform.selector(Component.KEEPER)}}
    yield _of_component(
        platform,
        Component.CLICKHOUSE,
        [
            _admit([*asking, operator], [CLICKHOUSE_HTTP_PORT, addresses.CLICKHOUSE_NATIVE_PORT]),
            _admit([servers], list(clickhouse.PORTS.values())),
            _admit([], [CLICKHOUSE_METRICS_PORT]),
        ],
    )
    yield _of_component(
        platform,
        Component.KEEPER,
        [
            _admit(
                [servers, members, operator], [addresses.KEEPER_CLIENT_PORT, addresses.KEEPER_CONTROL_PORT]
            ),
            _admit([members], [addresses.KEEPER_RAFT_PORT]),
            _admit([], [keeper.METRICS_PORT]),
        ],
    )


def _services(platform: Platform) -> Iterable[Object]:
    """Services admit everybody, or the namespaces that are named and whoever belongs to the cluster."""
    named = platform.spec.network_policies.from_namespaces
    from_named = [{"namespaceSelector": {"matchLabels": {NAMESPACE: name}}} for name in named]
    own = {"podSelector": {"matchLabels": {CLUSTER: platform.cluster.name}}}
    for component in (Component.INGEST, Component.API, Component.DASHBOARD, Component.WORKER):
        sources = [*from_named, own] if named else []
        yield _of_component(platform, component, [_admit(sources, [PORTS[component]])])


def _of_component(platform: Platform, component: Component, rules: Sequence[Object]) -> Object:
    place, selector = platform.place(component), platform.selector(component)
    return _policy(addresses.workload(platform.cluster, component), place, selector, rules)


def _policy(name: str, place: Place, selector: Mapping[str, str], rules: Sequence[Object]) -> Object:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": place.meta(name),
        "spec": {
            "podSelector": {"matchLabels": dict(selector)},
            "policyTypes": ["Ingress"],
            "ingress": list(rules),
        },
    }


def _admit(sources: Sequence[Object], ports: Sequence[int]) -> Object:
    """Who may come to these ports; no sources: everybody."""
    return {
        **({"from": list(sources)} if sources else {}),
        "ports": [{"protocol": "TCP", "port": port} for port in ports],
    }


def _asking(platform: Platform) -> list[Object]:
    """Pods of the cluster and of its projects that work with the stores."""
    return [
        {
            "podSelector": {
                "matchLabels": {CLUSTER: platform.cluster.name},
                "matchExpressions": [
                    {"key": COMPONENT, "operator": "In", "values": [each.value for each in _ASKING]}
                ],
            }
        }
    ]


def _not_of_projects(platform: Platform) -> list[Object]:
    """Pods that belong to no project, where they are allowed from."""
    free = {"matchExpressions": [{"key": PROJECT, "operator": "DoesNotExist"}]}
    named = platform.spec.network_policies.from_namespaces
    namespaces: list[Object] = [{"matchLabels": {NAMESPACE: name}} for name in named]
    return [{"namespaceSelector": namespace, "podSelector": free} for namespace in namespaces or [{}]]


def _own(project: str) -> Object:
    return {"podSelector": {"matchLabels": {PROJECT: project}}}


def _pods(labels: Mapping[str, str], *, namespace: str) -> Object:
    return {
        "namespaceSelector": {"matchLabels": {NAMESPACE: namespace}},
        "podSelector": {"matchLabels": dict(labels)},
    }
