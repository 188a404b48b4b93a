"""Bodies that come in pieces, packed, slowly, or not at all."""

import asyncio
import contextlib
import gzip
import json
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import brotli
import pytest
import zstandard

from openpanel.wire import limits
from openpanel_api.ingest.receive import Bodies
from tests.api.ingest.rig import Ingest, a_scope, an_event, an_ingest, browser

BODY = json.dumps(an_event()).encode()


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [
        ("gzip", gzip.compress),
        ("GZIP", gzip.compress),
        ("deflate", zlib.compress),
        ("zstd", zstandard.compress),
        ("br", brotli.compress),
        ("identity", bytes),
        ("", bytes),
    ],
)
@pytest.mark.parametrize(("path", "body"), [("/track", BODY), ("/track/batch", b"[" + BODY + b"]")])
async def test_packed_body_is_taken(
    ingest: Ingest, encoding: str, pack: Callable[[bytes], bytes], path: str, body: bytes
) -> None:
    assert (await ingest.post(path, pack(body), {"content-encoding": encoding})).status == 200
    assert json.loads((await ingest.kept())[0].body) == json.loads(body)


@pytest.mark.parametrize(
    ("encoding", "body", "status"),
    [
        ("gzip", BODY, 400),
        ("br", BODY, 400),
        ("snappy", BODY, 415),
        ("gzip, gzip", gzip.compress(gzip.compress(BODY)), 415),
        ("gzip", gzip.compress(b" " * (limits.BODY_BYTES + 1)), 413),
        ("zstd", zstandard.compress(b" " * (limits.BODY_BYTES + 1)), 413),
    ],
)
async def test_wrongly_packed_body_is_refused(
    ingest: Ingest, encoding: str, body: bytes, status: int
) -> None:
    answer = await ingest.post("/track", body, {"content-encoding": encoding})

    assert (answer.status, answer.json["status"]) == (status, status)


async def test_body_may_come_in_pieces(ingest: Ingest) -> None:
    answer = await ingest.call(
        "POST", "/track", headers=browser(), chunks=[BODY[:10], b"", BODY[10:50], BODY[50:]]
    )

    assert answer.status == 200
    assert (await ingest.kept())[0].body == BODY


async def test_body_without_end_is_cut_off(ingest: Ingest) -> None:
    piece = b" " * 1024 * 1024

    answer = await ingest.call("POST", "/track", headers=browser(), chunks=[piece] * 20)

    assert answer.status == 413
    assert answer.headers["connection"] == "close"


async def test_headers_may_not_be_without_end(ingest: Ingest) -> None:
    many = await ingest.post("/track", BODY, {f"x-{n}": "1" for n in range(limits.HEADERS + 1)})
    large = await ingest.post("/track", BODY, {"x-large": "1" * limits.HEADER_BYTES})

    assert (many.status, large.status) == (431, 431)
    assert many.json["error"] == "Request Header Fields Too Large"


@asynccontextmanager
async def a_call_that_hangs(
    ingest: Ingest, first: list[bytes]
) -> AsyncIterator[tuple[asyncio.Task[None], list[Any]]]:
    """A call whose sender stops in the middle of the body; ended when the test has seen enough."""
    sent: list[Any] = []
    pieces = list(first)

    async def receive() -> dict[str, Any]:
        if pieces:
            return {"type": "http.request", "body": pieces.pop(0), "more_body": True}
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Any) -> None:
        sent.append(message)

    task = asyncio.create_task(
        _run(ingest.app(a_scope("POST", "/track", browser(), "198.51.100.7"), receive, send))
    )
    yield task, sent
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def _run(call: Any) -> None:
    await call


@pytest.mark.parametrize("first", [[], [b'{"type":']])
async def test_slow_body_is_given_up(valkey_url: str, tmp_path: Path, first: list[bytes]) -> None:
    bodies = Bodies(seconds=0.05, sweep_seconds=0.01)
    async with (
        an_ingest(valkey_url, tmp_path, bodies=bodies) as ingest,
        a_call_that_hangs(ingest, first) as (task, sent),
    ):
        await task

        assert sent[0]["status"] == 408
        assert (b"connection", b"close") in sent[0]["headers"]
        assert json.loads(sent[1]["body"])["message"] == "The body did not arrive in time"
        assert (await ingest.track()).status == 200


async def test_cancelled_call_stays_cancelled(ingest: Ingest) -> None:
    async with a_call_that_hangs(ingest, []) as (task, sent):
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    assert sent == []


async def test_sender_who_hangs_up_is_not_answered(ingest: Ingest) -> None:
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    await ingest.app(a_scope("POST", "/track", browser(), "198.51.100.7"), receive, send)

    assert sent == []
    assert await ingest.kept() == []
