"""The application: its services, middleware, routes and refusals, from plain values. Reads no environment."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import redis
from fastapi import FastAPI
from starlette.middleware.gzip import GZipMiddleware

from openpanel.analytics.cache import Cache
from openpanel.metadata import Database
from openpanel.stream import Pool
from openpanel.warehouse import Warehouse
from openpanel_dashboard import assets, health, languages, live, preferences, refusals
from openpanel_dashboard.access import MovedCookies
from openpanel_dashboard.bodies import BoundedBodies
from openpanel_dashboard.fragments import FragmentCache
from openpanel_dashboard.headers import SecureHeaders
from openpanel_dashboard.heads import HeadAnswers
from openpanel_dashboard.pages import projects, signing_in, stories
from openpanel_dashboard.pages.overview import file_routes, suggest_routes
from openpanel_dashboard.pages.overview import routes as overview
from openpanel_dashboard.questions import WAITED_S, Questions
from openpanel_dashboard.rendering import Templates
from openpanel_dashboard.services import Clock, Services
from openpanel_dashboard.volumes import Volumes

REFRESHING: Final = 2  # answers that are read anew beside at once
LIVE_EVERY_S: Final = 0.5
SMALLEST_ZIPPED: Final = 500  # bytes
ROUTERS: Final = tuple(
    module.router
    for module in (health, signing_in, preferences, projects, overview, file_routes, suggest_routes, live)
)


def create_app(
    *,
    database: Database,
    warehouse: Warehouse,
    redis: redis.Redis,
    pool: Callable[[str], Pool],
    clock: Clock,
    ingest_url: str,
    dashboard_url: str,
    api_url: str,
    live_every_s: float = LIVE_EVERY_S,
    waited_s: float = WAITED_S,
    static: Path = assets.FOLDER,
    show_stories: bool = False,
) -> FastAPI:
    """The dashboard over open stores; whoever opened them closes them.

    `redis` must not decode responses. `waited_s` is how long a question waits for its place. `show_stories` adds a page
    with every part in every state.
    """
    app = FastAPI(title="OpenPanel dashboard", openapi_url=None, lifespan=_lifespan)
    built = assets.load(static)
    background = ThreadPoolExecutor(REFRESHING, "refresh")
    given = Services(
        database=database,
        warehouse=warehouse,
        answers=Cache(
            warehouse,
            clock=clock,
            fresh_name=lambda: f"dashboard-{secrets.token_hex(8)}",
            background=background,
            store=redis,
            version_kept_s=0,  # a fragment is kept by what was counted, so none may be made of older numbers
        ),
        questions=Questions(waited_s=waited_s),
        volumes=Volumes(warehouse, clock=clock),
        redis=redis,
        pool=pool,
        clock=clock,
        ingest_url=ingest_url.rstrip("/"),
        dashboard_url=dashboard_url.rstrip("/"),
        api_url=api_url.rstrip("/"),
        assets=built,
        languages=languages.load(),
        live_every_s=live_every_s,
    )
    app.state.services = given
    app.state.templates = Templates(assets=built, known=given.languages)
    app.state.fragments = FragmentCache(clock=clock)
    app.state.board = live.Board(given)
    app.state.background = background
    app.state.stopping = asyncio.Event()
    for router in ROUTERS:
        app.include_router(router)
    if show_stories:
        app.include_router(stories.router)
    app.mount("/static", assets.BuiltFiles(directory=static))
    refusals.install(app)
    app.add_middleware(MovedCookies)
    app.add_middleware(BoundedBodies)
    app.add_middleware(GZipMiddleware, minimum_size=SMALLEST_ZIPPED)
    app.add_middleware(SecureHeaders, https=given.https)
    app.add_middleware(HeadAnswers)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    yield
    app.state.stopping.set()
    app.state.background.shutdown(wait=False, cancel_futures=True)
    app.state.services.volumes.close()
