"""A person described inside an event: in a pool of several shards the person's own shard gets to know it."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from openpanel.stream import frames
from openpanel.stream.frames import Kind
from openpanel.stream.keys import keys_of
from tests.api.ingest.rig import Headers, Ingest, an_event, an_ingest, body_of

PERSON = {"profileId": "ann", "firstName": "Ann"}


@pytest.fixture
async def sharded(valkey_url: str, tmp_path: Path) -> AsyncIterator[Ingest]:
    async with an_ingest(valkey_url, tmp_path, shards=4) as running:
        yield running


async def kinds_by_shard(ingest: Ingest) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for index, keys in enumerate(keys_of(ingest.pool)):
        entries: Any = await ingest.redis.xrange(keys.stream)
        for _, fields in entries:
            for placed in frames.decode(fields[b"f"])[0]:
                found.setdefault(index, []).extend(item.kind for item in placed.envelope.items)
    return found


async def test_person_goes_to_its_own_shard(sharded: Ingest) -> None:
    answers = [await sharded.track(__deviceId=f"d{n}", __identify=PERSON) for n in range(12)]

    found = await kinds_by_shard(sharded)
    home = sharded.pool.shard_of(f"{sharded.project}|ann")
    assert {answer.status for answer in answers} == {200}
    assert [answer.json["deviceId"] for answer in answers] == [f"d{n}" for n in range(12)]
    assert found[home].count(Kind.IDENTIFY) == 12
    assert sum(kinds.count(Kind.IDENTIFY) for kinds in found.values()) == 12
    assert sum(kinds.count(Kind.TRACK) for kinds in found.values()) == 12
    assert len(found) > 1


async def test_halves_say_together_what_the_event_said(sharded: Ingest) -> None:
    await sharded.track(__identify=PERSON, n=1)

    bodies = [body_of(envelope) for envelope in await sharded.kept()]

    (event,) = [body for body in bodies if isinstance(body, dict)]
    (described,) = [body for body in bodies if isinstance(body, list)]
    assert described == [{"type": "identify", "payload": PERSON}]
    assert event["payload"]["profileId"] == "ann"
    assert "__identify" not in event["payload"]["properties"]


async def test_batch_is_split_likewise(sharded: Ingest) -> None:
    people = [{"profileId": f"p{n % 3}", "firstName": f"N{n}"} for n in range(9)]
    batch = [
        an_event(__deviceId="d", n=1),
        *(an_event(__deviceId=f"d{n}", __identify=one) for n, one in enumerate(people)),
    ]

    answer = await sharded.post("/track/batch", batch)

    found = await kinds_by_shard(sharded)
    assert (answer.json["accepted"], answer.json["rejected"]) == (10, 0)
    assert sum(kinds.count(Kind.TRACK) for kinds in found.values()) == 10
    for n in range(3):
        assert Kind.IDENTIFY in found[sharded.pool.shard_of(f"{sharded.project}|p{n}")]
    told = [body_of(envelope) for envelope in await sharded.kept()]
    named = [one["payload"]["firstName"] for body in told for one in body if one["type"] == "identify"]
    assert sorted(named) == [f"N{n}" for n in range(9)]
    assert not any("__identify" in str(one) for body in told for one in body if one["type"] == "track")


async def test_group_of_somebody_without_a_name_goes_where_that_device_is_described(sharded: Ingest) -> None:
    for agent in range(6):
        assigned = {"type": "assign_group", "payload": {"groupIds": [f"team-{agent}"]}}
        browser: Headers = {"user-agent": f"Mozilla/5.0 (X11; Linux x86_64) Firefox/{100 + agent}.0"}
        device = (await sharded.post("/track", assigned, browser)).json["deviceId"]
        await sharded.post("/track", {"type": "identify", "payload": {"profileId": device}}, browser)

    found = await kinds_by_shard(sharded)
    assert len(found) > 1
    assert all(kinds.count(Kind.ASSIGN_GROUP) == kinds.count(Kind.IDENTIFY) for kinds in found.values())


async def test_repeated_call_tells_it_once(sharded: Ingest) -> None:
    for _ in range(2):
        await sharded.track({"idempotency-key": "k1"}, __identify=PERSON)

    kinds = [message.item.kind for message in await sharded.messages()]
    assert sorted(kinds) == [Kind.TRACK, Kind.IDENTIFY]


async def test_one_shard_keeps_the_event_as_it_was_sent(ingest: Ingest) -> None:
    await ingest.track(__identify=PERSON)

    (envelope,) = await ingest.kept()
    assert body_of(envelope)["payload"]["properties"]["__identify"] == PERSON


@pytest.mark.parametrize("path", ["/track", "/track/batch"])
async def test_call_is_refused_when_the_person_cannot_be_kept(
    valkey_url: str, tmp_path: Path, path: str
) -> None:
    async with an_ingest(valkey_url, tmp_path, shards=2, high_water=2) as ingest:
        home = ingest.pool.shard_of(f"{ingest.project}|ann")
        elsewhere = next(f"d{n}" for n in range(99) if ingest.pool.shard_of(f"{ingest.project}|d{n}") != home)
        await ingest.redis.set(keys_of(ingest.pool)[home].depth, 10)
        event = an_event(__deviceId=elsewhere, __identify=PERSON)

        answer = await ingest.post(path, [event] if path.endswith("batch") else event)

        assert answer.status == 503
        assert await ingest.kept() == []


async def test_messages_beside_it_are_kept_when_the_person_cannot_be(valkey_url: str, tmp_path: Path) -> None:
    async with an_ingest(valkey_url, tmp_path, shards=2, high_water=6) as ingest:
        home = ingest.pool.shard_of(f"{ingest.project}|ann")
        elsewhere = next(f"d{n}" for n in range(99) if ingest.pool.shard_of(f"{ingest.project}|d{n}") != home)
        await ingest.redis.set(keys_of(ingest.pool)[home].depth, 10)

        answer = await ingest.post(
            "/track/batch",
            [an_event(__deviceId=elsewhere), an_event(__deviceId=elsewhere, __identify=PERSON)],
        )

        assert (answer.status, answer.json["accepted"]) == (200, 1)
        assert answer.json["results"][1]["status"] == 503
        assert len(await ingest.messages()) == 1
