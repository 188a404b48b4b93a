"""How large pods are when nobody says: enough for 300 million events a month, which is 120 a second and five times
that at the busiest hour. What the spec says goes before, field by field.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from openpanel.tenancy.workload import Resources
from openpanel_operator.desired.labels import Component

MIB: Final = 1024 * 1024

Amounts = Mapping[str, Mapping[str, str]]

# No limits of processor: a pod that is throttled answers late while the node is idle.
DEFAULTS: Final[Mapping[Component, Amounts]] = {
    Component.INGEST: {"requests": {"cpu": "250m", "memory": "256Mi"}, "limits": {"memory": "512Mi"}},
    Component.API: {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "768Mi"}},
    Component.DASHBOARD: {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "768Mi"}},
    Component.WORKER: {"requests": {"cpu": "250m", "memory": "384Mi"}, "limits": {"memory": "1Gi"}},
    Component.MIGRATION: {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "512Mi"}},
    # A day without workers is 10 million events, 256 bytes each in frames with all that is kept beside them.
    Component.REDIS: {"requests": {"cpu": "100m", "memory": "512Mi"}, "limits": {"memory": "4Gi"}},
    Component.POSTGRES: {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "1Gi"}},
    Component.CLICKHOUSE: {"requests": {"cpu": "1", "memory": "4Gi"}, "limits": {"memory": "8Gi"}},
    Component.KEEPER: {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "1Gi"}},
}
EMBEDDED: Final[Amounts] = {"requests": {"cpu": "250m", "memory": "1Gi"}, "limits": {"memory": "3Gi"}}

_FACTORS: Final = {
    "m": Decimal("0.001"),
    **{unit: Decimal(1000) ** power for power, unit in enumerate(("k", "M", "G", "T", "P", "E"), start=1)},
    **{f"{unit}i": Decimal(1024) ** power for power, unit in enumerate("KMGTPE", start=1)},
}


def amounts(spec: Resources | None, *, default: Amounts) -> dict[str, dict[str, str]]:
    """Requests and limits of a container. A default never contradicts what the spec says."""
    said = spec.model_dump(exclude_none=True) if spec is not None else {}
    requests = {**default.get("requests", {}), **said.get("requests", {})}
    limits = {**default.get("limits", {}), **said.get("limits", {})}
    for name in requests.keys() & limits.keys():
        if number(requests[name]) <= number(limits[name]):
            continue
        if name in said.get("requests", {}):
            limits[name] = requests[name]
        else:
            requests[name] = limits[name]
    return {"requests": requests, "limits": limits}


def memory_limit(chosen: Amounts) -> int:
    """The most memory that a container of this size has, in bytes."""
    return int(number(chosen["limits"]["memory"]))


def number(quantity: str) -> Decimal:
    """A Kubernetes quantity as a number: `250m` is 0.25, `1Ki` is 1024."""
    digits = quantity.rstrip("mkKMGTPEi")
    unit = quantity[len(digits) :]
    return Decimal(digits) * (_FACTORS[unit] if unit else 1)
