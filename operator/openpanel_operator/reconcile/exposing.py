"""Whether the hosts of a spec lead to the services: the same for a cluster's and for a project's."""

from typing import Any

from openpanel_operator.reconcile.passing import Pass
from openpanel_operator.resources.exposure import Exposure
from openpanel_operator.resources.reasons import ConditionType, Reason


def report_exposure(
    current: Pass[Any], exposure: Exposure, *, wanted: bool = True, own_certificate: bool = False
) -> None:
    """Say how the ways in are; not `wanted`: there is no host that would need one."""
    kinds = current.world.optional_kinds
    if not wanted or exposure.type == "None":
        current.well(ConditionType.EXPOSED, Reason.NOT_WANTED)
    elif exposure.type == "Gateway" and "HTTPRoute" not in kinds:
        message = "the API server does not know HTTPRoute"
        current.report(ConditionType.EXPOSED, "False", Reason.GATEWAY_NOT_INSTALLED, message)
    elif _needs_issuer(exposure) and not own_certificate and "Certificate" not in kinds:
        message = "the API server does not know Certificate"
        current.report(ConditionType.EXPOSED, "False", Reason.CERT_MANAGER_NOT_INSTALLED, message)
    else:
        current.well(ConditionType.EXPOSED)


def _needs_issuer(exposure: Exposure) -> bool:
    """A Gateway's listeners have certificates of their own, whoever makes them."""
    return exposure.type == "Ingress" and exposure.tls is not None and exposure.tls.issuer is not None
