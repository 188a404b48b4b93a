"""Pools with several shards: who goes where, and what is asked of other shards."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from openpanel.identity.ids import to_hex
from openpanel.stream.drain import EndedSession, depth, live_visitors, shards_waiting, sweep_sessions
from openpanel.stream.frames import Append, Overloaded, RunMode
from openpanel.stream.holds import CLAIM_MS
from openpanel.stream.keys import ShardKeys
from tests.stream.builders import (
    LONG_MS,
    MINUTE,
    NOON,
    PROJECT,
    Stream,
    a_bare_append,
    a_pool,
    a_run,
    a_stream,
    an_append,
)

SHARDS = 4


@pytest.fixture
async def wide(valkey_url: str, tmp_path: Path) -> AsyncIterator[Stream]:
    async with a_stream(valkey_url, tmp_path, shards=SHARDS) as running:
        yield running


def key_in(stream: Stream, shard: int, *, prefix: str = "device") -> str:
    """A shard key, profile or idempotency key that falls into this shard."""
    return next(key for number in range(1_000) if stream.pool.shard_of(key := f"{prefix}{number}") == shard)


def profile_in(stream: Stream, shard: int) -> str:
    return next(
        profile
        for number in range(1_000)
        if stream.pool.shard_of(f"{PROJECT}|{(profile := f'p{number}')}") == shard
    )


def entries(stream: Stream) -> list[int]:
    return [stream.redis.xlen(f"op:{{{stream.pool.name}:{shard}}}:stream") for shard in range(SHARDS)]


async def test_device_stays_in_its_shard_and_all_are_used(wide: Stream) -> None:
    appends = [an_append(a_run(device=device)) for device in range(1, 41)]

    answers = await asyncio.gather(*map(wide.committer.append, appends))

    assert [answer[0].device for answer in answers] == list(range(1, 41))
    assert entries(wide) == [1] * SHARDS
    assert depth(wide.redis, pool=wide.pool) == 40
    assert shards_waiting(wide.redis, pool=wide.pool) == list(range(SHARDS))
    assert sorted(wide.woken) == list(range(SHARDS))
    expected = {device: wide.pool.shard_of(append.shard_key) for device, append in enumerate(appends, 1)}
    found: dict[int, int] = {}
    for shard in range(SHARDS):
        worker = wide.shard(shard)
        worker.acquire()
        block = worker.next_block(max_events=100)
        assert block is not None
        found.update({record.device: shard for record in block.records})
    assert found == expected


@pytest.mark.parametrize("profile_shard", range(SHARDS))
async def test_identify_goes_to_its_profiles_shard_with_the_visits_ids(
    wide: Stream, profile_shard: int
) -> None:
    profile = profile_in(wide, profile_shard)
    visit = await wide.append(a_run(device=0xA), shard_key=key_in(wide, 0))
    peek = a_run(NOON + MINUTE, device=0xB, previous_device=0xA, mode=RunMode.PEEK, profile=profile)

    answer = await wide.append(peek, shard_key=key_in(wide, 0), profile_key=f"{PROJECT}|{profile}")

    assert (answer.device, answer.session, answer.started_ms) == (0xA, visit.session, NOON)
    messages = wide.messages()
    identify = next(message for message in messages if message.item.at_ms != NOON)
    assert (identify.device, identify.session) == (0xA, visit.session)
    assert wide.redis.xlen(f"op:{{{wide.pool.name}:{profile_shard}}}:stream") == 0


@pytest.mark.parametrize("profile_shard", range(SHARDS))
@pytest.mark.parametrize("device_shard", [0, 3])
async def test_server_event_follows_its_profile_to_the_devices_shard(
    wide: Stream, profile_shard: int, device_shard: int
) -> None:
    profile = profile_in(wide, profile_shard)
    device_key = key_in(wide, device_shard)
    visit = await wide.append(a_run(device=0xA, profile=profile), shard_key=device_key)

    run = a_run(NOON + MINUTE, device=7, mode=RunMode.JOIN, profile=profile)
    joined = await wide.append(run, shard_key=key_in(wide, 1, prefix="server"))

    assert (joined.device, joined.session) == (0xA, visit.session)
    assert entries(wide) == [2 if shard == device_shard else 0 for shard in range(SHARDS)]
    assert {message.session for message in wide.messages()} == {visit.session}


async def test_server_event_does_not_join_the_visit_of_another_profile_in_another_shard(
    wide: Stream,
) -> None:
    device_key = key_in(wide, 3)
    await wide.append(a_run(device=0xA, profile="ann"), shard_key=device_key)
    await wide.append(a_run(NOON + 40 * MINUTE, device=0xA, profile="bob"), shard_key=device_key)

    runs = [
        a_run(NOON + 41 * MINUTE, device=7, mode=RunMode.JOIN, profile=profile) for profile in ("bob", "ann")
    ]
    of_bob, of_ann = await wide.committer.append(an_append(*runs, shard_key=key_in(wide, 1, prefix="server")))

    assert (of_bob.device, of_ann.device, of_ann.session) == (0xA, 0, 0)


async def test_batch_of_server_events_joins_visits_in_all_shards(wide: Stream) -> None:
    profiles = [profile_in(wide, shard) for shard in range(SHARDS)]
    visits = [
        await wide.append(a_run(device=0xA0 + place, profile=profile), shard_key=key_in(wide, place))
        for place, profile in enumerate(profiles)
    ]
    runs = [
        a_run(NOON + MINUTE, device=7, mode=RunMode.JOIN, profile=profile)
        for profile in [*profiles, "nobody"]
    ]

    answers = await wide.committer.append(an_append(*runs, shard_key="server"))

    assert [answer.session for answer in answers] == [*(visit.session for visit in visits), 0]
    joined = [message for message in wide.messages() if message.item.at_ms != NOON]
    assert [(message.device, message.session) for message in joined] == [
        (answer.device, answer.session) for answer in answers
    ]


async def test_idle_visit_in_another_shard_is_not_joined(wide: Stream) -> None:
    profile = profile_in(wide, 2)
    await wide.append(a_run(device=0xA, profile=profile), shard_key=key_in(wide, 0))

    run = a_run(NOON + 30 * MINUTE, device=7, mode=RunMode.JOIN, profile=profile)
    joined = await wide.append(run, shard_key="server")

    assert (joined.device, joined.session) == (0, 0)


@pytest.mark.parametrize("home", range(SHARDS))
async def test_repeated_key_from_another_address_is_answered_like_the_first(wide: Stream, home: int) -> None:
    key = key_in(wide, home, prefix="key")
    first = await wide.append(a_run(device=0xA), shard_key=key_in(wide, 0), idempotency=(key,))

    again = await wide.append(a_run(NOON + MINUTE, device=0xB), shard_key=key_in(wide, 1), idempotency=(key,))

    assert again == first
    assert [message.device for message in wide.messages()] == [0xA]
    assert depth(wide.redis, pool=wide.pool) == 0


@pytest.mark.parametrize("home", range(SHARDS))
async def test_same_key_from_many_addresses_at_once_is_kept_once(
    valkey_url: str, tmp_path: Path, home: int
) -> None:
    pool = a_pool(SHARDS)
    async with (
        a_stream(valkey_url, tmp_path / "one", pool=pool) as one,
        a_stream(valkey_url, tmp_path / "two", pool=pool) as two,
    ):
        key = key_in(one, home, prefix="key")

        answers = await asyncio.gather(
            *(
                stream.append(a_run(device=0xA0 + shard), shard_key=key_in(one, shard), idempotency=(key,))
                for shard in range(SHARDS)
                for stream in (one, two)
            )
        )

        assert len(set(answers)) == 1
        assert [message.device for message in one.messages()] == [answers[0].device]


async def test_batches_that_share_keys_do_not_wait_for_each_other_for_ever(wide: Stream) -> None:
    keys = ("k1", "k2", "k3")
    answers = await asyncio.gather(
        *(
            wide.committer.append(
                an_append(
                    *(a_run(device=0xA0 + place) for place in range(3)),
                    shard_key=key_in(wide, shard),
                    idempotency=keys if shard % 2 else keys[::-1],
                )
            )
            for shard in range(SHARDS)
        )
    )

    assert len(answers) == SHARDS
    assert len(wide.messages()) == 3


async def test_key_of_a_refused_request_is_free_again(valkey_url: str, tmp_path: Path) -> None:
    async with a_stream(valkey_url, tmp_path, shards=SHARDS, high_water=SHARDS) as stream:
        await stream.append(a_run(device=1), shard_key=key_in(stream, 0))
        with pytest.raises(Overloaded):
            await stream.append(a_run(device=2), shard_key=key_in(stream, 0), idempotency=("k",))

        again = await stream.append(a_run(device=3), shard_key=key_in(stream, 1), idempotency=("k",))

        assert (again.device, again.opened) == (3, True)


async def test_key_whose_owner_died_is_taken_over(wide: Stream) -> None:
    home = ShardKeys(wide.pool, wide.pool.shard_of("k"))
    wide.redis.set(home.claim("k"), f"2|{NOON}|gone-0")
    wide.clock.now_ms = NOON + CLAIM_MS + 1

    answer = await wide.append(a_run(device=7), idempotency=("k",))

    assert (answer.device, answer.opened) == (7, True)
    assert not wide.redis.exists(home.claim("k"))


async def test_key_whose_owner_died_after_its_commit_is_answered_like_it(wide: Stream) -> None:
    key = key_in(wide, 0, prefix="key")
    first = await wide.append(a_run(device=0xA), shard_key=key_in(wide, 1), idempotency=(key,))
    home = ShardKeys(wide.pool, 0)
    wide.redis.delete(home.idempotency(key))
    wide.redis.set(home.claim(key), f"1|{NOON}|gone-0")

    again = await wide.append(a_run(device=0xB), shard_key=key_in(wide, 2), idempotency=(key,))

    assert again == first
    assert len(wide.messages()) == 1


@pytest.mark.parametrize("home", range(SHARDS))
@pytest.mark.parametrize("mode", [RunMode.OPEN, RunMode.LATE])
async def test_device_that_is_named_by_its_id_keeps_its_visit(wide: Stream, home: int, mode: RunMode) -> None:
    visit = await wide.append(a_run(device=0xA), shard_key=key_in(wide, home))

    named = await wide.append(
        a_run(NOON + MINUTE, device=0xA, mode=mode), shard_key=f"{PROJECT}|{to_hex(0xA)}"
    )

    assert (named.device, named.session, named.opened) == (0xA, visit.session, False)
    assert entries(wide) == [2 if shard == home else 0 for shard in range(SHARDS)]


async def test_profile_of_a_named_device_leads_to_where_its_visit_is(wide: Stream) -> None:
    visit = await wide.append(a_run(device=0xA), shard_key=key_in(wide, 3))
    await wide.append(
        a_run(NOON + MINUTE, device=0xA, profile=profile_in(wide, 1)), shard_key=f"{PROJECT}|{to_hex(0xA)}"
    )

    run = a_run(NOON + 2 * MINUTE, device=7, mode=RunMode.JOIN, profile=profile_in(wide, 1))
    joined = await wide.append(run, shard_key="server")

    assert (joined.device, joined.session) == (0xA, visit.session)


@pytest.mark.usefixtures("long_moments")
async def test_guard_costs_no_question_and_holds_in_its_shard(wide: Stream) -> None:
    answers = [
        await wide.append(
            a_run(device=0xA), shard_key=key_in(wide, 2), idempotency=("same",), idempotency_ttl_ms=LONG_MS
        )
        for _ in range(2)
    ]

    assert len({answer.session for answer in answers}) == 1
    assert len(wide.messages()) == 1


async def test_keyed_message_without_run_is_kept_once(wide: Stream) -> None:
    bare = a_bare_append(1)
    keyed = Append(
        shard_key=key_in(wide, 0), profile_key="", runs=(), envelope=bare.envelope, idempotency=("x",)
    )
    await wide.committer.append(keyed)

    elsewhere = Append(
        shard_key=key_in(wide, 1), profile_key="", runs=(), envelope=bare.envelope, idempotency=("x",)
    )
    assert await wide.committer.append(elsewhere) == ()

    assert len(wide.messages()) == 1


async def test_sweep_and_live_count_look_at_every_shard(wide: Stream) -> None:
    await asyncio.gather(*(wide.visit(0, device=device) for device in range(1, 41)))

    live = live_visitors(wide.redis, pool=wide.pool, project=PROJECT, since_ms=NOON)
    ended = sweep_sessions(wide.redis, pool=wide.pool, now_ms=NOON + 30 * MINUTE, limit=100)

    assert (live, ended) == (40, 40)
    assert sum(isinstance(record, EndedSession) for record in wide.drained()) == 40


async def test_mark_is_shared_out_over_the_shards(valkey_url: str, tmp_path: Path) -> None:
    async with a_stream(valkey_url, tmp_path, shards=2, high_water=4) as stream:
        results: list[object] = []
        for device in range(1, 21):
            results += await asyncio.gather(stream.visit(0, device=device), return_exceptions=True)

        kept = sum(not isinstance(result, BaseException) for result in results)
        assert kept == 4
        assert depth(stream.redis, pool=stream.pool) == 4


async def test_same_appends_give_the_same_answers_for_any_number_of_shards(
    valkey_url: str, tmp_path: Path
) -> None:
    """Shards are about place only."""
    appends = [
        an_append(
            a_run(
                NOON + minute * MINUTE,
                device=device,
                profile=f"p{device}" if minute % 3 else "",
                mode=RunMode.JOIN if minute % 7 == 0 else RunMode.PEEK if minute % 5 == 0 else RunMode.OPEN,
            ),
            shard_key=f"key of {device}",
            profile_key=f"{PROJECT}|p{device}" if minute % 5 == 0 and minute % 7 else "",
        )
        for minute in range(1, 60)
        for device in range(1, 6)
        if (minute * device) % 4
    ]
    answers = []
    for shards in (1, 3):
        async with a_stream(valkey_url, tmp_path, pool=a_pool(shards)) as stream:
            answers.append([await stream.committer.append(append) for append in appends])

    assert answers[0] == answers[1]
