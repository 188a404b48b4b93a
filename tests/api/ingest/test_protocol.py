"""The service on a real socket: pipelined calls, direct answers, and senders who never finish their headers."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from openpanel_api.protocol import BoundedProtocol
from tests.api.ingest.rig import WAIT_SECONDS, an_event
from tests.api.ingest.serving import BODY, HEAD, Served, a_call, an_answer, served

CALL = a_call(BODY)
LIVE = b"GET /healthz/live HTTP/1.1\r\nhost: localhost\r\n\r\n"  # waits for nobody


@pytest.fixture
async def service(valkey_url: str, tmp_path: Path) -> AsyncIterator[Served]:
    async with served(valkey_url, tmp_path) as running:
        yield running


async def test_direct_answer_says_what_the_ordinary_one_says(service: Served) -> None:
    ordinary = await service.ingest.track()

    ((head, body),) = await service.exchange(a_call(json.dumps(an_event(n=2)).encode()))

    lines = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:] if line)
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert lines.pop(b"date")
    assert {name.decode(): value.decode() for name, value in lines.items()} == ordinary.headers
    assert set(json.loads(body)) == {"deviceId", "sessionId"}


async def test_connection_is_used_again(service: Served) -> None:
    answers = await service.exchange(CALL, CALL, answers=2)

    assert [head[:15] for head, _ in answers] == [b"HTTP/1.1 200 OK"] * 2


async def test_pipelined_calls_are_answered_in_order(service: Served) -> None:
    refused = CALL.replace(b'"type": "track"', b'"type": "tracc"')

    answers = await service.exchange(CALL + refused + CALL, answers=3)

    assert [head[9:12] for head, _ in answers] == [b"200", b"400", b"200"]


async def test_closing_client_is_told_so(service: Served) -> None:
    ((head, _),) = await service.exchange(CALL.replace(b"host:", b"connection: close\r\nhost:"))

    assert b"connection: close" in head


async def test_body_may_be_chunked(service: Served) -> None:
    chunked = HEAD + b"transfer-encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)

    ((head, _),) = await service.exchange(chunked)

    assert head.startswith(b"HTTP/1.1 200")


async def test_client_that_asks_first_is_told_to_go_on(service: Served) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
    writer.write(HEAD + b"expect: 100-continue\r\ncontent-length: %d\r\n\r\n" % len(BODY))

    assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    writer.write(BODY)

    assert (await an_answer(reader))[0].startswith(b"HTTP/1.1 200")
    writer.close()


@pytest.mark.parametrize(
    "bomb",
    [
        pytest.param([b"GET / HTTP/1.1\r\nx: "] + [b"a" * 50_000] * 40, id="one long line"),
        pytest.param([b"GET / HTTP/1.1\r\n"] + [b"x: 1\r\n" * 5_000] * 40, id="many lines"),
        pytest.param([b"GET /" + b"a" * 50_000] + [b"a" * 50_000] * 40, id="long path"),
    ],
)
async def test_headers_without_end_are_cut_off(service: Served, bomb: list[bytes]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
    with_answer = asyncio.create_task(reader.read())
    try:
        for piece in bomb:
            writer.write(piece)
            await asyncio.wait_for(writer.drain(), WAIT_SECONDS)
    except ConnectionError:
        pass
    writer.close()

    try:
        answer = await asyncio.wait_for(with_answer, WAIT_SECONDS)
    except ConnectionError:
        answer = b"HTTP/1.1 431"
    assert answer.startswith((b"HTTP/1.1 431", b"HTTP/1.1 400"))


@pytest.mark.parametrize(
    "first",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"POST /track HTTP/1.1\r\nhost: ", id="half a head"),
        pytest.param(LIVE + b"POST /tr", id="half a head after a call"),
        pytest.param(b"\r\n", id="a blank line"),
    ],
)
async def test_sender_who_never_finishes_is_hung_up_on(valkey_url: str, tmp_path: Path, first: bytes) -> None:
    async with served(valkey_url, tmp_path, head_seconds=0.2) as service:
        reader, writer = await service.begun(first)

        rest = await asyncio.wait_for(reader.read(), WAIT_SECONDS)

        assert rest.count(b"HTTP/1.1 200") == first.count(LIVE)
        writer.close()


async def test_time_of_the_connection_is_not_that_of_a_later_request(service: Served) -> None:
    """The one begins with the connection and ends while the head of the other is on its way."""
    reader, writer = await service.begun(LIVE)
    await an_answer(reader)
    (connection,) = service.server.server_state.connections
    assert isinstance(connection, BoundedProtocol)
    writer.write(CALL[:20])
    await service.exchange(LIVE)  # by then it was read

    connection._head_late(None)
    writer.write(CALL[20:])

    assert (await an_answer(reader))[0].startswith(b"HTTP/1.1 200")
    writer.close()


async def test_junk_is_answered_and_closed(service: Served) -> None:
    ((head, _),) = await service.exchange(b"\x16\x03\x01 no http at all\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 400")
    assert (await service.ingest.track()).status == 200
