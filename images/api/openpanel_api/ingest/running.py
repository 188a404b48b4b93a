"""The ingest service as it runs: its parts put together, its background tasks, and how they end.

The only file of the service that knows stores by their drivers; everything else gets callables and values.
"""

import asyncio
import contextlib
import gc
import secrets
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from functools import partial
from typing import Final, TypeVar

import redis
import redis.asyncio
import structlog

from openpanel.identity.salts import SALT_BYTES
from openpanel.metadata import Database, MetadataError, clients, salts
from openpanel.metadata.records import ClientRecord
from openpanel.settings import Settings
from openpanel.stream import usage
from openpanel.stream.blocking import blocking_client
from openpanel.stream.commit import Committer
from openpanel.stream.keys import Pool
from openpanel.stream.room import Room
from openpanel.stream.spool import Spool
from openpanel.warehouse import Warehouse
from openpanel_api.ingest import counts, failures, news
from openpanel_api.ingest.addresses import Networks
from openpanel_api.ingest.admission import Admission
from openpanel_api.ingest.agents import AgentTests
from openpanel_api.ingest.app import IngestApp
from openpanel_api.ingest.buckets import BadCredentials
from openpanel_api.ingest.clients import Clients, SourceAwayError
from openpanel_api.ingest.counts import Counts, Exposition
from openpanel_api.ingest.heads import Heads
from openpanel_api.ingest.lanes import Lanes, Only
from openpanel_api.ingest.leftovers import spool_name, spooled_pools
from openpanel_api.ingest.parts import Check, Parts, SendAccepted, State
from openpanel_api.ingest.quota import Quotas
from openpanel_api.ingest.receive import Bodies
from openpanel_api.ingest.salts import SaltKeeper
from openpanel_api.ingest.scripts import Scripts
from openpanel_api.ingest.waking import Waker

T = TypeVar("T")

ASKING: Final = 4  # questions to the metadata at a time
COLLECT_AFTER: Final = (20_000, 20, 50)  # objects, then rounds of each generation

_log: Final = structlog.get_logger(__name__)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@asynccontextmanager
async def ingest_running(
    settings: Settings,
    *,
    redis: redis.asyncio.Redis,
    database: Database,
    warehouse: Warehouse,
    send_accepted: SendAccepted,
    stopping: Callable[[], bool],
) -> AsyncIterator[IngestApp]:
    """The application, with everything it needs running; on leaving, what was accepted is in Redis or on disk."""
    # Threads of its own: one that hangs keeps no other work of the process waiting.
    asking = ThreadPoolExecutor(ASKING, "metadata")
    known = Clients(load=partial(_load_client, database, asking), redis=redis, now_ms=now_ms)
    keeper = SaltKeeper(load=partial(_load_salts, database, asking), now_ms=now_ms)
    bad, teller = BadCredentials(), secrets.token_hex(8)
    numbers = Counts()
    exposition = Exposition(numbers)
    async with _lanes(settings, redis=redis) as lanes:
        parts = Parts(
            heads=_heads(settings),
            bodies=Bodies(),
            admission=Admission(clients=known, salts=keeper, lanes=lanes, now_ms=now_ms, bad=bad),
            lanes=lanes,
            send_accepted=send_accepted,
            now_ms=now_ms,
            counts=numbers,
            exposition=exposition,
            scripts=Scripts(),
            state=State(stopping=stopping, started=lambda: keeper.ready),
            checks=_checks(redis, database, warehouse),
        )
        await keeper.refresh()
        tasks = [
            asyncio.create_task(keeper.run(), name="salts"),
            asyncio.create_task(
                news.listen(redis, changed=known.changed, all_changed=known.all_changed), name="news"
            ),
            asyncio.create_task(failures.tell(redis, bad, teller=teller), name="refusals to tell"),
            asyncio.create_task(failures.hear(redis, bad, teller=teller, now_ms=now_ms), name="refusals"),
            asyncio.create_task(parts.bodies.sweep(), name="slow bodies"),
            asyncio.create_task(
                counts.flush(exposition, spooled_bytes=lambda: lanes.spooled_bytes), name="counts"
            ),
        ]
        # What was made so far stays for good, and requests make no cycles: looking for them costs more than it finds.
        gc.freeze()
        gc.set_threshold(*COLLECT_AFTER)
        try:
            yield IngestApp(parts)
        finally:
            await _ended(tasks)
            asking.shutdown(wait=False, cancel_futures=True)


@asynccontextmanager
async def _lanes(settings: Settings, *, redis: redis.asyncio.Redis) -> AsyncIterator[Lanes]:
    """The lanes of this process, those of pools that ended processes left something for among them."""
    own = Pool(settings.pool, settings.shards)
    only = Only(settings.project, settings.ingest_url) if settings.project else None
    quotas = Quotas(used=partial(_used, redis), now_ms=now_ms, shared=own)
    room = Room(redis)
    refreshing = [
        asyncio.create_task(quotas.run(), name="quotas"),
        asyncio.create_task(room.run(), name="room"),
    ]
    try:
        with contextlib.closing(_orders(settings.redis_url)) as orders:
            opened = partial(_committing, settings, redis=redis, orders=orders, has_room=room.is_there)
            async with Lanes(own=own, open_commits=opened, only=only, quotas=quotas) as lanes:
                await lanes.reopen(await asyncio.to_thread(spooled_pools, settings.spool_dir))
                yield lanes
    finally:
        await _ended(refreshing)


async def _used(
    client: redis.asyncio.Redis, pool: Pool, projects: Sequence[str], month: str
) -> dict[str, int]:
    return await usage.used_soon(client, pools=[pool], projects=projects, month=month)


@asynccontextmanager
async def _committing(
    settings: Settings,
    pool: Pool,
    *,
    redis: redis.asyncio.Redis,
    orders: "redis.Redis",
    has_room: Callable[[], bool],
) -> AsyncIterator[Committer]:
    """The committer while it runs; leaving it waits until nothing is only in memory."""
    name = pool.name if pool.name == settings.pool else spool_name(pool)
    spool = Spool(settings.spool_dir, pool=name)
    await asyncio.to_thread(spool.open)
    waker = Waker(orders, pool=pool)
    committer = Committer(
        redis,
        pool=pool,
        spool=spool,
        clock=now_ms,
        high_water=settings.high_water_events,
        wake=waker.wake,
        has_room=has_room,
    )
    running = asyncio.create_task(committer.run(), name="committer")
    try:
        yield committer
    finally:
        await committer.close(patience_s=settings.spool_patience_s)
        await running
        await waker.close()
        spool.close()


def _orders(url: str) -> "redis.Redis":
    """RQ is synchronous, so it has a client of its own."""
    return blocking_client(url, socket_connect_timeout=2, socket_timeout=5)


def _heads(settings: Settings) -> Heads:
    agents = AgentTests()
    return Heads(
        trusted=Networks(settings.trusted_proxies.split(",")),
        address_header=settings.client_ip_header,
        bot=agents.bot,
        server=agents.server,
    )


def _checks(redis: redis.asyncio.Redis, database: Database, warehouse: Warehouse) -> Mapping[str, Check]:
    async def ping() -> None:
        await redis.ping()

    async def ask_database() -> None:
        await asyncio.to_thread(database.ping)

    async def ask_warehouse() -> None:
        await asyncio.to_thread(warehouse.query, "SELECT 1")

    return {"redis": ping, "db": ask_database, "ch": ask_warehouse}


async def _load_client(database: Database, asking: Executor, client_id: str) -> ClientRecord | None:
    return await _asked(asking, partial(clients.load, database, client_id=client_id))


async def _load_salts(database: Database, asking: Executor) -> Mapping[date, bytes]:
    today = datetime.now(UTC).date()
    fresh = partial(secrets.token_bytes, SALT_BYTES)
    return await _asked(asking, partial(salts.ensure, database, today=today, fresh=fresh))


async def _asked(asking: Executor, question: Callable[[], T]) -> T:
    """Ask the metadata in a thread."""
    try:
        return await asyncio.get_running_loop().run_in_executor(asking, question)
    except MetadataError as error:
        _log.warning("metadata_away", reason=str(error))
        raise SourceAwayError from error


async def _ended(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    for task in tasks:
        with contextlib.suppress(asyncio.CancelledError):
            await task
