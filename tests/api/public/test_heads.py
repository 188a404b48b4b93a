"""HEAD is answered wherever GET is: with the same status and headers, without a body, and without the work of one."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient, Response
from starlette.responses import StreamingResponse

from openpanel_api.public.app import create_app
from openpanel_api.public.heads import HeadAnswers
from openpanel_api.public.rates import Rates
from openpanel_api.public.services import Services
from tests.api.public.conftest import Clock, Place
from tests.api.public.documented_calls import Call, documented
from tests.api.public.live.conftest import WAIT_S, serving

UNKNOWN = "66666666-6666-4666-8666-666666666666"
PROBED = ("/healthz/live", "/healthz/ready", "/healthcheck", "/metrics", "/openapi.json")


@pytest.fixture(scope="module")
def app(shop: Place) -> FastAPI:
    return create_app(Services(shop.database, shop.warehouse, clock_ms=Clock()))


async def asked(app: FastAPI, method: str, path: str, call: Call, headers: Mapping[str, str]) -> Response:
    app.state.rates = Rates(app.state.services)  # each is the first of its window
    filled = re.sub(r"\{\w+\}", UNKNOWN, path.replace("{projectId}", "shop"))
    given = {**call.asked, **({"projectId": "shop"} if path == "/export/events" else {})}
    transport = ASGITransport(app=app, raise_app_exceptions=False)
    async with AsyncClient(transport=transport, base_url="http://api.example") as api:
        return await api.request(method, filled, params=given, headers=headers)


async def test_head_of_every_route_is_that_of_get_without_its_body(app: FastAPI, shop: Place) -> None:
    gets = {path: call for (method, path), call in documented(app).items() if method == "GET"}
    statuses = set()
    for path, call in gets.items():
        for who in ("shop/admin", "shop/web"):
            got = await asked(app, "GET", path, call, shop.headers(who))
            head = await asked(app, "HEAD", path, call, shop.headers(who))

            assert (path, who, head.status_code, head.content) == (path, who, got.status_code, b"")
            assert (path, who, head.headers) == (path, who, got.headers)
            statuses.add(head.status_code)

    assert len(gets) > 80
    assert {200, 401, 404} <= statuses


@pytest.mark.parametrize("path", PROBED)
async def test_who_watches_over_the_api_may_ask_with_head(api: AsyncClient, path: str) -> None:
    answer = await api.head(path)

    assert (answer.status_code, answer.content) == (200, b"")


async def test_head_is_counted_against_the_rate(place: Place, api: AsyncClient) -> None:
    left = [
        (await api.head("/insights/mine/metrics", headers=place.headers("mine/reader"))).headers["ratelimit"]
        for _ in range(2)
    ]

    assert [each.split(";")[1] for each in left] == ["r=99", "r=98"]


async def test_a_page_may_ask_with_head(api: AsyncClient) -> None:
    asks = {"origin": "https://x.example", "access-control-request-method": "HEAD"}

    answer = await api.options("/export/events", headers=asks)

    assert answer.status_code == 200
    assert "HEAD" in answer.headers["access-control-allow-methods"]


async def test_a_stream_is_left_at_its_head() -> None:
    ended = asyncio.Event()

    async def rows() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"row\n"
                await asyncio.sleep(0)
        finally:
            ended.set()

    endless = HeadAnswers(StreamingResponse(rows(), headers={"x-kept": "yes"}))
    async with AsyncClient(transport=ASGITransport(app=endless), base_url="http://api.example") as api:
        async with asyncio.timeout(WAIT_S):
            answer = await api.head("/")

    assert (answer.status_code, answer.headers["x-kept"], answer.content) == (200, "yes", b"")
    assert ended.is_set()


@pytest.mark.parametrize("query", ["", "&format=csv", "&format=parquet"])
async def test_a_connection_goes_on_after_head(shop: Place, clock: Clock, query: str) -> None:
    fields = "".join(f"{name}: {value}\r\n" for name, value in shop.headers("shop/reader").items())
    async with serving(Services(shop.database, shop.warehouse, clock_ms=clock)) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        async with asyncio.timeout(WAIT_S):
            writer.write(
                f"HEAD /export/events?limit=5{query} HTTP/1.1\r\nhost: x\r\n{fields}\r\n"
                "GET /healthz/live HTTP/1.1\r\nhost: x\r\n\r\n".encode()
            )
            head = await reader.readuntil(b"\r\n\r\n")
            following = await reader.readuntil(b"}")
        writer.close()

    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert (b"content-disposition" in head) == bool(query)
    assert following.startswith(b"HTTP/1.1 200 OK\r\n")
    assert following.endswith(b'{"live":true}')
