"""Whether Kubernetes holds a project's pods to their quota: by their priority class, which nobody else's pods may have."""

from openpanel_operator.desired.project import quota_shortage
from openpanel_operator.reconcile import conditions
from openpanel_operator.reconcile.project_pass import ProjectPass
from openpanel_operator.resources.reasons import ConditionType, Reason


def settle_class(current: ProjectPass) -> None:
    """Give way to a project that is counted by this priority class; find out who else has pods of it."""
    name, claims = current.resource.spec.isolation.priority_class_name, current.world.claims
    if name is None or not current.dedicated:
        return
    before = claims.before_in_class(current.key, name, place=current.at.key.namespace)
    for other in before:
        if claims.asks_for_quota(other):
            message = f"pods of priority class {name} are counted by the quota of {other}; name another class"
            raise current.halt(ConditionType.SPEC_VALID, Reason.PRIORITY_CONFLICT, message)
    current.class_shared_with = before[0] if before else None


def report_quota(current: ProjectPass) -> None:
    """Say whether Kubernetes counts the project's pods, now that the ResourceQuota is there or is not."""
    isolation, type_ = current.resource.spec.isolation, ConditionType.QUOTA_ENFORCED
    if isolation.counted is None:
        if conditions.found(current.before.get("conditions") or (), type_.value) is not None:
            current.well(type_, Reason.NOT_WANTED)
        return
    other, lacking = current.class_shared_with, quota_shortage(current.resource)
    if not current.dedicated:
        current.well(type_, Reason.SHARED)
    elif other is not None:
        message = (
            f"pods of {other} have priority class {isolation.priority_class_name}, too; name another class"
        )
        current.report(type_, "False", Reason.PRIORITY_CONFLICT, message)
    elif lacking:
        current.report(type_, "False", Reason.QUOTA_TOO_SMALL, lacking)
    else:
        current.well(type_)
