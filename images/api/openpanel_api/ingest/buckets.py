"""Token buckets: so many at once, so many a second after that.

Each process counts for itself; with N processes on a port a client that uses all of them gets up to N times its
rate. Knows no clock: each call brings the time.
"""

import math
from typing import Final

from openpanel_api.ingest.bounded import TwoGenerations

BAD_CREDENTIALS_BURST: Final = (
    60  # refused credentials of one address at once; an office behind one address counts as one
)
BAD_CREDENTIALS_PER_S: Final = 1.0
ADDRESSES: Final = 20_000  # remembered at least


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

    def empty(self, now_ms: int) -> bool:
        """Whether nothing is left to take now."""
        return not self.take(0, now_ms) or self._tokens < 1

    def wait_s(self, count: int) -> int:
        """Whole seconds until `count` tokens are there, at least one."""
        missing = min(count, self._burst) - self._tokens
        return max(1, math.ceil(missing / (self._per_ms * 1000))) if self._per_ms else 60


class BadCredentials:
    """How often each address may be wrong about its client or secret."""

    def __init__(
        self, *, burst: float = BAD_CREDENTIALS_BURST, per_second: float = BAD_CREDENTIALS_PER_S
    ) -> None:
        self._burst = burst
        self._per_second = per_second
        self._buckets: TwoGenerations[str, Bucket] = TwoGenerations(size=ADDRESSES)

    def exhausted(self, address: str, now_ms: int) -> Bucket | None:
        """The bucket of an address that has been wrong too often; None for everybody else."""
        bucket = self._buckets.get(address)
        return bucket if bucket is not None and bucket.empty(now_ms) else None

    def count(self, address: str, now_ms: int) -> None:
        bucket = self._buckets.get(address)
        if bucket is None:
            bucket = Bucket(per_second=self._per_second, burst=self._burst, now_ms=now_ms)
            self._buckets.put(address, bucket)
        bucket.take(1, now_ms)
