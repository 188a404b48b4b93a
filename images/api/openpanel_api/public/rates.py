"""How often a client may ask: so many requests a window, counted in Redis for all processes together.

While Redis is away each process counts for itself: asking goes on. The answer carries `RateLimit` and
`RateLimit-Policy` of the IETF's draft, so that a program can pace itself.
"""

from dataclasses import dataclass
from typing import Final

import structlog
from redis.exceptions import RedisError

from openpanel_api.ingest.bounded import TwoGenerations
from openpanel_api.public.services import Services

REQUESTS: Final = 100  # a window
WINDOW_MS: Final = 10_000
SENDERS: Final = 10_000  # counted in this process at least, while Redis is away

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left of a window."""

    left: int  # negative: this request is already too much
    resets_s: int

    @property
    def headers(self) -> dict[str, str]:
        """What the answer tells about it."""
        return {
            "RateLimit-Policy": f'"client";q={REQUESTS};w={WINDOW_MS // 1_000}',
            "RateLimit": f'"client";r={max(0, self.left)};t={self.resets_s}',
        }


class Rates:
    """The counters of one process, and the way to those of all."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._own: TwoGenerations[str, int] = TwoGenerations(size=SENDERS)

    async def count(self, client: str) -> Allowance:
        """Count one request of the client and say what is left."""
        now = self._services.clock_ms()
        window = now // WINDOW_MS
        used = await self._used(f"op:rate:public:{client}:{window}")
        return Allowance(REQUESTS - used, -(-((window + 1) * WINDOW_MS - now) // 1_000))

    async def _used(self, key: str) -> int:
        if self._services.redis is not None:
            try:
                pipeline = self._services.redis.pipeline(transaction=True)
                _ = pipeline.incr(key), pipeline.pexpire(key, 2 * WINDOW_MS)  # queued, not sent
                used, _ = await pipeline.execute()
                return int(used)
            except (RedisError, OSError) as error:
                _log.warning("rate_not_shared", reason=str(error))
        used = (self._own.get(key) or 0) + 1
        self._own.put(key, used)
        return used
