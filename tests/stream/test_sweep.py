"""Ends of sessions by wall clock, live visitors, and forgetting a project."""

import asyncio
from collections import Counter

import redis

from openpanel.identity.ids import to_hex
from openpanel.stream.drain import (
    EndedSession,
    Shard,
    depth,
    forget,
    live_visitors,
    shards_waiting,
    sweep_sessions,
)
from openpanel.stream.frames import RunMode
from openpanel.stream.scripts import LIVE_STEP_MS
from tests.stream.builders import (
    DEVICE,
    MINUTE,
    NOON,
    PROJECT,
    Stream,
    a_pool,
    a_run,
    an_append,
    raw_keys,
    remember,
    remembered,
)


async def test_idle_session_ends_with_its_facts(stream: Stream) -> None:
    opened = await stream.visit(0, path="/in", profile="p1")
    await stream.visit(4, path="/out", views=1, events=2)

    (ended,) = stream.sweep(30)

    assert (ended.project, ended.device, ended.session) == (PROJECT, DEVICE, opened.session)
    assert (ended.started_ms, ended.ended_ms) == (NOON, NOON + 4 * MINUTE)
    assert (ended.views, ended.events, ended.exit_path, ended.profile) == (2, 2, "/out", "p1")


async def test_session_lives_until_30_minutes_of_wall_clock_time(stream: Stream) -> None:
    await stream.visit(0)

    assert stream.sweep(29.99) == []
    assert len(stream.sweep(30)) == 1
    assert stream.sweep(600) == []


async def test_activity_that_the_live_set_was_not_told_of_counts(stream: Stream) -> None:
    await stream.visit(0)
    stream.clock.now_ms = NOON + LIVE_STEP_MS - 1
    await stream.visit(0)
    idle_since = 30 + (LIVE_STEP_MS - 1) / MINUTE

    assert stream.redis.zscore(stream.keys.live(PROJECT), to_hex(DEVICE)) == NOON
    assert stream.sweep(30) == []
    assert len(stream.sweep(idle_since)) == 1


async def test_ends_wait_in_the_stream_like_messages(stream: Stream) -> None:
    await asyncio.gather(*(stream.visit(0, device=device) for device in range(1, 4)))
    stream.drained()

    ended = sweep_sessions(stream.redis, pool=stream.pool, now_ms=NOON + 30 * MINUTE, limit=100)

    assert ended == 3
    assert depth(stream.redis, pool=stream.pool) == 3
    assert shards_waiting(stream.redis, pool=stream.pool) == [0]
    assert len({record.event_id for record in stream.drained()}) == 3


async def test_call_ends_no_more_than_its_limit(stream: Stream) -> None:
    await asyncio.gather(*(stream.visit(0, device=device) for device in range(1, 8)))

    counts = [len(stream.sweep(60, limit=3)) for _ in range(4)]

    assert counts == [3, 3, 1, 0]


async def test_two_sweepers_at_once_end_each_session_once(stream: Stream, valkey_url: str) -> None:
    await asyncio.gather(*(stream.visit(0, device=device) for device in range(1, 201)))

    def sweep() -> int:
        with redis.Redis.from_url(valkey_url) as own:
            ended = 0
            while once := sweep_sessions(own, pool=stream.pool, now_ms=NOON + 30 * MINUTE, limit=7):
                ended += once
            return ended

    counts = await asyncio.gather(*(asyncio.to_thread(sweep) for _ in range(2)))

    assert sum(counts) == 200
    ends = Counter(record.device for record in stream.drained() if isinstance(record, EndedSession))
    assert set(ends.values()) == {1}
    assert len(ends) == 200


async def test_event_after_the_end_opens_a_session_with_another_id(stream: Stream) -> None:
    first = await stream.visit(0)
    ended = stream.sweep(30)

    second = await stream.visit(20)  # in the same 30-minute bucket: the candidate id is taken
    third = await stream.visit(21)

    assert [row.session for row in ended] == [first.session]
    assert second.opened
    assert second.session != first.session
    assert third.session == second.session
    assert [row.session for row in stream.sweep(90)] == [second.session]


async def test_ended_session_is_not_closed_again_by_the_next(stream: Stream) -> None:
    await stream.visit(0)
    stream.sweep(30)

    await stream.visit(100)

    (message,) = stream.messages()
    assert message.opened
    assert message.closed is None


async def test_peek_after_the_end_tells_the_id_of_the_next_session(stream: Stream) -> None:
    await stream.visit(0)
    stream.sweep(30)

    peeked = await stream.visit(20, mode=RunMode.PEEK)

    assert (await stream.visit(20)).session == peeked.session


async def test_late_event_still_finds_the_ended_session(stream: Stream) -> None:
    first = await stream.visit(0)
    await stream.visit(10)
    stream.sweep(60)

    late = await stream.visit(5, mode=RunMode.LATE)
    later = await stream.visit(35, mode=RunMode.LATE)
    joined = await stream.visit(12, mode=RunMode.JOIN, profile="p1")

    assert late.session == later.session == first.session
    assert joined.session == 0
    assert stream.sweep(600) == []


async def test_state_of_a_session_passes_a_week_after_its_last_event_or_hours_after_its_end(
    stream: Stream,
) -> None:
    await stream.visit(0)
    key = stream.keys.session(project=PROJECT, device=DEVICE)

    stream.redis.persist(key)
    await stream.visit(1)
    live_ttl = stream.redis.pttl(key)
    stream.sweep(31)

    assert 6 * 1_440 * MINUTE < live_ttl <= 7 * 1_440 * MINUTE
    assert 0 < stream.redis.pttl(key) <= 4 * 60 * MINUTE


async def test_session_without_state_is_only_taken_off_the_list(stream: Stream) -> None:
    await stream.visit(0)
    stream.redis.delete(stream.keys.session(project=PROJECT, device=DEVICE))

    assert stream.sweep(60) == []
    assert not stream.redis.exists(stream.keys.live(PROJECT))
    assert stream.redis.scard(stream.keys.projects) == 0


async def test_live_visitors_are_devices_seen_since(stream: Stream) -> None:
    await stream.visit(0, device=1)
    stream.clock.now_ms = NOON + 10 * MINUTE
    await stream.visit(10, device=2)
    await stream.visit(10, device=2)
    await stream.visit(10, device=3, mode=RunMode.PEEK)
    await stream.append(a_run(NOON, device=4, project="other"), shard_key="x")

    counts = [
        live_visitors(stream.redis, pool=stream.pool, project=PROJECT, since_ms=NOON + since * MINUTE)
        for since in (0, 5, 11)
    ]

    assert counts == [2, 1, 0]


async def test_forgotten_project_leaves_no_session_behind(stream: Stream) -> None:
    await stream.visit(0, profile="p1")
    await stream.append(a_run(device=5, project="demo*", profile="p1"), shard_key="x")
    await stream.append(a_run(device=6, project="demo2", profile="p1"), shard_key="y")

    forget(stream.redis, pool=stream.pool, project="demo*")
    forget(stream.redis, pool=stream.pool, project=PROJECT)

    left = {key for key in raw_keys(stream.redis, stream.pool) if "demo" in key}
    assert {key.rsplit("}:", 1)[1].split(":")[1] for key in left} == {"demo2"}
    assert [row.project for row in stream.sweep(60)] == ["demo2"]


async def test_removed_project_leaves_no_key_in_any_shard(valkey_url: str) -> None:
    pool = a_pool(shards=3)
    with redis.Redis.from_url(valkey_url) as client:
        for project in ("gone", "kept"):
            remember(client, pool=pool, project=project)

        forget(client, pool=pool, project="gone")

        assert remembered(client, pool=pool, project="gone") == set()
        assert len(remembered(client, pool=pool, project="kept")) == 4 * pool.shards


async def test_sweeps_beside_commits_end_every_session_once(stream: Stream, valkey_url: str) -> None:
    """Starts and ends balance, whatever comes between."""
    shard = Shard(stream.redis, pool=stream.pool, index=0, owner="worker", clock=stream.clock)
    assert shard.acquire()

    def sweep(minute: int) -> int:
        with redis.Redis.from_url(valkey_url) as own:
            return sweep_sessions(own, pool=stream.pool, now_ms=NOON + minute * MINUTE, limit=5)

    for minute in range(0, 240, 20):
        stream.clock.now_ms = NOON + minute * MINUTE
        runs = [a_run(stream.clock.now_ms, device=device) for device in range(1, 30) if minute % device < 40]
        await asyncio.gather(
            *(stream.committer.append(an_append(run)) for run in runs), asyncio.to_thread(sweep, minute)
        )
    while sweep(600):
        pass
    block = shard.next_block(max_events=100_000)
    assert block is not None

    opened: Counter[int] = Counter()
    ended: Counter[int] = Counter()
    for record in block.records:
        if isinstance(record, EndedSession):
            ended[record.session] += 1
            continue
        opened[record.session] += record.opened
        if record.closed is not None:
            ended[record.closed.session] += 1
    assert +opened == ended
    assert set(ended.values()) == {1}
