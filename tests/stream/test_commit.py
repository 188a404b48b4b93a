"""Group commit: who is answered when, what is refused, and what is never appended twice."""

import asyncio
from pathlib import Path

import pytest
import redis

from openpanel.stream import waiting
from openpanel.stream.drain import depth
from openpanel.stream.frames import Append, CommitRefused, Overloaded, RunMode
from openpanel.stream.keys import keys_of
from openpanel.stream.plan import call_arguments, single_sheet
from openpanel.stream.replay import MISSES_ONE
from tests.stream.builders import (
    DEVICE,
    LONG_MS,
    MINUTE,
    NOON,
    Stream,
    a_bare_append,
    a_pool,
    a_run,
    a_stream,
    an_append,
    an_envelope,
    run_commit,
)


async def test_what_waits_goes_out_in_one_entry(stream: Stream) -> None:
    answers = await asyncio.gather(*(stream.visit(0, device=device) for device in range(1, 101)))

    assert [answer.device for answer in answers] == list(range(1, 101))
    assert stream.redis.xlen(stream.keys.stream) == 1
    assert depth(stream.redis, pool=stream.pool) == 100
    assert [message.device for message in stream.messages()] == list(range(1, 101))
    assert depth(stream.redis, pool=stream.pool) == 0


async def test_each_request_of_a_group_gets_its_own_answer(stream: Stream) -> None:
    two, none, one = await asyncio.gather(
        stream.committer.append(an_append(a_run(NOON, device=1), a_run(NOON + 50 * MINUTE, device=1))),
        stream.committer.append(a_bare_append(5)),
        stream.committer.append(an_append(a_run(NOON, device=2))),
    )

    assert [answer.device for answer in (*two, *none, *one)] == [1, 1, 2]


async def test_answer_comes_after_the_entry_is_there(stream: Stream) -> None:
    for count in range(1, 6):
        await stream.visit(count)

        assert depth(stream.redis, pool=stream.pool) == count


async def test_long_bodies_are_spread_over_commits(stream: Stream) -> None:
    body = b"x" * (waiting.MAX_COMMIT_BYTES // 2)

    await asyncio.gather(*(stream.visit(0, device=device) for device in range(1, 3)))
    await asyncio.gather(*(stream.append(a_run(device=device), body=body) for device in range(1, 5)))

    assert stream.redis.xlen(stream.keys.stream) == 1 + 4


async def test_requests_beyond_memory_are_turned_away(stream: Stream) -> None:
    body = b"x" * (waiting.MAX_WAITING_BYTES // 3)

    results = await asyncio.gather(
        *(stream.append(a_run(device=device), body=body) for device in range(1, 5)), return_exceptions=True
    )

    assert [isinstance(result, Overloaded) for result in results] == [False, False, True, True]
    assert (await stream.visit(1)).session


async def test_past_the_mark_nothing_is_appended(valkey_url: str, tmp_path: Path) -> None:
    async with a_stream(valkey_url, tmp_path, high_water=2) as stream:
        await stream.visit(0)
        await stream.visit(1)

        with pytest.raises(Overloaded) as refused:
            await stream.visit(60)

        assert refused.value.retry_after_s > 0
        assert [message.opened for message in stream.messages()] == [True, False]
        assert (await stream.visit(10)).opened is False


async def test_past_the_mark_ids_are_still_told(valkey_url: str, tmp_path: Path) -> None:
    async with a_stream(valkey_url, tmp_path, high_water=1) as stream:
        first = await stream.visit(0)

        told = await stream.append(a_run(mode=RunMode.PEEK), envelope=None)

        assert told.session == first.session


async def test_full_redis_turns_away_and_changes_nothing(stream: Stream) -> None:
    await stream.visit(0)
    used = int(stream.redis.info("memory")["used_memory"])
    stream.redis.config_set("maxmemory", used // 2)
    try:
        with pytest.raises(Overloaded):
            await stream.visit(5)
    finally:
        stream.redis.config_set("maxmemory", 0)

    assert stream.committer.spooled_bytes == 0
    assert len(stream.messages()) == 1
    assert (await stream.visit(6)).opened is False


async def test_scripts_are_loaded_again_after_a_flush(stream: Stream) -> None:
    await stream.visit(0)
    stream.redis.script_flush()

    answer = await stream.visit(1)

    assert not answer.opened
    assert len(stream.messages()) == 2


async def test_text_that_cannot_be_written_fails_alone(stream: Stream) -> None:
    results = await asyncio.gather(
        stream.visit(0, device=1),
        stream.visit(0, device=2, path="/\ud800"),
        stream.visit(0, device=3),
        return_exceptions=True,
    )

    assert isinstance(results[1], CommitRefused)
    assert [message.device for message in stream.messages()] == [1, 3]


async def test_too_many_messages_in_one_append_are_refused(stream: Stream) -> None:
    run = a_run()
    with pytest.raises(CommitRefused):
        await stream.append(run, envelope=an_envelope([run] * 9_000))


async def test_visit_without_message_is_refused(stream: Stream) -> None:
    with pytest.raises(CommitRefused):
        await stream.append(a_run(), envelope=None)

    assert (await stream.visit(0)).opened


async def test_defect_in_redis_fails_the_commit_and_not_the_next(stream: Stream) -> None:
    stream.redis.set(stream.keys.stream, "not a stream")
    with pytest.raises(CommitRefused):
        await stream.visit(0, device=1)
    stream.redis.delete(stream.keys.stream)

    assert (await stream.visit(0, device=2)).opened


async def test_caller_that_went_away_does_not_hinder_others(stream: Stream) -> None:
    gone = stream.committer.append(an_append(a_run(device=1)))
    stays = stream.committer.append(an_append(a_run(device=2)))
    gone.cancel()

    assert (await stays)[0].opened
    assert len(stream.messages()) == 2


async def test_commit_repeated_under_its_number_is_applied_once(stream: Stream) -> None:
    """What happens when the connection breaks after Redis did the work: the same bytes are sent again."""
    (keys,) = keys_of(stream.pool)
    sheet = single_sheet([an_append(a_run())], pool=stream.pool)[0]
    arguments = call_arguments(sheet.call(seq=1, now_ms=NOON), keys=keys, writer="writer", high_water=1_000)

    first = run_commit(stream.redis, arguments)
    second = run_commit(stream.redis, arguments)

    assert (first[0], second[0]) == (1, 2)
    assert first[1] == second[1]
    assert len(stream.messages()) == 1


async def test_commit_sent_ahead_waits_for_the_one_before(stream: Stream) -> None:
    (keys,) = keys_of(stream.pool)
    sheet = single_sheet([an_append(a_run())], pool=stream.pool)[0]
    arguments = call_arguments(
        sheet.call(seq=3, now_ms=NOON), keys=keys, writer="writer", high_water=1_000, after=2
    )

    state, _, _ = run_commit(stream.redis, arguments)

    assert state == MISSES_ONE
    assert stream.messages() == []


async def test_broken_connection_is_made_anew_within_the_commit(stream: Stream) -> None:
    await stream.visit(0)
    for client in stream.redis.client_list():
        if client["cmd"].startswith("evalsha"):
            stream.redis.client_kill_filter(_id=client["id"])

    answer = await stream.visit(1)

    assert not answer.opened
    assert stream.committer.spooled_bytes == 0
    assert len(stream.messages()) == 2


async def test_repeated_key_is_answered_like_the_first_and_kept_once(stream: Stream) -> None:
    await stream.visit(0, device=1)
    first = await stream.append(a_run(NOON), idempotency=("k1",))

    again = await stream.append(a_run(NOON + 5 * MINUTE, device=77), idempotency=("k1",))

    assert again == first
    assert [message.device for message in stream.messages()] == [1, first.device]
    (ended, *_) = sorted(stream.sweep(60), key=lambda row: -row.device)
    assert (ended.views, ended.ended_ms) == (1, NOON)


async def test_repeats_within_one_group_are_kept_once(stream: Stream) -> None:
    answers = await asyncio.gather(
        *(stream.append(a_run(device=device), idempotency=("same",)) for device in range(1, 6))
    )

    assert set(answers) == {answers[0]}
    assert [message.device for message in stream.messages()] == [1]


async def test_only_the_repeats_of_a_batch_are_left_out(stream: Stream) -> None:
    await stream.append(a_run(NOON, device=1), idempotency=("a",))
    runs = [a_run(NOON, device=2), a_run(NOON, device=3), a_run(NOON, device=4), a_run(NOON, device=5)]

    answers = await stream.committer.append(an_append(*runs, idempotency=("a", "b", "b", "")))

    assert [answer.device for answer in answers] == [1, 3, 3, 5]
    assert [message.device for message in stream.messages()] == [1, 3, 5]
    assert depth(stream.redis, pool=stream.pool) == 0


async def test_repeats_before_the_first_run_do_not_answer_for_others(stream: Stream) -> None:
    run = a_run(device=8)
    envelope = an_envelope([run])
    bare = type(envelope.items[0])(kind=7, index=0, at_ms=NOON, flags=0, run=-1, device=0)
    mixed = type(envelope)(
        envelope.project, "client", NOON, "", "", "", "", "", b"[]", [bare, *envelope.items]
    )
    other = stream.committer.append(an_append(a_run(device=9)))

    answer = await stream.append(run, envelope=mixed, idempotency=("x", "x"))

    assert (await other)[0].device == 9
    assert (answer.device, answer.session) == (0, 0)
    assert [message.item.kind for message in stream.messages()] == [1, 7]


async def test_all_repeats_append_no_entry(stream: Stream) -> None:
    await stream.append(a_run(), idempotency=("k",))
    stream.drained()

    await stream.append(a_run(), idempotency=("k",))

    assert stream.redis.xlen(stream.keys.stream) == 0
    assert depth(stream.redis, pool=stream.pool) == 0


@pytest.mark.usefixtures("long_moments")
async def test_same_bytes_within_a_moment_are_kept_once(stream: Stream) -> None:
    first = await stream.append(a_run(), idempotency=("bytes",), idempotency_ttl_ms=LONG_MS)

    again = [
        await stream.append(a_run(NOON + 5), idempotency=("bytes",), idempotency_ttl_ms=LONG_MS)
        for _ in range(2)
    ]

    assert {(answer.device, answer.session) for answer in again} == {(first.device, first.session)}
    assert len(stream.messages()) == 1
    (ended,) = stream.sweep(60)
    assert (ended.views, ended.ended_ms) == (1, NOON)


@pytest.mark.usefixtures("long_moments")
async def test_same_bytes_within_one_group_are_kept_once(stream: Stream) -> None:
    def guarded(device: int, key: str) -> Append:
        return an_append(a_run(device=device), idempotency=(key,), idempotency_ttl_ms=LONG_MS)

    answers = await asyncio.gather(
        *map(stream.committer.append, [guarded(1, "a"), guarded(1, "a"), guarded(2, "b"), an_append(a_run())])
    )

    assert answers[0][0].session == answers[1][0].session
    assert [message.device for message in stream.messages()] == [1, 2, DEVICE]
    assert depth(stream.redis, pool=stream.pool) == 0


async def test_same_bytes_after_a_moment_count_again(stream: Stream) -> None:
    kept = 0
    while kept < 2:
        await stream.append(a_run(), idempotency=("bytes",), idempotency_ttl_ms=1)
        kept += len(stream.messages())

    assert kept == 2


@pytest.mark.usefixtures("long_moments")
async def test_same_bytes_without_a_run_are_kept_once(stream: Stream) -> None:
    bare = a_bare_append(1)
    guarded = Append("1", "", (), bare.envelope, idempotency=("bytes",), idempotency_ttl_ms=LONG_MS)

    assert [await stream.committer.append(guarded) for _ in range(3)] == [(), (), ()]

    assert len(stream.messages()) == 1


@pytest.mark.usefixtures("long_moments")
async def test_worker_is_woken_once_until_it_is_done(stream: Stream) -> None:
    for minute in range(5):
        await stream.visit(minute)
    woken_while_waiting = list(stream.woken)
    stream.drained()
    done = stream.shard().clear_order()
    await stream.visit(10)

    assert woken_while_waiting == [0]
    assert done
    assert stream.woken == [0, 0]


async def test_failing_wake_up_does_not_lose_the_answer(valkey_url: str, tmp_path: Path) -> None:
    def fail(shard: int) -> None:
        raise redis.ConnectionError(f"no queue for {shard}")

    async with a_stream(valkey_url, tmp_path, wake=fail) as stream:
        assert (await stream.visit(0)).opened
        assert (await stream.visit(1)).opened is False


async def test_close_answers_everybody_who_waits(valkey_url: str, tmp_path: Path) -> None:
    async with a_stream(valkey_url, tmp_path, pool=a_pool()) as stream:
        await stream.visit(0, device=50)
        waiting = [stream.committer.append(an_append(a_run(device=device))) for device in range(1, 50)]

        await stream.committer.close()

        assert all(future.result()[0].opened for future in waiting)
        with pytest.raises(Overloaded):
            await stream.visit(0)
        assert len(stream.messages()) == 50
