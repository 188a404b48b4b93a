"""What the handlers work with: the stores, a bounded set of threads for their blocking calls, the clock.

Made once by whoever starts the API and closed there.
"""

import time
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Final, TypeVar

import anyio
import anyio.to_thread
from fastapi import Depends, Request
from redis import Redis as BlockingRedis
from redis.asyncio import Redis

from openpanel.identity.credentials import Verdicts
from openpanel.metadata import Database
from openpanel.stream import Pool
from openpanel.warehouse import Warehouse
from openpanel_api.ingest.addresses import Networks
from openpanel_api.ingest.buckets import BadCredentials

THREADS: Final = 16  # blocking calls of this process at once; more wait here and not in the stores
VERDICTS: Final = 2_000  # checked secrets that are remembered
REFRESHING: Final = 2  # answers that are read anew beside at once

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Services:
    """The stores and the small state of one process."""

    database: Database
    warehouse: Warehouse
    redis: Redis | None = None  # None: rates are counted in this process alone
    shared: BlockingRedis | None = None  # for blocking calls; None: answers are kept in this process alone
    pool: Callable[[str], Pool] = lambda name: Pool(
        name=name, shards=1
    )  # the shards behind a project's pool name
    trusted_proxies: Networks = field(default_factory=lambda: Networks(()))
    dashboard_url: str = ""  # as browsers reach it; empty: addresses begin at the root
    clock_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    stopping: Callable[[], bool] = lambda: False
    verdicts: Verdicts = field(default_factory=lambda: Verdicts(capacity=VERDICTS))
    bad_credentials: BadCredentials = field(default_factory=BadCredentials)
    threads: anyio.CapacityLimiter = field(default_factory=lambda: anyio.CapacityLimiter(THREADS))
    background: Executor = field(default_factory=lambda: ThreadPoolExecutor(REFRESHING, "refresh"))

    def now(self) -> datetime:
        """The moment it is."""
        return datetime.fromtimestamp(self.clock_ms() / 1_000, tz=UTC)

    async def blocking(self, call: Callable[[], Answer]) -> Answer:
        """Run a blocking call of a store in a thread."""
        return await anyio.to_thread.run_sync(call, limiter=self.threads)


def services_of(request: Request) -> Services:
    """The services of the application that serves `request`."""
    services: Services = request.app.state.services
    return services


Given = Annotated[Services, Depends(services_of)]
