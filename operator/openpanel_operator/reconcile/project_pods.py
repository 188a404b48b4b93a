"""How the pods that serve a project are: its own, or those it shares with others."""

from typing import Final

from openpanel_operator.desired.labels import Component
from openpanel_operator.reconcile import conditions, refusals
from openpanel_operator.reconcile.autoscalers import report_serving
from openpanel_operator.reconcile.project_pass import ProjectPass
from openpanel_operator.resources.reasons import ConditionType, Reason

LOOK_AGAIN_S: Final = 5.0  # what pods tell is not watched


async def report_own(current: ProjectPass, component: Component, condition: ConditionType) -> None:
    """Say how the project's own pods of a component are."""
    workloads = current.owned.of(component.value)
    rollout = current.owned.rollout(component.value)
    if rollout is not None and rollout.complete:
        report_serving(current, component, condition)
        return
    found = await refusals.trouble(current.world.kube, workloads)
    serves = rollout is not None and rollout.ready > 0
    if found is not None:
        current.report(condition, "True" if serves else "False", found.reason, found.message)
    else:
        reason = Reason.ROLLING_OUT if serves else Reason.WAITING_FOR_PODS
        ready, desired = (rollout.ready, rollout.desired) if rollout else (0, 1)
        current.report(condition, "True" if serves else "False", reason, f"{ready} of {desired} pods serve")
    current.look_again(LOOK_AGAIN_S)


def report_draining(current: ProjectPass) -> None:
    """Say what the workers that it once had for itself are still there for."""
    left = current.owned.of(Component.WORKER.value)
    if left and current.undone:
        message = f"{left[0].ref.name} {current.undone}"
        current.well(ConditionType.WORKERS_READY, Reason.DRAINING, message)


def report_shared(current: ProjectPass, condition: ConditionType) -> None:
    """Say how the cluster's pods are, which do it for the project."""
    known = current.at.cluster.status.get("conditions") or ()
    if conditions.is_true(known, condition.value):
        current.well(condition, Reason.SHARED)
        return
    found = conditions.found(known, condition.value) or {}
    message = f"{current.at.key}: {found.get('message') or found.get('reason') or 'not seen yet'}"
    current.report(condition, "False", Reason.CLUSTER_NOT_READY, message)
