"""Conditions, their sums and what is written of a status. Pure."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from openpanel_operator.reconcile.conditions import Condition, merged
from openpanel_operator.reconcile.reporting import merge_patch, without_empty
from openpanel_operator.reconcile.verdict import summed_up
from openpanel_operator.resources.reasons import PROJECT_CONDITIONS, ConditionType, Reason

NOW = datetime(2026, 3, 1, tzinfo=UTC)
READY = ConditionType.READY.value


def parts(**reasons: tuple[str, Reason]) -> dict[str, Condition]:
    return {
        name: Condition(name, status, reason.value, "why")  # type: ignore[arg-type]
        for name, (status, reason) in reasons.items()
    }


def said(conditions: list[Condition], type_: str) -> tuple[str, str]:
    return next((each.status, each.reason) for each in conditions if each.type == type_)


def test_ready_when_all_parts_are() -> None:
    found = summed_up(parts(Provisioned=("True", Reason.AS_WANTED)), order=PROJECT_CONDITIONS)

    assert said(found, READY) == ("True", "AsWanted")
    assert said(found, "Degraded") == ("False", "AsWanted")


def test_fault_comes_before_what_is_only_on_its_way() -> None:
    found = summed_up(
        parts(
            Provisioned=("False", Reason.WAITING_FOR_PODS),
            CredentialsReady=("Unknown", Reason.UNREACHABLE),
        ),
        order=PROJECT_CONDITIONS,
    )

    assert said(found, READY) == ("False", "Unreachable")
    assert said(found, "Progressing") == ("True", "WaitingForPods")
    assert said(found, "Degraded") == ("True", "Unreachable")


def test_what_waits_for_consent_keeps_nobody_from_being_ready() -> None:
    found = summed_up(
        parts(
            Provisioned=("True", Reason.AS_WANTED),
            RetentionApplied=("False", Reason.RETENTION_NEEDS_CONSENT),
        ),
        order=PROJECT_CONDITIONS,
    )

    assert said(found, READY) == ("True", "AsWanted")
    assert said(found, "Degraded") == ("True", "RetentionNeedsConsent")


def test_time_of_transition_stays_while_the_status_does() -> None:
    first = merged((), [Condition("A", "True", "x")], generation=1, at=NOW)
    same = merged(
        first, [Condition("A", "True", "y", "other words")], generation=2, at=NOW + timedelta(days=1)
    )
    other = merged(same, [Condition("A", "False", "z")], generation=2, at=NOW + timedelta(days=1))

    assert same[0]["lastTransitionTime"] == first[0]["lastTransitionTime"]
    assert other[0]["lastTransitionTime"] == "2026-03-02T00:00:00Z"
    assert merged(first, [Condition("A", "True", "x")], generation=1, at=NOW + timedelta(days=9)) == first


VALUES = st.recursive(
    st.none() | st.integers() | st.text(max_size=3) | st.lists(st.integers(), max_size=2),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)
STATUSES = st.dictionaries(st.sampled_from("abc"), VALUES, max_size=3).map(without_empty)


def merge(target: Any, patch: Any) -> Any:
    """RFC 7396."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merge(result.get(name), value)
    return result


@given(before=STATUSES, after=STATUSES)
def test_patch_leads_from_one_status_to_the_other(before: dict[str, Any], after: dict[str, Any]) -> None:
    patch = merge_patch(before, after)

    assert merge(before, patch) == after
    assert bool(patch) == (before != after)
