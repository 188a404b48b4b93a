"""One process: the event loop, the ports of its role, and the order in which everything ends.

Ends within about four seconds of a signal: ports are closed, requests in hand are answered, then the committer
brings what waits to Redis or to the spool, then the stores are let go.
"""

import asyncio
import contextlib
import importlib
import os
import signal
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any, Final

import redis.asyncio
import structlog
import uvicorn
import uvloop

from openpanel.metadata import Database
from openpanel.settings import Settings
from openpanel.stream import Pool
from openpanel.telemetry import trace_requests
from openpanel.warehouse import Warehouse
from openpanel_api.direct import DirectProtocol
from openpanel_api.ingest.addresses import Networks
from openpanel_api.ingest.app import IngestApp
from openpanel_api.ingest.running import ingest_running
from openpanel_api.protocol import BoundedProtocol, DirectAnswers
from openpanel_api.public.upgrading import MESSAGE_BYTES, PING_SECONDS, UpgradingProtocol
from openpanel_api.sockets import BACKLOG, listening

REQUESTS_SECONDS: Final = 1  # for requests in hand when the process is told to stop
REFRESHING: Final = 2  # stale answers that are read anew beside at once
IDLE_SECONDS: Final = 75  # longer than the idle time of load balancers, so that they are the ones who close

_log: Final = structlog.get_logger(__name__)


class Port(uvicorn.Server):
    """uvicorn's server without its signal handlers: one process may have two of them."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    async with _apps(settings, stopping) as apps:
        ports = [(Port(config_of(app)), listening(settings.host, number)) for app, number in apps]
        serving = [asyncio.create_task(port.serve(sockets=[socket])) for port, socket in ports]
        stop = asyncio.create_task(stopping.wait())
        _log.info("serving", ports=[number for _, number in apps])
        # A port that ends by itself is a defect: the process stops and whoever watches it starts it anew.
        await asyncio.wait([stop, *serving], return_when=asyncio.FIRST_COMPLETED)
        stopping.set()
        for port, _ in ports:
            port.should_exit = True
        await asyncio.gather(stop, *serving)
    _log.info("stopped")


@asynccontextmanager
async def _apps(settings: Settings, stopping: asyncio.Event) -> AsyncIterator[list[tuple[Any, int]]]:
    """The applications of the role with their ports, and the stores they share."""
    store = redis.asyncio.Redis.from_url(
        settings.redis_url, socket_connect_timeout=2, socket_timeout=5, health_check_interval=15
    )
    with (
        Database(settings.postgres_url, application="openpanel-api") as database,
        Warehouse(settings.clickhouse_url, database=settings.clickhouse_database) as warehouse,
    ):
        async with contextlib.AsyncExitStack() as stack:
            stack.push_async_callback(store.aclose)
            apps: list[tuple[Any, int]] = []
            if settings.api_role in ("ingest", "all"):
                ingest = ingest_running(
                    settings,
                    redis=store,
                    database=database,
                    warehouse=warehouse,
                    send_accepted=DirectAnswers().send_accepted,
                    stopping=stopping.is_set,
                )
                apps.append((await stack.enter_async_context(ingest), settings.ingest_port))
            if settings.api_role in ("public", "all"):
                shared = stack.enter_context(_blocking(settings))
                background = ThreadPoolExecutor(REFRESHING, "refresh")
                stack.callback(background.shutdown, wait=False, cancel_futures=True)
                public = _public(
                    settings, redis=store, database=database, warehouse=warehouse, stopping=stopping,
                    shared=shared, background=background,
                )  # fmt: skip
                apps.append((public, settings.public_port))
            yield apps


def _blocking(settings: Settings) -> redis.Redis:
    """The store for what runs in threads."""
    return redis.Redis.from_url(
        settings.redis_url, socket_connect_timeout=2, socket_timeout=5, health_check_interval=15
    )


def _public(
    settings: Settings,
    *,
    redis: redis.asyncio.Redis,
    database: Database,
    warehouse: Warehouse,
    stopping: asyncio.Event,
    shared: redis.Redis,
    background: Executor,
) -> Any:
    """The public API; only imported where it is served, because FastAPI costs ingest 20 MB it never uses."""
    services = importlib.import_module("openpanel_api.public.services").Services(
        database=database,
        warehouse=warehouse,
        redis=redis,
        trusted_proxies=Networks(settings.trusted_proxies.split(",")),
        address_header=settings.client_ip_header,
        stopping=stopping.is_set,
        shared=shared,
        pool=lambda name: Pool(name=name, shards=settings.shards),
        background=background,
        dashboard_url=settings.dashboard_url,
    )
    app = importlib.import_module("openpanel_api.public.app").create_app(services)
    trace_requests(app, environment=os.environ)
    return app


def config_of(app: Any, *, protocol: type[BoundedProtocol] | None = None) -> uvicorn.Config:
    """How uvicorn serves an application here; `protocol` where it is not the one that goes with it."""
    ingests = isinstance(app, IngestApp)
    return uvicorn.Config(
        app,
        http=protocol or (DirectProtocol if ingests else UpgradingProtocol),
        ws="none" if ingests else "websockets-sansio",
        ws_max_size=MESSAGE_BYTES,
        ws_ping_interval=PING_SECONDS,
        ws_ping_timeout=PING_SECONDS,
        ws_per_message_deflate=False,  # messages of ten bytes
        lifespan="off",
        log_config=None,
        log_level="error",
        access_log=False,
        server_header=False,
        proxy_headers=False,  # ingest reads them itself, and only from those it trusts
        backlog=BACKLOG,
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=REQUESTS_SECONDS,
    )
