"""Several commits under way at once: their order, and what a failure of one means for those behind it."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from openpanel.stream import commit, pace
from openpanel.stream.drain import depth
from openpanel.stream.frames import CommitRefused, Overloaded, Resolved
from openpanel.stream.spool import Spool
from openpanel_local.engines import valkey
from tests.stream.builders import Stream, a_bare_append, a_run, a_stream, an_append

MANY = 5 * commit.ENOUGH


@pytest.fixture(scope="module")
def own_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Valkey that tests may spoil for all its clients."""
    with valkey.running(tmp_path_factory.mktemp("valkey")) as running:
        yield running.url


def numbers(stream: Stream) -> list[int]:
    return [int(message.envelope.body) for message in stream.messages()]


async def test_many_leave_before_the_first_is_back_and_stay_in_order(stream: Stream) -> None:
    await stream.committer.append(a_bare_append(0))

    await asyncio.gather(*(stream.committer.append(a_bare_append(n)) for n in range(1, MANY)))

    entries = stream.redis.xlen(stream.keys.stream)
    assert 2 < entries <= 2 + commit.UNDER_WAY
    assert numbers(stream) == list(range(MANY))


async def test_visit_goes_on_over_commits_that_are_under_way(stream: Stream) -> None:
    first = await stream.visit(0)

    answers = await asyncio.gather(*(stream.visit(place / 10) for place in range(MANY)))

    assert {answer.session for answer in answers} == {first.session}
    (ended,) = stream.sweep(60)
    assert ended.views == MANY + 1


async def test_script_that_is_gone_is_loaded_while_commits_are_under_way(stream: Stream) -> None:
    await stream.committer.append(a_bare_append(0))
    waiting = [stream.committer.append(a_bare_append(number)) for number in range(1, MANY)]
    stream.redis.script_flush()

    await asyncio.gather(*waiting)
    again = [stream.committer.append(a_bare_append(number)) for number in range(MANY, 2 * MANY)]
    await asyncio.gather(*again)

    assert numbers(stream) == list(range(2 * MANY))


async def test_connection_that_breaks_under_way_loses_and_doubles_nothing(stream: Stream) -> None:
    await stream.committer.append(a_bare_append(0))
    for begin in range(1, 10 * MANY, MANY):
        waiting = [stream.committer.append(a_bare_append(begin + number)) for number in range(MANY)]
        for client in stream.redis.client_list():
            if client["cmd"].startswith("evalsha"):
                stream.redis.client_kill_filter(_id=client["id"])
        await asyncio.gather(*waiting)

    assert numbers(stream) == list(range(10 * MANY + 1))
    assert stream.committer.spooled_bytes == 0


async def test_defect_of_one_commit_does_not_turn_away_the_next(own_url: str, tmp_path: Path) -> None:
    async with a_stream(own_url, tmp_path) as stream:
        await stream.committer.append(a_bare_append(0))
        broken = a_run(device=5, candidate=7)
        stream.redis.set(stream.keys.session(project=broken.project, device=5), "no state")
        devices = [5, *range(100, 100 + MANY)]

        results = await asyncio.gather(
            *(stream.append(a_run(device=device)) for device in devices), return_exceptions=True
        )

        refused = [isinstance(result, CommitRefused) for result in results]
        assert refused == [True] * commit.ENOUGH + [False] * (len(devices) - commit.ENOUGH)
        assert not any(isinstance(result, Overloaded) for result in results)
        assert depth(stream.redis, pool=stream.pool) == len(devices) - commit.ENOUGH + 1


async def test_past_the_mark_those_behind_are_turned_away_too(own_url: str, tmp_path: Path) -> None:
    async with a_stream(own_url, tmp_path, high_water=1 + commit.ENOUGH) as stream:
        await stream.committer.append(a_bare_append(0))

        results = await asyncio.gather(
            *(stream.committer.append(a_bare_append(number)) for number in range(1, MANY)),
            return_exceptions=True,
        )

        kept = [number for number, result in enumerate(results, 1) if not isinstance(result, Exception)]
        assert kept == list(range(1, 1 + commit.ENOUGH))
        assert all(isinstance(result, Overloaded) for result in results[commit.ENOUGH :])
        assert numbers(stream) == [0, *kept]


async def test_readonly_redis_keeps_all_that_is_under_way_in_order(own_url: str, tmp_path: Path) -> None:
    async with a_stream(own_url, tmp_path) as stream:
        await stream.committer.append(a_bare_append(0))
        waiting = [stream.committer.append(a_bare_append(number)) for number in range(1, MANY)]
        stream.redis.config_set("min-replicas-to-write", 1)
        await asyncio.gather(*waiting)
        stream.redis.config_set("min-replicas-to-write", 0)
        await stream.committer.caught_up()

        assert numbers(stream) == list(range(MANY))


async def test_callback_is_called_once_with_the_answer_or_the_error(valkey_url: str, tmp_path: Path) -> None:
    told: list[tuple[Resolved, ...] | Exception] = []
    async with a_stream(valkey_url, tmp_path) as stream:
        stream.committer.put(an_append(a_run(device=1)), answered=told.append)
        stream.committer.put(an_append(a_run(), envelope=None), answered=told.append)
        await stream.visit(0, device=2)

    stream.committer.put(an_append(a_run(device=3)), answered=told.append)

    refused, answer, late = told
    assert isinstance(refused, CommitRefused)
    assert isinstance(answer, tuple)
    assert answer[0].device == 1
    assert isinstance(late, Overloaded)


async def test_callback_that_raises_does_not_hinder_others(stream: Stream) -> None:
    def fail(_answer: object) -> None:
        raise RuntimeError("defect")

    stream.committer.put(an_append(a_run(device=1)), answered=fail)

    assert (await stream.visit(0, device=2)).opened
    assert (await stream.visit(1, device=2)).opened is False
    assert [message.device for message in stream.messages()] == [1, 2, 2]


async def test_closing_waits_for_what_is_under_way(valkey_url: str, tmp_path: Path) -> None:
    async with a_stream(valkey_url, tmp_path) as stream:
        await stream.committer.append(a_bare_append(0))
        waiting = [stream.committer.append(a_bare_append(number)) for number in range(1, MANY)]

        await stream.committer.close()

        assert [future.exception() for future in waiting] == [None] * len(waiting)
        assert numbers(stream) == list(range(MANY))


async def test_reply_that_is_not_known_any_more_is_answered_without_redis(
    valkey_url: str, tmp_path: Path
) -> None:
    """Another process cannot have the writer's name; what is lost is lost to memory, not to the stream."""
    spool = Spool(tmp_path / "spool", pool="lost")
    async with a_stream(valkey_url, tmp_path, spool=spool) as stream:
        await stream.visit(0, device=9)
        (memory,) = stream.redis.scan_iter(match=f"{stream.keys.commit_prefix}*")
        stream.redis.hset(memory, "seq", 99)

        answer = await stream.visit(1, device=1)

        assert (answer.device, answer.opened) == (1, False)


async def test_memory_of_commits_answers_for_all_that_may_be_under_way(stream: Stream) -> None:
    for minute in range(8):
        await stream.visit(minute)

    (memory,) = stream.redis.scan_iter(match=f"{stream.keys.commit_prefix}*")
    replies = set(stream.redis.hkeys(memory)) - {b"seq"}

    assert commit.UNDER_WAY < len(replies) < 8


async def test_requests_behind_a_commit_that_has_just_left_wait_for_each_other(
    stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stream.committer.append(a_bare_append(0))
    monkeypatch.setattr(pace, "PACE_S", 3_600)

    behind = [stream.committer.append(a_bare_append(1))]
    await asyncio.sleep(0.01)
    behind.append(stream.committer.append(a_bare_append(2)))
    while not all(one.done() for one in behind):
        stream.committer._pace.end()  # the hour is over
        await asyncio.sleep(0)

    assert stream.redis.xlen(stream.keys.stream) == 2
    assert numbers(stream) == [0, 1, 2]


async def test_enough_requests_wait_for_no_others(stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    await stream.committer.append(a_bare_append(0))
    monkeypatch.setattr(pace, "PACE_S", 3_600)

    await asyncio.gather(*(stream.committer.append(a_bare_append(1 + n)) for n in range(commit.ENOUGH)))

    assert numbers(stream) == list(range(1 + commit.ENOUGH))


async def test_closing_waits_for_no_company(
    valkey_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with a_stream(valkey_url, tmp_path) as stream:
        await stream.committer.append(a_bare_append(0))
        monkeypatch.setattr(pace, "PACE_S", 3_600)
        waiting = stream.committer.append(a_bare_append(1))
        await asyncio.sleep(0)

        await stream.committer.close()

        assert waiting.done()
        assert numbers(stream) == [0, 1]
