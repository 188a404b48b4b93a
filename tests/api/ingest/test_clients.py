"""How long a client is believed to be what it was, and who is asked again when."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
import redis.asyncio

from openpanel.metadata.records import ClientRecord
from openpanel.wire.refusals import TryLater
from openpanel_api.ingest.clients import CLIENTS, FRESH_MS, UNKNOWN_MS, Clients
from openpanel_api.ingest.news import CHANNEL, listen
from tests.api.ingest.rig import (
    NOON,
    SECRET,
    UNKNOWN,
    WAIT_SECONDS,
    WRITE,
    Ingest,
    Namespaced,
    an_ingest,
    server,
)


def revoke(ingest: Ingest) -> None:
    ingest.source.records[WRITE] = replace(ingest.source.records[WRITE], revoked=True)


def hang(ingest: Ingest, monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Let the metadata answer nobody any more; set once it was asked."""
    asked = asyncio.Event()

    async def load(_client: str) -> ClientRecord | None:
        asked.set()
        await asyncio.Event().wait()
        return None

    monkeypatch.setattr(ingest.clients, "_load", load)
    monkeypatch.setattr("openpanel_api.ingest.clients.LOAD_SECONDS", 0.05)
    return asked


def another_process(ingest: Ingest) -> Clients:
    """With the same Redis and source, and nothing in its own cache."""
    return Clients(
        load=ingest.source.load, redis=Namespaced(ingest.redis, ingest.pool.name), now_ms=ingest.clock
    )


async def test_source_is_asked_once(ingest: Ingest) -> None:
    for n in range(3):
        await ingest.track({"user-agent": f"agent {n}"})

    assert ingest.source.asked == [WRITE]


async def test_known_client_goes_on_while_the_metadata_hangs(
    ingest: Ingest, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await ingest.clients.get(WRITE)
    hanging = hang(ingest, monkeypatch)
    ingest.clock.now_ms += FRESH_MS

    async with asyncio.timeout(WAIT_SECONDS):
        after = await ingest.clients.get(WRITE)

    assert hanging.is_set()
    assert after.record == before.record


async def test_unknown_client_is_told_to_come_back_while_the_metadata_hangs(
    ingest: Ingest, monkeypatch: pytest.MonkeyPatch
) -> None:
    hang(ingest, monkeypatch)

    with pytest.raises(TryLater):
        async with asyncio.timeout(WAIT_SECONDS):
            await ingest.clients.get(UNKNOWN)


async def test_many_calls_at_once_ask_once(ingest: Ingest) -> None:
    await asyncio.gather(*(ingest.clients.get(WRITE) for _ in range(50)))

    assert ingest.source.asked == [WRITE]


async def test_other_process_finds_the_client_in_redis(ingest: Ingest) -> None:
    await ingest.clients.get(WRITE)

    entry = await another_process(ingest).get(WRITE)

    assert entry.record == ingest.source.records[WRITE]
    assert ingest.source.asked == [WRITE]


async def test_client_is_read_again_after_a_while(ingest: Ingest) -> None:
    await ingest.track()
    revoke(ingest)
    ingest.clock.now_ms += FRESH_MS + 1

    assert (await ingest.track()).status == 401


async def test_told_change_counts_at_once(ingest: Ingest) -> None:
    await ingest.track()
    revoke(ingest)
    assert (await ingest.track(n=2)).status == 200

    ingest.clients.changed(f"client:{WRITE}")

    assert (await ingest.track(n=3)).text == "Ingestion: Invalid client id"


async def test_told_change_counts_for_a_sender_whose_client_fell_out_of_the_cache(ingest: Ingest) -> None:
    await ingest.track()
    revoke(ingest)
    for n in range(2 * CLIENTS + 1):
        await ingest.clients.get(f"nobody {n}")
    assert not ingest.clients.knows(WRITE)

    ingest.clients.changed(f"client:{WRITE}")

    assert (await ingest.track(n=2)).text == "Ingestion: Invalid client id"


async def test_told_change_of_a_project_counts_for_its_clients(ingest: Ingest) -> None:
    await ingest.track()
    ingest.change_project(cors=("https://elsewhere.example",))

    ingest.clients.changed(f"project:{ingest.project}")

    assert (await ingest.track()).text == "Ingestion: Invalid cors or secret"


async def test_told_change_of_another_project_changes_nothing(ingest: Ingest) -> None:
    await ingest.track()

    ingest.clients.changed("project:other")
    ingest.clients.changed(f"client:{UNKNOWN}")
    await ingest.track(n=2)

    assert ingest.source.asked == [WRITE]


async def test_unknown_client_is_not_asked_for_each_time(ingest: Ingest) -> None:
    for n in range(3):
        await ingest.track({"openpanel-client-id": UNKNOWN}, n=n)
    ingest.clock.now_ms += UNKNOWN_MS + 1
    await ingest.track({"openpanel-client-id": UNKNOWN})

    assert ingest.source.asked == [UNKNOWN, UNKNOWN]


async def test_new_client_works_as_soon_as_it_is_told(ingest: Ingest) -> None:
    await ingest.track({"openpanel-client-id": UNKNOWN})
    ingest.source.records[UNKNOWN] = replace(ingest.source.records[WRITE], id=UNKNOWN)

    ingest.clients.changed(f"client:{UNKNOWN}")

    assert (await ingest.track({"openpanel-client-id": UNKNOWN})).status == 200


async def test_change_told_while_reading_is_not_lost(ingest: Ingest) -> None:
    """The record that was on its way when the news came is the old one."""
    load, first = ingest.source.load, asyncio.Event()

    async def slow(client_id: str) -> object:
        record = await load(client_id)
        if not first.is_set():
            first.set()
            await asyncio.sleep(0)
            revoke(ingest)
            clients.changed(f"client:{WRITE}")
        return record

    clients = Clients(load=slow, redis=Namespaced(ingest.redis, "slow"), now_ms=ingest.clock)  # type: ignore[arg-type]  # as the source's

    entry = await clients.get(WRITE)

    assert entry.record is not None
    assert entry.record.revoked


async def test_record_in_redis_that_is_older_than_the_news_is_not_believed(ingest: Ingest) -> None:
    await ingest.clients.get(WRITE)
    revoke(ingest)
    other = another_process(ingest)

    ingest.clock.now_ms += 5_000
    other.changed(f"client:{WRITE}")
    entry = await other.get(WRITE)

    assert entry.record is not None
    assert entry.record.revoked


async def test_known_client_goes_on_while_nobody_can_be_asked(ingest: Ingest) -> None:
    await ingest.track()
    ingest.source.away = True
    await ingest.redis.delete(f"{ingest.pool.name}:op:client:{WRITE}")
    ingest.clock.now_ms += 10 * FRESH_MS

    assert (await ingest.track(n=2)).status == 200
    ingest.clients.all_changed()
    assert (await ingest.track(n=3)).status == 200


async def test_client_that_only_redis_knows_goes_on_too(ingest: Ingest) -> None:
    await ingest.clients.get(WRITE)
    ingest.source.away = True
    ingest.clock.now_ms += 10 * FRESH_MS

    entry = await another_process(ingest).get(WRITE)

    assert entry.record == ingest.source.records[WRITE]


async def test_changed_client_waits_until_somebody_can_be_asked(ingest: Ingest) -> None:
    await ingest.track()
    ingest.source.away = True
    ingest.clients.changed(f"client:{WRITE}")

    answer = await ingest.track(n=2)

    assert answer.status == 503
    assert answer.headers["retry-after"] == "2"


async def test_unknown_client_waits_while_nobody_can_be_asked(ingest: Ingest) -> None:
    ingest.source.away = True
    with pytest.raises(TryLater):
        await ingest.clients.get(WRITE)

    ingest.source.away = False
    assert (await ingest.track()).status == 200


async def test_missed_news_make_everything_read_again(ingest: Ingest) -> None:
    await ingest.track()
    revoke(ingest)
    ingest.clock.now_ms += 10

    ingest.clients.all_changed()

    assert (await ingest.track(n=2)).status == 401


async def test_overlap_of_a_rotation_ends_by_itself(ingest: Ingest) -> None:
    ends = datetime.fromtimestamp((NOON + 10_000) / 1000, UTC)
    ingest.source.records[WRITE] = replace(ingest.source.records[WRITE], secrets_valid_until=ends)
    assert (await ingest.track(server())).status == 200
    ingest.source.records[WRITE] = replace(
        ingest.source.records[WRITE], secret_hashes=(), secrets_valid_until=None
    )

    ingest.clock.now_ms += 9_999
    assert (await ingest.track(server(), n=2)).status == 200
    ingest.clock.now_ms += 1
    # Redis has the record of before as well, and it is as old as the one of this process.
    await ingest.redis.delete(f"{ingest.pool.name}:op:client:{WRITE}")
    assert (await ingest.track(server(), n=3)).status == 401


async def test_reading_again_gives_no_new_tokens(valkey_url: str, tmp_path: Path) -> None:
    async with an_ingest(valkey_url, tmp_path, rate_limit=0.001, rate_burst=2) as ingest:
        for n in range(2):
            assert (await ingest.track(n=n)).status == 200
        ingest.clients.changed(f"client:{WRITE}")
        assert (await ingest.track(n=3)).status == 429


async def test_spoiled_record_in_redis_is_read_again(ingest: Ingest) -> None:
    await ingest.redis.set(f"{ingest.pool.name}:op:client:{WRITE}", b"junk")

    assert (await ingest.track()).status == 200


async def test_no_secret_is_kept_in_redis(ingest: Ingest) -> None:
    await ingest.track(server())

    kept = await ingest.redis.get(f"{ingest.pool.name}:op:client:{WRITE}")

    assert isinstance(kept, bytes)
    assert msgspec.json.decode(kept)[1]["id"] == WRITE
    assert SECRET.encode() not in kept


class Heard:
    """What a listener was told, to be waited for."""

    def __init__(self) -> None:
        self.topics: asyncio.Queue[str] = asyncio.Queue()

    def changed(self, topic: str) -> None:
        self.topics.put_nowait(topic)

    def all_changed(self) -> None:
        self.topics.put_nowait("all")

    async def next(self) -> str:
        return await asyncio.wait_for(self.topics.get(), WAIT_SECONDS)


@pytest.fixture
async def heard(valkey_url: str) -> AsyncIterator[Heard]:
    heard, store = Heard(), redis.asyncio.Redis.from_url(valkey_url)
    task = asyncio.create_task(listen(store, changed=heard.changed, all_changed=heard.all_changed))
    yield heard
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    await store.aclose()


async def test_news_arrive(heard: Heard, ingest: Ingest) -> None:
    assert await heard.next() == "all"

    await ingest.redis.publish(CHANNEL, "client:1")

    assert await heard.next() == "client:1"


async def test_broken_connection_is_made_anew_and_trusts_nothing(heard: Heard, ingest: Ingest) -> None:
    assert await heard.next() == "all"

    await ingest.redis.client_kill_filter(_type="pubsub")

    assert await heard.next() == "all"
    await ingest.redis.publish(CHANNEL, "project:x")
    assert await heard.next() == "project:x"
