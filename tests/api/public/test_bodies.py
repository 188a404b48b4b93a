"""What is sent to the API: who calls is looked at first, and a body is bounded in length and time, on every route."""

import asyncio
import base64
import re
from collections.abc import AsyncIterator, Iterator
from typing import NamedTuple

import httpx
import pytest
from httpx import AsyncClient

from openpanel_api.ingest.buckets import BAD_CREDENTIALS_BURST
from openpanel_api.public.bodies import BODY_BYTES
from openpanel_api.public.services import Services
from tests.api.public.conftest import Clock, Place, an_app, talking_to
from tests.api.public.live.conftest import WAIT_S, serving

JSON = {"content-type": "application/json"}
TOO_LONG = {
    "status": 413,
    "error": "Request Entity Too Large",
    "message": "The body is longer than 1,000,000 bytes",
}


class Sending(NamedTuple):
    """An operation that takes a body."""

    method: str
    path: str


def described(place: Place) -> Iterator[Sending]:
    """Those that the description names."""
    for path, operations in an_app(Services(place.database, place.warehouse)).openapi()["paths"].items():
        for method, operation in operations.items():
            if "requestBody" in operation:
                yield Sending(method.upper(), re.sub(r"\{\w+\}", "mine", path))


@pytest.fixture
async def api(place: Place, clock: Clock) -> AsyncIterator[AsyncClient]:
    """A client of an API that waits for nothing."""
    services = Services(place.database, place.warehouse, clock_ms=clock, body_seconds=0.001)
    async with talking_to(services) as client:
        yield client


async def endless(*pieces: bytes) -> AsyncIterator[bytes]:
    """A body of which no more comes after these."""
    for piece in pieces:
        yield piece
    await asyncio.Event().wait()


def test_there_are_routes_that_take_a_body(place: Place) -> None:
    sending = list(described(place))

    assert Sending("POST", "/export/charts") in sending
    assert Sending("POST", "/live/ticket") in sending
    assert Sending("POST", "/insights/mine/funnel") in sending
    assert Sending("POST", "/manage/projects") in sending


async def test_a_body_that_is_said_to_be_too_long_is_refused_unread(place: Place, api: AsyncClient) -> None:
    async def unread() -> AsyncIterator[bytes]:
        raise AssertionError("somebody read it")
        yield b""

    for method, path in described(place):
        length = {"content-length": str(BODY_BYTES + 1)}
        answer = await api.request(method, path, content=unread(), headers={**JSON, **length})

        assert (method, path, answer.status_code, answer.json()) == (method, path, 413, TOO_LONG)


async def test_a_body_that_grows_too_long_is_refused(place: Place, api: AsyncClient, clock: Clock) -> None:
    headers = {**JSON, **place.headers("mine/admin")}
    for method, path in described(place):
        clock.ms += 1_000
        body = endless(b"[" * BODY_BYTES, b"[")
        answer = await api.request(method, path, content=body, headers=headers)

        assert (method, path, answer.status_code, answer.json()) == (method, path, 413, TOO_LONG)


async def test_a_body_that_never_ends_is_given_up(place: Place, api: AsyncClient, clock: Clock) -> None:
    headers = {**JSON, **place.headers("mine/admin")}
    for method, path in described(place):
        clock.ms += 1_000
        answer = await api.request(method, path, content=endless(b"{"), headers=headers)

        assert (method, path, answer.status_code) == (method, path, 408)
        assert answer.json() == {
            "status": 408, "error": "Request Timeout", "message": "The body did not come whole within 0.001 seconds",
        }  # fmt: skip


async def test_a_body_without_credentials_is_not_read(place: Place, api: AsyncClient, clock: Clock) -> None:
    for method, path in described(place):
        clock.ms += 1_000
        broken = await api.request(method, path, content=b"{", headers=JSON)
        never = await api.request(method, path, content=endless(), headers=JSON)

        for answer in (broken, never):
            assert (method, path, answer.status_code) == (method, path, 401)
            assert answer.json()["message"].endswith("Client ID must be a valid UUIDv4")


async def test_broken_bodies_without_credentials_are_counted(api: AsyncClient) -> None:
    for _ in range(BAD_CREDENTIALS_BURST):
        assert (await api.post("/export/charts", content=b"{", headers=JSON)).status_code == 401

    assert (await api.post("/export/charts", content=b"{", headers=JSON)).status_code == 429


def _token(place: Place) -> dict[str, str]:
    """The headers by which an agent calls `/mcp`."""
    words = ":".join(place.headers("mine/reader").values())
    accept = "application/json, text/event-stream"
    return {**JSON, "accept": accept, "authorization": f"Bearer {base64.b64encode(words.encode()).decode()}"}


async def test_a_body_of_an_agent_that_never_ends_is_given_up(place: Place, api: AsyncClient) -> None:
    async with asyncio.timeout(WAIT_S):
        answer = await api.post("/mcp", content=endless(b"{"), headers=_token(place))

    assert (answer.status_code, answer.headers["connection"]) == (408, "close")
    assert answer.json()["message"] == "The body did not come whole within 0.001 seconds"
    assert answer.headers["ratelimit"].startswith('"client";r=99;t=')


async def test_a_body_of_an_agent_that_is_too_long_is_refused(place: Place, api: AsyncClient) -> None:
    grown = endless(b"[" * BODY_BYTES, b"[")
    said = {"content-length": str(BODY_BYTES + 1)}

    for content, length in ((grown, {}), (endless(), said)):
        async with asyncio.timeout(WAIT_S):
            answer = await api.post("/mcp", content=content, headers={**_token(place), **length})

        assert (answer.status_code, answer.json()) == (413, TOO_LONG)


async def test_a_broken_body_of_somebody_known_is_told(place: Place, api: AsyncClient) -> None:
    headers = {**JSON, **place.headers("mine/reader")}

    answer = await api.post("/export/charts", content=b"{", headers=headers)

    assert (answer.status_code, answer.json()["message"]) == (400, "[1]: JSON decode error")
    assert answer.headers["ratelimit"].startswith('"client";r=99;t=')


async def test_who_sends_too_much_before_he_listens_is_told(place: Place, clock: Clock) -> None:
    headers = {**JSON, **place.headers("mine/reader")}
    services = Services(place.database, place.warehouse, clock_ms=clock)
    async with serving(services) as port, httpx.AsyncClient(timeout=WAIT_S, trust_env=False) as client:
        address = f"http://127.0.0.1:{port}/export/charts"
        answer = await client.post(address, content=b"[" * 15_000_000, headers=headers)

    assert (answer.status_code, answer.json()) == (413, TOO_LONG)


@pytest.mark.parametrize("length", ["content-length: 99000000", "transfer-encoding: chunked"])
async def test_who_would_send_beyond_all_bounds_is_told_at_once(
    place: Place, clock: Clock, length: str
) -> None:
    head = ["POST /export/charts HTTP/1.1", "host: api.example", "content-type: application/json", length]
    head += [f"{name}: {value}" for name, value in place.headers("mine/reader").items()]
    piece = b"[" * (BODY_BYTES + 1)
    sent = b"%x\r\n%b\r\n" % (len(piece), piece) if "chunked" in length else piece
    async with serving(Services(place.database, place.warehouse, clock_ms=clock)) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        async with asyncio.timeout(WAIT_S):
            writer.write("\r\n".join([*head, "", ""]).encode() + sent)
            answer = await reader.readline()
        writer.close()

    assert answer == b"HTTP/1.1 413 Request Entity Too Large\r\n"
