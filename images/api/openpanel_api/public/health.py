"""Whether this process lives, whether it takes requests, and which stores it reaches."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import anyio.to_thread
import structlog
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from openpanel_api.public.services import Given, Services

KEPT_MS: Final = 1_000  # that an answer about the stores stands

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
async def healthcheck(request: Request) -> JSONResponse:
    checkup: Checkup = request.app.state.checkup
    reached = await checkup.reached()
    failed = [name for name, good in reached.items() if not good]
    working = [name for name, good in reached.items() if good]
    body: dict[str, Any] = {"ready": not failed, **reached}
    body |= {"failedDependencies": failed, "workingDependencies": working}
    return JSONResponse(body, status_code=503 if failed else 200)


class Checkup:
    """Asks each store whether it is there, once a second however many want to know: nobody has to say who he is."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._asking = asyncio.Lock()
        self._found: dict[str, bool] = {}
        self._asked_ms: int | None = None

    async def reached(self) -> Mapping[str, bool]:
        """Which stores answered at the last time of asking."""
        async with self._asking:
            now = self._services.clock_ms()
            if self._asked_ms is None or not 0 <= now - self._asked_ms < KEPT_MS:
                self._found = {
                    name: await _reached(probe, self._services, name=name) for name, probe in PROBES.items()
                }
                self._asked_ms = self._services.clock_ms()
            return self._found


async def _ask_redis(services: Services) -> None:
    if services.redis is not None:
        await services.redis.ping()


async def _ask_database(services: Services) -> None:
    await anyio.to_thread.run_sync(services.database.ping)


async def _ask_warehouse(services: Services) -> None:
    await anyio.to_thread.run_sync(services.warehouse.query, "SELECT 1")


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
