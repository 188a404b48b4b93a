"""Puts the public API together. Started by the service's entry point, which also opens and closes the stores."""

from typing import Final

from fastapi import APIRouter, FastAPI
from prometheus_client import CollectorRegistry
from starlette.middleware.cors import CORSMiddleware

from openpanel_api.public import charts, errors, export, health, live, mcp_route, metrics
from openpanel_api.public.asking import kept_answers
from openpanel_api.public.fullness import HEADERS
from openpanel_api.public.heads import HeadAnswers
from openpanel_api.public.insights import routes as insights
from openpanel_api.public.manage import routers as manage
from openpanel_api.public.rates import Rates
from openpanel_api.public.services import Services

PREFLIGHT_SECONDS: Final = 604_800  # how long browsers may remember the answer to a preflight
ROUTERS: Final[tuple[APIRouter, ...]] = (
    health.router,
    metrics.router,
    export.router,
    charts.router,
    insights.router,
    *manage.ROUTERS,
    live.router,
    mcp_route.router,
)
EXPOSED: Final = ("Age", "ETag", "Link", "RateLimit", "RateLimit-Policy", "Retry-After", *HEADERS)
DESCRIPTION: Final = (
    "Read back what was collected. Every request carries `openpanel-client-id` and `openpanel-client-secret` of a "
    "`read` client, which sees its own project, or a `root` client, which sees all projects of its organization. "
    'Errors are `{"status", "error", "message"}`.'
)


def create_app(services: Services, *, registry: CollectorRegistry | None = None) -> FastAPI:
    """The application over these stores; `registry` is where its metrics are kept."""
    app = FastAPI(
        title="openpanel public API",
        version="1.0.0",
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.services = services
    app.state.rates = Rates(services)
    app.state.answers = kept_answers(services)
    app.state.checkup = health.Checkup(services)
    app.state.registry = registry or CollectorRegistry()
    # Credentials are headers and never cookies, so any page may ask with its own.
    app.add_middleware(
        CORSMiddleware,
        allow_origins=["*"],
        allow_methods=["GET", "HEAD", "POST", "PATCH", "PUT", "DELETE"],
        allow_headers=["*"],
        expose_headers=EXPOSED,
        max_age=PREFLIGHT_SECONDS,
    )
    app.add_middleware(metrics.Measured, requests=metrics.Requests(app.state.registry))
    app.add_middleware(HeadAnswers)
    errors.install(app)
    for router in ROUTERS:
        app.include_router(router)
    return app
