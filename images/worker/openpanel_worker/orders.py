"""Drain orders in RQ: made once per shard, made again when one went missing, freed when their worker died.

An order's id is that of its shard, and RQ refuses a second one while the first exists in any state. So an order
may be missing (its wake-up came while the last one ended) or stuck (its worker was killed and nobody takes it off);
`sweep` repairs both and may run anywhere, any number of times.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import redis
from redis.client import Pipeline
from rq import Queue
from rq.exceptions import DuplicateJobError, InvalidJobOperation, NoSuchJobError
from rq.job import Job, JobStatus

from openpanel.stream.drain import shards_waiting
from openpanel.stream.keys import Pool, ShardKeys

FUNCTION: Final = "openpanel_worker.drain.drain"
JOBS_QUEUE: Final = "jobs"
TIMEOUT_S: Final = 3_600  # an order ends by itself after seconds; this only stops one that hangs
STUCK_AFTER: Final = timedelta(seconds=3)  # an order takes its lease within milliseconds of its start


def queue_name(pool: str) -> str:
    """The queue that the drain workers of a pool listen on."""
    return f"drain-{pool}"


def order_id(pool: str, shard: int) -> str:
    """The id of a shard's order."""
    return f"drain-{pool}-{shard}"


class Orders:
    """The drain orders of one pool."""

    def __init__(self, client: redis.Redis, *, pool: Pool, now: Callable[[], datetime]) -> None:
        """`client` must not decode responses; `now` is aware of its zone."""
        self._redis = client
        self._pool = pool
        self._now = now
        self.queue = Queue(queue_name(pool.name), connection=client)

    def queue_on(self, connection: redis.Redis) -> Queue:
        """The queue of these orders on another connection."""
        return Queue(self.queue.name, connection=connection)

    def make(self, shard: int) -> bool:
        """Make a shard's order; False if there is one."""
        try:
            self.queue.enqueue(
                FUNCTION,
                self._pool.name,
                shard,
                job_id=order_id(self._pool.name, shard),
                unique=True,
                result_ttl=0,
                failure_ttl=0,
                job_timeout=TIMEOUT_S,
            )
        except DuplicateJobError:
            return False
        return True

    def make_if_wanted(self, shard: int) -> bool:
        """Make a shard's order if something waits there; to be called once the id of its last order is free."""
        return bool(self._redis.xlen(ShardKeys(self._pool, shard).stream)) and self.make(shard)

    def sweep(self) -> int:
        """Make the orders that are missing for shards in which something waits; how many."""
        made = 0
        for shard in shards_waiting(self._redis, pool=self._pool):
            made += self.make(shard) or (self._free_if_stuck(shard) and self.make(shard))
        return made

    def waiting(self) -> int:
        """Orders that no worker has taken yet."""
        return int(self.queue.count)

    def _free_if_stuck(self, shard: int) -> bool:
        """Take an order away whose worker is gone; whether that was so."""
        try:
            job = Job.fetch(order_id(self._pool.name, shard), connection=self._redis)
        except NoSuchJobError:
            self._drop_remains(Job.key_for(order_id(self._pool.name, shard)))
            return True
        if not self._stuck(job, shard):
            return False
        with suppress(InvalidJobOperation, NoSuchJobError):
            job.delete()
        return True

    def _drop_remains(self, key: str | bytes) -> None:
        """Take away a heartbeat that came after its order had gone: RQ writes it into a hash of nothing else, which
        is no job to whoever fetches it and one to whoever would make another of that id."""

        def drop(pipe: Pipeline) -> None:
            are_remains = pipe.exists(key) and not pipe.hexists(key, "data")
            pipe.multi()
            if are_remains:
                pipe.delete(key)

        self._redis.transaction(drop, key)

    def _stuck(self, job: Job, shard: int) -> bool:
        """Nobody holds the shard, and the order is neither queued nor just begun."""
        held: Any = self._redis.exists(ShardKeys(self._pool, shard).lease)
        if held:
            return False
        since = job.started_at or job.enqueued_at
        if since is not None and self._now() - _aware(since) < STUCK_AFTER:
            return False
        queued = job.get_status(refresh=False) == JobStatus.QUEUED
        return not (queued and self.queue.get_job_position(job.id) is not None)


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
