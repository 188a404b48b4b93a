"""What the handlers work with: the stores, bounded sets of threads for their blocking calls, the clock.

Made once by whoever starts the API and closed there. Each kind of call has threads of its own, so that questions to the
warehouse, which may take half a minute, keep nobody from proving who he is; and no organization has all of a kind.
"""

import time
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Annotated, Final, Self, TypeVar

from fastapi import Depends, Request
from redis import Redis as BlockingRedis
from redis.asyncio import Redis

from openpanel.identity.credentials import Verdicts
from openpanel.metadata import Database
from openpanel.stream import Pool
from openpanel.warehouse import Warehouse
from openpanel_api.ingest.addresses import Networks
from openpanel_api.ingest.buckets import BadCredentials
from openpanel_api.public.bodies import BODY_SECONDS
from openpanel_api.public.threads import Threads

# At once in this process, of all and of one organization or address; more wait here and not in the stores.
QUESTIONS, QUESTIONS_OF_ONE = 16, 4
METADATA, METADATA_OF_ONE = 4, 2
LOOKUPS, LOOKUPS_OF_ONE = 4, 3  # of clients, before it is known who asks
CHECKS, CHECKS_OF_ONE = 2, 1  # of secrets; each takes 20 MB and 25 ms of a core
CHECKS_WAITING: Final = 200  # of one address
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
    address_header: str = ""  # the one header that names the sender's address; empty: X-Forwarded-For
    dashboard_url: str = ""  # as browsers reach it; empty: addresses begin at the root
    clock_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    stopping: Callable[[], bool] = lambda: False
    verdicts: Verdicts = field(default_factory=lambda: Verdicts(capacity=VERDICTS))
    bad_credentials: BadCredentials = field(default_factory=BadCredentials)  # whatever was refused
    guesses: BadCredentials = field(default_factory=BadCredentials)  # secrets that were checked and are wrong
    lookups: Threads = field(default_factory=lambda: Threads(LOOKUPS, each=LOOKUPS_OF_ONE))
    checks: Threads = field(
        default_factory=lambda: Threads(CHECKS, each=CHECKS_OF_ONE, waiting=CHECKS_WAITING)
    )
    metadata: Threads = field(default_factory=lambda: Threads(METADATA, each=METADATA_OF_ONE))
    questions: Threads = field(default_factory=lambda: Threads(QUESTIONS, each=QUESTIONS_OF_ONE))
    organization: str = ""  # whose calls these are; empty: nobody's yet
    body_seconds: float = BODY_SECONDS
    background: Executor = field(default_factory=lambda: ThreadPoolExecutor(REFRESHING, "refresh"))

    def now(self) -> datetime:
        """The moment it is."""
        return datetime.fromtimestamp(self.clock_ms() / 1_000, tz=UTC)

    def asked_by(self, organization: str) -> Self:
        """The same, for the calls of this organization."""
        return replace(self, organization=organization)

    async def blocking(self, call: Callable[[], Answer]) -> Answer:
        """Run a short call in a thread, such as one to the metadata."""
        return await self.metadata.call(call, whose=self.organization)

    async def asking(self, call: Callable[[], Answer], *, abandon_on_cancel: bool = False) -> Answer:
        """Run a question to the warehouse in a thread."""
        return await self.questions.call(call, whose=self.organization, abandon_on_cancel=abandon_on_cancel)


async def services_of(request: Request) -> Services:
    """The services of the application that serves `request`."""
    services: Services = request.app.state.services
    return services


Given = Annotated[Services, Depends(services_of)]
