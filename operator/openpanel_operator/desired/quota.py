"""What a project's own pods may use together, as bounds for whatever scales them.

A ResourceQuota counts by namespace and cannot tell one project's pods from another's beside them. So both autoscalers
stop where the quota is used up: bounds that cannot be passed, and no pod that is refused.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from openpanel.tenancy.spec import ResourceQuota
from openpanel_operator.desired.sizes import Amounts, number


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
            if counts[place] < share.most and _fits(quota, shares, more):
                counts, grew = more, True
    return counts[0], counts[1]


def _fits(quota: ResourceQuota, shares: tuple[Share, ...], counts: list[int]) -> bool:
    if quota.pods is not None and sum(counts) > quota.pods:
        return False
    for kind, name, bound in _bounds(quota):
        pairs = zip(counts, shares, strict=True)
        if sum(count * _amount(share.size, kind, name) for count, share in pairs) > bound:
            return False
    return True


def _bounds(quota: ResourceQuota) -> Iterator[tuple[str, str, Decimal]]:
    for kind, amounts in (("requests", quota.requests), ("limits", quota.limits)):
        for name, amount in amounts.model_dump(exclude_none=True).items():
            yield kind, name, number(amount)


def _amount(size: Amounts, kind: str, name: str) -> Decimal:
    amounts: Mapping[str, str] = size.get(kind, {})
    return number(amounts[name]) if name in amounts else Decimal(0)
