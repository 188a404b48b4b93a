"""What cannot be read, processed or inserted is kept with its reason, and its neighbours go on."""

import base64
import json
import os
from typing import Any

import pytest

from openpanel.stream import frames
from openpanel.stream.frames import Envelope, Item
from openpanel.warehouse import Refused, Warehouse
from openpanel.warehouse.errors import error_of
from openpanel_worker.bodies import MAX_KEPT
from openpanel_worker.drain import Outcome
from tests.worker.builders import BOB, NOON, PROJECT, Kind, World, track
from tests.worker.faults import DyingShard, FaultyWarehouse, Killed


class PickyWarehouse(FaultyWarehouse):
    """The real warehouse, but it refuses blocks in which some bytes stand."""

    def __init__(self, url: str, *, database: str, hated: bytes) -> None:
        super().__init__(url, database=database)
        self._hated = hated

    def insert_native(self, table: str, *, columns: Any, block: bytes, token: str) -> None:
        if self._hated in block and table != "dead_letters":
            self.inserts.append((table, token))
            raise Refused(33, "Cannot read all data")
        super().insert_native(table, columns=columns, block=block, token=token)


async def test_message_that_cannot_be_read_is_kept_whole(world: World) -> None:
    body = b'[{"type":"track","payload":{"name":"good"}},{"type":"track","payload":{"name":7}},{"type":"nonsense"}]'
    await world.send_many([(Kind.TRACK, None)] * 4, body=body)

    assert world.drain() is Outcome.EMPTY

    letters = world.letters()
    assert world.rows("name") == [("good",)]
    assert [letter[0] for letter in letters] == ["message cannot be read"] * 3
    assert json.loads(letters[0][2]) == {"type": "track", "payload": {"name": 7}}
    assert letters[2][2] == body.decode()  # it names a fourth message that is not there


@pytest.mark.parametrize(
    "address",
    ['"__ip":"203.0.113.7"', '"__ip" : "203.0.113.7"', r'"\u005f_i\u0070":"203.0.113.7"'],
    ids=["plain", "spaced", "escaped"],
)
@pytest.mark.parametrize("end", ['"name":7}}]', '"name":'], ids=["one message", "no JSON at all"])
async def test_what_cannot_be_read_is_kept_without_the_address_that_it_names(
    world: World, address: str, end: str
) -> None:
    start = '[{"type":"track","payload":{"properties":{"n":1,' + address + "},"
    await world.send_many([(Kind.TRACK, None)], body=(start + end).encode())

    world.drain()

    [(_, _, body)] = world.letters()
    assert "203.0.113.7" not in body
    assert '"n":1' in body


async def test_frame_that_cannot_be_read_is_kept_whole(world: World) -> None:
    await world.send(track("before"))
    world.stream.redis.xadd(world.stream.keys.stream, {"f": b"\xffgarbage", "n": 1})
    await world.send(track("after"), minute=1)

    assert world.drain() is Outcome.EMPTY

    [(reason, _, body)] = world.letters()
    assert (reason, body.encode("latin-1")) == ("frame cannot be read", b"\xffgarbage")
    assert world.rows("name", where="name IN ('before', 'after')") == [("before",), ("after",)]


async def test_large_frame_of_another_version_is_kept_whole(world: World) -> None:
    body = b'"' + base64.b64encode(os.urandom(1_500_000)) + b'"'
    item = Item(Kind.TRACK, -1, NOON, 0, -1, 0)
    written = frames.encode(
        [(0, 0, Envelope(PROJECT, "client", NOON, "", "", "", "", "", body, [item]))], messages=1
    )
    newer = bytes([frames.VERSION + 1]) + written[1:]
    world.stream.redis.xadd(world.stream.keys.stream, {"f": newer, "n": 1})

    assert world.drain() is Outcome.EMPTY

    [(_, _, kept)] = world.letters()
    assert len(newer) > MAX_KEPT
    assert kept.encode("latin-1") == newer


async def test_single_row_that_is_refused_is_found(
    world: World, clickhouse: Any, warehouse: Warehouse
) -> None:
    for number in range(16):
        await world.send(track(f"event{number}", text="poison" if number == 11 else "fine"), minute=number)
    picky = PickyWarehouse(clickhouse.url, database=warehouse.database, hated=b"poison")

    with picky:
        assert world.new_drain(warehouse=picky).run() is Outcome.EMPTY

    [(reason, detail, body)] = world.letters()
    assert reason == "refused by the warehouse"
    assert "Cannot read all data" in detail
    assert json.loads(body)["payload"]["name"] == "event11"
    assert world.rows("count(), uniqExact(event_id)", where="name != 'session_start'", order="1") == [
        (15, 15)
    ]
    assert world.rows("sum(events)", table="r_day", where="name != 'session_start'", order="1") == [(15,)]


async def test_refused_rows_are_told_once_when_the_block_is_repeated(
    world: World, clickhouse: Any, warehouse: Warehouse
) -> None:
    for number in range(4):
        await world.send(track(f"event{number}", text="poison" if number == 2 else "fine"), minute=number)
    with PickyWarehouse(clickhouse.url, database=warehouse.database, hated=b"poison") as picky:
        with pytest.raises(Killed):
            world.new_drain(warehouse=picky, shard=DyingShard(world.shard())).run()
        world.stream.redis.delete(world.stream.keys.lease)

        world.new_drain(warehouse=picky, transform=world.new_transform()).run()

    assert len(world.letters()) == 1
    assert world.rows("count()", where="name != 'session_start'", order="1") == [(3,)]


@pytest.mark.parametrize("code", [16, 60, 75, 76, 201, 452, 1000, 1001])
async def test_events_wait_for_trouble_that_is_not_theirs(
    world: World, faulty: Any, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    monkeypatch.setattr("openpanel_worker.drain.FIRST_PAUSE_S", 0.001)
    for number in range(4):
        await world.send(track(f"event{number}"), minute=number)

    def out_of_order(*_: object) -> None:
        raise error_of(code, "No space left on device", inserting=True)

    outcome = world.new_drain(warehouse=faulty(before=out_of_order), budget_s=0.05).run()

    assert outcome is Outcome.GOES_ON
    assert world.rows("count()", order="1") == [(0,)]
    assert world.drain() is Outcome.EMPTY
    assert world.rows("name", where="name != 'session_start'") == [(f"event{one}",) for one in range(4)]
    assert world.letters() == []


async def test_block_waits_when_its_dead_letters_are_refused_too(
    world: World, faulty: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("openpanel_worker.drain.FIRST_PAUSE_S", 0.001)
    for number in range(4):
        await world.send(track(f"event{number}"), minute=number)
    await world.send({"type": "track", "payload": {"name": 7}}, minute=4)

    def refuse(*_: object) -> None:
        raise Refused(33, "Cannot read all data")

    outcome = world.new_drain(warehouse=faulty(before=refuse), budget_s=0.05).run()

    assert outcome is Outcome.GOES_ON
    assert world.stream.redis.xlen(world.stream.keys.stream) == 5
    assert world.drain() is Outcome.EMPTY
    assert world.rows("name", where="name != 'session_start'") == [(f"event{one}",) for one in range(4)]
    assert [letter[0] for letter in world.letters()] == ["message cannot be read"]


async def test_refused_dead_letters_are_kept_once_when_they_are_taken_later(
    world: World, faulty: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("openpanel_worker.drain.FIRST_PAUSE_S", 0.001)
    for number in range(4):
        await world.send({"type": "track", "payload": {"name": number}}, minute=number)

    def refuse_the_first(_table: str, _token: str, number: int) -> None:
        if number == 0:
            raise Refused(33, "Cannot read all data")

    assert world.new_drain(warehouse=faulty(before=refuse_the_first)).run() is Outcome.EMPTY

    assert len(world.letters()) == 4


async def test_value_that_no_column_holds_is_a_dead_letter(world: World) -> None:
    await world.send_many(
        [(Kind.TRACK, track("fine")), (Kind.TRACK, track("beyond all time"))], items={1: {"at_ms": 2**63}}
    )

    assert world.drain() is Outcome.EMPTY

    [(reason, detail, body)] = world.letters()
    assert reason == "refused by the warehouse"
    assert detail
    assert json.loads(body)["payload"]["name"] == "beyond all time"
    assert world.rows("name") == [("fine",)]


async def test_session_that_an_unreadable_message_opened_starts_with_the_next_one(world: World) -> None:
    await world.send({"type": "track", "payload": {"name": 7}}, device=BOB)
    await world.send(track(__path="/b"), device=BOB, minute=1)

    assert world.drain() is Outcome.EMPTY

    assert world.rows("name") == [("session_start",), ("screen_view",)]


async def test_events_of_many_years_come_in_together(world: World) -> None:
    month = 30 * 86_400_000
    await world.send_many(
        [(Kind.TRACK, track(f"event{number}")) for number in range(300)],
        items={number: {"at_ms": NOON - number * month} for number in range(300)},
    )

    assert world.drain() is Outcome.EMPTY

    assert world.rows("count()", order="1") == [(300,)]
    assert world.rows("sum(events)", table="r_day", order="1") == [(300,)]
    assert not world.letters()
