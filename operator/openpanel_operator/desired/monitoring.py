"""ServiceMonitors, where the Prometheus operator is installed: one for services, one for ClickHouse and Keeper."""

from collections.abc import Sequence
from typing import Final

from openpanel_operator.desired.addresses import HTTP
from openpanel_operator.desired.labels import CLUSTER, COMPONENT, PROJECT, Component, name_of
from openpanel_operator.desired.objects import Object
from openpanel_operator.desired.platform import Platform

SERVICE_MONITOR: Final = "ServiceMonitor"
INTERVAL: Final = "30s"

_SERVICES: Final = (Component.INGEST, Component.API, Component.WORKER)  # the dashboard counts nothing


def monitoring_objects(platform: Platform) -> list[Object]:
    """What tells Prometheus where to ask; projects' own pods are found by the same labels."""
    wanted = platform.spec.observability.service_monitor
    if not wanted or SERVICE_MONITOR not in platform.kinds:
        return []
    monitors = [_monitor(platform, "services", _SERVICES, port=HTTP)]
    if platform.spec.clickhouse.engine == "Managed":
        monitors.append(
            _monitor(platform, "warehouse", (Component.CLICKHOUSE, Component.KEEPER), port="metrics")
        )
    return monitors


def _monitor(platform: Platform, name: str, components: Sequence[Component], *, port: str) -> Object:
    place = platform.place(Component.MONITORING)
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": SERVICE_MONITOR,
        "metadata": place.with_labels(platform.spec.observability.labels).meta(
            name_of(platform.cluster.name, name)
        ),
        "spec": {
            "selector": {
                "matchLabels": {CLUSTER: platform.cluster.name},
                "matchExpressions": [
                    {"key": COMPONENT, "operator": "In", "values": [each.value for each in components]}
                ],
            },
            "namespaceSelector": {"matchNames": [platform.cluster.namespace]},
            "targetLabels": [CLUSTER, PROJECT, COMPONENT],
            "endpoints": [{"port": port, "path": "/metrics", "interval": INTERVAL}],
        },
    }
