"""Token buckets: so many at once, so many a second after that.

Each process counts what clients send for itself: with N processes a client that uses all of them gets up to N times
its rate, which is a guard against accidents. Refused credentials are told around (`failures`), so their bound holds
for all processes together but for what happens within a quarter of a second. Knows no clock: each call brings the time.
"""

import math
from collections.abc import Mapping
from typing import Final

from openpanel_api.ingest.addresses import network_of
from openpanel_api.ingest.bounded import TwoGenerations

BAD_CREDENTIALS_BURST: Final = (
    60  # refused credentials of one address at once; an office behind one address counts as one
)
BAD_CREDENTIALS_PER_S: Final = 1.0
ADDRESSES: Final = 20_000  # remembered at least
TOLD_ADDRESSES: Final = 1_000  # of one telling; more than that is no guessing but a flood


class Bucket:
    """What one sender may still send."""

    __slots__ = ("_at_ms", "_burst", "_per_ms", "_tokens")

    def __init__(self, *, per_second: float, burst: float, now_ms: int) -> None:
        self._per_ms = per_second / 1000
        self._burst = burst
        self._tokens = burst
        self._at_ms = now_ms

    def take(self, count: int, now_ms: int) -> bool:
        """Take so many tokens; nothing is taken when there are not enough. More than the burst never fits."""
        if now_ms > self._at_ms:
            self._tokens = min(self._burst, self._tokens + (now_ms - self._at_ms) * self._per_ms)
            self._at_ms = now_ms
        if self._tokens < count:
            return False
        self._tokens -= count
        return True

    def spend(self, count: int, now_ms: int) -> None:
        """Take so many tokens, or as many as there are."""
        self.take(0, now_ms)
        self._tokens = max(0.0, self._tokens - count)

    def empty(self, now_ms: int) -> bool:
        """Whether nothing is left to take now."""
        return not self.take(0, now_ms) or self._tokens < 1

    def wait_s(self, count: int) -> int:
        """Whole seconds until `count` tokens are there, at least one."""
        missing = min(count, self._burst) - self._tokens
        return max(1, math.ceil(missing / (self._per_ms * 1000))) if self._per_ms else 60


class BadCredentials:
    """How often each address may be wrong about its client or secret. Those of an IPv6 household count as one."""

    def __init__(
        self, *, burst: float = BAD_CREDENTIALS_BURST, per_second: float = BAD_CREDENTIALS_PER_S
    ) -> None:
        self._burst = burst
        self._per_second = per_second
        self._buckets: TwoGenerations[str, Bucket] = TwoGenerations(size=ADDRESSES)
        self._untold: dict[str, int] = {}

    def exhausted(self, address: str, now_ms: int) -> Bucket | None:
        """The bucket of an address that has been wrong too often; None for everybody else."""
        bucket = self._buckets.get(network_of(address))
        return bucket if bucket is not None and bucket.empty(now_ms) else None

    def count(self, address: str, now_ms: int) -> None:
        """One more that was refused here."""
        address = network_of(address)
        self._spend(address, 1, now_ms)
        if address in self._untold or len(self._untold) < TOLD_ADDRESSES:
            self._untold[address] = self._untold.get(address, 0) + 1

    def untold(self) -> dict[str, int]:
        """What was refused here since the last time this was asked, by address."""
        untold, self._untold = self._untold, {}
        return untold

    def heard(self, counts: Mapping[str, int], now_ms: int) -> None:
        """What was refused elsewhere."""
        for address, count in counts.items():
            self._spend(address, count, now_ms)

    def _spend(self, address: str, count: int, now_ms: int) -> None:
        bucket = self._buckets.get(address)
        if bucket is None:
            bucket = Bucket(per_second=self._per_second, burst=self._burst, now_ms=now_ms)
            self._buckets.put(address, bucket)
        bucket.spend(count, now_ms)
