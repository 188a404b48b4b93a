"""A worker dies in the middle of a block, and its repeat does not go as the first try did: other rows, other refusals."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from openpanel.metadata import ProjectRecord
from openpanel.warehouse import Refused, Unavailable, Warehouse
from openpanel_worker.drain import Outcome
from tests.worker.builders import World, track
from tests.worker.faults import DyingShard, Killed, dies_at

EVENTS = 4


async def send_events(world: World) -> None:
    for number in range(EVENTS):
        await world.send(track(f"event{number}"), minute=number)


def take_over(world: World, *, warehouse: Warehouse | None = None) -> Outcome:
    """Another worker, with nothing in its memory, once the lease has run out."""
    world.stream.redis.delete(world.stream.keys.lease)
    drain = world.new_drain(
        transform=world.new_transform(), shard=world.shard(owner="successor"), warehouse=warehouse
    )
    return drain.run()


def refused_while(still: Callable[[int], bool], then: BaseException) -> Callable[[str, str, int], None]:
    """The server refuses what is inserted first; one insert goes well, at the next something happens."""
    well = 0

    def fail(_table: str, _token: str, number: int) -> None:
        nonlocal well
        if still(number):
            raise Refused(49, "Logical error")
        well += 1
        if well == 2:
            raise then

    return fail


def assert_counted_once(world: World) -> None:
    rows = EVENTS + 1  # with the start of the session
    assert world.rows("count()", order="1") == [(rows,)]
    assert world.rows("sum(events)", table="r_day", order="1") == [(rows,)]
    assert world.letters() == []
    assert not world.stream.redis.exists(world.stream.keys.cuts)


def named(letters: list[tuple[Any, ...]]) -> list[Any]:
    return [json.loads(body)["payload"]["name"] for _, _, body in letters]


async def test_letters_of_a_repeat_that_knows_less_are_kept_beside_those_of_the_first_try(
    world: World, faulty: Any
) -> None:
    await send_events(world)
    await world.send({"type": "track", "payload": {"name": 7}}, minute=EVENTS)
    with pytest.raises(Killed):
        world.new_drain(warehouse=faulty(before=dies_at(1)), shard=DyingShard(world.shard())).run()
    assert [reason for reason, _, _ in world.letters()] == ["message cannot be read"]
    world.projects.clear()

    assert take_over(world) is Outcome.EMPTY

    assert world.rows("count()", order="1") == [(0,)]
    unknown = world.rows("body", table="dead_letters", where="reason = 'project is unknown'", order="order")
    kept = [json.loads(body)["payload"]["name"] for (body,) in unknown]
    assert kept == [*(f"event{number}" for number in range(EVENTS)), 7]


async def test_letters_of_a_repeat_that_makes_the_same_are_told_once(world: World, faulty: Any) -> None:
    for number in range(2):
        await world.send({"type": "track", "payload": {"name": number}}, minute=number)
    await send_events(world)
    with pytest.raises(Killed):
        world.new_drain(warehouse=faulty(before=dies_at(1)), shard=DyingShard(world.shard())).run()

    assert take_over(world) is Outcome.EMPTY

    assert named(world.letters()) == [0, 1]


async def test_rows_that_only_the_repeat_finds_refused_are_kept(world: World, faulty: Any) -> None:
    await send_events(world)

    def hating(*hated: str) -> Warehouse:
        def refuse(block: bytes) -> bool:
            return any(name.encode() in block for name in hated)

        made: Warehouse = faulty()
        insert = made.insert_native

        def insert_native(table: str, *, columns: Any, block: bytes, token: str) -> None:
            if table == "events" and refuse(block):
                raise Refused(33, "Cannot read all data")
            insert(table, columns=columns, block=block, token=token)

        made.insert_native = insert_native  # type: ignore[method-assign]
        return made

    with pytest.raises(Killed):
        world.new_drain(warehouse=hating("event1"), shard=DyingShard(world.shard())).run()

    assert take_over(world, warehouse=hating("event1", "event2")) is Outcome.EMPTY

    assert set(named(world.letters())) == {"event1", "event2"}


@pytest.mark.parametrize("levels", [1, 2])
async def test_refusal_that_has_passed_when_the_block_is_repeated_counts_nothing_twice(
    world: World, faulty: Any, levels: int
) -> None:
    await send_events(world)
    faults = refused_while(lambda number: number < levels, then=Killed())
    with pytest.raises(Killed):
        world.new_drain(warehouse=faulty(before=faults), shard=DyingShard(world.shard())).run()

    assert take_over(world) is Outcome.EMPTY

    assert_counted_once(world)


@pytest.mark.parametrize("levels", [1, 2])
async def test_refusal_that_passes_while_the_warehouse_is_away_counts_nothing_twice(
    world: World, faulty: Any, monkeypatch: pytest.MonkeyPatch, levels: int
) -> None:
    monkeypatch.setattr("openpanel_worker.drain.FIRST_PAUSE_S", 0.001)
    await send_events(world)
    faults = refused_while(lambda number: number < levels, then=Unavailable("nobody answers"))

    assert world.new_drain(warehouse=faulty(before=faults)).run() is Outcome.EMPTY

    assert_counted_once(world)


async def test_half_of_a_repeat_with_fewer_events_does_not_pass_for_one_that_is_in(
    world: World, faulty: Any
) -> None:
    world.projects["other"] = ProjectRecord(id="other", name="Other", organization="acme")
    for minute, (project, name) in enumerate([("other", "a"), ("other", "b"), ("shop", "c"), ("shop", "d")]):
        await world.send(track(name), minute=minute, project=project, mode=None)
    faults = refused_while(lambda number: number == 0, then=Killed())
    with pytest.raises(Killed):
        world.new_drain(warehouse=faulty(before=faults), shard=DyingShard(world.shard())).run()
    assert world.rows("name") == [("a",), ("b",)]
    del world.projects["other"]

    assert take_over(world) is Outcome.EMPTY

    assert world.rows("name") == [("a",), ("b",), ("c",), ("d",)]
