"""Whether this process lives, whether it takes requests, and which stores it reaches."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

import structlog
from fastapi import APIRouter
from fastapi.responses import JSONResponse

from openpanel_api.public.services import Given, Services

router = APIRouter(tags=["health"])
_log = structlog.get_logger(__name__)


@router.get("/healthz/live", summary="Is the process alive?")
async def live() -> dict[str, bool]:
    return {"live": True}


@router.get(
    "/healthz/ready", summary="Does the process take requests?", responses={503: {"description": "It stops."}}
)
async def ready(services: Given) -> JSONResponse:
    if services.stopping():
        return JSONResponse({"ready": False, "reason": "shutting down"}, status_code=503)
    return JSONResponse({"ready": True})


@router.get(
    "/healthcheck",
    summary="Which stores does it reach?",
    responses={503: {"description": "A store is away."}},
)
async def healthcheck(services: Given) -> JSONResponse:
    reached = {name: await _reached(probe, services, name=name) for name, probe in PROBES.items()}
    failed = [name for name, good in reached.items() if not good]
    working = [name for name, good in reached.items() if good]
    body: dict[str, Any] = {"ready": not failed, **reached}
    body |= {"failedDependencies": failed, "workingDependencies": working}
    return JSONResponse(body, status_code=503 if failed else 200)


async def _ask_redis(services: Services) -> None:
    if services.redis is not None:
        await services.redis.ping()


async def _ask_database(services: Services) -> None:
    await services.blocking(services.database.ping)


async def _ask_warehouse(services: Services) -> None:
    await services.blocking(lambda: services.warehouse.query("SELECT 1"))


PROBES: Final[dict[str, Callable[[Services], Awaitable[None]]]] = {
    "redis": _ask_redis,
    "db": _ask_database,
    "ch": _ask_warehouse,
}


async def _reached(probe: Callable[[Services], Awaitable[None]], services: Services, *, name: str) -> bool:
    try:
        await probe(services)
    except Exception as error:  # noqa: BLE001 - whatever a probe meets, the store is not usable
        _log.warning("store_unreachable", store=name, reason=str(error))
        return False
    return True
