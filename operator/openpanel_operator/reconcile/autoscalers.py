"""What is said of a service all of whose pods serve: all is well, or nobody could tell if they were too few."""

from typing import Any

from openpanel_operator.desired import labels as names
from openpanel_operator.kube.kinds import AUTOSCALER
from openpanel_operator.kube.objects import labels
from openpanel_operator.reconcile.passing import Pass
from openpanel_operator.reconcile.readiness import blind_autoscaler
from openpanel_operator.resources.reasons import ConditionType, Reason


def report_serving(current: Pass[Any], component: names.Component, condition: ConditionType) -> None:
    """Every pod of the component serves; say so, and whether its autoscaler sees anything."""
    for ref, body in current.world.index.owned(current.key, kind=AUTOSCALER):
        blind = blind_autoscaler(body) if labels(body).get(names.COMPONENT) == component.value else None
        if blind is not None:
            current.well(condition, Reason.METRICS_UNAVAILABLE, f"{ref.name}: {blind}")
            return
    current.well(condition)
