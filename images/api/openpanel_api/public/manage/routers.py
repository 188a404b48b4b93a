"""Everything under `/manage`, for the application that puts itself together."""

from typing import Final

from fastapi import APIRouter

from openpanel_api.public.manage import (
    clients,
    cohort_people,
    cohorts,
    dashboards,
    erasures,
    event_meta,
    people,
    projects,
    references,
    reports,
)

ROUTERS: Final[tuple[APIRouter, ...]] = (
    projects.router,
    clients.router,
    references.router,
    event_meta.router,
    dashboards.router,
    reports.router,
    cohorts.router,
    cohort_people.router,
    erasures.router,
    people.router,
)
