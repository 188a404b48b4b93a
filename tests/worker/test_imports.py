"""Rows of the past, call by call: the sessions that they make and what of them is stored."""

from typing import Any

import pytest

from openpanel.identity.ids import hash64, to_hex
from openpanel.wire.moments import to_ms
from tests.worker.builders import PROJECT, Kind, RunMode, World, track

DEVICE = hash64("device", PROJECT, "dev-1")
SESSION = hash64("session", PROJECT, "s1")
WHOLE_SESSION = "session_id, views, events, duration_ms, entry_path, exit_path"


def a_view(path: str, at: str, **fields: Any) -> dict[str, Any]:
    """A page view of the same visit of the first of May."""
    return {
        "name": "screen_view", "created_at": f"2024-05-01T{at}Z", "path": path, "device_id": "dev-1", "session_id": "s1",
        **fields,
    }  # fmt: skip


async def import_rows(world: World, *rows: dict[str, Any]) -> None:
    """One call."""
    items = {
        place: {"at_ms": to_ms(row["created_at"]), "device": DEVICE, "device_ref": "dev-1"}
        for place, row in enumerate(rows)
    }
    await world.send_many([(Kind.IMPORT, row) for row in rows], items=items)


def the_session(world: World, columns: str = WHOLE_SESSION) -> tuple[Any, ...]:
    """The only session there is."""
    [row] = world.rows(columns, table="sessions FINAL", order="session_started_at")
    return row


def sessions(
    world: World,
    columns: str = "session_id, toString(toDateTime(session_started_at)), views, entry_path, exit_path",
) -> list[tuple[Any, ...]]:
    """All sessions by their beginnings."""
    return world.rows(columns, table="sessions FINAL", order="session_started_at")


def day_of_session(number: int) -> int:
    """The session of what was done so many days from the beginning of the visit."""
    return hash64("session day", PROJECT, to_hex(SESSION), str(number))


@pytest.mark.parametrize("between", ["another worker", "the same worker", "nobody"])
async def test_session_that_crosses_two_calls_is_one(world: World, between: str) -> None:
    await import_rows(world, a_view("/a", "10:00:00"), a_view("/b", "10:05:00"))
    if between != "nobody":
        world.drain()
    if between == "another worker":
        world.transform = world.new_transform()
    await import_rows(world, a_view("/c", "10:10:00"), a_view("/d", "10:20:00"))

    world.drain()

    assert the_session(world) == (SESSION, 4, 0, 20 * 60_000, "/a", "/d")


async def test_earlier_rows_in_a_later_call_belong_to_the_session_that_is_known(world: World) -> None:
    await import_rows(world, a_view("/c", "10:10:00"), a_view("/d", "10:20:00"))
    world.drain()
    world.transform = world.new_transform()
    await import_rows(world, a_view("/b", "10:05:00"), a_view("/a", "10:00:00"))

    world.drain()

    assert the_session(world) == (SESSION, 4, 0, 20 * 60_000, "/a", "/d")


async def test_calls_of_blocks_that_overlap_are_one_session(world: World) -> None:
    """The second block is made before the first is written."""
    await import_rows(world, a_view("/a", "10:00:00"))
    await import_rows(world, a_view("/b", "10:05:00"))

    world.new_drain(max_events=1).run()

    assert the_session(world) == (SESSION, 2, 0, 5 * 60_000, "/a", "/b")


async def test_imported_rows_of_a_visit_that_was_seen_here_join_it(world: World) -> None:
    visit = await world.send(track(__path="/here"))
    assert visit is not None
    world.drain()
    later = {"created_at": "2026-01-01T12:10:00Z", "session_id": to_hex(visit.session)}
    await import_rows(world, a_view("/there", "00:00:00") | later)

    world.drain()

    assert the_session(world, "session_id, views, entry_path, exit_path") == (
        visit.session,
        2,
        "/here",
        "/there",
    )


async def test_sessions_of_two_projects_with_one_name_have_nothing_to_do_with_each_other(
    world: World,
) -> None:
    other = await world.send(track(__path="/"), project="other", mode=RunMode.OPEN)
    assert other is not None
    world.drain()
    row = a_view("/a", "00:00:00") | {
        "created_at": "2026-01-01T12:10:00Z",
        "session_id": to_hex(other.session),
    }
    await import_rows(world, row)

    world.drain()

    started = world.rows(
        "toUnixTimestamp64Milli(session_started_at)",
        table="sessions FINAL",
        where=f"project_id = '{PROJECT}'",
        order="1",
    )
    assert started == [(to_ms("2026-01-01T12:10:00Z"),)]


async def test_call_that_nobody_can_read_keeps_no_other_from_its_session(world: World) -> None:
    await world.send_many([(Kind.IMPORT, {})], body=b"[{]")
    await import_rows(world, a_view("/a", "10:00:00"))

    world.drain()

    assert the_session(world, "views") == (1,)
    assert [letter[0] for letter in world.letters()] == ["message cannot be read"]


async def test_imported_rows_a_day_from_the_beginning_are_sessions_of_their_own(world: World) -> None:
    await import_rows(
        world,
        a_view("/a", "10:00:00"),
        a_view("/b", "", created_at="2024-05-02T09:59:59.999Z"),
        a_view("/c", "", created_at="2024-05-02T10:00:00Z"),
        a_view("/d", "", created_at="2024-05-03T09:00:00Z"),
        a_view("/e", "", created_at="2024-05-06T12:00:00Z"),
    )

    world.drain()

    assert sessions(world) == [
        (SESSION, "2024-05-01 10:00:00", 2, "/a", "/b"),
        (day_of_session(1), "2024-05-02 10:00:00", 2, "/c", "/d"),
        (day_of_session(5), "2024-05-06 12:00:00", 1, "/e", "/e"),
    ]


async def test_imported_rows_a_day_before_the_beginning_are_a_session_of_their_own(world: World) -> None:
    await import_rows(world, a_view("/b", "10:00:00"))
    await import_rows(world, a_view("/a", "", created_at="2024-04-30T09:00:00Z"))

    world.new_drain(max_events=1).run()

    assert sessions(world) == [
        (day_of_session(-1), "2024-04-30 09:00:00", 1, "/a", "/a"),
        (SESSION, "2024-05-01 10:00:00", 1, "/b", "/b"),
    ]


@pytest.mark.parametrize("between", ["another worker", "the same worker"])
async def test_days_of_a_session_that_cross_two_calls_stay_what_they_are(world: World, between: str) -> None:
    await import_rows(world, a_view("/a", "10:00:00"), a_view("/b", "", created_at="2024-05-02T11:00:00Z"))
    world.drain()
    if between == "another worker":
        world.transform = world.new_transform()
    await import_rows(world, a_view("/b", "23:00:00"), a_view("/c", "", created_at="2024-05-02T10:30:00Z"))

    world.drain()

    assert sessions(world, "session_id, toString(toDateTime(session_started_at)), views") == [
        (SESSION, "2024-05-01 10:00:00", 2),
        (day_of_session(1), "2024-05-02 11:00:00", 2),
    ]


async def test_end_of_an_imported_session_of_nearly_24_hours_is_its_own(world: World) -> None:
    await import_rows(
        world,
        a_view("/a", "10:00:00"),
        a_view("/b", "", created_at="2024-05-02T09:59:59.500Z"),
        {**a_view("/b", "", created_at="2024-05-02T10:00:00.500Z"), "name": "session_end"},
    )

    world.drain()

    assert {session for (session,) in world.rows("session_id")} == {SESSION}


async def test_imported_amount_counts_on_the_revenue_event_only(world: World) -> None:
    paid = {"created_at": "2024-05-01T10:00:00Z", "device_id": "dev-1", "session_id": "s1", "revenue": 100}
    await import_rows(world, {**paid, "name": "purchase"}, {**paid, "name": "revenue"})

    world.drain()

    assert world.rows("name, revenue") == [("revenue", 100), ("purchase", 0)]
    assert the_session(world, "revenue") == (100,)
