"""The worker's side: leases, ranges, blocks, dead entries, wake-ups."""

import asyncio
import struct
import threading
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from openpanel.identity.ids import hash64
from openpanel.stream import drain, frames, scripts
from openpanel.stream.drain import (
    Block,
    EndedSession,
    LeaseLost,
    Message,
    Shard,
    depth,
    shards_waiting,
)
from openpanel.stream.frames import RunMode
from openpanel.stream.records import ID_STEP
from tests.stream.builders import (
    LONG_MS,
    NOON,
    PATIENCE_S,
    PROJECT,
    Stream,
    a_bare_append,
    a_run,
    a_stream,
    an_envelope,
)


async def fill(stream: Stream, entries: int, *, messages: int = 1) -> None:
    for number in range(entries):
        await asyncio.gather(
            *(stream.committer.append(a_bare_append(number * messages + place)) for place in range(messages))
        )


def bodies(block: Block) -> list[int]:
    return [int(record.envelope.body) for record in block.records if isinstance(record, Message)]


def next_block(shard: Shard, *, max_events: int = 1_000) -> Block:
    block = shard.next_block(max_events=max_events)
    assert block is not None
    return block


async def test_only_one_worker_has_a_shard(stream: Stream) -> None:
    one, other = stream.shard(owner="one"), stream.shard(owner="other")

    assert one.acquire()
    assert not other.acquire()

    one.release()
    assert other.acquire()


async def test_block_ends_before_the_limit_with_whole_entries(stream: Stream) -> None:
    await fill(stream, 5, messages=4)
    shard = stream.shard()
    shard.acquire()

    sizes = []
    while block := shard.next_block(max_events=9):
        sizes.append(block.messages)
        shard.acknowledge(block)

    assert sizes == [8, 8, 4]


async def test_entry_larger_than_the_limit_is_a_block_of_its_own(stream: Stream) -> None:
    await fill(stream, 2, messages=4)
    shard = stream.shard()
    shard.acquire()

    assert next_block(shard, max_events=1).messages == 4


async def test_block_ends_before_it_takes_too_much_memory(
    stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(stream, 40)
    [(_, fields), *_] = cast("Any", stream.redis.xrange(stream.keys.stream))
    monkeypatch.setattr(drain, "MAX_BLOCK_BYTES", 12 * len(fields[b"f"]) + 5)
    shard = stream.shard()
    shard.acquire()

    blocks = []
    while block := shard.next_block(max_events=1_000):
        blocks.append(bodies(block))
        shard.acknowledge(block)

    assert [number for block in blocks for number in block] == list(range(40))
    assert max(map(len, blocks)) <= 12
    assert len(blocks) <= 5


async def test_block_is_weighed_by_what_its_entries_are_unpacked(
    stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = b'"' + b"x" * 1_000_000 + b'"'
    monkeypatch.setattr(drain, "MAX_BLOCK_BYTES", 3 * len(large) + 10_000)
    for number in range(8):
        await stream.append(a_run(NOON + number), body=large)
    shard = stream.shard()
    shard.acquire()

    sizes = []
    while block := shard.next_block(max_events=1_000):
        sizes.append(block.messages)
        shard.acknowledge(block)

    assert sizes == [3, 3, 2]


async def test_entry_that_is_unpacked_larger_than_a_block_is_one_of_its_own(
    stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drain, "MAX_BLOCK_BYTES", 1_000)
    for number in range(2):
        await stream.append(a_run(NOON + number), body=b"x" * 100_000)
    shard = stream.shard()
    shard.acquire()

    assert next_block(shard).messages == 1


async def test_long_block_is_read_in_many_pages(stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drain, "LONGEST_PAGE", 7)
    await fill(stream, 60)
    shard = stream.shard()
    shard.acquire()

    assert bodies(next_block(shard, max_events=50)) == list(range(50))


async def test_empty_stream_has_no_block(stream: Stream) -> None:
    shard = stream.shard()
    shard.acquire()

    assert shard.next_block(max_events=10) is None


async def test_successor_repeats_exactly_the_open_range(stream: Stream) -> None:
    await fill(stream, 3)
    dead = stream.shard(owner="dead")
    dead.acquire()
    lost = next_block(dead, max_events=2)
    await fill(stream, 3)
    stream.redis.delete(stream.keys.lease)  # ran out

    heir = stream.shard(owner="heir")
    assert heir.acquire()
    repeated = next_block(heir, max_events=100)

    assert repeated.repeated
    assert not lost.repeated
    assert (repeated.token, repeated.first, repeated.last) == (lost.token, lost.first, lost.last)
    assert repeated.records == lost.records
    heir.acknowledge(repeated)
    assert not next_block(heir).repeated


async def test_successor_learns_which_inserts_were_cut_and_the_next_block_does_not(stream: Stream) -> None:
    await fill(stream, 2)
    dead = stream.shard(owner="dead")
    dead.acquire()
    lost = next_block(dead, max_events=1)
    dead.cut(lost, "events")
    dead.cut(lost, "events.0")
    stream.redis.delete(stream.keys.lease)  # ran out

    heir = stream.shard(owner="heir")
    assert heir.acquire()
    repeated = next_block(heir)

    assert not lost.cuts
    assert repeated.cuts == {"events", "events.0"}
    heir.acknowledge(repeated)
    assert not stream.redis.exists(stream.keys.cuts)
    assert not next_block(heir).cuts


async def test_nobody_cuts_a_block_that_is_not_open_or_anothers(stream: Stream) -> None:
    await fill(stream, 2)
    old, new = stream.shard(owner="old"), stream.shard(owner="new")
    old.acquire()
    first = next_block(old, max_events=1)
    second = old.peek(max_events=1, after=first)
    assert second is not None
    with pytest.raises(LeaseLost):
        old.cut(second, "events")
    stream.redis.delete(stream.keys.lease)
    new.acquire()

    with pytest.raises(LeaseLost):
        old.cut(first, "events")

    assert not next_block(new).cuts


async def test_block_after_the_one_in_hand_is_read_and_not_begun(stream: Stream) -> None:
    await fill(stream, 3)
    shard = stream.shard()
    shard.acquire()
    first = next_block(shard, max_events=1)

    second = shard.peek(max_events=1, after=first)
    assert second is not None
    with pytest.raises(LeaseLost):  # the first one is still open
        shard.claim(second)

    assert stream.shard(owner="heir").acquire() is False
    stream.redis.delete(stream.keys.lease)
    heir = stream.shard(owner="heir")
    heir.acquire()
    repeated = next_block(heir, max_events=100)
    assert (bodies(second), repeated.token) == ([1], first.token)


async def test_blocks_read_ahead_follow_one_another_without_gap(stream: Stream) -> None:
    await fill(stream, 4)
    shard = stream.shard()
    shard.acquire()
    read: list[int] = []

    block = shard.peek(max_events=1)
    while block is not None:
        shard.claim(block)
        following = shard.peek(max_events=2, after=block)
        read += bodies(block)
        shard.acknowledge(block)
        block = following

    assert read == [0, 1, 2, 3]
    assert shard.clear_order()
    assert depth(stream.redis, pool=stream.pool) == 0


async def test_nothing_comes_after_the_last_block(stream: Stream) -> None:
    await fill(stream, 1)
    shard = stream.shard()
    shard.acquire()

    assert shard.peek(max_events=5, after=next_block(shard)) is None


async def test_old_owner_is_fenced_out(stream: Stream) -> None:
    await fill(stream, 2)
    old = stream.shard(owner="old")
    old.acquire()
    block = next_block(old, max_events=1)
    stream.redis.delete(stream.keys.lease)
    new = stream.shard(owner="new")
    new.acquire()

    with pytest.raises(LeaseLost):
        old.acknowledge(block)
    with pytest.raises(LeaseLost):
        old.next_block(max_events=1)
    with pytest.raises(LeaseLost):
        old.renew()
    old.release()

    assert stream.redis.xlen(stream.keys.stream) == 2
    assert stream.redis.get(stream.keys.lease) == b"new"
    new.renew()


async def test_expired_lease_that_nobody_took_goes_on(stream: Stream) -> None:
    await fill(stream, 1)
    shard = stream.shard()
    shard.acquire()
    stream.redis.delete(stream.keys.lease)
    stream.clock.now_ms += 60_000

    shard.renew()

    assert stream.redis.get(stream.keys.lease) == b"worker"
    shard.acknowledge(next_block(shard))


async def test_acknowledging_twice_changes_nothing(stream: Stream) -> None:
    await fill(stream, 2)
    shard = stream.shard()
    shard.acquire()
    block = next_block(shard, max_events=1)

    shard.acknowledge(block)
    shard.acknowledge(block)

    assert depth(stream.redis, pool=stream.pool) == 1
    assert bodies(next_block(shard)) == [1]


async def test_depth_counts_what_is_in_hand(stream: Stream) -> None:
    await fill(stream, 3)
    shard = stream.shard()
    shard.acquire()
    block = next_block(shard, max_events=2)

    in_hand = depth(stream.redis, pool=stream.pool)
    shard.acknowledge(block)

    assert (in_hand, depth(stream.redis, pool=stream.pool)) == (3, 1)


async def test_ids_follow_from_the_place_in_the_stream(stream: Stream) -> None:
    await fill(stream, 1, messages=2)
    shard = stream.shard()
    shard.acquire()
    block = next_block(shard)
    epoch = block.token.split(":")[0]

    ids = [record.event_id for record in block.records]
    orders = [record.order for record in block.records]

    first_id = hash64(epoch, stream.pool.name, "0", block.first, "")
    assert ids == [first_id, (first_id + ID_STEP) % 2**64]
    ms, number = map(int, block.first.split("-"))
    assert orders == [(ms << 20) + (number << 14) + place for place in range(2)]
    assert orders[-1] < 2**63


def an_outcome(session: int) -> bytes:
    """A run that opened this session at noon, as the script writes it."""
    return struct.pack(">QQQ", 0, session, NOON * 4 + 1)


async def test_unreadable_entry_is_dead_and_the_rest_goes_on(stream: Stream) -> None:
    await fill(stream, 1)
    stream.redis.xadd(stream.keys.stream, {"f": b"\x01\x05garbage", "s": b"", "n": 5})
    stream.redis.incrby(stream.keys.depth, 5)
    await fill(stream, 1)
    shard = stream.shard()
    shard.acquire()

    block = next_block(shard)
    shard.acknowledge(block)

    assert len(block.records) == 2
    (dead,) = block.dead
    assert dead.body == b"\x01\x05garbage"
    assert dead.reason.startswith("zstd")
    assert depth(stream.redis, pool=stream.pool) == 0


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"x": b"1"}, "version missing"),
        ({"f": b"\x07abc"}, "version 7"),
        ({"e": b"\xc1"}, "MessagePack"),
        ({"f": b"", "s": b"\xff"}, "1 bytes of outcomes"),
    ],
    ids=["no field that is known", "later version", "bad ended sessions", "bad outcomes"],
)
async def test_each_way_to_be_unreadable_has_a_reason(
    stream: Stream, fields: dict[str, bytes], reason: str
) -> None:
    stream.redis.xadd(stream.keys.stream, {**fields, "n": 1})  # type: ignore[dict-item] # ints are encoded
    shard = stream.shard()
    shard.acquire()

    (dead,) = next_block(shard).dead

    assert reason in dead.reason
    assert "another version of openpanel wrote it" in dead.reason


async def test_single_unreadable_envelope_is_narrowed_down(stream: Stream) -> None:
    good = an_envelope([a_run()])
    rows = [(0, 0, good), (1, 1, {"not": "an envelope"}), (2, 2, good)]
    frame = frames.encode(rows, messages=3)  # type: ignore[arg-type] # what a defect would write
    outcomes = an_outcome(0xFF) * 3
    stream.redis.xadd(stream.keys.stream, {"f": frame, "s": outcomes, "n": 3})
    shard = stream.shard()
    shard.acquire()

    block = next_block(shard)

    assert len(block.records) == 2
    (dead,) = block.dead
    assert b"not" in dead.body
    assert dead.event_id not in {record.event_id for record in block.records}


async def test_envelope_that_names_a_missing_run_is_dead(stream: Stream) -> None:
    frame = frames.encode([(0, 0, an_envelope([a_run()]))], messages=1)
    stream.redis.xadd(stream.keys.stream, {"f": frame, "s": b"", "n": 1})
    shard = stream.shard()
    shard.acquire()

    block = next_block(shard)

    assert block.records == []
    assert "run" in block.dead[0].reason
    assert msgspec.msgpack.decode(block.dead[0].body, type=frames.Envelope) == an_envelope([a_run()])


async def test_end_told_by_an_unreadable_message_is_not_lost(stream: Stream) -> None:
    closed = (PROJECT, "00000000000000aa", "00000000000000bb", NOON, NOON, 1, 0, "/", "")
    frame = frames.encode([(0, 0, "not an envelope")], messages=1)  # type: ignore[list-item] # a defect's
    closings = msgspec.msgpack.encode([(0, closed)])
    stream.redis.xadd(stream.keys.stream, {"f": frame, "s": an_outcome(0xCC), "c": closings, "n": 1})
    shard = stream.shard()
    shard.acquire()

    (ended,) = next_block(shard).records

    assert isinstance(ended, EndedSession)
    assert ended.session == 0xBB


async def test_range_whose_entries_vanished_can_be_acknowledged(stream: Stream) -> None:
    await fill(stream, 1)
    shard = stream.shard()
    shard.acquire()
    next_block(shard)
    stream.redis.xtrim(stream.keys.stream, maxlen=0, approximate=False)

    block = next_block(shard)
    shard.acknowledge(block)

    assert block.records == []
    assert shard.next_block(max_events=1) is None


async def test_epoch_differs_after_redis_lost_everything(stream: Stream) -> None:
    await fill(stream, 1)
    shard = stream.shard(owner="one")
    shard.acquire()
    before = next_block(shard).token
    stream.redis.delete(*[stream.keys.epoch, stream.keys.fence, stream.keys.range, stream.keys.lease])

    again = stream.shard(owner="two")
    again.acquire()

    assert next_block(again).token.split(":")[0] != before.split(":")[0]


@pytest.mark.usefixtures("long_moments")
async def test_flag_stays_while_something_waits(stream: Stream) -> None:
    await fill(stream, 1)
    shard = stream.shard()

    assert not shard.clear_order()
    assert shard.order_wanted()
    assert stream.redis.exists(stream.keys.order)
    assert shards_waiting(stream.redis, pool=stream.pool) == [0]


@pytest.mark.usefixtures("long_moments")
async def test_flag_passes_by_itself_when_no_order_came(stream: Stream) -> None:
    await fill(stream, 1)

    assert 0 < stream.redis.pttl(stream.keys.order) <= LONG_MS
    assert scripts.ORDER_MS == 5_000


async def test_no_wake_up_is_lost_between_looking_and_leaving(valkey_url: str, tmp_path: Path) -> None:
    """A worker that comes only when woken and leaves only by `clear_order` sees every message."""
    wanted = list(range(300))
    seen: list[int] = []
    order = threading.Event()
    async with a_stream(valkey_url, tmp_path, wake=lambda _: order.set()) as stream:

        def work() -> None:
            shard = stream.shard()
            while len(seen) < len(wanted) and order.wait(timeout=PATIENCE_S):
                order.clear()
                assert shard.acquire()
                while not shard.clear_order():
                    while block := shard.next_block(max_events=3):
                        seen.extend(bodies(block))
                        shard.acknowledge(block)
                shard.release()

        working = asyncio.create_task(asyncio.to_thread(work))
        for number in wanted:
            await stream.committer.append(a_bare_append(number))
        await working

    assert seen == wanted


async def test_peeked_messages_say_that_no_session_is_open(stream: Stream) -> None:
    answer = await stream.visit(0, mode=RunMode.PEEK)

    (message,) = stream.messages()

    assert (message.session, message.session_started_ms, message.opened) == (answer.session, 0, False)
