"""Ready, Progressing and Degraded out of all other conditions. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from openpanel_operator.reconcile.conditions import Condition
from openpanel_operator.resources.reasons import ConditionType, Reason

SUMMARIES: Final = frozenset({
    ConditionType.READY.value,
    ConditionType.PROGRESSING.value,
    ConditionType.DEGRADED.value,
    ConditionType.PAUSED.value,
})  # fmt: skip
# What can be otherwise than wanted while everything serves.
ASIDE: Final = frozenset({
    ConditionType.UP_TO_DATE.value,
    ConditionType.SCALE_ALLOWED.value,
    ConditionType.SCALING_ACTIVE.value,
    ConditionType.RETENTION_APPLIED.value,
    ConditionType.SNAPSHOT_READY.value,
    ConditionType.QUOTA_ENFORCED.value,
    ConditionType.WAREHOUSE_USER_READY.value,
})  # fmt: skip
# What a person has decided is no trouble.
DECIDED: Final = frozenset({
    Reason.UPGRADE_WAITING.value,
    Reason.WAITING_FOR_WINDOW.value,
    Reason.PINNED.value,
})  # fmt: skip
UNDER_WAY: Final = frozenset(
    reason.value
    for reason in (
        Reason.RECONCILING,
        Reason.WAITING_FOR_PODS,
        Reason.ROLLING_OUT,
        Reason.WAITING_FOR_STORES,
        Reason.WAITING_FOR_SCHEMA,
        Reason.MIGRATING,
        Reason.VOLUME_RESIZING,
        Reason.DRAINING,
        Reason.SNAPSHOTTING,
        Reason.KEEPER_CHANGING,
        Reason.CLUSTER_NOT_READY,
        Reason.WAITING_FOR_PROJECTS,
    )
)


def summed_up(parts: Mapping[str, Condition], *, order: Sequence[ConditionType]) -> list[Condition]:
    """All conditions in their order, the summaries made of the others; what nobody reported is left out."""
    told = [parts[type_.value] for type_ in order if type_.value in parts and type_.value not in SUMMARIES]
    paused = parts.get(ConditionType.PAUSED.value)
    summary = [_ready(told), _progressing(told), _degraded(told), *([paused] if paused else [])]
    return [*summary, *told]


def _ready(told: Iterable[Condition]) -> Condition:
    missing = [condition for condition in told if condition.status != "True" and condition.type not in ASIDE]
    if not missing:
        return Condition(ConditionType.READY.value, "True", Reason.AS_WANTED.value)
    worst = min(missing, key=lambda condition: condition.reason in UNDER_WAY)
    return Condition(ConditionType.READY.value, "False", worst.reason, f"{worst.type}: {worst.message}")


def _progressing(told: Iterable[Condition]) -> Condition:
    going = [each for each in told if each.status != "True" and each.reason in UNDER_WAY]
    if not going:
        return Condition(ConditionType.PROGRESSING.value, "False", Reason.AS_WANTED.value)
    first = going[0]
    return Condition(ConditionType.PROGRESSING.value, "True", first.reason, f"{first.type}: {first.message}")


def _degraded(told: Iterable[Condition]) -> Condition:
    wrong = [each for each in told if each.status != "True" and each.reason not in UNDER_WAY | DECIDED]
    if not wrong:
        return Condition(ConditionType.DEGRADED.value, "False", Reason.AS_WANTED.value)
    first = wrong[0]
    return Condition(ConditionType.DEGRADED.value, "True", first.reason, f"{first.type}: {first.message}")
