"""`python -m openpanel_dashboard`: reads the settings, opens the stores, serves until it is told to stop."""

import asyncio
import os
import sys
from datetime import UTC, datetime
from types import FrameType
from typing import Final

import redis
import structlog
import uvicorn

from openpanel.metadata import Database
from openpanel.settings import Settings
from openpanel.stream import Pool
from openpanel.telemetry import configure_logging, configure_tracing, trace_requests
from openpanel.warehouse import Warehouse
from openpanel_dashboard.app import create_app
from openpanel_dashboard.assets import NotBuiltError
from openpanel_dashboard.connections import config_of

SERVICE: Final = "dashboard"
REDIS_TIMEOUT_S: Final = 3
NOT_BUILT: Final = 2  # exit code


class Server(uvicorn.Server):
    """Tells open event streams to end before it waits for connections to close."""

    def __init__(self, config: uvicorn.Config, *, stopping: asyncio.Event) -> None:
        super().__init__(config)
        self._stopping = stopping

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._stopping.set()
        super().handle_exit(sig, frame)


def main() -> int:
    """Serve; the exit code."""
    settings = Settings()
    configure_logging(service=SERVICE, level=settings.log_level)
    configure_tracing(service=SERVICE, environment=os.environ)
    store = redis.Redis.from_url(
        settings.redis_url, socket_timeout=REDIS_TIMEOUT_S, socket_connect_timeout=REDIS_TIMEOUT_S
    )
    with (
        Database(settings.postgres_url) as database,
        Warehouse(settings.clickhouse_url, database=settings.clickhouse_database) as warehouse,
        store,
    ):
        try:
            app = create_app(
                database=database,
                warehouse=warehouse,
                redis=store,
                pool=lambda name: Pool(name=name, shards=settings.shards),
                clock=lambda: datetime.now(UTC),
                ingest_url=settings.ingest_url,
                dashboard_url=settings.dashboard_url,
                api_url=settings.api_url,
                show_stories=os.environ.get("OPENPANEL_STORIES") == "1",
            )
        except NotBuiltError as error:
            structlog.get_logger(__name__).error("the front end is not built", reason=str(error))
            return NOT_BUILT
        trace_requests(app, environment=os.environ)
        config = config_of(app, host=settings.host, port=settings.dashboard_port)
        Server(config, stopping=app.state.stopping).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
