"""All insights together."""

from typing import Final

from fastapi import APIRouter

from openpanel_api.public.insights import (
    chart_points,
    conversion,
    events,
    flows,
    funnels,
    groups,
    habits,
    overview,
    pages,
    pickers,
    places,
    profiles,
    references,
    reports,
    retained,
    sessions,
    top,
)

PARTS: Final = (
    overview.router,
    top.router,
    pages.router,
    pages.links,
    habits.router,
    retained.router,
    chart_points.router,
    funnels.router,
    conversion.router,
    flows.router,
    pickers.router,  # before the route of one event, which any name would match
    events.router,
    sessions.router,
    profiles.router,
    groups.router,
    places.router,
    references.router,
    reports.router,
)

router = APIRouter(prefix="/insights/{projectId}", tags=["insights"])
for _part in PARTS:
    router.include_router(_part)
