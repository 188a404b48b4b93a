"""The order of checks and the exact words that clients of other servers know."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from openpanel.identity.credentials import hash_secret, verify_secret
from openpanel.metadata.records import Filter
from openpanel_api.ingest.admission import SPARED_CHECKS_PER_S, SPARED_LOOKUPS_PER_S, VERIFYING
from openpanel_api.ingest.buckets import BadCredentials
from tests.api.ingest.rig import (
    CHROME,
    HOMELESS,
    OPEN,
    READ,
    ROOT,
    SECRET,
    UNKNOWN,
    VISITOR,
    WRITE,
    Headers,
    Ingest,
    an_event,
    an_ingest,
    server,
)

REVENUE = an_event("revenue", __revenue=100)

REFUSED: list[Any] = [
    pytest.param({"openpanel-client-id": None}, "Ingestion: Missing client id", id="no client id"),
    pytest.param({"openpanel-client-id": ""}, "Ingestion: Missing client id", id="empty client id"),
    pytest.param({"openpanel-client-id": "me"}, "Ingestion: Client ID must be a valid UUIDv4", id="no UUID"),
    pytest.param(
        {"openpanel-client-id": WRITE.replace("a", "A").upper() + "0"},
        "Ingestion: Client ID must be a valid UUIDv4",
        id="too long",
    ),
    pytest.param(
        {"openpanel-client-id": "0000000A-0000-4000-8000-000000000001"},
        "Ingestion: Client ID must be a valid UUIDv4",
        id="upper case",
    ),
    pytest.param({"openpanel-client-id": UNKNOWN}, "Ingestion: Invalid client id", id="unknown"),
    pytest.param({"openpanel-client-id": HOMELESS}, "Ingestion: Client has no project", id="no project"),
    pytest.param({"origin": None}, "Ingestion: Invalid cors or secret", id="no origin and no secret"),
    pytest.param(
        {"origin": "https://evil.example"}, "Ingestion: Invalid cors or secret", id="another origin"
    ),
    pytest.param(
        {"origin": None, "openpanel-client-secret": "sec_wrong"},
        "Ingestion: Invalid cors or secret",
        id="wrong secret",
    ),
]


@pytest.mark.parametrize(("headers", "words"), REFUSED)
async def test_refusal_is_plain_text(ingest: Ingest, headers: Headers, words: str) -> None:
    answer = await ingest.track(headers)

    assert (answer.status, answer.text) == (401, words)
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert await ingest.kept() == []


@pytest.mark.parametrize("client", [WRITE, READ, ROOT])
async def test_every_client_of_a_project_may_track(ingest: Ingest, client: str) -> None:
    assert (await ingest.track({"openpanel-client-id": client})).status == 200


async def test_bad_body_wins_over_missing_client(ingest: Ingest) -> None:
    answer = await ingest.post("/track", {"type": "track", "payload": {}}, {"openpanel-client-id": None})

    assert answer.status == 400


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"origin": None, "openpanel-client-secret": SECRET}, id="secret"),
        pytest.param(
            {
                "openpanel-client-id": None,
                "origin": None,
                "mixan-client-id": WRITE,
                "mixan-client-secret": SECRET,
            },
            id="headers of old",
        ),
        pytest.param({"origin": None, "openpanel-client-id": OPEN}, id="client without checks"),
        pytest.param({"openpanel-client-secret": "sec_wrong"}, id="wrong secret beside the right origin"),
    ],
)
async def test_other_ways_in(ingest: Ingest, headers: Headers) -> None:
    assert (await ingest.track(headers)).status == 200


async def test_credentials_may_stand_in_the_body(ingest: Ingest) -> None:
    message = an_event() | {"clientId": WRITE, "clientSecret": SECRET}

    answer = await ingest.post("/track", message, {"openpanel-client-id": None, "origin": None})

    assert answer.status == 200
    (envelope,) = await ingest.kept()
    assert SECRET.encode() not in envelope.body


async def test_secret_in_the_body_counts_beside_an_id_in_the_headers(ingest: Ingest) -> None:
    assert (await ingest.track({"origin": None})).status == 401

    answer = await ingest.post("/track", an_event() | {"clientSecret": SECRET}, {"origin": None})

    assert answer.status == 200


async def test_address_filter_comes_before_the_origin(valkey_url: str, tmp_path: Path) -> None:
    filters = (Filter("ip", VISITOR), Filter("ip", "2001:db8::/32"))
    async with an_ingest(valkey_url, tmp_path, filters=filters) as ingest:
        blocked = await ingest.track({"origin": None})
        blocked_network = await ingest.post("/track", an_event(), peer="2001:db8::7")
        other = await ingest.post("/track", an_event(), peer="198.51.100.8")

    assert (blocked.status, blocked.text) == (401, "Ingestion: IP address is blocked by project filter")
    assert blocked_network.status == 401
    assert other.status == 200


@pytest.mark.parametrize(
    "message",
    [
        an_event(profile="spam"),
        an_event(__identify={"profileId": "spam"}),
        an_event(profile="good", __identify={"profileId": "spam"}),
        {"type": "identify", "payload": {"profileId": "spam"}},
        {"type": "increment", "payload": {"profileId": "spam", "property": "x"}},
        {"type": "alias", "payload": {"profileId": "good", "alias": "spam"}},
        {"type": "assign_group", "payload": {"groupIds": ["g"], "profileId": "spam"}},
    ],
)
async def test_blocked_profile_is_refused_however_it_is_named(
    valkey_url: str, tmp_path: Path, message: dict[str, Any]
) -> None:
    async with an_ingest(valkey_url, tmp_path, filters=(Filter("profile_id", "spam"),)) as ingest:
        answer = await ingest.post("/track", message)

    assert (answer.status, answer.text) == (401, "Ingestion: Profile id is blocked by project filter")


NO_REVENUE = "Ingestion: Revenue tracking is not allowed without a client secret"


@pytest.mark.parametrize(
    ("headers", "project", "expected"),
    [
        pytest.param({}, {}, (401, NO_REVENUE), id="browser"),
        pytest.param(
            {"openpanel-client-secret": "sec_wrong"}, {}, (401, NO_REVENUE), id="wrong secret, right origin"
        ),
        pytest.param(
            {"openpanel-client-secret": "sec_wrong", "origin": None},
            {},
            (401, "Ingestion: Invalid cors or secret"),
            id="wrong secret alone",
        ),
        pytest.param({"openpanel-client-id": OPEN}, {}, (401, NO_REVENUE), id="client without checks"),
        pytest.param({"openpanel-client-secret": SECRET}, {}, (200, ""), id="secret"),
        pytest.param({}, {"allow_unsafe_revenue": True}, (200, ""), id="project allows it"),
    ],
)
async def test_revenue_wants_a_secret(
    valkey_url: str,
    tmp_path: Path,
    headers: Headers,
    project: dict[str, Any],
    expected: tuple[int, str],
) -> None:
    async with an_ingest(valkey_url, tmp_path, **project) as ingest:
        answer = await ingest.post("/track", REVENUE, headers)

    assert (answer.status, "" if answer.status == 200 else answer.text) == expected


async def test_null_revenue_is_no_revenue(ingest: Ingest) -> None:
    assert (await ingest.track(name="revenue", __revenue=None)).status == 200


async def test_revoked_client_is_unknown(ingest: Ingest) -> None:
    ingest.source.records[WRITE] = replace(ingest.source.records[WRITE], revoked=True)

    assert (await ingest.track()).text == "Ingestion: Invalid client id"


async def test_secret_is_checked_once(valkey_url: str, tmp_path: Path) -> None:
    checked: list[str] = []

    def counting(secret: str, *, hashes: Sequence[str]) -> bool:
        checked.append(secret)
        return verify_secret(secret, hashes=hashes)

    async with an_ingest(valkey_url, tmp_path, verify=counting) as ingest:
        calls = (ingest.track(server() | {"openpanel-sdk-version": f"{number}"}) for number in range(20))
        answers = await asyncio.gather(*calls)

    assert {answer.status for answer in answers} == {200}
    assert checked == [SECRET]


async def test_rotated_secret_works_beside_the_old_one(ingest: Ingest) -> None:
    both = (*ingest.source.records[WRITE].secret_hashes, hash_secret("sec_new"))
    ingest.source.records[WRITE] = replace(ingest.source.records[WRITE], secret_hashes=both)

    for secret in (SECRET, "sec_new"):
        assert (await ingest.track(server() | {"openpanel-client-secret": secret})).status == 200


async def test_guesses_that_come_all_at_once_are_bounded_too(valkey_url: str, tmp_path: Path) -> None:
    checked: list[str] = []

    def wrong(secret: str, *, hashes: Sequence[str]) -> bool:
        checked.append(secret)
        return False

    bad = BadCredentials(burst=3, per_second=0.001)
    async with an_ingest(valkey_url, tmp_path, bad=bad, verify=wrong) as ingest:
        guesses = (
            ingest.track(server() | {"openpanel-client-secret": f"sec_{guess}", "user-agent": CHROME})
            for guess in range(100)
        )
        answers = await asyncio.gather(*guesses)

    assert len(checked) <= 3 + SPARED_CHECKS_PER_S + 2 * VERIFYING
    assert {answer.status for answer in answers} == {401, 429}


async def test_client_behind_an_address_of_guessers_is_found_also_where_it_was_not_known(
    valkey_url: str, tmp_path: Path
) -> None:
    bad = BadCredentials(burst=3, per_second=0.001)
    async with an_ingest(valkey_url, tmp_path, bad=bad) as ingest:
        strange = [await ingest.track({"openpanel-client-id": str(uuid4())}) for _ in range(3)]
        page = await ingest.track()
        more = [
            await ingest.track({"openpanel-client-id": str(uuid4())}) for _ in range(SPARED_LOOKUPS_PER_S)
        ]
        asked = len(ingest.source.asked)
        ignored = await ingest.track({"openpanel-client-id": str(uuid4())})

    assert {answer.status for answer in strange} == {401}
    assert page.status == 200
    assert {answer.status for answer in more} <= {401, 429}
    assert (ignored.status, len(ingest.source.asked)) == (429, asked)


async def test_address_that_keeps_guessing_has_to_wait(valkey_url: str, tmp_path: Path) -> None:
    async with an_ingest(valkey_url, tmp_path, bad=BadCredentials(burst=3, per_second=0.5)) as ingest:
        guesses = [
            await ingest.track(server() | {"openpanel-client-secret": f"sec_{guess}", "user-agent": CHROME})
            for guess in range(3 + SPARED_CHECKS_PER_S + 1)
        ]
        known = await ingest.track(server())
        browser = await ingest.track()
        ingest.clock.now_ms += 1_000
        known_later = await ingest.track(server())
        ingest.clock.now_ms += 2_000
        later = await ingest.track(server() | {"openpanel-client-secret": "sec_9"})

    assert [answer.status for answer in guesses] == [401] * 3 + [429] * (SPARED_CHECKS_PER_S + 1)
    assert guesses[-1].json == {
        "status": 429,
        "error": "Too Many Requests",
        "message": "You have exceeded the rate limit for this endpoint.",
    }
    assert int(guesses[-1].headers["retry-after"]) == 2
    assert known_later.status == 200, "whoever is right is not locked out by somebody behind the same address"
    assert known.status == 429  # a secret that was never seen cannot be told from another guess
    assert browser.status == 200
    assert later.status == 401
