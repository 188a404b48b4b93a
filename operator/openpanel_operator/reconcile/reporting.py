"""Writes what a pass found into the status, if it is other than before, and tells Events, once per change."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from openpanel_operator.kube import Absent
from openpanel_operator.kube.kinds import PROJECT
from openpanel_operator.reconcile import conditions
from openpanel_operator.reconcile.claims import ref_of_key
from openpanel_operator.reconcile.conditions import Condition
from openpanel_operator.reconcile.events import Event
from openpanel_operator.reconcile.passing import Pass, is_as_seen
from openpanel_operator.reconcile.verdict import UNDER_WAY, summed_up
from openpanel_operator.resources.reasons import ConditionType

SHOWN: Final = 8  # changes that one Event names


async def report(current: Pass[Any], *, order: Sequence[ConditionType]) -> dict[str, Any] | None:
    """Write the status of this pass, if it is another; the one that was written."""
    before = current.before
    told = _carried_over(current, order)
    status = {
        **before,
        **current.status,
        "observedGeneration": current.resource.generation,
        "conditions": conditions.merged(
            before.get("conditions") or (),
            summed_up(told, order=order),
            generation=current.resource.generation,
            at=current.world.clock(),
        ),
    }
    changes = merge_patch(before, without_empty(status))
    _tell_changes(current)
    if not changes:
        return None
    try:
        answer = await current.world.kube.patch(ref_of_key(current.key), {"status": changes}, sub="status")
    except Absent:
        return None  # deleted meanwhile
    if is_as_seen(answer, current):
        current.world.index.put(answer, kind=ref_of_key(current.key).kind)
    _tell_transitions(current, before.get("conditions") or (), status["conditions"])
    return status


def merge_patch(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON merge patch from `before` to `after`."""
    patch: dict[str, Any] = {name: None for name in before if name not in after}
    for name, value in after.items():
        known = before.get(name)
        if isinstance(value, Mapping) and isinstance(known, Mapping):
            inner = merge_patch(known, value)
            if inner:
                patch[name] = inner
        elif name not in before or known != value:
            patch[name] = value
    return patch


def without_empty(value: Any) -> Any:
    """The same without nulls, which a merge patch would take for "remove it"."""
    if isinstance(value, Mapping):
        return {name: without_empty(each) for name, each in value.items() if each is not None}
    return [without_empty(each) for each in value] if isinstance(value, list) else value


def _carried_over(current: Pass[Any], order: Sequence[ConditionType]) -> dict[str, Condition]:
    """Conditions of steps that were not reached stay, for their own reasons."""
    told = dict(current.conditions)
    for known in current.before.get("conditions") or ():
        if known["type"] not in told and known["type"] in {type_.value for type_ in order}:
            told[known["type"]] = Condition(
                known["type"],
                known["status"],
                known["reason"],
                known.get("message", ""),
                known.get("observedGeneration"),
            )
    return told


def _tell_changes(current: Pass[Any]) -> None:
    done = [*(str(change) for change in current.changes), *current.notes]
    if done:
        more = f" and {len(done) - SHOWN} more" if len(done) > SHOWN else ""
        _record(current, Event("Normal", "Applied", ", ".join(done[:SHOWN]) + more))


def _tell_transitions(
    current: Pass[Any], before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]
) -> None:
    for condition in after:
        known = conditions.found(before, condition["type"]) or {}
        same = (known.get("status"), known.get("reason")) == (condition["status"], condition["reason"])
        if same or condition["type"] in {ConditionType.PROGRESSING.value, ConditionType.DEGRADED.value}:
            continue
        if condition["type"] == ConditionType.PAUSED.value and condition["status"] != "True":
            continue
        if condition["status"] == "True":
            if condition["type"] == ConditionType.READY.value:
                _record(current, Event("Normal", "Ready", "everything is as the spec says"))
        elif condition["reason"] not in UNDER_WAY and condition["type"] != ConditionType.READY.value:
            message = f"{condition['type']}: {condition['message']}"
            _record(current, Event("Warning", condition["reason"], message))


def _record(current: Pass[Any], event: Event) -> None:
    current.world.recorder.record(
        event, about=current.key, api_version=PROJECT.api_version, uid=current.resource.uid
    )
