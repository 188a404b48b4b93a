"""Whether the hosts of a spec lead to the services: the same for a cluster's and for a project's."""

from collections.abc import Mapping
from typing import Any

from openpanel_operator.desired.exposure import HTTP_ROUTE
from openpanel_operator.reconcile.passing import Pass
from openpanel_operator.resources.exposure import Exposure
from openpanel_operator.resources.reasons import ConditionType, Reason


def report_exposure(
    current: Pass[Any], exposure: Exposure, *, certificate: str, wanted: bool = True, own: bool = False
) -> None:
    """Say how the ways in are; not `wanted`: there is no host that would need one.

    `certificate` is the field of the resource that names one, "" without; `own`: another one than the cluster's.
    """
    kinds = current.world.optional_kinds
    if not wanted or exposure.type == "None":
        current.well(ConditionType.EXPOSED, Reason.NOT_WANTED)
    elif exposure.type == "Gateway" and HTTP_ROUTE not in kinds:
        message = "the API server does not know HTTPRoute"
        current.report(ConditionType.EXPOSED, "False", Reason.GATEWAY_NOT_INSTALLED, message)
    elif exposure.type == "Gateway" and (refusal := _refused_route(current)):
        current.report(ConditionType.EXPOSED, "False", Reason.ROUTE_REFUSED, refusal)
    elif exposure.type == "Gateway" and certificate:
        message = (
            f"{certificate} is not used with type: Gateway; its listeners have certificates of their own"
        )
        current.well(ConditionType.EXPOSED, Reason.CERTIFICATE_UNUSED, message)
    elif _needs_issuer(exposure) and not (own and certificate) and "Certificate" not in kinds:
        message = "the API server does not know Certificate"
        current.report(ConditionType.EXPOSED, "False", Reason.CERT_MANAGER_NOT_INSTALLED, message)
    else:
        current.well(ConditionType.EXPOSED)


def _needs_issuer(exposure: Exposure) -> bool:
    """A Gateway's listeners have certificates of their own, whoever makes them."""
    return exposure.type == "Ingress" and exposure.tls is not None and exposure.tls.issuer is not None


def _refused_route(current: Pass[Any]) -> str:
    """Which route no Gateway takes, and why; "": none is refused, or nobody has looked yet."""
    for ref, body in current.world.index.owned(current.key):
        words = _refusal(body) if ref.kind.name == HTTP_ROUTE else ""
        if words:
            return f"{ref}: {words}"
    return ""


def _refusal(route: Mapping[str, Any]) -> str:
    parents = (route.get("status") or {}).get("parents") or ()
    refusals = [
        _words(parent, generation=int(route["metadata"].get("generation") or 0)) for parent in parents
    ]
    return refusals[0] if refusals and all(refusals) else ""


def _words(parent: Mapping[str, Any], *, generation: int) -> str:
    """Why a Gateway does not take this generation of a route; "": it does, or has not looked at it yet."""
    return next(
        (
            str(each.get("message") or each.get("reason"))
            for each in parent.get("conditions") or ()
            if each["type"] in {"Accepted", "ResolvedRefs"}
            and each["status"] == "False"
            and int(each.get("observedGeneration") or generation) >= generation
        ),
        "",
    )
