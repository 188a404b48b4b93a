"""A worker dies at any moment, another takes over: everything counts once, in raw rows and rollups alike."""

from typing import Any

import pytest

from openpanel.warehouse import Unavailable
from openpanel_worker.drain import Outcome
from tests.worker.builders import BOB, PROJECT, World, message, track
from tests.worker.faults import DyingShard, Killed, away_for, dies_at

ALL = 5  # tables that the traffic below fills


async def traffic(world: World) -> None:
    for minute in range(3):
        await world.send(
            track(__path=f"https://shop.example/{minute}", __referrer="https://t.co/x"), minute=minute
        )
    await world.send(track(__path="/b", profile="43", n=1), device=BOB)
    for _ in range(3):
        await world.send(message("increment", profileId="42", property="n"))
    await world.send(message("identify", profileId="42", firstName="Ada", properties={"plan": "pro"}))
    await world.send(message("increment", profileId="42", property="plan"))
    await world.send(message("group", id="acme", type="company", name="Acme"))
    world.sweep(minute=200)


def assert_counted_once(world: World) -> None:
    expected = {"session_start": 2, "screen_view": 4, "session_end": 2}
    assert dict(world.rows("name, count()", where="1 GROUP BY name", order="name")) == expected
    assert (
        dict(world.rows("name, sum(events)", table="r_day", where="1 GROUP BY name", order="name"))
        == expected
    )
    assert world.rows("sum(views)", table="sessions", order="1") == [(4,)]
    assert world.rows("sum(views)", table="r_path", order="1") == [(4,)]
    assert world.rows("first_name, properties['n']", table="profiles FINAL", order="1") == [("Ada", "3")]
    assert [letter[0] for letter in world.letters()] == ["property is not a number"]
    assert world.rows("count()", table="groups FINAL", order="1") == [(1,)]
    assert world.stream.redis.xlen(world.stream.keys.stream) == 0


def take_over(world: World) -> Outcome:
    """Another worker, with nothing in its memory, once the lease has run out."""
    world.stream.redis.delete(world.stream.keys.lease)
    return world.new_drain(transform=world.new_transform(), shard=world.shard(owner="successor")).run()


async def test_death_before_the_acknowledgement(world: World) -> None:
    await traffic(world)
    with pytest.raises(Killed):
        world.new_drain(shard=DyingShard(world.shard())).run()

    assert take_over(world) is Outcome.EMPTY

    assert_counted_once(world)


@pytest.mark.parametrize("insert", range(ALL))
async def test_death_after_an_insert(world: World, faulty: Any, insert: int) -> None:
    await traffic(world)
    with pytest.raises(Killed):
        world.new_drain(shard=DyingShard(world.shard()), warehouse=faulty(after=dies_at(insert))).run()

    assert take_over(world) is Outcome.EMPTY

    assert_counted_once(world)


@pytest.mark.parametrize("insert", range(ALL))
async def test_death_before_an_insert(world: World, faulty: Any, insert: int) -> None:
    await traffic(world)
    with pytest.raises(Killed):
        world.new_drain(shard=DyingShard(world.shard()), warehouse=faulty(before=dies_at(insert))).run()

    assert take_over(world) is Outcome.EMPTY

    assert_counted_once(world)


async def test_repeat_of_a_written_block_sends_the_same_events_again(world: World, faulty: Any) -> None:
    await traffic(world)
    first = faulty()
    with pytest.raises(Killed):
        world.new_drain(shard=DyingShard(world.shard()), warehouse=first).run()
    world.stream.redis.delete(world.stream.keys.lease)
    second = faulty()

    world.new_drain(transform=world.new_transform(), shard=world.shard(owner="b"), warehouse=second).run()

    assert set(second.inserts) < set(first.inserts)
    assert "events" in [table for table, _ in second.inserts]
    assert "profiles" not in [table for table, _ in second.inserts]
    assert_counted_once(world)


async def test_warehouse_away_and_back(world: World, faulty: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("openpanel_worker.drain.FIRST_PAUSE_S", 0.001)
    await traffic(world)

    outcome = world.new_drain(warehouse=faulty(before=away_for(4))).run()

    assert outcome is Outcome.EMPTY
    assert_counted_once(world)


async def test_order_ends_while_the_warehouse_stays_away_and_keeps_everything(
    world: World, faulty: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("openpanel_worker.drain.FIRST_PAUSE_S", 0.001)
    await traffic(world)

    outcome = world.new_drain(warehouse=faulty(before=away_for(10**6)), budget_s=0.05).run()

    assert outcome is Outcome.GOES_ON
    assert world.rows("count()", order="1") == [(0,)]
    assert world.drain() is Outcome.EMPTY
    assert_counted_once(world)


async def test_stop_while_the_warehouse_is_away_keeps_everything(world: World, faulty: Any) -> None:
    await traffic(world)

    def stop(*_: object) -> None:
        world.stopping.set()
        away_for(1)("", "", 0)

    assert world.new_drain(warehouse=faulty(before=stop)).run() is Outcome.STOPPED

    world.stopping.clear()
    assert world.drain() is Outcome.EMPTY
    assert_counted_once(world)


async def test_worker_that_lost_its_lease_leaves_the_block_to_its_successor(
    world: World, faulty: Any
) -> None:
    await traffic(world)

    def overtaken(_table: str, _token: str, number: int) -> None:
        if number == 0:
            assert take_over(world) is Outcome.EMPTY

    assert world.new_drain(warehouse=faulty(after=overtaken)).run() is Outcome.HELD

    assert_counted_once(world)


async def test_shard_of_another_worker_is_left_alone(world: World) -> None:
    await traffic(world)
    assert world.shard(owner="other").acquire()

    assert world.drain() is Outcome.HELD

    assert world.rows("count()", order="1") == [(0,)]


async def test_numbers_of_a_person_grow_once_over_many_blocks(world: World) -> None:
    for _ in range(5):
        await world.send(message("increment", profileId="42", property="n"))
        with pytest.raises(Killed):
            world.new_drain(shard=DyingShard(world.shard())).run()
        take_over(world)

    assert world.rows("properties['n']", table="profiles FINAL", order="1") == [("5",)]


async def test_erased_profile_begins_anew(world: World) -> None:
    await world.send(message("identify", profileId="42", firstName="Ada", properties={"n": 7}))
    world.drain()
    world.warehouse.command(
        "INSERT INTO profiles SELECT * REPLACE (1 AS deleted, version + 1 AS version) FROM profiles"
    )

    await world.send(message("increment", profileId="42", property="n"), minute=1)
    world.drain()

    assert world.rows("project_id, first_name, properties", table="profiles FINAL", order="1") == [
        (PROJECT, "", {"n": "1"})
    ]


@pytest.mark.parametrize("insert", range(9))
@pytest.mark.parametrize("when", ["before", "after"])
async def test_death_while_the_next_block_is_made(world: World, faulty: Any, insert: int, when: str) -> None:
    await traffic(world)
    with pytest.raises(Killed):
        world.new_drain(warehouse=faulty(**{when: dies_at(insert)}), max_events=2).run()

    assert take_over(world) is Outcome.EMPTY

    assert_counted_once(world)


@pytest.mark.parametrize("times", [1, 2, 3, 7])
async def test_warehouse_away_while_the_next_block_is_made(
    world: World, faulty: Any, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    monkeypatch.setattr("openpanel_worker.drain.FIRST_PAUSE_S", 0.001)
    await traffic(world)

    assert world.new_drain(warehouse=faulty(before=away_for(times)), max_events=3).run() is Outcome.EMPTY

    assert_counted_once(world)


async def test_profiles_away_while_the_block_before_is_inserted(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("openpanel_worker.drain.FIRST_PAUSE_S", 0.001)
    await traffic(world)
    ask, asked = world.warehouse.query, []

    def away_once(*arguments: Any, **fields: Any) -> Any:
        asked.append(arguments)
        if len(asked) == 1:
            raise Unavailable("nobody answers")
        return ask(*arguments, **fields)

    monkeypatch.setattr(world.warehouse, "query", away_once)
    assert world.new_drain(max_events=3).run() is Outcome.EMPTY
    monkeypatch.undo()

    assert len(asked) > 1
    assert_counted_once(world)
