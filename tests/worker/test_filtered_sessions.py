"""Sessions of a project with event filters: what was dropped is not in their ends either."""

from dataclasses import replace
from typing import Any

import pytest

from openpanel.identity.ids import person_of_profile
from openpanel.metadata import Condition, Filter
from tests.worker.builders import ALICE, MINUTE, NOON, PROJECT, SERVER, Flag, RunMode, World, track
from tests.worker.faults import DyingShard, Killed, dies_at

NO_ADMIN = Filter("event", "*", (Condition("path", "startsWith", ("/admin",)),))


@pytest.fixture
def filtered(world: World) -> World:
    """The project drops everything below /admin."""
    filter_by(world, NO_ADMIN)
    return world


def filter_by(world: World, *filters: Filter) -> None:
    world.projects[PROJECT] = replace(world.projects[PROJECT], filters=filters)
    world.transform = world.new_transform()


def the_end(world: World, columns: str = "path, duration, properties['__bounce']") -> tuple[Any, ...]:
    """Columns of the only end of a session."""
    [row] = world.rows(columns, where="name = 'session_end'")
    return row


def assert_they_agree(world: World) -> None:
    """Events, sessions and daily totals tell the same."""
    [(views, duration_ms, exit_path)] = world.rows(
        "views, duration_ms, exit_path", table="sessions FINAL", order="1"
    )
    assert the_end(world) == (exit_path, duration_ms, "true" if views <= 1 else "false")
    totals = world.rows("sum(duration), sum(lasted), sum(bounced)", table="r_day", order="1")
    assert totals == [(duration_ms, int(duration_ms > 0), int(views <= 1))]


async def test_end_of_a_session_tells_nothing_of_what_was_dropped(filtered: World) -> None:
    await filtered.send(track(__path="/home"))
    await filtered.send(track(__path="/admin/secret", profile="42"), minute=10)
    filtered.sweep(minute=200)

    filtered.drain()

    assert the_end(filtered) == ("/home", 0, "true")
    assert the_end(filtered, "toUnixTimestamp64Milli(created_at), profile_id, person") == (
        NOON + 1_000,
        "",
        ALICE,
    )
    assert_they_agree(filtered)


async def test_session_lasts_as_long_as_what_was_kept_of_it(filtered: World) -> None:
    await filtered.send(track(__path="/admin"))
    await filtered.send(track(__path="/home", profile="42"), minute=3)
    await filtered.send(track(__path="/shop"), minute=8)
    await filtered.send(track("click", __path="/admin/x"), minute=9)
    filtered.sweep(minute=200)

    filtered.drain()

    assert the_end(filtered) == ("/shop", 5 * MINUTE, "false")
    assert the_end(filtered, "person") == (person_of_profile("42"),)
    assert_they_agree(filtered)


async def test_session_is_tallied_over_blocks_and_workers(filtered: World) -> None:
    for minute, path in enumerate(["/home", "/admin", "/shop", "/admin/x"]):
        await filtered.send(track(__path=path), minute=minute)
        filtered.drain()
        filtered.transform = filtered.new_transform()
    filtered.sweep(minute=200)

    filtered.drain()

    assert the_end(filtered) == ("/shop", 2 * MINUTE, "false")
    assert_they_agree(filtered)


async def test_block_that_is_made_again_tallies_the_same(filtered: World, faulty: Any) -> None:
    """The worker dies when the tallies are written and nothing is inserted yet."""
    await filtered.send(track(__path="/home"))
    await filtered.send(track(__path="/admin"), minute=10)
    await filtered.send(track(__path="/shop"), minute=12)
    filtered.sweep(minute=200)
    with pytest.raises(Killed):
        filtered.new_drain(shard=DyingShard(filtered.shard()), warehouse=faulty(before=dies_at(0))).run()
    filtered.stream.redis.delete(filtered.stream.keys.lease)

    filtered.new_drain(transform=filtered.new_transform(), shard=filtered.shard(owner="successor")).run()

    assert the_end(filtered) == ("/shop", 12 * MINUTE, "false")
    assert_they_agree(filtered)


async def test_late_event_after_the_end_changes_no_tally(filtered: World) -> None:
    await filtered.send(track(__path="/home"))
    filtered.sweep(minute=100)
    await filtered.send(track(__path="/shop"), minute=5, mode=RunMode.LATE, flags=int(Flag.LATE))

    filtered.drain()

    assert the_end(filtered) == ("/home", 0, "true")


async def test_server_event_that_joins_makes_no_session_longer(filtered: World) -> None:
    await filtered.send(track(__path="/home", profile="42"))
    await filtered.send(
        track("paid", profile="42"),
        minute=20,
        device=0,
        agent=SERVER,
        flags=int(Flag.SERVER),
        mode=RunMode.JOIN,
    )
    filtered.sweep(minute=200)

    filtered.drain()

    assert the_end(filtered) == ("/home", 0, "true")


async def test_session_that_is_older_than_the_filters_ends_as_it_was_counted(world: World) -> None:
    await world.send(track(__path="/home"))
    world.drain()
    filter_by(world, NO_ADMIN)
    await world.send(track(__path="/shop"), minute=4)
    world.sweep(minute=200)

    world.drain()

    assert the_end(world) == ("/shop", 4 * MINUTE, "false")
