"""What the scaler decided, as condition and figures of a status. Pure."""

from collections.abc import Mapping
from typing import Any, Final

from openpanel.tenancy.workload import Workers
from openpanel_operator.desired.autoscaling import REDIS_KEYS, SCALED_OBJECT
from openpanel_operator.reconcile.conditions import Condition, found, stamp
from openpanel_operator.reconcile.credentials import Secrets
from openpanel_operator.reconcile.passing import Pass
from openpanel_operator.reconcile.workloads import Owned
from openpanel_operator.reconcile.world import Scaled
from openpanel_operator.resources.cluster import Cluster
from openpanel_operator.resources.reasons import ConditionType, Reason

# What is told of a decision, and by nobody where somebody else decides.
_DECIDED: Final = frozenset({"desired", "reason", "queued", "running", "oldestSeconds", "lastScaleTime"})


def worker_figures(
    owned: Owned,
    workers: Workers,
    *,
    component: str,
    before: Mapping[str, Any],
    streams: int,
    scaled: Scaled | None,
) -> dict[str, Any]:
    """Workers there are, and the last decision on their number."""
    rollout, workloads = owned.rollout(component), owned.of(component)
    decides = workers.scaler == "Operator"
    figures: dict[str, Any] = {
        **{name: value for name, value in before.items() if decides or name not in _DECIDED},
        "replicas": rollout.desired if rollout else 0,
        "ready": rollout.ready if rollout else 0,
        "selector": workloads[0].selector if workloads else None,
        "shards": streams,
    }
    if decides and scaled is not None:
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


def lacking_for_keda(cluster: Cluster, *, secrets: Secrets) -> str:
    """What KEDA needs of the Secret of an external Redis and does not find there; "": nothing."""
    external = cluster.spec.redis.external
    if external is None or external.secret_name not in secrets.values:
        return ""
    lacking = [key for key in REDIS_KEYS if key not in secrets.values[external.secret_name]]
    return f"Secret {external.secret_name} has no key {' and no key '.join(lacking)}" if lacking else ""


def scaling_of(current: Pass[Any], workers: Workers, *, lacking: str) -> Condition | None:
    """Whether the number of workers follows the queue; None: nobody has looked yet, and nobody had.

    `lacking` is what KEDA would need and does not find.
    """
    name = ConditionType.SCALING_ACTIVE.value
    if workers.replicas is not None:
        return Condition(name, "False", Reason.PINNED.value, f"workers.replicas is {workers.replicas}")
    if workers.scaler == "Keda":
        if SCALED_OBJECT not in current.world.optional_kinds:
            return Condition(name, "False", Reason.KEDA_NOT_INSTALLED.value)
        return _delegated(current, name, lacking=lacking)
    scaled = current.world.scaled.get(current.key)
    if scaled is not None:
        return Condition(name, "True" if scaled.active else "Unknown", scaled.reason)
    known = found(current.before.get("conditions") or (), name)
    if known is not None:
        return Condition(name, known["status"], known["reason"], known.get("message", ""))
    return None


def _delegated(current: Pass[Any], name: str, *, lacking: str) -> Condition:
    if lacking:
        return Condition(name, "False", Reason.SECRET_KEY_MISSING.value, lacking)
    for ref, body in current.world.index.owned(current.key):
        told = found((body.get("status") or {}).get("conditions") or (), "Ready")
        if ref.kind.name == SCALED_OBJECT and told is not None and told["status"] == "False":
            message = f"{ref}: {told.get('message') or told.get('reason', '')}"
            return Condition(name, "False", Reason.KEDA_FAILS.value, message)
    return Condition(name, "True", Reason.DELEGATED.value)
