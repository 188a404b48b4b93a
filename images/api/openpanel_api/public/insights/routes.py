"""All insights together."""

from typing import Final

from fastapi import APIRouter

from openpanel_api.public.insights import (
    events,
    flows,
    funnels,
    groups,
    habits,
    overview,
    pages,
    places,
    profiles,
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
    funnels.router,
    flows.router,
    events.router,
    sessions.router,
    profiles.router,
    groups.router,
    places.router,
    reports.router,
)

router = APIRouter(prefix="/insights/{projectId}", tags=["insights"])
for _part in PARTS:
    router.include_router(_part)
