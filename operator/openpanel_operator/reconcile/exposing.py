"""Whether the hosts of a spec lead to the services: the same for a cluster's and for a project's."""

from typing import Any

from openpanel_operator.reconcile.passing import Pass
from openpanel_operator.resources.exposure import Exposure
from openpanel_operator.resources.reasons import ConditionType, Reason


def report_exposure(current: Pass[Any], exposure: Exposure, *, wanted: bool = True) -> None:
    """Say how the ways in are; not `wanted`: there is no host that would need one."""
    if not wanted or exposure.type == "None":
        current.well(ConditionType.EXPOSED, Reason.NOT_WANTED)
    elif exposure.type == "Gateway" and "HTTPRoute" not in current.world.optional_kinds:
        message = "the API server does not know HTTPRoute"
        current.report(ConditionType.EXPOSED, "False", Reason.GATEWAY_NOT_INSTALLED, message)
    else:
        current.well(ConditionType.EXPOSED)
