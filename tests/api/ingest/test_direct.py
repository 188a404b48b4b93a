"""Plain calls, which take a shorter way: the same answers and the same messages as by the ordinary way."""

import asyncio
import contextlib
import gzip
import json
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from openpanel.metadata.records import Filter
from openpanel.stream.frames import Append
from openpanel.stream.waiting import Answer, Answered
from openpanel.wire.limits import MESSAGE_BYTES
from openpanel_api.ingest.lanes import Commits
from openpanel_api.ingest.parts import Parts
from openpanel_api.ingest.plain import Known, Ready
from openpanel_api.ingest.quota import Quotas
from openpanel_api.protocol import BoundedProtocol
from tests.api.ingest.rig import (
    GOOGLEBOT,
    OPEN,
    ROOT,
    SECRET,
    UNKNOWN,
    WAIT_SECONDS,
    Clock,
    Headers,
    an_event,
    browser,
    server,
)
from tests.api.ingest.serving import BODY, Served, Watched, a_call, an_answer, served

CHUNK = {
    "chunk_index": 0,
    "events_count": 1,
    "is_full_snapshot": True,
    "started_at": "2026-01-01T00:00:00.000Z",
    "ended_at": "2026-01-01T00:00:01.000Z",
    "payload": "[]",
}
PROJECT: dict[str, Any] = {
    "id": "both",
    "honour_dnt": True,
    "filters": (Filter("profile_id", "blocked"), Filter("ip", "198.51.100.66")),
    "rate_burst": 100,
}

Case = tuple[Headers, bytes]
CALL = a_call(BODY)


def a_request(
    headers: Headers, body: bytes, *, length: str = "content-length", path: str = "/track"
) -> bytes:
    given = {"host": "localhost"} | browser() | {length: str(len(body))} | headers
    lines = [f"{name}: {value}" for name, value in given.items() if value is not None]
    return "\r\n".join([f"POST {path} HTTP/1.1", *lines]).encode("latin-1") + b"\r\n\r\n" + body


def js(value: Any) -> bytes:
    return json.dumps(value).encode()


# What is taken directly once the head is known.
PLAIN: dict[str, Case] = {
    "an event": ({}, js(an_event("signup", n=1))),
    "a page view": ({}, js(an_event())),
    "an event of a person": ({}, js(an_event(profile="u1"))),
    "an event that describes a person": ({}, js(an_event(__identify={"profileId": "u1", "firstName": "A"}))),
    "an event without properties": ({}, js({"type": "track", "payload": {"name": "x"}})),
    "identify": ({}, js({"type": "identify", "payload": {"profileId": "u1"}})),
    "increment": ({}, js({"type": "increment", "payload": {"profileId": "u1", "property": "n"}})),
    "alias": ({}, js({"type": "alias", "payload": {"profileId": "u1", "alias": "u2"}})),
    "group": ({}, js({"type": "group", "payload": {"id": "acme", "type": "company", "name": "Acme"}})),
    "assign group": ({}, js({"type": "assign_group", "payload": {"groupIds": ["acme"]}})),
    "replay": ({}, js({"type": "replay", "payload": CHUNK})),
    "named by its sender": ({}, js(an_event() | {"messageId": "m1"})),
    "late": ({}, js(an_event(__timestamp="2026-01-01T08:00:00Z"))),
    "other letters": ({}, json.dumps(an_event(title="Grüße 🎉"), ensure_ascii=False).encode()),
    "half a character": ({}, b'{"type":"track","payload":{"name":"x","properties":{"t":"\\ud83d"}}}'),
    "byte order mark": ({}, b"\xef\xbb\xbf" + js(an_event())),
    "of a server": (server(ROOT), js(an_event(profile="u1"))),
    "of a server for a visitor": (server(), js(an_event(__ip="203.0.113.9"))),
    "revenue with secret": (server(), js(an_event("revenue", __revenue=500))),
    "of a beacon": ({"content-type": "text/plain"}, js(an_event())),
    "of an open client": ({"openpanel-client-id": OPEN, "origin": None}, js(an_event())),
    "through a proxy": ({"x-forwarded-for": "203.0.113.9"}, js(an_event())),
    "secret in the body too": (server(), js(an_event() | {"clientSecret": SECRET})),
}

# What has to take the ordinary way, whatever was known before.
OTHER: dict[str, Case] = {
    "no JSON": ({}, b"{"),
    "no UTF-8": ({}, b'{"type":"track","payload":{"name":"\xff"}}'),
    "no such type": ({}, js({"type": "tracc", "payload": {}})),
    "no name": ({}, js({"type": "track", "payload": {"name": ""}})),
    "no body": ({}, b""),
    "too deep": ({}, js(an_event(deep=json.loads("[" * 80 + "]" * 80)))),
    "too large": ({}, js(an_event(text="x" * MESSAGE_BYTES))),
    "revenue without secret": ({}, js(an_event("revenue", __revenue=500))),
    "blocked profile": ({}, js(an_event(profile="blocked"))),
    "device of its own": ({}, js(an_event(__deviceId="phone-1"))),
    "secret in the body": ({"origin": None}, js(an_event() | {"clientSecret": SECRET})),
    "wrong secret in the body": ({}, js(an_event() | {"clientSecret": "sec_wrong"})),
    "unknown client": ({"openpanel-client-id": UNKNOWN}, js(an_event())),
    "no client": ({"openpanel-client-id": None}, js(an_event())),
    "client in the body": ({"openpanel-client-id": None}, js(an_event() | {"clientId": OPEN})),
    "wrong origin": ({"origin": "https://elsewhere.example"}, js(an_event())),
    "wrong secret": (server() | {"openpanel-client-secret": "sec_wrong"}, js(an_event())),
    "a bot": ({"user-agent": GOOGLEBOT}, js(an_event())),
    "not to be tracked": ({"dnt": "1"}, js(an_event())),
    "blocked address": (server() | {"openpanel-client-ip": "198.51.100.66"}, js(an_event())),
    "with a key": ({"idempotency-key": "k1"}, js(an_event())),
    "packed": ({"content-encoding": "gzip"}, gzip.compress(js(an_event()))),
    "a form": ({"content-type": "multipart/form-data"}, js(an_event())),
    "chunked": (
        {"content-length": None, "transfer-encoding": "chunked"},
        b"%x\r\n%b\r\n0\r\n\r\n" % (len(js(an_event())), js(an_event())),
    ),
}

# Batches that are taken directly, with the shards of their pool.
PLAIN_BATCHES: dict[str, tuple[Case, int]] = {
    "one event": (({}, js([an_event("a")])), 1),
    "events of one visit": (({}, js([an_event("a"), an_event(), an_event(profile="u1")])), 1),
    "wrapped": (({}, js({"events": [an_event("a")]})), 1),
    "over a day": (({}, js([an_event(__timestamp=f"2026-01-01T0{hour}:00:00Z") for hour in range(9)])), 1),
    "messages of all kinds": (
        ({}, js([json.loads(body) for name, (headers, body) in PLAIN.items() if not headers and body.isascii()
                 and name not in ("half a character", "secret in the body too")])),
        1,
    ),
    "named devices": (({}, js([an_event(__deviceId="phone-1"), an_event(__deviceId="phone-2")])), 1),
    "revenue with secret": ((server(), js([an_event("revenue", __revenue=5), an_event("a")])), 1),
    "one visitor in many shards": (({}, js([an_event("a"), an_event("b")])), 8),
}  # fmt: skip

# Batches that are not.
OTHER_BATCHES: dict[str, tuple[Case, int]] = {
    "no JSON": (({}, b"["), 1),
    "nothing in it": (({}, b"[]"), 1),
    "one is refused": (({}, js([an_event("a"), an_event(""), 7])), 1),
    "revenue without secret": (({}, js([an_event("a"), an_event("revenue", __revenue=5)])), 1),
    "blocked profile": (({}, js([an_event("a"), an_event(profile="blocked")])), 1),
    "too many": (({}, js([an_event("a")] * 1_001)), 1),
    "more than the rate": (({}, js([an_event("a")] * 101)), 1),
    "a bot": (({"user-agent": GOOGLEBOT}, js([an_event(), an_event("a")])), 1),
    "not to be tracked": (({"dnt": "1"}, js([an_event()])), 1),
    "with a key": (({"idempotency-key": "k1"}, js([an_event("a"), an_event("b")])), 1),
    "client in the body": (
        ({"openpanel-client-id": None}, js({"messages": [an_event("a")], "clientId": OPEN})), 1,
    ),
    "devices of several shards": (
        ({}, js([an_event(__deviceId=f"phone-{number}") for number in range(30)])), 8,
    ),
    "describes a person in another shard": (
        ({}, js([an_event(__identify={"profileId": f"u{number}"}) for number in range(9)])), 8,
    ),
}  # fmt: skip


@contextlib.asynccontextmanager
async def both_ways(url: str, folder: Path, **more: Any) -> AsyncIterator[tuple[Served, Served]]:
    """The same service twice: with plain calls taken directly, and everything taken the ordinary way."""
    async with (
        served(url, folder / "direct", **PROJECT | more) as direct,
        served(url, folder / "ordinary", way=BoundedProtocol, **PROJECT | more) as ordinary,
    ):
        yield direct, ordinary


async def conversation(service: Served, *requests: bytes) -> list[tuple[dict[bytes, bytes], bytes]]:
    """The answers to requests sent one after the other; the headers with the status and without the date."""
    answers: list[tuple[dict[bytes, bytes], bytes]] = []
    async with connected(service) as (reader, writer):
        for request in requests:
            writer.write(request)
            head, body = await an_answer(reader)
            status, *lines = head.split(b"\r\n")
            headers = dict(line.split(b": ", 1) for line in lines if line)
            assert headers.pop(b"date")
            answers.append((headers | {b"status": status}, body))
            if b"connection" in headers:
                break
    return answers


@contextlib.asynccontextmanager
async def connected(service: Served) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def kept(service: Served) -> list[Any]:
    return [msgspec.to_builtins(envelope) for envelope in await service.ingest.kept()]


def counted(service: Served) -> dict[str, Any]:
    counts = service.ingest.parts.counts
    return {name: getattr(counts, name) for name in counts.__slots__}


@pytest.mark.parametrize(
    ("case", "plain"),
    [(case, True) for case in PLAIN.values()] + [(case, False) for case in OTHER.values()],
    ids=[*PLAIN, *OTHER],
)
async def test_both_ways_say_and_keep_the_same(
    valkey_url: str, tmp_path: Path, case: Case, *, plain: bool
) -> None:
    headers, body = case
    opening, request = a_request(headers, js(an_event("opening"))), a_request(headers, body)
    async with both_ways(valkey_url, tmp_path) as (direct, ordinary):
        said = [await conversation(way, opening, request) for way in (direct, ordinary)]

        assert said[0] == said[1]
        assert await kept(direct) == await kept(ordinary)
        assert (True in direct.app.direct) is plain
        assert ordinary.app.direct == []
        assert counted(direct) == counted(ordinary)


@pytest.mark.parametrize(
    ("case", "shards", "plain"),
    [(case, shards, True) for case, shards in PLAIN_BATCHES.values()]
    + [(case, shards, False) for case, shards in OTHER_BATCHES.values()],
    ids=[*PLAIN_BATCHES, *OTHER_BATCHES],
)
async def test_both_ways_say_and_keep_the_same_of_a_batch(
    valkey_url: str, tmp_path: Path, case: Case, shards: int, *, plain: bool
) -> None:
    headers, body = case
    opening = a_request(headers, js([an_event("opening")]), path="/track/batch")
    request = a_request(headers, body, path="/track/batch")
    async with both_ways(valkey_url, tmp_path, shards=shards) as (direct, ordinary):
        said = [await conversation(way, opening, request) for way in (direct, ordinary)]

        assert said[0] == said[1]
        assert await kept(direct) == await kept(ordinary)
        assert (True in direct.app.direct) is plain
        assert counted(direct) == counted(ordinary)


async def test_batch_and_single_call_of_one_sender_are_told_apart(direct: Served) -> None:
    event, batch = a_request({}, js(an_event("a"))), a_request({}, js([an_event("b")]), path="/track/batch")

    answers = await conversation(
        direct, event, batch, event.replace(b'"a"', b'"c"'), batch.replace(b'"b"', b'"d"')
    )

    assert direct.app.direct == [True, True]
    assert ["results" in json.loads(body) for _, body in answers] == [False, True, False, True]


async def test_full_stream_is_told_to_a_batch_as_ever(valkey_url: str, tmp_path: Path) -> None:
    calls = [a_request({}, js([an_event(n=n)]), path="/track/batch") for n in range(4)]
    async with both_ways(valkey_url, tmp_path, high_water=2) as (direct, ordinary):
        said = [await conversation(way, *calls) for way in (direct, ordinary)]

        assert said[0] == said[1]
        assert [headers[b"status"][9:12] for headers, _ in said[0]] == [b"200", b"200", b"503", b"503"]
        assert counted(direct) == counted(ordinary)


async def test_either_spelling_of_the_length_is_known(direct: Served) -> None:
    requests = [
        a_request({}, js(an_event(n=n)), length=length)
        for n, length in enumerate(["content-length", "content-length", "Content-Length", "Content-Length"])
    ]

    answers = await conversation(direct, *requests)

    assert {headers[b"status"] for headers, _ in answers} == {b"HTTP/1.1 200 OK"}
    assert direct.app.direct == [True, True]


async def test_what_proxies_add_to_each_call_does_not_matter(direct: Served) -> None:
    added: list[Headers] = [
        {"X-Request-Id": "a1", "referer": "https://example.com/a"},
        {"X-Request-Id": "b2", "referer": "https://example.com/b?c=d"},
        {"X-Request-Id": "b2", "referer": "with blanks"},
        {"X-Request-Id": "b2", "referer": "a", "dnt": "1"},
        {"X-Request-Id": "", "referer": ""},
    ]

    answers = await conversation(
        direct, *[a_request(headers, js(an_event(n=n))) for n, headers in enumerate(added)]
    )

    assert {headers[b"status"] for headers, _ in answers} == {b"HTTP/1.1 200 OK"}
    assert direct.app.direct == [True, True]


async def test_header_that_names_the_address_matters(valkey_url: str, tmp_path: Path) -> None:
    calls = [
        a_request({"cf-ray": address}, js(an_event(n=n)))
        for n, address in enumerate(["203.0.113.1", "203.0.113.1", "203.0.113.2"])
    ]
    async with both_ways(valkey_url, tmp_path, address_header="cf-ray", trusted="127.0.0.0/8") as (
        one,
        other,
    ):
        said = [await conversation(way, *calls) for way in (one, other)]

        assert said[0] == said[1]
        assert said[0][0] == said[0][1] != said[0][2]
        assert one.app.direct == [True]


async def test_rate_and_quota_are_asked_as_ever(valkey_url: str, tmp_path: Path) -> None:
    async def used(_pool: Any, projects: Any, _month: str) -> dict[str, int]:
        return dict.fromkeys(projects, 5)

    for limits in ({"rate_burst": 3}, {"quota_events": 5, "rate_burst": 4}):
        calls = [a_request({}, js(an_event(n=n))) for n in range(5)]
        quotas = [Quotas(used=used, now_ms=Clock()) for _ in range(2)]
        async with (
            served(valkey_url, tmp_path / "a", **PROJECT | limits, quotas=quotas[0]) as direct,
            served(
                valkey_url, tmp_path / "b", way=BoundedProtocol, **PROJECT | limits, quotas=quotas[1]
            ) as ordinary,
        ):
            said = []
            for way, asked in zip((direct, ordinary), quotas, strict=True):
                before = await conversation(way, *calls[:2])
                await asked.refresh()
                said.append(before + await conversation(way, *calls[2:]))

        assert said[0] == said[1]
        assert {headers[b"status"][9:12] for headers, _ in said[0]} == {b"200", b"429"}


async def test_full_stream_is_told_as_ever(valkey_url: str, tmp_path: Path) -> None:
    calls = [a_request({}, js(an_event(n=n))) for n in range(4)]
    async with both_ways(valkey_url, tmp_path, high_water=2) as (direct, ordinary):
        said = [await conversation(way, *calls) for way in (direct, ordinary)]

        assert said[0] == said[1]
        assert [headers[b"status"][9:12] for headers, _ in said[0]] == [b"200", b"200", b"503", b"503"]
        assert direct.app.direct == [True, True, True]
        assert direct.ingest.parts.counts.refused == ordinary.ingest.parts.counts.refused


class Held(Watched):
    """Plain calls are answered only once the test lets go; what was taken is in the stream meanwhile."""

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self.go = asyncio.Event()
        self.holding = asyncio.Event()
        self.error: Exception | None = None

    def ready(self, known: Known, body: bytes) -> Ready | None:
        call = super().ready(known, body)
        if call is not None:
            call.commits = HeldCommits(call.commits, self)
        return call


class HeldCommits:
    """Commits whose answers wait for the test."""

    def __init__(self, commits: Commits, held: Held) -> None:
        self._commits = commits
        self._held = held

    @property
    def spooled_bytes(self) -> int:
        return self._commits.spooled_bytes

    def append(self, append: Append) -> Awaitable[Answer]:
        return self._commits.append(append)

    def put(self, append: Append, *, answered: Answered) -> None:
        self._waiting = asyncio.ensure_future(self._answer(append, answered))

    async def _answer(self, append: Append, answered: Answered) -> None:
        answer = await self._commits.append(append)
        self._held.holding.set()
        await self._held.go.wait()
        answered(self._held.error or answer)


@pytest.fixture
async def direct(valkey_url: str, tmp_path: Path) -> AsyncIterator[Served]:
    async with served(valkey_url, tmp_path) as running:
        yield running


@pytest.fixture
async def held(valkey_url: str, tmp_path: Path) -> AsyncIterator[Served]:
    async with served(valkey_url, tmp_path, application=Held) as running:
        await running.exchange(CALL)
        yield running


def gates(service: Served) -> Held:
    assert isinstance(service.app, Held)
    return service.app


async def holding(service: Served) -> None:
    async with asyncio.timeout(WAIT_SECONDS):
        await gates(service).holding.wait()


def another(n: int) -> bytes:
    return a_call(js(an_event(n=n)))


async def test_what_comes_behind_waits_its_turn(held: Served) -> None:
    async with connected(held) as (reader, writer):
        writer.write(another(1))
        await holding(held)
        refused = another(2).replace(b'"type": "track"', b'"type": "tracc"')
        writer.write(refused + another(3)[:100])
        await writer.drain()
        assert await ping(held)
        gates(held).go.set()
        writer.write(another(3)[100:] + another(4))

        statuses = [(await an_answer(reader))[0][9:12] for _ in range(4)]

    assert statuses == [b"200", b"400", b"200", b"200"]
    assert len(await held.ingest.kept()) == 4


async def ping(service: Served) -> bool:
    """A round trip on another connection: by then the service has seen what was written before."""
    async with connected(service) as (reader, writer):
        writer.write(b"GET /healthz/live HTTP/1.1\r\nhost: localhost\r\n\r\n")
        return (await an_answer(reader))[0].startswith(b"HTTP/1.1 200")


async def test_sender_who_hangs_up_harms_nobody(held: Served) -> None:
    async with connected(held) as (_, writer):
        writer.write(another(1))
        await holding(held)
    assert await ping(held)
    gates(held).go.set()

    ((head, _),) = await held.exchange(another(2))

    assert head.startswith(b"HTTP/1.1 200")
    assert len(await held.ingest.kept()) == 3


async def test_defect_is_answered_and_counted(held: Served) -> None:
    gates(held).error = RuntimeError("broken")
    gates(held).go.set()

    answers = await conversation(held, another(1), another(2))

    assert [headers[b"status"][9:12] for headers, _ in answers] == [b"500", b"500"]
    assert json.loads(answers[0][1])["error"] == "Internal Server Error"
    assert held.app.direct == [True, True]
    assert held.ingest.parts.counts.refused == {"defect": 2}


async def port_closed(service: Served) -> None:
    async with asyncio.timeout(WAIT_SECONDS):
        with contextlib.suppress(OSError):
            while True:
                async with connected(service):
                    await asyncio.sleep(0.01)


@pytest.mark.parametrize("error", [None, RuntimeError("broken")], ids=["accepted", "failed"])
async def test_call_in_hand_is_answered_before_the_end(held: Served, error: Exception | None) -> None:
    gates(held).error = error
    async with connected(held) as (reader, writer):
        writer.write(another(1))
        await holding(held)
        held.server.should_exit = True
        await port_closed(held)
        gates(held).go.set()

        head, _ = await an_answer(reader)

        assert head.startswith(b"HTTP/1.1 500" if error else b"HTTP/1.1 200")
        assert b"\r\nconnection: close\r\n" in head
        assert await reader.read() == b""


async def test_connection_without_calls_is_closed_after_a_while(valkey_url: str, tmp_path: Path) -> None:
    async with (
        served(valkey_url, tmp_path, idle_seconds=3) as service,
        connected(service) as (reader, writer),
    ):
        for n in range(3):
            writer.write(another(n))
            await an_answer(reader)

        async with asyncio.timeout(WAIT_SECONDS):
            assert await reader.read() == b""


async def test_sender_who_never_finishes_after_calls_is_hung_up_on(valkey_url: str, tmp_path: Path) -> None:
    async with served(valkey_url, tmp_path, head_seconds=0.2) as service:
        for call in (CALL, another(1)):
            reader, writer = await service.begun(call)
            await an_answer(reader)
            writer.write(b"POST /tr")

            async with asyncio.timeout(WAIT_SECONDS):
                assert await reader.read() == b""
            writer.close()
        assert service.app.direct == [True]
