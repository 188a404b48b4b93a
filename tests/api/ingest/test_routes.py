"""The other routes, the shape of errors, and what every route does with what it does not take."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from openpanel.stream.frames import Kind
from openpanel_api.ingest.app import GETS, POSTS, IngestApp
from tests.api.ingest.rig import (
    CHROME,
    GOOGLEBOT,
    HOMELESS,
    NOON,
    OPEN,
    READ,
    ROOT,
    SECRET,
    UNKNOWN,
    WRITE,
    Headers,
    Ingest,
    an_event,
    an_ingest,
    body_of,
    server,
)


@pytest.mark.parametrize("path", ["/track", "//track", "/track/", "//track/"])
async def test_slashes_around_a_route_do_not_matter(ingest: Ingest, path: str) -> None:
    assert (await ingest.post(path, an_event())).status == 200


@pytest.mark.parametrize(
    "media", ["application/json", "text/plain;charset=UTF-8", "application/octet-stream", None]
)
async def test_beacons_are_taken(ingest: Ingest, media: str | None) -> None:
    assert (await ingest.post("/track", an_event(), {"content-type": media})).status == 200


@pytest.mark.parametrize(
    "media", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "image/png"]
)
@pytest.mark.parametrize("path", POSTS)
async def test_forms_are_not(ingest: Ingest, path: str, media: str) -> None:
    answer = await ingest.post(path, an_event(), {"content-type": media})

    assert answer.status == 415
    assert answer.json["message"] == "Content-Type must be application/json or text/plain"


BAD_BODIES = [
    pytest.param(b"", 400, id="nothing"),
    pytest.param(b"{", 400, id="cut off"),
    pytest.param(b"null", 400, id="null"),
    pytest.param(b"7", 400, id="number"),
    pytest.param(b'"\xff"', 400, id="no UTF-8"),
    pytest.param(b'{"type":"\x00"}', 400, id="NUL"),
    pytest.param(b"[" * 100_000, 400, id="brackets"),
    pytest.param(b'{"a":' * 100_000, 400, id="objects"),
    pytest.param(b'{"type":"track","payload":{"name":"a","properties":{"n":1e999}}}', 400, id="huge number"),
    pytest.param(b" " * (10 * 1024 * 1024 + 1), 413, id="too large"),
]


@pytest.mark.parametrize(("body", "status"), BAD_BODIES)
@pytest.mark.parametrize("path", POSTS)
async def test_every_route_refuses_bad_bodies_alike(
    ingest: Ingest, path: str, body: bytes, status: int
) -> None:
    answer = await ingest.post(path, body, server(READ))

    assert answer.status == status
    assert answer.json["status"] == status
    assert answer.json["error"]
    assert answer.json["message"]
    assert answer.headers["access-control-allow-origin"] == "*"
    assert await ingest.kept() == []


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/track", 405),
        ("PUT", "/track", 405),
        ("DELETE", "/track/batch", 405),
        ("POST", "/healthz/live", 405),
        ("GET", "/nothing", 404),
        ("POST", "/", 405),
        ("POST", "/track/device-id", 405),
        ("GET", "/%00", 404),
    ],
)
async def test_what_there_is_not_says_so(ingest: Ingest, method: str, path: str, status: int) -> None:
    answer = await ingest.call(method, path)

    assert (answer.status, answer.json["status"]) == (status, status)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/track", "POST"),
        ("HEAD", "/track/batch", "POST"),
        ("POST", "/healthz/live", "GET, HEAD"),
        ("PUT", "/op1.js", "GET, HEAD"),
    ],
)
async def test_method_that_is_not_allowed_is_told_all_that_are(
    ingest: Ingest, method: str, path: str, allowed: str
) -> None:
    answer = await ingest.call(method, path)

    assert (answer.status, answer.headers["allow"]) == (405, allowed)


@pytest.mark.parametrize("path", ["/track", "/track/batch", "/anything"])
async def test_preflight_allows_what_is_asked(ingest: Ingest, path: str) -> None:
    asked = "content-type,openpanel-client-id,x-own"

    answer = await ingest.call(
        "OPTIONS", path, headers={"origin": "https://x", "access-control-request-headers": asked}
    )

    assert answer.status == 204
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["access-control-allow-headers"] == asked
    assert int(answer.headers["access-control-max-age"]) == 604_800
    assert "access-control-allow-credentials" not in answer.headers


async def test_preflight_repeats_no_junk(ingest: Ingest) -> None:
    answer = await ingest.call("OPTIONS", "/track", headers={"access-control-request-headers": "a\x7fb"})

    assert "openpanel-client-secret" in answer.headers["access-control-allow-headers"]


@pytest.mark.parametrize(
    ("path", "payload", "text", "kind"),
    [
        ("/event", {"name": "signup", "timestamp": "2020-01-01", "properties": {}}, "ok", Kind.TRACK),
        ("/profile", {"profileId": "u1", "firstName": "A"}, "u1", Kind.IDENTIFY),
        ("/profile/increment", {"profileId": 7, "property": "visits", "value": 1}, "7", Kind.INCREMENT),
        ("/profile/decrement", {"profileId": "u1", "property": "visits", "value": 1}, "u1", Kind.DECREMENT),
    ],
)
async def test_older_routes_answer_with_text(
    ingest: Ingest, path: str, payload: dict[str, Any], text: str, kind: Kind
) -> None:
    answer = await ingest.post(path, payload)

    assert (answer.status, answer.text) == (202, text)
    (envelope,) = await ingest.kept()
    assert envelope.items[0].kind == kind
    assert envelope.items[0].at_ms == NOON
    assert body_of(envelope)["payload"] == payload


async def test_older_routes_know_bots(ingest: Ingest) -> None:
    assert (await ingest.post("/event", {"name": "a"}, {"user-agent": GOOGLEBOT})).json["bot"]


async def test_older_routes_take_credentials_in_the_body(ingest: Ingest) -> None:
    payload = {"name": "a", "clientId": WRITE, "clientSecret": SECRET}

    answer = await ingest.post("/event", payload, {"openpanel-client-id": None, "origin": None})

    assert answer.status == 202
    assert SECRET.encode() not in (await ingest.kept())[0].body


async def ask_device(ingest: Ingest, headers: Headers | None = None, **more: Any) -> Any:
    given: Headers = {"openpanel-client-id": WRITE, "origin": "https://example.com", "user-agent": CHROME}
    return await ingest.call("GET", "/track/device-id", headers=given | (headers or {}), **more)


async def test_device_without_session(ingest: Ingest) -> None:
    answer = await ask_device(ingest)

    assert answer.json["sessionId"] == ""
    assert len(answer.json["deviceId"]) == 16
    assert answer.json["message"] == "No session exists for this device id"


async def test_device_with_session(ingest: Ingest) -> None:
    seen = await ingest.track()

    answer = await ask_device(ingest)

    assert answer.json == seen.json | {"message": "current session exists for this device id"}


async def test_device_whose_session_is_of_yesterday(ingest: Ingest) -> None:
    ingest.clock.now_ms = NOON + 12 * 3_600_000 - 60_000
    seen = await ingest.track()
    ingest.clock.now_ms += 120_000

    answer = await ask_device(ingest)

    assert answer.json == seen.json | {"message": "previous session exists for this device id"}


@pytest.mark.parametrize(
    ("headers", "more", "status", "words"),
    [
        ({"openpanel-client-id": None}, {}, 401, "Ingestion: Missing client id"),
        ({"origin": None}, {}, 401, "Ingestion: Invalid cors or secret"),
        ({}, {"peer": None}, 400, "Missing ip address"),
        ({"user-agent": None}, {}, 400, "Missing header: user-agent"),
    ],
)
async def test_device_is_not_told_to_everybody(
    ingest: Ingest, headers: Headers, more: Any, status: int, words: str
) -> None:
    answer = await ask_device(ingest, headers, **more)

    assert answer.status == status
    assert words in answer.text


ROW = {
    "name": "purchase",
    "created_at": "2025-06-01T00:00:00Z",
    "device_id": "old-1",
    "path": "/",
    "profile_id": 7,
}


@pytest.mark.parametrize("client", [READ, ROOT])
async def test_import_keeps_rows(ingest: Ingest, client: str) -> None:
    answer = await ingest.post("/import/events", [ROW, ROW | {"device_id": None}], server(client))

    assert (answer.status, answer.text) == (200, "OK")
    (envelope,) = await ingest.kept()
    assert [(item.kind, item.index, item.at_ms, item.run) for item in envelope.items] == [
        (Kind.IMPORT, 0, 1_748_736_000_000, -1),
        (Kind.IMPORT, 1, 1_748_736_000_000, -1),
    ]
    assert [item.device_ref for item in envelope.items] == ["old-1", ""]


async def test_import_of_nothing_is_fine(ingest: Ingest) -> None:
    assert (await ingest.post("/import/events", [], server(READ))).status == 200
    assert await ingest.kept() == []


async def test_import_with_a_wrong_row_keeps_nothing(ingest: Ingest) -> None:
    answer = await ingest.post("/import/events", [ROW, ROW | {"created_at": "soon"}], server(READ))

    assert answer.status == 400
    assert answer.json["message"] == "1 of 2 rows are refused, nothing was imported"
    assert [row["index"] for row in answer.json["rows"]] == [1]
    assert await ingest.kept() == []


async def test_import_repeated_with_a_key_counts_once(ingest: Ingest) -> None:
    for _ in range(2):
        assert (
            await ingest.post("/import/events", [ROW], server(READ) | {"idempotency-key": "k"})
        ).status == 200

    assert len(await ingest.kept()) == 1


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        (server() | {"openpanel-client-id": "x"}, "Import: Client ID must be a valid UUIDv4"),
        (server(UNKNOWN), "Import: Invalid client id"),
        (server(OPEN), "Import: Client has no secret"),
        (server(WRITE), "Import: Client is not allowed to import"),
        (server(READ) | {"openpanel-client-secret": "sec_wrong"}, "Import: Invalid client secret"),
        (server(READ) | {"openpanel-client-secret": None}, "Import: Invalid client secret"),
        (server(HOMELESS), "Import: Client has no project"),
    ],
)
async def test_import_refuses_in_json(ingest: Ingest, headers: Headers, words: str) -> None:
    answer = await ingest.post("/import/events", [ROW], headers)

    assert answer.status == 401
    assert answer.json == {"status": 401, "error": "Unauthorized", "message": words}


async def test_health(ingest: Ingest) -> None:
    assert (await ingest.call("GET", "/healthz/live")).json == {"live": True}
    assert (await ingest.call("GET", "/healthz/ready")).json == {"ready": True}
    assert (await ingest.call("GET", "/")).json["status"] == "ok"
    assert (await ingest.call("GET", "/healthcheck")).json == {
        "ready": True,
        "redis": True,
        "failedDependencies": [],
        "workingDependencies": ["redis"],
    }


@pytest.mark.parametrize(
    "path", [path for path in GETS if path not in ("/op1.js", "/op1-replay.js", "/track/device-id")]
)
async def test_head_answers_without_a_body(ingest: Ingest, path: str) -> None:
    answer = await ingest.call("HEAD", path)

    assert (answer.status, answer.body) == (200, b"")


async def test_metrics_count_what_happened(ingest: Ingest) -> None:
    await ingest.track()
    await ingest.track({"origin": None})
    await ingest.track({"user-agent": GOOGLEBOT})

    answer = await ingest.call("GET", "/metrics")

    samples = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }
    assert samples["openpanel_ingest_requests_total",] == 4
    assert samples["openpanel_ingest_messages_accepted_total", "track"] == 1
    assert samples["openpanel_ingest_messages_refused_total", "bad_cors_or_secret"] == 1
    assert samples["openpanel_ingest_messages_bots_total",] == 1


async def test_scripts_are_served(valkey_url: str, tmp_path: Path) -> None:
    (tmp_path / "op1.js").write_text("window.op;" * 100)
    async with an_ingest(valkey_url, tmp_path, scripts=tmp_path) as ingest:
        plain = await ingest.call("GET", "/op1.js")
        packed = await ingest.call("GET", "/op1.js", headers={"accept-encoding": "gzip, br"})
        known = await ingest.call("GET", "/op1.js", headers={"if-none-match": plain.headers["etag"]})
        missing = await ingest.call("GET", "/op1-replay.js")
        head = await ingest.call("HEAD", "/op1.js")

    assert plain.text.startswith("window.op;")
    assert plain.headers["content-type"].startswith("text/javascript")
    assert (packed.headers["content-encoding"], len(packed.body) < 100) == ("gzip", True)
    assert (known.status, known.body) == (304, b"")
    assert (missing.status, missing.json["error"]) == (404, "Not Found")
    assert (head.status, head.headers, head.body) == (200, plain.headers, b"")


async def test_defect_is_answered_and_counted(ingest: Ingest) -> None:
    def broken() -> int:
        raise RuntimeError("this is a defect")

    app = IngestApp(replace(ingest.parts, now_ms=broken))
    answer = await replace(ingest, app=app).track()

    assert (answer.status, answer.json["message"]) == (500, "Internal server error")
    assert ingest.parts.counts.refused["defect"] == 1


def test_every_error_body_is_json() -> None:
    from openpanel.wire import answers
    from openpanel.wire.refusals import NotJson

    assert json.loads(answers.error(NotJson('quote " and \x00'))) == {
        "status": 400,
        "error": "Bad Request",
        "message": 'quote " and \x00',
    }
