"""Every error of every route has one shape: `{"status", "error", "message"}`, and no text of what broke inside."""

from collections.abc import Awaitable, Callable, MutableMapping
from http import HTTPStatus
from typing import Any

import anyio
import pytest
from fastapi import FastAPI
from httpx import AsyncClient, Response
from structlog.testing import capture_logs

from openpanel_api.public.app import create_app
from openpanel_api.public.errors import Disconnected
from openpanel_api.public.services import Services
from tests.api.public.conftest import Clock, Place, talking_to

Message = MutableMapping[str, Any]

CASES = [
    ("GET", "/", 404, "There is no route GET /"),
    ("GET", "/no/such", 404, "There is no route GET /no/such"),
    ("GET", "/export/events/", 404, "There is no route GET /export/events/"),
    ("GET", "/documentation", 404, "There is no route GET /documentation"),
    ("POST", "/export/events", 405, "POST is not allowed here"),
    ("DELETE", "/healthz/live", 405, "DELETE is not allowed here"),
    ("GET", "/export/events", 401, "Export: Client ID must be a valid UUIDv4"),
    ("GET", "/export/events?page=x", 401, "Export: Client ID must be a valid UUIDv4"),
]


@pytest.mark.parametrize(
    ("method", "path", "status", "message"), CASES, ids=[f"{c[0]} {c[1]}" for c in CASES]
)
async def test_every_refusal_has_the_one_shape(
    api: AsyncClient, method: str, path: str, status: int, message: str
) -> None:
    answer = await api.request(method, path)

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {"status": status, "error": HTTPStatus(status).phrase, "message": message}


async def test_an_error_nobody_expected_tells_nothing_of_the_inside(place: Place, clock: Clock) -> None:
    def broken() -> bool:
        raise RuntimeError("secret inside")

    services = Services(place.database, place.warehouse, clock_ms=clock, stopping=broken)
    with capture_logs() as logged:
        async with talking_to(services) as api:
            answer = await api.get("/healthz/ready")

    assert [(line["event"], line["route"]) for line in logged] == [("request_failed", "/healthz/ready")]
    assert answer.status_code == 500
    assert answer.json() == {
        "status": 500, "error": "Internal Server Error", "message": "Something went wrong here; it was logged",
    }  # fmt: skip


async def test_a_wrong_parameter_is_told_only_to_who_may_ask(api: AsyncClient, place: Place) -> None:
    answer: Response = await api.get("/export/events?limit=x", headers=place.headers("mine/reader"))

    assert (answer.status_code, answer.json()["message"]) == (
        400,
        "limit: Input should be a valid integer, unable to parse string as an integer",
    )


async def test_a_query_stops_when_who_asked_is_gone(place: Place, clock: Clock) -> None:
    app = create_app(Services(place.database, place.warehouse, clock_ms=clock))
    slow = _slow(app)

    with anyio.fail_after(20):
        status = await _asked_and_left(slow, path="/slow", left_when=lambda: _runs(place))

    assert status == Disconnected.status
    assert await _runs(place) is False


def _slow(app: FastAPI) -> FastAPI:
    """The application with a question that takes twelve seconds."""
    from fastapi import Request

    from openpanel_api.public.asking import answered
    from openpanel_api.public.services import Given

    @app.get("/slow")
    async def slow(request: Request, services: Given) -> list[Any]:
        return await answered(
            request,
            services,
            lambda comment: services.warehouse.query(
                "SELECT sleepEachRow(1) FROM numbers(12)"
                f" SETTINGS max_block_size = 1, max_execution_time = 60, log_comment = '{comment}'"
            ),
        )

    return app


async def _asked_and_left(app: FastAPI, *, path: str, left_when: Callable[[], Awaitable[bool]]) -> int:
    """The status that was answered to somebody who left as soon as `left_when` said so."""
    sent: list[Message] = []
    began = False

    async def receive() -> Message:
        nonlocal began
        if not began:
            began = True
            return {"type": "http.request", "body": b"", "more_body": False}
        while not await left_when():
            pass
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "query_string": b"", "headers": [],
        "client": ("127.0.0.1", 1), "server": ("api.example", 80), "scheme": "http", "root_path": "",
        "http_version": "1.1", "asgi": {"version": "3.0"},
    }  # fmt: skip
    await app(scope, receive, send)
    return int(sent[0]["status"])


async def _runs(place: Place) -> bool:
    """Whether a query of this API is running now."""
    rows = await anyio.to_thread.run_sync(
        lambda: place.warehouse.query(
            "SELECT count() FROM system.processes WHERE startsWith(Settings['log_comment'], 'public-')"
        )
    )
    return bool(rows[0][0])
