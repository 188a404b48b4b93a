"""The service on a real socket: pipelined calls, direct answers, and senders who never finish their headers."""

import asyncio
import contextlib
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


ENDED = b"transfer-encoding: chunked\r\n\r\n0\r\n"  # but for the trailers, which may follow


@pytest.mark.parametrize(
    "begin",
    [
        pytest.param(b"POST /nothing HTTP/1.1\r\nhost: localhost\r\n" + ENDED, id="answered"),
        pytest.param(HEAD + ENDED, id="waited for"),
    ],
)
@pytest.mark.parametrize(
    "trailer",
    [pytest.param(b"a:b\r\n" * 10_000, id="many lines"), pytest.param(b"a" * 50_000, id="one line")],
)
async def test_trailers_without_end_are_hung_up_on(service: Served, begin: bytes, trailer: bytes) -> None:
    reader, writer = await service.begun(begin)
    hung_up = asyncio.create_task(reader.read())
    sent = 0
    with contextlib.suppress(ConnectionError):
        writer.write(b"t: ")
        while not hung_up.done() and sent < 2_000 * len(trailer):
            writer.write(trailer)
            await asyncio.wait_for(writer.drain(), WAIT_SECONDS)
            sent += len(trailer)
    writer.close()

    with contextlib.suppress(ConnectionError):
        await asyncio.wait_for(hung_up, WAIT_SECONDS)
    assert sent < 2_000 * len(trailer)
    assert service.server.server_state.connections == set()


async def test_trailers_are_not_kept(service: Served) -> None:
    reader, writer = await service.begun(HEAD + b"transfer-encoding: chunked\r\n\r\n")
    writer.write(b"%x\r\n%b\r\n0\r\nsecret: 1\r\nmore: 2\r\n\r\n" % (len(BODY), BODY))
    (answer, _) = await an_answer(reader)
    (connection,) = service.server.server_state.connections

    assert answer.startswith(b"HTTP/1.1 200")
    assert isinstance(connection, BoundedProtocol)
    names = [name for name, _ in connection.cycle.scope["headers"]]
    assert b"transfer-encoding" in names
    assert not {b"secret", b"more"} & set(names)
    writer.close()


async def test_rest_of_an_answered_request_gets_no_more_time(valkey_url: str, tmp_path: Path) -> None:
    async with served(valkey_url, tmp_path, idle_seconds=1) as service:
        reader, writer = await service.begun(b"POST /nothing HTTP/1.1\r\nhost: localhost\r\n" + ENDED)
        await an_answer(reader)
        hung_up = asyncio.create_task(reader.read())
        loop = asyncio.get_running_loop()
        ends = loop.time() + WAIT_SECONDS
        with contextlib.suppress(ConnectionError):
            while not hung_up.done() and loop.time() < ends:
                writer.write(b"a:b\r\n")
                await asyncio.wait({hung_up}, timeout=0.1)

        assert hung_up.done()
        writer.close()


async def test_body_in_many_small_chunks_is_taken(service: Served) -> None:
    body = BODY + b" " * 100_000
    chunks = b"".join(b"5;n=1\r\n%b\r\n" % body[at : at + 5].ljust(5) for at in range(0, len(body), 5))

    ((head, _),) = await service.exchange(HEAD + b"transfer-encoding: chunked\r\n\r\n", chunks + b"0\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 200")


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
