"""What a project's own pods may use together: bounds for whatever scales them, and what Kubernetes counts of them.

A quota is kept before pods are asked for: both autoscalers stop where it is used up, so no pod has to be refused. With
`admission` Kubernetes counts, too: the pods of one priority class, since it could tell one project's pods from another's
beside them by nothing else. A rolling update starts a pod before it ends one, so then both stop one pod of each earlier.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

from openpanel.tenancy.spec import ResourceQuota
from openpanel_operator.desired.objects import Object, Place
from openpanel_operator.desired.services import SURGE
from openpanel_operator.desired.sizes import MIB, Amounts, number


@dataclass(frozen=True, slots=True)
class Share:
    """One workload: between how many pods it scales, and how large each is."""

    least: int
    most: int
    size: Amounts


def affordable(quota: ResourceQuota | None, *, ingest: Share, workers: Share) -> tuple[int, int]:
    """The most ingest pods and the most workers: what the quota has left beyond the least of both goes in turns."""
    counts = [ingest.least, workers.least]
    if quota is None:
        return ingest.most, workers.most
    shares = (ingest, workers)
    grew = True
    while grew:
        grew = False
        for place, share in enumerate(shares):
            more = [count + (index == place) for index, count in enumerate(counts)]
            if counts[place] < share.most and not any(_passed(quota, shares, more)):
                counts, grew = more, True
    return counts[0], counts[1]


def shortage(quota: ResourceQuota, *, ingest: Share, workers: Share) -> str:
    """Where the quota has no room for the least pods while both workloads are replaced, in words; "": nowhere."""
    shares = (ingest, workers)
    lacking = [
        f"{name} is {bound} and {needed} would do"
        for name, bound, needed in _passed(quota, shares, [share.least for share in shares])
    ]
    if not lacking:
        return ""
    room = f" and {SURGE} more of each while they are replaced" if quota.admission else ""
    fewest = f"the fewest pods (ingest {ingest.least}, workers {workers.least})"
    return f"for {fewest}{room}: {', '.join(lacking)}"


def counting(quota: ResourceQuota, *, name: str, place: Place, priority_class: str) -> Object:
    """The ResourceQuota by which Kubernetes counts the pods of a priority class."""
    pods = {} if quota.pods is None else {"pods": str(quota.pods)}
    return {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": place.meta(name),
        "spec": {
            "hard": {**pods, **{f"{kind}.{resource}": bound for kind, resource, bound in _bounds(quota)}},
            "scopeSelector": {
                "matchExpressions": [
                    {"scopeName": "PriorityClass", "operator": "In", "values": [priority_class]}
                ]
            },
        },
    }


def _passed(
    quota: ResourceQuota, shares: tuple[Share, ...], counts: list[int]
) -> Iterator[tuple[str, str, str]]:
    """The bounds that so many pods pass: name, bound, and what would be enough."""
    room = SURGE if quota.admission else 0
    pairs = [(count + room, share) for count, share in zip(counts, shares, strict=True)]
    pods = sum(count for count, _ in pairs)
    if quota.pods is not None and pods > quota.pods:
        yield "pods", str(quota.pods), str(pods)
    for kind, resource, bound in _bounds(quota):
        needed = sum((count * _amount(share.size, kind, resource) for count, share in pairs), Decimal(0))
        if needed > number(bound):
            yield f"{kind}.{resource}", bound, _text(needed, resource)


def _bounds(quota: ResourceQuota) -> Iterator[tuple[str, str, str]]:
    for kind, amounts in (("requests", quota.requests), ("limits", quota.limits)):
        for resource, amount in amounts.model_dump(exclude_none=True).items():
            yield kind, resource, amount


def _amount(size: Amounts, kind: str, resource: str) -> Decimal:
    amounts: Mapping[str, str] = size.get(kind, {})
    return number(amounts[resource]) if resource in amounts else Decimal(0)


def _text(amount: Decimal, resource: str) -> str:
    """An amount as people write it, rounded up."""
    unit, suffix = (Decimal("0.001"), "m") if resource == "cpu" else (Decimal(MIB), "Mi")
    return f"{(amount / unit).to_integral_value(ROUND_CEILING)}{suffix}"
