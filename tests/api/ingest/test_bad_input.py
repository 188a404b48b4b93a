"""Bad input over real sockets, on every route that takes a body: its documented status, and a service that goes on."""

import asyncio
import gc
import gzip
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NoReturn

import psutil
import pytest

from openpanel.wire import batch, limits, rows
from openpanel_api.ingest import many
from openpanel_api.ingest.app import POSTS
from openpanel_api.ingest.receive import Bodies
from tests.api.ingest.rig import UNKNOWN, WRITE
from tests.api.ingest.serving import BODY, FIELDS, IMPORTER, Served, a_call, an_answer, served

BODIES = {
    "nothing": (b"", 400),
    "half a message": (BODY[:-10], 400),
    "a word": (b"track", 400),
    "a number": (b"1", 400),
    "null": (b"null", 400),
    "text": (b'"track"', 400),
    "two messages without a list": (BODY + BODY, 400),
    "invalid UTF-8": (b'{"type": "track", "payload": {"name": "\xff\xfe"}}', 400),
    "UTF-16": (BODY.decode().encode("utf-16"), 400),
    "NUL between": (b"\x00" + BODY, 400),
    "arrays without end": (b"[" * 200_000, 400),
    "objects without end": (b'{"a":' * 200_000, 400),
    "a number of a hundred thousand digits": (b"[" + b"9" * 100_000 + b"x]", 400),
    "more than the limit": (b" " * (limits.BODY_BYTES + 1), 413),
}


@pytest.fixture
async def service(valkey_url: str, tmp_path: Path) -> AsyncIterator[Served]:
    async with served(valkey_url, tmp_path) as running:
        yield running


async def is_well(service: Served) -> bool:
    ((head, _),) = await service.exchange(a_call(BODY))
    return head.startswith(b"HTTP/1.1 200") and service.ingest.parts.counts.refused["defect"] == 0


@pytest.mark.parametrize(("body", "status"), list(BODIES.values()), ids=list(BODIES))
async def test_bad_body_has_its_status(service: Served, body: bytes, status: int) -> None:
    senders = dict.fromkeys(POSTS, FIELDS) | {"/import/events": IMPORTER}
    answers = {
        path: (await service.exchange(a_call(body, path=path, sender=senders[path])))[0] for path in POSTS
    }

    assert {path: int(head[9:12]) for path, (head, _) in answers.items()} == dict.fromkeys(POSTS, status)
    assert all(json.loads(body).keys() >= {"status", "error", "message"} for _, body in answers.values())
    assert await is_well(service)


async def test_bad_bodies_leave_nothing_in_memory(service: Served) -> None:
    calls = [a_call(body, path=path) for path in ("/track", "/track/batch") for body, _ in BODIES.values()]
    process, rounds = psutil.Process(), 6
    for call in calls:  # what is kept once and for all
        await service.exchange(call)
    gc.collect()
    before = process.memory_info().rss

    for call in calls * rounds:
        await service.exchange(call)

    gc.collect()
    assert process.memory_info().rss - before < rounds * sum(map(len, calls)) / 2
    assert await is_well(service)


@pytest.mark.parametrize(
    "value",
    ["1e999", "-1e999", "9" * 4_000, "1" + "0" * 400, '"\\ud800"', '"\\udc00\\ud800"', '"\\u0000"', '"a\\u0000b"', "[" * 30 + "]" * 30],
    ids=["beyond floats", "below floats", "4,000 digits", "400 digits", "half a character", "two halves", "NUL", "NUL inside", "deep"],
)  # fmt: skip
async def test_odd_value_is_taken_or_refused(service: Served, value: str) -> None:
    for place in ("n", "__path", "__timestamp", "__deviceId", "__revenue", "__referrer"):
        event = (
            f'{{"type": "track", "payload": {{"name": "a", "properties": {{"{place}": {value}}}}}}}'.encode()
        )

        ((single, _), (batch, _)) = await service.exchange(
            a_call(event), a_call(b"[" + event + b"]", path="/track/batch"), answers=2
        )

        assert (int(single[9:12]) in (200, 400, 401), int(batch[9:12]) in (200, 400)) == (True, True), place
    assert await is_well(service)


@pytest.mark.parametrize(
    ("fields", "body", "status"),
    [
        pytest.param(b"content-encoding: gzip\r\n", b"no gzip", 400, id="not what it says"),
        pytest.param(b"content-encoding: gzip\r\n", gzip.compress(BODY)[:-6], 400, id="cut off"),
        pytest.param(b"content-encoding: gzip\r\n", gzip.compress(bytes(64 * 1024 * 1024)), 413, id="bomb"),
        pytest.param(b"content-encoding: x-unknown\r\n", BODY, 415, id="unknown"),
        pytest.param(
            b"content-encoding: gzip, gzip\r\n", gzip.compress(gzip.compress(BODY)), 415, id="twice"
        ),
    ],
)
async def test_bad_packing_has_its_status(service: Served, fields: bytes, body: bytes, status: int) -> None:
    answers = [(await service.exchange(a_call(body, path=path, fields=fields)))[0] for path in POSTS]

    assert [int(head[9:12]) for head, _ in answers] == [status] * len(POSTS)
    assert await is_well(service)


@pytest.mark.parametrize(
    "request_head",
    [
        pytest.param(b"content-length: -1\r\n\r\n", id="negative length"),
        pytest.param(b"content-length: 99999999999999999999\r\n\r\n", id="length beyond 64 bits"),
        pytest.param(b"content-length: ten\r\n\r\n", id="length in words"),
        pytest.param(b"content-length: 5\r\ncontent-length: 6\r\n\r\nhello", id="two lengths"),
        pytest.param(b"transfer-encoding: chunked\r\n\r\nzz\r\n", id="chunk of no size"),
        pytest.param(b"transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n", id="both"),
        pytest.param(b"no colon here\r\n\r\n", id="line without colon"),
        pytest.param(b"x: a\x00b\r\n\r\n", id="NUL in a header"),
    ],
)
async def test_malformed_request_is_refused(service: Served, request_head: bytes) -> None:
    ((head, _),) = await service.exchange(b"POST /track HTTP/1.1\r\n" + FIELDS + request_head)

    assert head.startswith(b"HTTP/1.1 400")
    assert await is_well(service)


async def test_bytes_in_headers_are_no_defect(service: Served) -> None:
    odd = b"referer: \xff\xfe\r\nopenpanel-sdk-name: \xc3\x28\r\ncookie: \x80\r\naccept-language: \xf0\r\n"

    ((head, _),) = await service.exchange(a_call(BODY, fields=odd))

    assert head.startswith(b"HTTP/1.1 200")
    assert await is_well(service)


async def test_slow_body_is_given_up(valkey_url: str, tmp_path: Path) -> None:
    bodies = Bodies(seconds=0.1, sweep_seconds=0.02)
    async with served(valkey_url, tmp_path, bodies=bodies) as service:
        reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
        writer.write(a_call(BODY)[:-5])

        head, _ = await an_answer(reader)

        assert head.startswith(b"HTTP/1.1 408")
        assert b"connection: close" in head
        writer.close()
        assert await is_well(service)


async def test_sender_who_leaves_in_the_middle_is_forgotten(service: Served) -> None:
    for length in (1, len(BODY) // 2, len(BODY) - 1):
        _, writer = await asyncio.open_connection("127.0.0.1", service.port)
        writer.write(a_call(BODY)[:-length])
        await writer.drain()
        writer.close()

    assert await is_well(service)
    assert len(await service.ingest.kept()) == 1


@pytest.mark.parametrize(("path", "status"), [("/track/batch", 413), ("/import/events", 401)])
async def test_small_packed_body_of_a_stranger_is_refused_before_millions_of_objects_are_made_of_it(
    service: Served, monkeypatch: pytest.MonkeyPatch, path: str, status: int
) -> None:
    one = b'{"type":"track","payload":{"name":"a","properties":{"x":[' + b"{}," * 330_000 + b"{}]}}}"
    packed = gzip.compress(b"[" + b",".join([one] * 10) + b"]")
    for module in (batch, rows):
        monkeypatch.setattr(module, "read", _never)  # what makes objects of it

    ((head, answer),) = await service.exchange(
        a_call(packed, path=path, sender=b"host: localhost\r\n", fields=b"content-encoding: gzip\r\n")
    )

    assert int(head[9:12]) == status, answer


async def test_batch_of_an_unknown_client_is_refused_before_it_is_read(
    service: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(many, "decode_batch", _never)
    stranger = FIELDS.replace(WRITE.encode(), UNKNOWN.encode())

    ((head, _),) = await service.exchange(a_call(b"[" + BODY + b"]", path="/track/batch", sender=stranger))

    assert head.startswith(b"HTTP/1.1 401")


async def test_call_with_too_many_parts_is_refused_whoever_sends_it(service: Served) -> None:
    within, beyond = (b"[" + b"[]," * count + b"[]]" for count in (100, limits.BODY_BRACKETS))
    for path, sender in (("/track/batch", FIELDS), ("/import/events", IMPORTER)):
        ((few, _),) = await service.exchange(a_call(within, path=path, sender=sender))
        ((too_many, told),) = await service.exchange(a_call(beyond, path=path, sender=sender))

        assert not few.startswith(b"HTTP/1.1 413")
        assert too_many.startswith(b"HTTP/1.1 413")
        assert "send it in several calls" in json.loads(told)["message"]


def _never(*_: object) -> NoReturn:
    raise AssertionError("was read")
