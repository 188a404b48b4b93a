"""What `/track` answers, and what of a call gets into the stream."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from openpanel.identity.ids import device_id, foreign_device, session_id, to_hex
from openpanel.stream.frames import Flag, Kind
from tests.api.ingest.rig import (
    CHROME,
    GOOGLEBOT,
    NOON,
    OPEN,
    ORIGIN,
    PROXY,
    SECRET,
    VISITOR,
    WRITE,
    Headers,
    Ingest,
    an_event,
    an_ingest,
    body_of,
    server,
)

MINUTE = 60_000
SALT = b"2026-01-01"
CHUNK = {
    "chunk_index": 0,
    "events_count": 1,
    "is_full_snapshot": True,
    "started_at": "2026-01-01T00:00:00.000Z",
    "ended_at": "2026-01-01T00:00:01.000Z",
    "payload": "[]",
}
MESSAGES = [
    (Kind.TRACK, an_event(profile="u1")),
    (Kind.IDENTIFY, {"type": "identify", "payload": {"profileId": "u1", "firstName": "A"}}),
    (Kind.INCREMENT, {"type": "increment", "payload": {"profileId": "u1", "property": "visits"}}),
    (Kind.DECREMENT, {"type": "decrement", "payload": {"profileId": "u1", "property": "visits", "value": 2}}),
    (Kind.ALIAS, {"type": "alias", "payload": {"profileId": "u1", "alias": "u2"}}),
    (Kind.GROUP, {"type": "group", "payload": {"id": "acme", "type": "company", "name": "Acme"}}),
    (Kind.ASSIGN_GROUP, {"type": "assign_group", "payload": {"groupIds": ["acme"]}}),
    (Kind.REPLAY, {"type": "replay", "payload": CHUNK}),
]


def expected_device(ingest: Ingest, ip: str = VISITOR, agent: str = CHROME) -> int:
    return device_id(salt=SALT, project=ingest.project, ip=ip, user_agent=agent)


@pytest.mark.parametrize(("kind", "message"), MESSAGES, ids=[kind.name for kind, _ in MESSAGES])
async def test_every_type_is_answered_with_both_ids(
    ingest: Ingest, kind: Kind, message: dict[str, Any]
) -> None:
    answer = await ingest.post("/track", message)

    device = expected_device(ingest)
    session = session_id(project=ingest.project, device=device, at_ms=NOON)
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json == {"deviceId": to_hex(device), "sessionId": to_hex(session)}
    (envelope,) = await ingest.kept()
    (item,) = envelope.items
    assert (item.kind, item.index, item.at_ms, item.device) == (kind, -1, NOON, device)
    assert body_of(envelope) == message


async def test_envelope_says_who_sent(ingest: Ingest) -> None:
    await ingest.track({"openpanel-sdk-name": "web", "openpanel-sdk-version": "1.4.0"})

    (envelope,) = await ingest.kept()
    assert (envelope.project, envelope.client) == (ingest.project, WRITE)
    assert (envelope.ip, envelope.user_agent, envelope.origin) == (VISITOR, CHROME, ORIGIN)
    assert (envelope.sdk_name, envelope.sdk_version) == ("web", "1.4.0")
    assert envelope.received_ms == NOON


async def test_session_goes_on_within_half_an_hour(ingest: Ingest) -> None:
    first = await ingest.track()
    ingest.clock.now_ms += 29 * MINUTE
    second = await ingest.track(n=2)
    ingest.clock.now_ms += 31 * MINUTE
    third = await ingest.track(n=3)

    assert first.json == second.json
    assert third.json["deviceId"] == first.json["deviceId"]
    assert third.json["sessionId"] != first.json["sessionId"]


async def test_visit_over_midnight_keeps_its_device(ingest: Ingest) -> None:
    ingest.clock.now_ms = NOON + 12 * 60 * MINUTE - MINUTE
    before = await ingest.track()
    ingest.clock.now_ms += 2 * MINUTE
    after = await ingest.track(n=2)
    stranger = await ingest.post("/track", an_event(), peer="198.51.100.8")

    assert after.json == before.json
    assert stranger.json["deviceId"] == to_hex(
        device_id(salt=b"2026-01-02", project=ingest.project, ip="198.51.100.8", user_agent=CHROME)
    )


async def test_identify_answers_the_session_that_is_there(ingest: Ingest) -> None:
    seen = await ingest.track()
    ingest.clock.now_ms += 20 * MINUTE

    answer = await ingest.post("/track", MESSAGES[1][1])

    assert answer.json == seen.json


async def test_late_event_keeps_its_time_and_opens_nothing(ingest: Ingest) -> None:
    answer = await ingest.track(__timestamp="2026-01-01T08:00:00Z")

    (envelope,) = await ingest.kept()
    (item,) = envelope.items
    assert item.at_ms == NOON - 4 * 60 * MINUTE
    assert item.flags & Flag.LATE
    assert answer.json["sessionId"] == to_hex(
        session_id(project=ingest.project, device=item.device, at_ms=NOON)
    )


async def test_late_event_of_yesterday_is_done_by_yesterdays_device(ingest: Ingest) -> None:
    answer = await ingest.track(__timestamp="2025-12-31T23:00:00Z")

    (item,) = (await ingest.kept())[0].items
    assert item.device == device_id(salt=b"2025-12-31", project=ingest.project, ip=VISITOR, user_agent=CHROME)
    today = expected_device(ingest)
    assert answer.json == {
        "deviceId": to_hex(today),
        "sessionId": to_hex(session_id(project=ingest.project, device=today, at_ms=NOON)),
    }


async def test_late_event_of_yesterday_belongs_to_yesterdays_visit(ingest: Ingest) -> None:
    ingest.clock.now_ms = NOON - 20 * 60 * MINUTE
    visit = await ingest.track()
    ingest.clock.now_ms = NOON - 12 * 60 * MINUTE + MINUTE

    late = await ingest.track(__timestamp="2025-12-31T16:10:00Z")

    assert late.json == visit.json


@pytest.mark.parametrize("sender", [{}, server()], ids=["page", "server"])
@pytest.mark.parametrize("profile", [None, "u1"])
async def test_late_event_of_days_that_nobody_knows_is_done_by_no_device(
    ingest: Ingest, sender: Headers, profile: str | None
) -> None:
    await ingest.track()

    answer = await ingest.post(
        "/track", an_event(profile=profile, __timestamp="2025-12-30T23:00:00Z"), sender
    )

    (item,) = (await ingest.kept())[1].items
    assert (item.device, item.run) == (0, -1)
    assert len(answer.json["deviceId"]) == len(answer.json["sessionId"]) == 16


@pytest.mark.parametrize(
    ("sent", "at_ms"),
    [
        ("2026-01-01T11:59:00Z", NOON - MINUTE),
        (NOON - MINUTE, NOON - MINUTE),
        ("2026-01-01T12:00:30Z", NOON),
        ("2031-01-01T00:00:00Z", NOON),
        ("nonsense", NOON),
    ],
)
@pytest.mark.parametrize("name", ["__timestamp", "timestamp"])
async def test_time_of_the_client_is_believed_within_reason(
    ingest: Ingest, name: str, sent: Any, at_ms: int
) -> None:
    await ingest.track(**{name: sent})

    assert (await ingest.kept())[0].items[0].at_ms == at_ms


async def test_own_device_id_comes_back_as_it_was_sent(ingest: Ingest) -> None:
    answer = await ingest.track(__deviceId="  my-Phone ")

    (item,) = (await ingest.kept())[0].items
    assert answer.json["deviceId"] == "my-Phone"
    assert (item.device, item.device_ref) == (foreign_device(ingest.project, "my-Phone"), "my-Phone")


async def test_our_device_id_may_be_sent_back(ingest: Ingest) -> None:
    answer = await ingest.track(__deviceId="00000000000000ff")

    (item,) = (await ingest.kept())[0].items
    assert answer.json["deviceId"] == "00000000000000ff"
    assert (item.device, item.device_ref) == (255, "")


async def test_cookieless_project_ignores_device_ids(valkey_url: str, tmp_path: Path) -> None:
    async with an_ingest(valkey_url, tmp_path, cookieless=True) as ingest:
        answer = await ingest.track(__deviceId="my-phone")

        assert answer.json["deviceId"] == to_hex(expected_device(ingest))


@pytest.mark.parametrize(
    ("headers", "peer", "expected"),
    [
        pytest.param({}, VISITOR, VISITOR, id="socket"),
        pytest.param({"x-forwarded-for": "203.0.113.9"}, VISITOR, VISITOR, id="forged"),
        pytest.param({"x-forwarded-for": "6.6.6.6, 203.0.113.9"}, PROXY, "203.0.113.9", id="proxy"),
        pytest.param({"forwarded": "for=203.0.113.9"}, PROXY, "203.0.113.9", id="forwarded"),
        pytest.param(
            {"x-forwarded-for": "203.0.113.9", "forwarded": "for=6.6.6.6"}, PROXY, "203.0.113.9", id="both"
        ),
        pytest.param({"openpanel-client-ip": "203.0.113.9"}, VISITOR, VISITOR, id="named by a browser"),
        pytest.param(
            {"openpanel-client-ip": "203.0.113.9", "x-forwarded-for": VISITOR},
            PROXY,
            VISITOR,
            id="through a proxy",
        ),
        pytest.param(
            {"openpanel-client-ip": "203.0.113.9"}, PROXY, "203.0.113.9", id="named by a trusted sender"
        ),
        pytest.param(
            {"openpanel-client-ip": "203.0.113.9", "openpanel-client-secret": SECRET},
            VISITOR,
            "203.0.113.9",
            id="named with a secret",
        ),
        pytest.param(
            {"openpanel-client-ip": "203.0.113.9", "openpanel-client-secret": "sec_wrong"},
            VISITOR,
            VISITOR,
            id="named with a wrong secret",
        ),
        pytest.param(
            {"openpanel-client-ip": "lan", "openpanel-client-secret": SECRET},
            VISITOR,
            VISITOR,
            id="named nonsense",
        ),
        pytest.param({}, None, "", id="no socket address"),
    ],
)
async def test_address_of_the_visitor(
    ingest: Ingest, headers: Headers, peer: str | None, expected: str
) -> None:
    await ingest.post("/track", an_event(), headers, peer=peer)

    (envelope,) = await ingest.kept()
    assert envelope.ip == expected
    assert envelope.items[0].device == expected_device(ingest, expected)


async def test_project_may_trust_senders_of_its_own(valkey_url: str, tmp_path: Path) -> None:
    async with an_ingest(valkey_url, tmp_path, trusted_senders=("198.51.100.0/24",)) as ingest:
        await ingest.track({"openpanel-client-ip": "203.0.113.9"})

        assert (await ingest.kept())[0].ip == "203.0.113.9"


async def test_installation_may_name_the_header(valkey_url: str, tmp_path: Path) -> None:
    async with an_ingest(valkey_url, tmp_path, address_header="CF-Connecting-IP") as ingest:
        headers: Headers = {"cf-connecting-ip": "203.0.113.9", "x-forwarded-for": "6.6.6.6"}
        await ingest.post("/track", an_event(), headers, peer=PROXY)

        assert (await ingest.kept())[0].ip == "203.0.113.9"


async def test_address_inside_of_an_event_is_believed_with_a_secret(ingest: Ingest) -> None:
    await ingest.track({"openpanel-client-secret": SECRET}, __ip="203.0.113.9")
    await ingest.track({}, __ip="203.0.113.9", n=2)

    believed, not_believed = await ingest.kept()
    assert (believed.ip, believed.items[0].device) == ("203.0.113.9", expected_device(ingest, "203.0.113.9"))
    assert not_believed.ip == VISITOR


async def test_truncated_address_still_tells_devices_apart(valkey_url: str, tmp_path: Path) -> None:
    async with an_ingest(valkey_url, tmp_path, truncate_ip=True) as ingest:
        await ingest.track()

        (envelope,) = await ingest.kept()
        assert envelope.ip == "198.51.100.0"
        assert envelope.items[0].device == expected_device(ingest, VISITOR)


async def test_server_has_no_device_and_no_session_of_its_own(ingest: Ingest) -> None:
    answer = await ingest.track(server())

    (item,) = (await ingest.kept())[0].items
    assert (item.device, item.run) == (0, -1)
    assert item.flags & Flag.SERVER
    assert len(answer.json["deviceId"]) == len(answer.json["sessionId"]) == 16


async def test_server_event_joins_the_session_of_its_profile(ingest: Ingest) -> None:
    seen = await ingest.post("/track", an_event(profile="u1"))

    joined = await ingest.post("/track", an_event("paid", profile="u1"), server())
    ingest.clock.now_ms += 31 * MINUTE
    alone = await ingest.post("/track", an_event("shipped", profile="u1"), server())

    assert joined.json == seen.json
    assert alone.json["sessionId"] != seen.json["sessionId"]


async def test_server_event_joins_the_session_of_a_device_it_names(ingest: Ingest) -> None:
    seen = await ingest.track(__deviceId="my-phone")

    joined = await ingest.post("/track", an_event("paid", __deviceId="my-phone"), server())

    assert joined.json == seen.json


async def test_app_with_a_secret_has_sessions(ingest: Ingest) -> None:
    """A secret alone makes no server: apps send one because they have no origin."""
    app: Headers = {
        "origin": None,
        "openpanel-client-secret": SECRET,
        "user-agent": "Shop/1.0 (iPhone; iOS 18.1; Model=iPhone16,1; Manufacturer=Apple)",
    }
    await ingest.track(app)

    (item,) = (await ingest.kept())[0].items
    assert item.run == 0
    assert item.flags & Flag.SERVER


async def test_missing_browser_headers_are_noted(ingest: Ingest) -> None:
    await ingest.track()
    await ingest.track({"sec-ch-ua": "x", "sec-fetch-mode": "cors", "accept-language": "en"}, n=2)

    without, with_them = (envelope.items[0].flags for envelope in await ingest.kept())
    assert without == Flag.SIGNAL_SEC_CH_UA | Flag.SIGNAL_SEC_FETCH | Flag.SIGNAL_ACCEPT_LANGUAGE
    assert with_them == 0


async def test_page_view_of_a_bot_is_kept_as_one(ingest: Ingest) -> None:
    answer = await ingest.track({"user-agent": GOOGLEBOT})

    assert answer.status == 202
    assert answer.json["bot"]["name"] == "Googlebot"
    (item,) = (await ingest.kept())[0].items
    assert item.kind == Kind.BOT
    assert item.device_ref == f"Googlebot|{answer.json['bot']['type']}"


async def test_other_messages_of_bots_are_dropped(ingest: Ingest) -> None:
    answer = await ingest.post("/track", MESSAGES[1][1], {"user-agent": GOOGLEBOT})

    assert answer.status == 202
    assert await ingest.kept() == []


@pytest.mark.parametrize(
    ("secret", "status"), [pytest.param(SECRET, 200, id="right"), pytest.param("sec_wrong", 202, id="wrong")]
)
async def test_only_a_right_secret_vouches_for_an_agent(ingest: Ingest, secret: str, status: int) -> None:
    assert (await ingest.track({"user-agent": GOOGLEBOT, "openpanel-client-secret": secret})).status == status


@pytest.mark.parametrize(
    ("project", "headers", "kept"),
    [
        ({"honour_dnt": True}, {"dnt": "1"}, 0),
        ({"honour_gpc": True}, {"sec-gpc": "1"}, 0),
        ({"honour_dnt": True}, {"sec-gpc": "1"}, 1),
        ({"honour_gpc": True}, {"dnt": "1"}, 1),
        ({"honour_dnt": True}, {"dnt": "0"}, 1),
        ({}, {"dnt": "1", "sec-gpc": "1"}, 1),
    ],
)
async def test_visitor_who_asks_not_to_be_tracked(
    valkey_url: str, tmp_path: Path, project: dict[str, Any], headers: Headers, kept: int
) -> None:
    async with an_ingest(valkey_url, tmp_path, **project) as ingest:
        answer = await ingest.track(headers)

        assert answer.status == 200
        assert len(answer.json["deviceId"]) == len(answer.json["sessionId"]) == 16
        assert len(await ingest.kept()) == kept
        assert ingest.parts.counts.dropped == 1 - kept


async def test_same_bytes_at_once_are_one_call(ingest: Ingest) -> None:
    await ingest.track(n=1)  # from now on nothing is asked for: both calls leave in one commit

    first, second = await asyncio.gather(ingest.track(), ingest.track())

    assert second.json == first.json
    assert len(await ingest.messages()) == 2


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"origin": None, "openpanel-client-id": OPEN}, id="no origin"),
        pytest.param(
            {"openpanel-client-id": None, "mixan-client-id": WRITE}, id="client id in a header of old"
        ),
    ],
)
async def test_calls_that_might_be_different_senders_are_two(ingest: Ingest, headers: Headers) -> None:
    await ingest.track(headers)
    await ingest.track(headers)

    assert len(await ingest.kept()) == 2


async def test_same_chunk_of_a_recording_is_kept_twice(ingest: Ingest) -> None:
    for _ in range(2):
        await ingest.post("/track", MESSAGES[-1][1])

    assert len(await ingest.kept()) == 2


async def test_repeated_key_counts_once_and_is_answered_like_the_first(ingest: Ingest) -> None:
    first = await ingest.track({"idempotency-key": "k1"})
    ingest.clock.now_ms += 45 * MINUTE
    repeated = await ingest.track({"idempotency-key": "k1"}, changed=True)
    other = await ingest.track({"idempotency-key": "k2"})

    assert repeated.json == first.json
    assert other.json != first.json
    assert len(await ingest.kept()) == 2


async def test_message_id_works_like_a_key(ingest: Ingest) -> None:
    for _ in range(2):
        await ingest.post(
            "/track", an_event() | {"messageId": "m1"}, {"origin": None, "openpanel-client-id": OPEN}
        )

    assert len(await ingest.kept()) == 1


async def test_keys_of_projects_do_not_meet(ingest: Ingest) -> None:
    await ingest.track({"idempotency-key": "k1"})
    other = "00000000-0000-4000-8000-0000000000aa"
    record = ingest.source.records[WRITE]
    assert record.project is not None
    ingest.source.records[other] = replace(record, id=other, project=replace(record.project, id="other"))

    await ingest.track({"idempotency-key": "k1", "openpanel-client-id": other})

    assert [envelope.project for envelope in await ingest.kept()] == [ingest.project, "other"]


async def test_client_that_sends_too_fast_has_to_wait(valkey_url: str, tmp_path: Path) -> None:
    async with an_ingest(valkey_url, tmp_path, rate_limit=0.5, rate_burst=2) as ingest:
        answers = [await ingest.track(n=n) for n in range(3)]
        ingest.clock.now_ms += 2_000
        later = await ingest.track(n=4)

    assert [answer.status for answer in answers] == [200, 200, 429]
    assert answers[-1].headers["retry-after"] == "2"
    assert answers[-1].json["error"] == "Too Many Requests"
    assert ingest.parts.counts.refused["rate_limited"] == 1
    assert later.status == 200


async def test_recording_of_two_mebibytes_is_accepted(ingest: Ingest) -> None:
    answer = await ingest.post(
        "/track", {"type": "replay", "payload": CHUNK | {"payload": '"' * 2 * 1024 * 1024}}
    )

    assert answer.status == 200


async def test_profile_of_an_inner_identify_is_the_sessions(ingest: Ingest) -> None:
    seen = await ingest.track(__identify={"profileId": "u9"})

    joined = await ingest.post("/track", an_event("paid", profile="u9"), server())

    assert joined.json == seen.json


async def test_identify_of_a_server_ties_no_device_to_the_profile(ingest: Ingest) -> None:
    await ingest.post("/track", MESSAGES[1][1], server())

    (item,) = (await ingest.kept())[0].items
    assert (item.device, item.run) == (0, -1)
