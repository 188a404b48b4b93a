"""`python -m openpanel_worker`: drains the streams of a pool into the warehouse and does what goes by the clock.

SIGTERM or SIGINT: the block in hand is finished, the lease given back, the process ends within seconds. Everything
that was not finished is in the stream.
"""

import gc
import logging
import os
import signal
import sys
import threading
import time
from contextlib import ExitStack
from functools import partial
from types import FrameType
from typing import Final

import redis
import structlog
from rq.worker import DequeueStrategy

from openpanel.metadata import MetadataError
from openpanel.settings import Settings
from openpanel.stream import Pool
from openpanel.telemetry import configure_logging, configure_tracing
from openpanel.warehouse import WarehouseError
from openpanel_worker import context, dead_letters, drain, health, metrics
from openpanel_worker.changes import listen
from openpanel_worker.deps import Deps, Values, opened

FIRST_PAUSE_S: Final = 0.1
LONGEST_PAUSE_S: Final = 5.0
JOIN_WITHIN_S: Final = 2.0  # for the threads beside the orders
LEAVE_AFTER_S: Final = 8.0  # when a store hangs, nobody waits for it: what is unfinished is in the stream

_log = structlog.get_logger(__name__)


def main() -> int:
    """Run until told to stop."""
    settings = Settings()
    configure_logging(service="worker", level=settings.log_level)
    configure_tracing(service="worker", environment=os.environ)
    logging.getLogger("rq.worker").setLevel(logging.WARNING)
    stopping = threading.Event()
    stop_on_signals(stopping)
    leave_in_time(stopping)
    metrics.begin_at_zero(reasons=dead_letters.REASONS, stores=[store for _, store in drain.AWAY])
    with ExitStack() as stack:
        begun = threading.Event()
        deps: list[Deps] = []
        if settings.worker_port:
            ready = partial(not_ready, begun, deps)
            stack.enter_context(health.serving(host=settings.host, port=settings.worker_port, ready=ready))
        deps.append(stack.enter_context(opened(values_of(settings), stopping=stopping)))
        if wait_for_stores(deps[0], stopping):
            begun.set()
            run(deps[0], stopping)
    return 0


def values_of(settings: Settings) -> Values:
    """The settings that concern a worker."""
    return Values(
        redis_url=settings.redis_url,
        postgres_url=settings.postgres_url,
        clickhouse_url=settings.clickhouse_url,
        clickhouse_database=settings.clickhouse_database,
        clickhouse_cluster=settings.clickhouse_cluster,
        pool=Pool(settings.pool, settings.shards),
        max_block=settings.worker_max_block,
        linger_ms=settings.worker_linger_ms,
        geo_city_file=settings.geo_city_file,
        geo_asn_file=settings.geo_asn_file,
    )


def wait_for_stores(deps: Deps, stopping: threading.Event) -> bool:
    """Wait until all stores answer and are furnished; False when told to stop before."""
    pause = FIRST_PAUSE_S
    while not stopping.is_set():
        try:
            deps.redis.ping()
            deps.ensure_salts()
            deps.warehouse.query("SELECT 1 FROM events LIMIT 0")
        except (redis.RedisError, MetadataError, WarehouseError) as error:
            drain.count_away(error)
            _log.info("stores are not ready yet", error=str(error)[:300])
            stopping.wait(pause)
            pause = min(pause * 2, LONGEST_PAUSE_S)
        else:
            return True
    return False


def run(deps: Deps, stopping: threading.Event) -> None:
    """Take orders, with schedule and changes beside them."""
    context.install(context.Context(drain=deps.drain, forgetting=deps.forgetting))
    gc.collect()
    gc.freeze()  # what is loaded by now stays; the collector need not look at it again
    beside = [
        threading.Thread(target=deps.schedule().run, args=(stopping,), name="schedule", daemon=True),
        threading.Thread(
            target=listen, args=(deps.redis, deps.projects, stopping), name="changes", daemon=True
        ),
    ]
    for thread in beside:
        thread.start()
    _log.info("worker ready", pool=deps.values.pool.name, shards=deps.values.pool.shards)
    try:
        take_orders(deps, stopping)
    finally:
        stopping.set()
        for thread in beside:
            thread.join(JOIN_WITHIN_S)


def take_orders(deps: Deps, stopping: threading.Event) -> None:
    """Work; when RQ's worker gives up because Redis went away in its hands, begin anew with another."""
    pause = FIRST_PAUSE_S
    while not stopping.is_set():
        try:
            worker = deps.worker()
            worker.work(logging_level="WARNING", dequeue_strategy=DequeueStrategy.ROUND_ROBIN)
            stop_on_signals(stopping)  # RQ's handlers speak to a worker that is no more
        except redis.RedisError as error:
            _log.warning("orders cannot be taken", error=str(error)[:300])
        else:
            pause = FIRST_PAUSE_S
        stopping.wait(pause)
        pause = min(pause * 2, LONGEST_PAUSE_S)


def leave_in_time(stopping: threading.Event) -> None:
    """End the process some seconds after it was asked to stop, whatever it is waiting for."""

    def leave() -> None:
        stopping.wait()
        time.sleep(LEAVE_AFTER_S)
        _log.warning("left while a store did not answer")
        os._exit(0)

    threading.Thread(target=leave, name="leave", daemon=True).start()


def not_ready(begun: threading.Event, deps: list[Deps]) -> str:
    """Why this worker cannot take orders now; '' when it can."""
    if not begun.is_set():
        return "waiting for the stores"
    if deps[0].stopping.is_set():
        return "shutting down"
    try:
        deps[0].redis.ping()
    except redis.RedisError:
        return "redis does not answer"
    return ""


def stop_on_signals(stopping: threading.Event) -> None:
    """Heed SIGTERM and SIGINT while no worker of RQ does."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)


if __name__ == "__main__":
    sys.exit(main())
