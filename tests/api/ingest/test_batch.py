"""`/track/batch`: what is answered for each message, and that exactly the good ones are kept."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from openpanel.metadata.records import Filter
from openpanel.stream.frames import Kind
from openpanel.wire.limits import BATCH_MESSAGES
from tests.api.ingest.rig import (
    CHROME,
    GOOGLEBOT,
    NOON,
    SECRET,
    WRITE,
    Ingest,
    an_event,
    an_ingest,
    body_of,
    server,
)

PATH = "/track/batch"
IDENTIFY = {"type": "identify", "payload": {"profileId": "u1"}}
BAD = {"type": "track", "payload": {"name": ""}}


async def test_good_messages_are_kept_and_bad_ones_named(ingest: Ingest) -> None:
    answer = await ingest.post(PATH, [an_event("a"), BAD, IDENTIFY, 7])

    assert answer.status == 200
    body = answer.json
    assert (body["accepted"], body["rejected"]) == (2, 2)
    good, bad, identified, number = body["results"]
    assert good == {"index": 0, "status": 200} | {key: good[key] for key in ("deviceId", "sessionId")}
    assert identified["sessionId"] == good["sessionId"]
    assert (bad["index"], bad["status"], bad["error"]) == (1, 400, "Bad Request")
    assert "$.payload.name" in bad["message"]
    assert (number["index"], number["status"]) == (3, 400)
    (envelope,) = await ingest.kept()
    assert [(item.kind, item.index) for item in envelope.items] == [(Kind.TRACK, 0), (Kind.IDENTIFY, 2)]
    assert body_of(envelope)[2] == IDENTIFY


async def test_wrapped_batch_may_carry_credentials(ingest: Ingest) -> None:
    body = {"messages": [an_event()], "clientId": WRITE, "clientSecret": SECRET}

    answer = await ingest.post(PATH, body, {"openpanel-client-id": None, "origin": None})

    assert answer.json["accepted"] == 1
    assert SECRET.encode() not in (await ingest.kept())[0].body


@pytest.mark.parametrize(
    ("headers", "status", "words"),
    [
        ({"openpanel-client-id": None}, 401, "Ingestion: Missing client id"),
        ({"origin": None}, 401, "Ingestion: Invalid cors or secret"),
    ],
)
async def test_sender_is_refused_as_a_whole(ingest: Ingest, headers: Any, status: int, words: str) -> None:
    answer = await ingest.post(PATH, [an_event()], headers)

    assert (answer.status, answer.text) == (status, words)


async def test_what_one_message_may_not_is_refused_alone(valkey_url: str, tmp_path: Path) -> None:
    async with an_ingest(valkey_url, tmp_path, filters=(Filter("profile_id", "spam"),)) as ingest:
        messages = [an_event(), an_event("revenue", __revenue=5), an_event(profile="spam")]
        results = (await ingest.post(PATH, messages)).json["results"]

    assert [result["status"] for result in results] == [200, 401, 401]
    assert results[1]["message"].startswith("Ingestion: Revenue tracking is not allowed")
    assert results[2]["message"] == "Ingestion: Profile id is blocked by project filter"


async def test_empty_batch_is_answered(ingest: Ingest) -> None:
    assert (await ingest.post(PATH, [])).json == {"accepted": 0, "rejected": 0, "results": []}


async def test_full_batch_is_one_envelope(ingest: Ingest) -> None:
    answer = await ingest.post(PATH, [an_event(n=n) for n in range(BATCH_MESSAGES)])

    assert answer.json["accepted"] == BATCH_MESSAGES
    (envelope,) = await ingest.kept()
    assert len(envelope.items) == BATCH_MESSAGES
    assert {item.run for item in envelope.items} == {0}


async def test_one_message_too_many_is_refused(ingest: Ingest) -> None:
    answer = await ingest.post(PATH, [an_event()] * (BATCH_MESSAGES + 1))

    assert (answer.status, answer.json["error"]) == (413, "Request Entity Too Large")


async def test_visits_in_one_batch_are_told_apart(ingest: Ingest) -> None:
    """Messages of a device are cut into visits by their times, in whatever order they come."""
    times = [NOON - 10_000, NOON - 60 * 60_000, NOON - 5_000, NOON - 61 * 60_000]

    answer = await ingest.post(PATH, [an_event(__timestamp=at, n=at) for at in times])

    sessions = [result["sessionId"] for result in answer.json["results"]]
    assert sessions[0] == sessions[2]
    items = (await ingest.kept())[0].items
    assert items[0].run == items[2].run != items[1].run == items[3].run


async def test_devices_of_one_batch_are_told_apart(ingest: Ingest) -> None:
    messages = [an_event(__deviceId="one"), an_event(__deviceId="two"), an_event()]

    results = (await ingest.post(PATH, messages)).json["results"]

    assert [result["deviceId"] for result in results[:2]] == ["one", "two"]
    assert len({result["sessionId"] for result in results}) == 3


async def test_batch_over_several_shards_loses_nothing(valkey_url: str, tmp_path: Path) -> None:
    async with an_ingest(valkey_url, tmp_path, shards=4) as ingest:
        messages = [an_event(__deviceId=f"device-{n}", n=n) for n in range(40)]
        messages[7:7] = [BAD, {"type": "identify", "payload": {"profileId": "u1"}}]
        answer = await ingest.post(PATH, messages)
        kept = await ingest.kept()

    assert (answer.json["accepted"], answer.json["rejected"]) == (41, 1)
    assert [result["index"] for result in answer.json["results"]] == list(range(42))
    assert answer.json["results"][9]["deviceId"] == "device-7"
    assert len(kept) > 1
    sent = [msgspec.json.encode(message) for message in messages if message is not BAD]
    found = [
        msgspec.json.encode(body_of(envelope)[item.index]) for envelope in kept for item in envelope.items
    ]
    assert sorted(found) == sorted(sent)


async def test_repeated_messages_count_once(ingest: Ingest) -> None:
    first = await ingest.post(
        PATH, [an_event("a") | {"messageId": "m1"}, an_event("b") | {"messageId": "m2"}]
    )
    again = await ingest.post(
        PATH, [an_event("b") | {"messageId": "m2"}, an_event("c") | {"messageId": "m3"}]
    )

    assert again.json["accepted"] == 2
    assert again.json["results"][0]["sessionId"] == first.json["results"][1]["sessionId"]
    names = [body_of(one.envelope)[one.item.index]["payload"]["name"] for one in await ingest.messages()]
    assert names == ["a", "b", "c"]


async def test_repeated_batch_with_a_key_counts_once(ingest: Ingest) -> None:
    for _ in range(2):
        answer = await ingest.post(PATH, [an_event("a"), an_event("b")], {"idempotency-key": "k"})
        assert answer.json["accepted"] == 2

    assert sum(len(envelope.items) for envelope in await ingest.kept()) == 2


async def test_key_works_for_batches_without_sessions(ingest: Ingest) -> None:
    for _ in range(2):
        answer = await ingest.post(PATH, [an_event("a"), IDENTIFY], server() | {"idempotency-key": "k"})
        assert all(len(result["sessionId"]) == 16 for result in answer.json["results"])

    assert sum(len(envelope.items) for envelope in await ingest.kept()) == 2


async def test_bots_are_answered_one_by_one(ingest: Ingest) -> None:
    answer = await ingest.post(PATH, [an_event(), IDENTIFY, BAD], {"user-agent": GOOGLEBOT})

    assert [result["status"] for result in answer.json["results"]] == [202, 202, 400]
    (envelope,) = await ingest.kept()
    assert [(item.kind, item.index) for item in envelope.items] == [(Kind.BOT, 0)]


async def test_rate_is_counted_by_message(valkey_url: str, tmp_path: Path) -> None:
    async with an_ingest(valkey_url, tmp_path, rate_limit=1, rate_burst=10) as ingest:
        assert (await ingest.post(PATH, [an_event(n=n) for n in range(8)])).status == 200
        assert (await ingest.post(PATH, [an_event(n=n) for n in range(8)])).status == 429


async def test_visitor_who_opts_out_is_answered(valkey_url: str, tmp_path: Path) -> None:
    async with an_ingest(valkey_url, tmp_path, honour_gpc=True) as ingest:
        answer = await ingest.post(PATH, [an_event(), IDENTIFY], {"sec-gpc": "1"})

        assert answer.json["accepted"] == 2
        assert await ingest.kept() == []


async def test_addresses_of_events_keep_their_messages_apart(ingest: Ingest) -> None:
    messages = [an_event(__ip="203.0.113.1"), an_event(__ip="203.0.113.2"), an_event(__ip="203.0.113.1", n=2)]

    await ingest.post(PATH, messages, server() | {"user-agent": CHROME})

    kept = await ingest.kept()
    assert sorted((envelope.ip, len(envelope.items)) for envelope in kept) == [
        ("203.0.113.1", 2),
        ("203.0.113.2", 1),
    ]
