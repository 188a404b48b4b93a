"""One block is inserted while the next is made: what overlaps, and what must not."""

import threading
from typing import Any

import pytest

from openpanel.stream.drain import Block
from openpanel.warehouse import Refused
from openpanel_worker import people
from openpanel_worker.batch import Batch
from openpanel_worker.drain import Outcome
from openpanel_worker.transform import Transform
from tests.worker.builders import World, message, track
from tests.worker.faults import Killed

PATIENCE_S = 120.0


class Watched:
    """A transform that says how many blocks it has made."""

    def __init__(self, transform: Transform, blocks: int) -> None:
        self._transform = transform
        self._left = blocks
        self.made = threading.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transform, name)

    def rows(self, block: Block, *, shard: int) -> Batch:
        batch = self._transform.rows(block, shard=shard)
        self._left -= 1
        if not self._left:
            self.made.set()
        return batch


async def test_next_block_is_made_while_one_is_inserted(world: World, faulty: Any) -> None:
    for minute in range(3):
        await world.send(track("event"), minute=minute)
    watched = Watched(world.transform, blocks=2)
    seen: list[tuple[bool, Any]] = []

    def wait_for_the_next(_table: str, _token: str, number: int) -> None:
        if number == 0:
            made = watched.made.wait(PATIENCE_S)
            seen.append((made, world.stream.redis.get(world.stream.keys.range)))

    drain = world.new_drain(
        transform=watched,  # type: ignore[arg-type]  # stands in front of one
        warehouse=faulty(before=wait_for_the_next),
        max_events=1,
    )
    entries: Any = world.stream.redis.xrange(world.stream.keys.stream)
    first = entries[0][0]
    assert drain.run() is Outcome.EMPTY

    assert seen == [(True, first + b" " + first + b" 1")]
    assert world.rows("count()", where="name = 'event'", order="1") == [(3,)]


async def test_blocks_are_inserted_and_acknowledged_one_after_another(world: World, faulty: Any) -> None:
    for minute in range(4):
        await world.send(track("event", profile=str(minute)), minute=minute)
    left: list[tuple[str, int]] = []
    stream, keys = world.stream, world.stream.keys

    def look(table: str, token: str, _number: int) -> None:
        left.append((token.partition(f":{table}")[0], stream.redis.xlen(keys.stream)))

    assert world.new_drain(warehouse=faulty(before=look), max_events=1).run() is Outcome.EMPTY

    assert [waiting for _, waiting in dict.fromkeys(left)] == [4, 3, 2, 1]
    assert [token for token, _ in left] == sorted(token for token, _ in left)


async def test_what_a_block_says_of_people_is_there_before_its_events(world: World, faulty: Any) -> None:
    await world.send(message("identify", profileId="42", firstName="Ada"))
    await world.send(message("increment", profileId="42", property="seats", value=4))
    await world.send(message("group", id="acme", type="company", name="Acme"))
    await world.send(track("bought", profile="42"), minute=1)
    seen: dict[str, list[tuple[Any, ...]]] = {}

    def look(table: str, _token: str, _number: int) -> None:
        if table == "events":
            seen["profiles"] = world.rows("first_name, properties['seats']", table="profiles", order="1")
            seen["groups"] = world.rows("name", table="groups", order="1")
            seen["overrides"] = world.rows("count()", table="person_overrides", order="1")

    world.new_drain(warehouse=faulty(before=look)).run()

    assert seen == {"profiles": [("Ada", "4")], "groups": [("Acme",)], "overrides": [(1,)]}


@pytest.mark.parametrize("kept", [0, 20_000])
async def test_numbers_of_a_person_grow_over_blocks_that_overlap(
    world: World, monkeypatch: pytest.MonkeyPatch, kept: int
) -> None:
    """Also when nothing more of other people can be kept: the block before may not be readable yet."""
    monkeypatch.setattr(people, "MAX_KEPT", kept)
    for _ in range(6):
        await world.send(message("increment", profileId="42", property="n"))

    assert world.new_drain(max_events=1).run() is Outcome.EMPTY

    assert world.rows("properties['n']", table="profiles FINAL", order="1") == [("6",)]


async def test_device_is_said_to_be_a_person_once_over_blocks_that_overlap(world: World, faulty: Any) -> None:
    for minute in range(3):
        await world.send(track("event", profile="42"), minute=minute)
    warehouse = faulty()

    world.new_drain(warehouse=warehouse, max_events=1).run()

    assert [table for table, _ in warehouse.inserts].count("person_overrides") == 1


async def test_order_ends_after_the_block_in_hand_when_its_time_is_up(world: World) -> None:
    for minute in range(3):
        await world.send(track("event"), minute=minute)

    assert world.new_drain(max_events=1, budget_s=0).run() is Outcome.GOES_ON

    assert world.rows("count()", where="name = 'event'", order="1") == [(1,)]
    assert not world.stream.redis.exists(world.stream.keys.range)


async def test_death_between_the_halves_of_refused_profiles_loses_no_change(
    world: World, faulty: Any
) -> None:
    """The repeat makes fewer rows than before, which must not pass for those that are in already."""
    for name in ("a", "b", "c", "d"):
        await world.send(message("identify", profileId=name, firstName=name))
    refusals = 1

    def refuse_once(table: str, _token: str, _number: int) -> None:
        nonlocal refusals
        if table == "profiles" and refusals:
            refusals -= 1
            raise Refused(1, "no")

    def die_after_the_first_half(table: str, token: str, _number: int) -> None:
        if table == "profiles" and token.endswith(".0"):
            raise Killed

    with pytest.raises(Killed):
        world.new_drain(warehouse=faulty(before=refuse_once, after=die_after_the_first_half)).run()
    world.stream.redis.delete(world.stream.keys.lease)
    refusals = 1
    second = world.new_drain(
        transform=world.new_transform(), shard=world.shard(owner="b"), warehouse=faulty(before=refuse_once)
    )

    assert second.run() is Outcome.EMPTY

    assert world.rows("profile_id", table="profiles FINAL", order="1") == [("a",), ("b",), ("c",), ("d",)]
