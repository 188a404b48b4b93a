"""What is left of a project that is erased is written nowhere, and only the word of its erasure has that happen."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from openpanel import metadata
from openpanel.identity.ids import person_of_profile
from openpanel.metadata import Database
from openpanel.tenancy import stored
from openpanel.warehouse.schema import Single
from openpanel_worker import dead_letters
from openpanel_worker.drain import Outcome
from openpanel_worker.erasures import FEW, Erasures, erased_among
from tests.worker.builders import ALICE, MINUTE, NOON, PROJECT, Kind, World, message, track
from tests.worker.faults import DyingShard, FaultyWarehouse, Killed, dies_at

Faulty = Callable[..., FaultyWarehouse]


def erased(world: World) -> None:
    """The project's removal from its mark to its last look; no worker hears of it."""
    world.projects[PROJECT] = replace(world.projects[PROJECT], deleted=True, deletion_policy="Delete")
    stored.erase(world.warehouse, project=PROJECT)
    stored.erase_left_over(world.warehouse, project=PROJECT)


def left(world: World) -> list[tuple[str, int]]:
    tables = ("events", "sessions", "r_day", "r_path", "profiles", "person_overrides", "dead_letters")
    found = [
        (name, int(world.rows("count()", table=name, where=f"project_id = '{PROJECT}'", order="1")[0][0]))
        for name in tables
    ]
    return [(name, rows) for name, rows in found if rows]


async def test_what_a_worker_did_not_know_to_be_erased_is_taken_back(world: World) -> None:
    await world.send(track(__path="https://shop.example/"))
    world.drain()
    await world.send(track(profile="p1", __path="https://shop.example/b"), minute=1)
    erased(world)

    assert world.drain() is Outcome.EMPTY

    assert left(world) == []


async def test_erasure_in_the_middle_of_the_inserts_leaves_nothing(world: World, faulty: Faulty) -> None:
    def erase(table: str, _token: str, _number: int) -> None:
        if table == "events":
            erased(world)

    await world.send(track(profile="p1", __path="https://shop.example/"))

    assert world.new_drain(warehouse=faulty(before=erase)).run() is Outcome.EMPTY

    assert left(world) == []


@pytest.mark.parametrize("insert", [0, 1])
async def test_successor_of_a_dead_worker_takes_back_what_that_inserted(
    world: World, faulty: Faulty, insert: int
) -> None:
    await world.send(track(profile="p1", __path="https://shop.example/"))
    with pytest.raises(Killed):
        world.new_drain(shard=DyingShard(world.shard()), warehouse=faulty(after=dies_at(insert))).run()
    world.projects[PROJECT] = replace(world.projects[PROJECT], deleted=True, deletion_policy="Delete")

    world.stream.redis.delete(world.stream.keys.lease)
    successor = world.new_drain(transform=world.new_transform(), shard=world.shard(owner="successor"))
    assert successor.run() is Outcome.EMPTY

    assert left(world) == []


async def test_data_of_a_project_that_is_kept_after_its_end_stay(world: World) -> None:
    await world.send(track(__path="https://shop.example/"))
    world.projects[PROJECT] = replace(world.projects[PROJECT], deleted=True, deletion_policy="Retain")

    world.drain()

    assert dict(left(world))["events"] == 2


async def test_look_is_made_up_for_once_the_metadata_are_back(world: World) -> None:
    answers = iter([metadata.Unavailable("away"), None])

    def erased_among(projects: object) -> list[str]:
        if error := next(answers):
            raise error
        return world.erased_among(projects)  # type: ignore[arg-type]  # a collection of names

    await world.send(track(__path="https://shop.example/"))
    world.drain()
    erasures = Erasures(world.warehouse, form=Single(), erased_among=erased_among)
    world.projects[PROJECT] = replace(world.projects[PROJECT], deleted=True, deletion_policy="Delete")

    erasures.look_after({PROJECT})
    assert left(world)
    erasures.look_after(set())

    assert left(world) == []


async def test_project_that_is_merely_missing_loses_nothing(world: World) -> None:
    other = replace(world.projects[PROJECT], id="other")
    world.projects["other"] = other
    await world.send(track(__path="https://shop.example/"))
    world.drain()
    stored_before = left(world)
    del world.projects[PROJECT]  # as when PostgreSQL comes back without its rows
    world.transform = world.new_transform()
    await world.send(track("bought", __path="https://shop.example/b"), minute=1)
    await world.send(track("bought", __path="https://shop.example/b"), minute=2, project="other")
    world.sweep(minute=40)

    assert world.drain() is Outcome.EMPTY

    kept = dict(left(world))
    assert {name: kept[name] for name, _ in stored_before} == dict(stored_before)
    assert world.rows(
        "reason, detail, kind, position(body, 'bought') > 0", table="dead_letters", order="order"
    ) == [
        (dead_letters.NO_PROJECT, dead_letters.WAY_BACK, "track", 1),
        (dead_letters.NO_PROJECT, dead_letters.WAY_BACK, "session_end", 0),
    ]
    assert world.rows("name", where="project_id = 'other' AND name = 'bought'") == [("bought",)]


async def test_who_knew_a_project_that_is_merely_missing_goes_on_writing(world: World) -> None:
    await world.send(track(__path="https://shop.example/"))
    world.drain()
    del world.projects[PROJECT]
    world.stream.clock.now_ms += MINUTE
    await world.send(track("bought"), minute=1)

    world.drain()

    assert [row for row in world.rows("name") if row == ("bought",)] == [("bought",)]
    assert world.letters() == []


def made_again(world: World, minute: float) -> None:
    """The project was erased at that moment, and another one has its id."""
    world.erased_at[PROJECT] = datetime.fromtimestamp(NOON / 1_000 + minute * 60, tz=UTC)


OF_THE_FORMER = {
    "events": track(__path="https://shop.example/"),
    "replay_chunks": message(
        "replay", chunk_index=1, events_count=7, is_full_snapshot=True, payload="[{}]",
        started_at="2099-01-01T12:00:00Z", ended_at="2099-01-01T12:00:05Z",
    ),
    "profiles": message("identify", profileId="42", firstName="Ada"),
    "groups": message("group", id="acme", type="company", name="Acme Inc"),
    "person_overrides": message("alias", profileId="42", alias="ada"),
}  # fmt: skip


@pytest.mark.parametrize("table", OF_THE_FORMER)
async def test_what_waits_of_an_erased_project_is_not_the_next_ones_of_its_name(
    world: World, table: str
) -> None:
    sent = OF_THE_FORMER[table]
    await world.send(track(__path="https://shop.example/"), minute=1)
    await world.send(sent, minute=2)
    made_again(world, minute=2)
    before = await _written(world)

    await world.send(track(__path="https://shop.example/"), minute=3)
    await world.send(sent, minute=3)
    after = await _written(world)

    assert (before[table], sum(before.values())) == (0, 0)
    assert after[table] > 0


async def test_import_that_waits_of_an_erased_project_is_not_the_next_ones(world: World) -> None:
    row = {"name": "bought", "created_at": "2025-06-01T12:00:00Z", "device_id": "d1"}
    await world.send_many([(Kind.IMPORT, row)])
    made_again(world, minute=0)

    assert sum((await _written(world)).values()) == 0

    made_again(world, minute=-1)
    world.stream.clock.now_ms += MINUTE
    await world.send_many([(Kind.IMPORT, row)])
    assert (await _written(world))["events"] == 1


async def test_session_of_an_erased_project_does_not_end_in_the_next_one(world: World) -> None:
    await world.send(track(__path="https://shop.example/"), minute=1)
    world.sweep(minute=40)
    made_again(world, minute=2)

    assert sum((await _written(world)).values()) == 0


async def test_session_that_goes_on_over_the_erasure_begins_with_its_first_event_after_it(
    world: World,
) -> None:
    await world.send(track(__path="https://shop.example/old"), minute=1)
    made_again(world, minute=2)
    await world.send(track(__path="https://shop.example/new"), minute=3)

    world.drain()

    assert world.rows("name, path") == [("session_start", "/new"), ("screen_view", "/new")]


async def test_rows_of_a_project_that_was_made_again_are_not_taken_back(world: World, faulty: Faulty) -> None:
    def make_again(table: str, _token: str, _number: int) -> None:
        if table == "events":
            made_again(world, minute=2)

    await world.send(track(__path="https://shop.example/"), minute=3)

    world.new_drain(warehouse=faulty(before=make_again)).run()

    assert dict(left(world))["events"] == 2


async def test_device_that_was_known_in_an_erased_project_becomes_known_in_the_next_one(
    world: World,
) -> None:
    await world.send(track(profile="42"), minute=1)
    world.drain()
    stored.erase(world.warehouse, project=PROJECT)
    made_again(world, minute=2)
    world.stream.clock.now_ms += MINUTE
    await world.send(track(profile="42"), minute=3)

    world.drain()

    assert _overrides(world) == [(ALICE, person_of_profile("42"))]


async def test_device_becomes_known_again_once_the_project_is_said_to_have_been_restored(
    world: World,
) -> None:
    await world.send(track(profile="42"), minute=1)
    world.drain()
    stored.erase(world.warehouse, project=PROJECT)
    await world.send(track(profile="42"), minute=3)
    world.drain()
    assert _overrides(world) == []

    world.known.forget(PROJECT)
    await world.send(track(profile="42"), minute=4)
    world.drain()

    assert _overrides(world) == [(ALICE, person_of_profile("42"))]


async def test_override_that_is_on_its_way_when_its_project_is_erased_is_written_for_the_next_one(
    world: World, faulty: Faulty
) -> None:
    def make_again(table: str, _token: str, number: int) -> None:
        if table == "events" and number == 0:
            stored.erase(world.warehouse, project=PROJECT)

    await world.send(track(profile="42"), minute=1)
    world.new_drain(warehouse=faulty(before=make_again)).run()
    made_again(world, minute=2)
    world.stream.clock.now_ms += MINUTE
    await world.send(track(profile="42"), minute=3)

    world.drain()

    assert _overrides(world) == [(ALICE, person_of_profile("42"))]


def _overrides(world: World) -> list[tuple[Any, ...]]:
    return world.rows("person, into", table="person_overrides FINAL", order="1")


async def _written(world: World) -> dict[str, int]:
    """How many rows each table has, once everything that waits is written."""
    assert world.drain() is Outcome.EMPTY
    tables = (*OF_THE_FORMER, "dead_letters")
    return {name: int(world.rows("count()", table=name, order="1")[0][0]) for name in tables}


@pytest.mark.parametrize("asked", [FEW, 3 * FEW], ids=["one by one", "all at once"])
def test_metadata_tell_the_erased_from_the_living(postgres_url: str, asked: int) -> None:
    metadata.migrate(postgres_url)
    names = [f"p{number}" for number in range(asked)]
    with Database(postgres_url) as database:
        metadata.organizations.ensure(database, organization="acme", name="Acme")
        for name in names:
            metadata.projects.put(
                database, wanted=metadata.ProjectRecord(id=name, name=name, organization="acme")
            )
        at = datetime(2026, 1, 1, tzinfo=UTC)
        metadata.projects.mark_deleted(database, project="p0", at=at, policy="Delete")
        metadata.projects.mark_deleted(database, project="p1", at=at, policy="Retain")
        for name in ("p2", "p3"):
            metadata.projects.erase(database, project=name)
        again = metadata.ProjectRecord(id="p3", name="p3", organization="acme")
        metadata.projects.put(database, wanted=again)

        found = erased_among(database, [*names, "never-there"])

    assert sorted(found) == ["p0", "p2"]
