"""RQ's worker, long-lived and without forks, as drain orders need it.

A forked process per order would start with cold caches and is eight times slower. After each drain order its id is
free again, and only then it is looked whether something came in meanwhile: no wake-up gets lost.
"""

import threading
from contextlib import suppress
from types import FrameType
from typing import Any

import redis
from rq import Queue, SimpleWorker
from rq.job import Job

from openpanel_worker.drain import Outcome
from openpanel_worker.orders import FUNCTION, Orders

_GOES_ON = frozenset({Outcome.EMPTY.value, Outcome.GOES_ON.value, Outcome.STOPPED.value})


class DrainWorker(SimpleWorker):
    """Takes drain orders of one pool and other jobs, one at a time, until asked to stop."""

    # Redis may be back sooner than RQ's own minute.
    max_connection_wait_time = 2.0
    log_result_lifespan = False

    def __init__(
        self,
        queues: list[Queue],
        *,
        connection: redis.Redis,
        name: str,
        orders: Orders,
        stopping: threading.Event,
    ) -> None:
        super().__init__(queues, connection=connection, name=name, log_job_description=False)
        self._orders = orders
        self._stopping = stopping

    def perform_job(self, job: Job, queue: Queue, execution: Any) -> bool:
        """Carry an order out; make it again if something waits once its id is free."""
        done = super().perform_job(job, queue, execution)
        # What failed, or another worker holds, is left to the sweep: made again at once it would only spin.
        if (
            done and job.func_name == FUNCTION and job._result in _GOES_ON
        ):  # the result is not stored anywhere
            self._orders.make_if_wanted(int(job.args[1]))
        return done

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """Finish the block in hand and stop."""
        self._stopping.set()
        with suppress(redis.RedisError):  # it notes the wish in Redis, which may be away
            super().request_stop(signum, frame)  # type: ignore[no-untyped-call]  # RQ leaves it untyped
