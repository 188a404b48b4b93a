"""Whatever is sent to whatever route: an answer in the documented shape, never a defect, and a service that lives."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openpanel_api.ingest.app import GETS, POSTS
from tests.api.ingest.rig import (
    CHROME,
    GOOGLEBOT,
    OPEN,
    ORIGIN,
    READ,
    SECRET,
    SERVER_AGENT,
    WRITE,
    Ingest,
    an_event,
    an_ingest,
    answer_from,
)

DEFINED = {200, 202, 204, 400, 401, 404, 405, 413, 415, 429, 431}

PATHS = st.sampled_from([*POSTS, *GETS, "/", "//track", "/track/x"]) | st.text(max_size=20).map(
    lambda text: "/" + text
)
VALUES = st.sampled_from(
    [WRITE, OPEN, READ, SECRET, "sec_wrong", ORIGIN, CHROME, GOOGLEBOT, SERVER_AGENT, "gzip", "br", "zstd", "1", "", "k",
     "203.0.113.9", "for=1.1.1.1;x", "a, b, c", "application/json", "text/plain"]
).map(str.encode)  # fmt: skip
NAMES = st.sampled_from(
    ["openpanel-client-id", "openpanel-client-secret", "mixan-client-id", "origin", "user-agent", "content-type",
     "content-encoding", "x-forwarded-for", "forwarded", "openpanel-client-ip", "idempotency-key", "dnt", "sec-gpc",
     "openpanel-sdk-name", "access-control-request-headers", "if-none-match", "accept-encoding"]
).map(str.encode)  # fmt: skip
HEADERS = st.lists(st.tuples(NAMES, VALUES | st.binary(max_size=40)), max_size=12)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=30)
)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
KEYS = st.sampled_from(
    [
        "__path",
        "__timestamp",
        "__deviceId",
        "__revenue",
        "__identify",
        "__ip",
        "path",
        "timestamp",
        "__title",
        "plain",
    ]
)
EVENTS = st.builds(
    lambda name, profile, properties: an_event(name, profile=profile, **properties),
    st.sampled_from(["screen_view", "revenue", "a"]) | st.text(max_size=12),
    LEAVES,
    st.dictionaries(KEYS, TREES, max_size=5),
)
BODIES = st.one_of(
    st.binary(max_size=200),
    TREES.map(lambda tree: json.dumps(tree).encode()),
    EVENTS.map(lambda event: json.dumps(event).encode()),
    st.lists(EVENTS | TREES, max_size=5).map(lambda batch: json.dumps(batch).encode()),
)
GOOD_HEADERS: list[tuple[bytes, bytes]] = [
    (b"openpanel-client-id", OPEN.encode()),
    (b"user-agent", CHROME.encode()),
]


@pytest.fixture(scope="module")
def running(
    valkey_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[asyncio.Runner, Ingest]]:
    with asyncio.Runner() as runner:
        opened = an_ingest(valkey_url, tmp_path_factory.mktemp("fuzz"), rate_burst=10**9)
        yield runner, runner.run(opened.__aenter__())
        runner.run(opened.__aexit__(None, None, None))


async def call(
    ingest: Ingest, method: str, path: str, headers: list[tuple[bytes, bytes]], body: bytes
) -> Any:
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "headers": headers,
        "client": ("198.51.100.7", 1),
    }
    await ingest.app(scope, receive, send)
    return answer_from(sent)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    method=st.sampled_from(["POST", "POST", "GET", "HEAD", "OPTIONS", "PUT"]),
    path=PATHS,
    headers=HEADERS,
    body=BODIES,
)
def test_any_call_is_answered(
    running: tuple[asyncio.Runner, Ingest],
    method: str,
    path: str,
    headers: list[tuple[bytes, bytes]],
    body: bytes,
) -> None:
    runner, ingest = running

    answer = runner.run(call(ingest, method, path, headers, body))

    assert answer.status in DEFINED
    if answer.status >= 400 and answer.status != 401 and method != "HEAD":
        assert set(answer.json) >= {"status", "error", "message"}
    assert ingest.parts.counts.refused["defect"] == 0


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(path=st.sampled_from(list(POSTS)), body=BODIES)
def test_any_body_of_a_known_client_is_answered(
    running: tuple[asyncio.Runner, Ingest], path: str, body: bytes
) -> None:
    runner, ingest = running

    answer = runner.run(call(ingest, "POST", path, GOOD_HEADERS, body))

    assert answer.status in DEFINED
    assert ingest.parts.counts.refused["defect"] == 0


def test_service_lives_after_all_that(running: tuple[asyncio.Runner, Ingest], tmp_path: Path) -> None:
    runner, ingest = running

    assert runner.run(ingest.track()).status == 200
