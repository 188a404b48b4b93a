"""What the scaler decided, as condition and figures of a status. Pure."""

from collections.abc import Mapping
from typing import Any

from openpanel.tenancy.workload import Workers
from openpanel_operator.reconcile.conditions import Condition, stamp
from openpanel_operator.reconcile.workloads import Owned
from openpanel_operator.reconcile.world import Scaled
from openpanel_operator.resources.reasons import ConditionType, Reason


def worker_figures(
    owned: Owned, *, component: str, before: Mapping[str, Any], streams: int, scaled: Scaled | None
) -> dict[str, Any]:
    """Workers there are, and the last decision on their number."""
    rollout, workers = owned.rollout(component), owned.of(component)
    figures: dict[str, Any] = {
        **before,
        "replicas": rollout.desired if rollout else 0,
        "ready": rollout.ready if rollout else 0,
        "selector": workers[0].selector if workers else None,
        "shards": streams,
    }
    if scaled is not None:
        moved = scaled.desired != before.get("desired")
        figures |= {
            "desired": scaled.desired,
            "reason": scaled.reason,
            "queued": scaled.queued,
            "running": scaled.running,
            "oldestSeconds": scaled.oldest_seconds,
            "lastScaleTime": stamp(scaled.at) if moved else before.get("lastScaleTime"),
        }
    return figures


def scaling_condition(
    workers: Workers, *, kinds: frozenset[str], scaled: Scaled | None, known: Mapping[str, Any] | None
) -> Condition | None:
    """Whether the number of workers follows the queue; None: nobody has looked yet, and nobody had."""
    name = ConditionType.SCALING_ACTIVE.value
    if workers.replicas is not None:
        return Condition(name, "False", Reason.PINNED.value, f"workers.replicas is {workers.replicas}")
    if workers.scaler == "Keda":
        there = "ScaledObject" in kinds
        reason = Reason.DELEGATED if there else Reason.KEDA_NOT_INSTALLED
        return Condition(name, "True" if there else "False", reason.value)
    if scaled is not None:
        return Condition(name, "True" if scaled.active else "Unknown", scaled.reason)
    if known is not None:
        return Condition(name, known["status"], known["reason"], known.get("message", ""))
    return None
