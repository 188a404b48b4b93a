"""Whether the dashboard lives, and whether it can answer."""

import redis
from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from openpanel.metadata import MetadataError
from openpanel.warehouse import WarehouseError
from openpanel_dashboard.services import Given, Services

router = APIRouter(prefix="/healthz")


@router.get("/live")
async def live() -> Response:
    """The process answers."""
    return JSONResponse({"status": "ok"})


@router.get("/ready")
async def ready(services: Given) -> Response:
    """PostgreSQL answers, so that people can sign in. Without the other stores pages work in part and say so."""
    failures = await run_in_threadpool(_failures, services)
    try:
        await services.volumes.ping()
    except (WarehouseError, TimeoutError) as error:
        failures["clickhouse"] = type(error).__name__
    unavailable = "postgres" in failures
    status = "unavailable" if unavailable else "degraded" if failures else "ok"
    return JSONResponse({"status": status, "failures": failures}, status_code=503 if unavailable else 200)


def _failures(services: Services) -> dict[str, str]:
    failures: dict[str, str] = {}
    try:
        services.database.ping()
    except MetadataError as error:
        failures["postgres"] = type(error).__name__
    try:
        services.redis.ping()
    except redis.RedisError as error:
        failures["redis"] = type(error).__name__
    return failures
