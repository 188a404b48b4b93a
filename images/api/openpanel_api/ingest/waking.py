"""Orders for the workers: a shard that had nothing to do and now has gets one job in RQ.

Asked by the committer, never more than once per wake-up flag. An order that cannot be placed now is placed by the
worker's sweep, so failures are only logged.
"""

import asyncio
from typing import Final

import redis
import structlog
from redis.exceptions import RedisError
from rq import Queue
from rq.exceptions import DuplicateJobError

from openpanel.stream.keys import Pool

DRAIN: Final = "openpanel_worker.drain.drain"
ORDER_SECONDS: Final = 3_600  # an order ends by itself after seconds; this only stops one that hangs

_log: Final = structlog.get_logger(__name__)


class Waker:
    """Places orders in threads of the event loop; `wake` never blocks."""

    def __init__(self, store: redis.Redis, *, pool: Pool) -> None:
        self._pool = pool
        self._queue = Queue(f"drain-{pool.name}", connection=store)
        self._placing: set[asyncio.Task[None]] = set()

    def wake(self, shard: int) -> None:
        """Order a drain of this shard."""
        task = asyncio.create_task(self._place(shard), name=f"order for shard {shard}")
        self._placing.add(task)
        task.add_done_callback(self._placing.discard)

    async def close(self) -> None:
        """Wait for the orders that are being placed."""
        if self._placing:
            await asyncio.wait(self._placing)

    async def _place(self, shard: int) -> None:
        try:
            await asyncio.to_thread(self._enqueue, shard)
        except DuplicateJobError:
            return  # there is an order already, or its drain runs and will look once more
        except (RedisError, OSError):
            _log.warning("order_not_placed", shard=shard)

    def _enqueue(self, shard: int) -> None:
        self._queue.enqueue(
            DRAIN,
            self._pool.name,
            shard,
            job_id=f"drain-{self._pool.name}-{shard}",
            unique=True,
            result_ttl=0,
            failure_ttl=0,
            job_timeout=ORDER_SECONDS,
        )
