"""Redis away, killed, paused, restarted: what was acknowledged is read back exactly once, in order."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import pytest
import redis
from structlog.testing import capture_logs

from openpanel.identity.ids import session_id
from openpanel.stream import replay
from openpanel.stream.drain import Message
from openpanel.stream.frames import Append, Overloaded, RunMode
from openpanel.stream.spool import Spool
from tests.stream.builders import (
    DEVICE,
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
from tests.stream.servers import Server

PATIENCE_S = 100.0


def a_guarded_append(received_ms: int) -> Append:
    """Always the same bytes of the same sender."""
    append = an_append(a_run(), idempotency=("bytes",), idempotency_ttl_ms=LONG_MS)
    assert append.envelope is not None
    envelope = msgspec.structs.replace(append.envelope, received_ms=received_ms)
    return msgspec.structs.replace(append, envelope=envelope)


def numbers(stream: Stream) -> list[int]:
    return [int(message.envelope.body) for message in stream.messages()]


async def told(logs: Sequence[Mapping[str, object]], reason: str, *, times: int = 1) -> None:
    """Wait until the log has said so often why the spool waits."""
    async with asyncio.timeout(PATIENCE_S):
        while sum(reason in str(entry.get("reason")) for entry in logs) < times:  # noqa: ASYNC110 (bounded)
            await asyncio.sleep(0.01)


async def test_while_redis_is_away_answers_need_no_redis(server: Server, tmp_path: Path) -> None:
    async with a_stream(server.url, tmp_path) as stream:
        server.kill()

        opened = await stream.visit(0)
        peeked = await stream.visit(1, mode=RunMode.PEEK)
        late = await stream.visit(1, mode=RunMode.LATE)
        joined = await stream.visit(1, mode=RunMode.JOIN, profile="p1")

        assert (opened.device, opened.session) == (
            DEVICE,
            session_id(project=PROJECT, device=DEVICE, at_ms=NOON),
        )
        assert peeked.session == opened.session
        assert (late.device, late.session) == (DEVICE, 0)
        assert (joined.device, joined.session) == (0, 0)
        assert stream.committer.spooled_bytes > 0
        server.start()
        await stream.committer.caught_up()


async def test_who_leaves_with_its_disk_waits_for_redis_to_come_back(server: Server, tmp_path: Path) -> None:
    async with a_stream(server.url, tmp_path) as stream:
        server.kill()
        await stream.visit(0)
        leaving = asyncio.create_task(stream.committer.close(patience_s=PATIENCE_S))
        await asyncio.sleep(0)
        server.start()
        await leaving

        assert stream.committer.spooled_bytes == 0
        assert len(stream.messages()) == 1


async def test_who_keeps_its_disk_leaves_at_once(server: Server, tmp_path: Path) -> None:
    async with a_stream(server.url, tmp_path) as stream:
        server.kill()
        await stream.visit(0)
        await stream.committer.close()

        assert stream.committer.spooled_bytes > 0
        server.start()


async def test_redis_that_stays_away_holds_up_an_end_no_longer_than_said(
    server: Server, tmp_path: Path
) -> None:
    async with a_stream(server.url, tmp_path) as stream:
        server.kill()
        await stream.visit(0)
        await stream.committer.close(patience_s=0.05)

        assert stream.committer.spooled_bytes > 0
        server.start()


async def test_spool_is_replayed_in_order_and_sessions_go_on(server: Server, tmp_path: Path) -> None:
    async with a_stream(server.url, tmp_path) as stream:
        before = await stream.visit(0)
        server.kill()
        for minute in (10, 20, 60):
            await stream.visit(minute)
        server.start()
        await stream.committer.caught_up()
        after = await stream.visit(70)

        messages = stream.messages()

        assert [(message.item.at_ms - NOON) // MINUTE for message in messages] == [0, 10, 20, 60, 70]
        assert [message.opened for message in messages] == [True, False, False, True, False]
        assert {message.session for message in messages[:3]} == {before.session}
        assert after.session == messages[3].session
        assert stream.committer.spooled_bytes == 0


async def test_replay_of_more_than_24_hours_without_silence_is_two_visits(
    server: Server, tmp_path: Path
) -> None:
    async with a_stream(server.url, tmp_path) as stream:
        server.kill()
        for minute in range(0, 1_480, 29):
            await stream.visit(minute)
        server.start()
        await stream.committer.caught_up()

        messages = stream.messages()

        opening = [message for message in messages if message.opened]
        assert [(message.item.at_ms - NOON) // MINUTE for message in opening] == [0, 1_450]
        assert [message.closed.session for message in messages if message.closed] == [opening[0].session]
        assert messages[-1].session == opening[1].session != opening[0].session


@pytest.mark.usefixtures("long_moments")
async def test_same_bytes_from_long_after_one_another_are_all_replayed(
    server: Server, tmp_path: Path
) -> None:
    """A visitor who presses the same button again and again: the replay brings all of it in within a moment."""
    async with a_stream(server.url, tmp_path) as stream:
        server.kill()
        for received_ms in (NOON, NOON + 3 * LONG_MS, NOON + 6 * LONG_MS, NOON + 6 * LONG_MS + 5):
            await stream.committer.append(a_guarded_append(received_ms))
        server.start()
        await stream.committer.caught_up()

        messages = stream.messages()

    kept = [message.envelope.received_ms - NOON for message in messages]
    assert kept == [0, 3 * LONG_MS, 6 * LONG_MS]


@pytest.mark.usefixtures("long_moments")
async def test_same_bytes_that_waited_for_a_slow_redis_together_all_count(
    server: Server, tmp_path: Path
) -> None:
    async with a_stream(server.url, tmp_path) as stream:
        await stream.visit(0)
        os.kill(server.pid, signal.SIGSTOP)
        came = [NOON + number * 2 * LONG_MS for number in range(100)]
        waiting = [stream.committer.append(a_guarded_append(received_ms)) for received_ms in came]
        os.kill(server.pid, signal.SIGCONT)
        await asyncio.gather(*waiting)

        messages = stream.messages()

    assert [message.envelope.received_ms for message in messages[1:]] == came


async def test_question_without_message_is_not_spooled(server: Server, tmp_path: Path) -> None:
    async with a_stream(server.url, tmp_path) as stream:
        server.kill()

        await stream.append(a_run(mode=RunMode.PEEK), envelope=None)

        assert stream.committer.spooled_bytes == 0


@pytest.mark.parametrize("senders", [4, 16, 100], ids=["one under way", "few", "several under way"])
async def test_killed_redis_under_load_loses_and_doubles_nothing(
    server: Server, tmp_path: Path, senders: int
) -> None:
    async with a_stream(server.url, tmp_path) as stream:
        acknowledged: list[int] = []
        source = iter(range(6_000))

        async def send() -> None:
            for number in source:
                await stream.committer.append(a_bare_append(number))
                acknowledged.append(number)
                if number in (1_500, 3_500):
                    server.kill()
                if number in (2_500, 4_500):
                    server.start()

        await asyncio.gather(*(send() for _ in range(senders)))
        await stream.committer.caught_up()

        assert sorted(acknowledged) == list(range(6_000))
        assert sorted(numbers(stream)) == list(range(6_000))


async def test_all_that_is_under_way_when_redis_pauses_is_kept_in_order(
    server: Server, tmp_path: Path
) -> None:
    async with a_stream(server.url, tmp_path, timeout_s=0.2) as stream:
        await stream.committer.append(a_bare_append(0))
        os.kill(server.pid, signal.SIGSTOP)
        await asyncio.gather(*(stream.committer.append(a_bare_append(number)) for number in range(1, 100)))
        os.kill(server.pid, signal.SIGCONT)
        await stream.committer.caught_up()

        assert numbers(stream) == list(range(100))


async def test_one_sender_keeps_its_order_over_an_outage(server: Server, tmp_path: Path) -> None:
    async with a_stream(server.url, tmp_path) as stream:
        for number in range(600):
            await stream.committer.append(a_bare_append(number))
            if number == 200:
                server.kill()
            if number == 400:
                server.start()
        await stream.committer.caught_up()

        assert numbers(stream) == list(range(600))


async def test_paused_redis_counts_as_away_and_applies_nothing_twice(server: Server, tmp_path: Path) -> None:
    """The commit sent before the pause is carried out after it, when its repetition lies in the spool."""
    async with a_stream(server.url, tmp_path, timeout_s=0.2) as stream:
        await stream.committer.append(a_bare_append(0))
        os.kill(server.pid, signal.SIGSTOP)
        await stream.committer.append(a_bare_append(1))
        await stream.committer.append(a_bare_append(2))
        os.kill(server.pid, signal.SIGCONT)
        await stream.committer.caught_up()

        assert numbers(stream) == [0, 1, 2]


async def test_spool_outlives_its_process(server: Server, tmp_path: Path) -> None:
    """kill -9 of a process with a spool: the next one in the folder brings it in, before its own."""
    program = """
import asyncio, sys
from pathlib import Path
from tests.stream.builders import a_bare_append, a_stream
from openpanel.stream.keys import Pool

async def main():
    async with a_stream(sys.argv[1], Path(sys.argv[2]), pool=Pool(sys.argv[3], 1)) as stream:
        for number in range(100_000):
            await stream.committer.append(a_bare_append(number))
            print("kept", number, flush=True)

asyncio.run(main())
"""
    async with a_stream(server.url, tmp_path / "other") as reader:
        pool = reader.pool
        with subprocess.Popen(  # noqa: ASYNC220 - a few ms before anything else runs
            [sys.executable, "-c", program, server.url, str(tmp_path / "spool"), pool.name],
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
        ) as sender:
            assert sender.stdout is not None
            kept = (int(line[5:]) for line in sender.stdout if line.startswith(b"kept "))
            acknowledged = [next(kept) for _ in range(100)]
            server.kill()
            acknowledged += [next(kept) for _ in range(100)]
            sender.kill()
            acknowledged += list(kept)
        server.start()

        async with a_stream(server.url, tmp_path / "spool", pool=pool) as heir:
            await heir.committer.append(a_bare_append(999_999))
            await heir.committer.caught_up()

            *rest, last = numbers(heir)
            assert last == 999_999
            assert rest[: len(acknowledged)] == acknowledged
            assert len(rest) <= len(acknowledged) + 1


async def test_full_spool_turns_away(server: Server, tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", pool="tiny", limit_bytes=2_000)
    async with a_stream(server.url, tmp_path, spool=spool) as stream:
        server.kill()
        kept = 0
        with contextlib.suppress(Overloaded):
            for number in range(100):
                await stream.committer.append(a_bare_append(number))
                kept += 1
        server.start()
        await stream.committer.caught_up()

        assert 0 < kept < 100
        assert numbers(stream) == list(range(kept))


async def test_replay_waits_while_the_stream_is_past_its_mark(server: Server, tmp_path: Path) -> None:
    async with a_stream(server.url, tmp_path, high_water=3) as stream:
        server.kill()
        for number in range(8):
            await stream.committer.append(a_bare_append(number))
        server.start()

        seen: list[int] = []
        caught_up = asyncio.create_task(stream.committer.caught_up())
        while not caught_up.done():
            seen += numbers(stream)
            await asyncio.wait([caught_up], timeout=0.05)
        seen += numbers(stream)

        assert seen == list(range(8))


async def test_record_that_redis_refuses_for_good_is_set_aside(server: Server, tmp_path: Path) -> None:
    async with a_stream(server.url, tmp_path) as stream:
        server.kill()
        await stream.visit(0)
        await stream.committer.append(a_bare_append(5))
        server.start()
        with redis.Redis.from_url(server.url) as other:
            other.set(stream.keys.session(project=PROJECT, device=DEVICE), b"\xc1 no state")
        await stream.committer.caught_up()

        assert numbers(stream) == [5]
        assert (tmp_path / f"{stream.pool.name}.refused").stat().st_size > 0


@pytest.mark.parametrize("shards", [1, 4], ids=["a shard that knows the keys", "keys that lie elsewhere"])
@pytest.mark.parametrize("missing", ["@scripting", "@write"], ids=["of scripts", "within a script"])
async def test_rights_that_miss_are_waited_for(
    server: Server, tmp_path: Path, missing: str, shards: int
) -> None:
    """A Redis that was set up anew: it answers, and refuses everything alike."""
    pool = a_pool(shards)
    async with a_stream(server.url, tmp_path, pool=pool) as before:
        server.kill()
        for minute in range(3):
            await before.append(a_run(NOON + minute * MINUTE), idempotency=(f"key {minute}",))
    server.start()
    with redis.Redis.from_url(server.url) as admin, capture_logs() as logs:
        admin.acl_setuser("default", enabled=True, categories=[f"-{missing}"])
        async with a_stream(server.url, tmp_path, pool=pool) as stream:
            await told(logs, "no permissions")
            admin.acl_setuser("default", enabled=True, categories=["+@all"])
            await stream.committer.caught_up()

            assert [(message.item.at_ms - NOON) // MINUTE for message in stream.messages()] == [0, 1, 2]
    assert not (tmp_path / f"{pool.name}.refused").exists()


async def test_refusal_that_lasts_is_told_at_growing_distances(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "FIRST_PAUSE_S", 0.001)
    monkeypatch.setattr(replay, "LONGEST_PAUSE_S", 0.001)
    pool = a_pool()
    async with a_stream(server.url, tmp_path, pool=pool) as before:
        server.kill()
        await before.visit(0)
    server.start()
    with redis.Redis.from_url(server.url) as admin, capture_logs() as logs:
        admin.acl_setuser("default", enabled=True, commands=["-evalsha"])
        async with a_stream(server.url, tmp_path, pool=pool):
            await told(logs, "no permissions", times=6)
        tries = admin.info("commandstats")["cmdstat_evalsha"]["rejected_calls"]
        admin.acl_setuser("default", enabled=True, categories=["+@all"])

    assert tries >= 32
    assert {entry["log_level"] for entry in logs if entry["event"] == "spool.waits"} == {"error"}


async def test_record_of_an_unknown_form_does_not_stop_the_others(server: Server, tmp_path: Path) -> None:
    pool = a_pool()
    left = Spool(tmp_path, pool=pool.name)
    left.open()
    left.append(b"from another version")
    left.close()
    server.kill()
    async with a_stream(server.url, tmp_path, pool=pool) as stream:
        await stream.committer.append(a_bare_append(1))
        server.start()
        await stream.committer.caught_up()

        assert numbers(stream) == [1]
        assert (tmp_path / f"{pool.name}.refused").read_bytes().endswith(b"from another version")


async def test_replayed_visit_is_not_live_but_not_swept_at_once(server: Server, tmp_path: Path) -> None:
    async with a_stream(server.url, tmp_path) as stream:
        server.kill()
        opened = await stream.visit(0)
        stream.clock.now_ms = NOON + 300 * MINUTE
        server.start()
        await stream.committer.caught_up()

        assert stream.sweep(309) == []
        assert [ended.session for ended in stream.sweep(311)] == [opened.session]


async def test_redis_that_is_a_replica_is_waited_for(server: Server, tmp_path: Path) -> None:
    """A failover: writes are refused with READONLY until the client reaches the new primary."""
    async with a_stream(server.url, tmp_path) as stream:
        await stream.visit(0)
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))
            stream.redis.replicaof("127.0.0.1", nobody.getsockname()[1])
            await stream.visit(1)
            kept = stream.committer.spooled_bytes
            stream.redis.replicaof("NO", "ONE")
        await stream.committer.caught_up()

        assert kept > 0
        records = stream.drained()
        assert [isinstance(record, Message) for record in records] == [True, True]
        assert (await stream.committer.append(an_append(a_run(NOON + 2 * MINUTE))))[0].opened is False
