"""Inserts of a project that is erased at the same time leave nothing behind."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from openpanel import metadata
from openpanel.metadata import Database
from openpanel.tenancy import stored
from openpanel.warehouse.schema import Single
from openpanel_worker.drain import Outcome
from openpanel_worker.erasures import FEW, Erasures, erased_among
from tests.worker.builders import PROJECT, World, track
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


@pytest.mark.parametrize("asked", [FEW, 3 * FEW], ids=["one by one", "all at once"])
def test_metadata_tell_the_erased_from_the_living(postgres_url: str, asked: int) -> None:
    metadata.migrate(postgres_url)
    names = [f"p{number}" for number in range(asked)]
    with Database(postgres_url) as database:
        metadata.organizations.ensure(database, organization="acme", name="Acme")
        for name in names[:-1]:
            metadata.projects.put(
                database, wanted=metadata.ProjectRecord(id=name, name=name, organization="acme")
            )
        at = datetime(2026, 1, 1, tzinfo=UTC)
        metadata.projects.mark_deleted(database, project="p0", at=at, policy="Delete")
        metadata.projects.mark_deleted(database, project="p1", at=at, policy="Retain")

        found = erased_among(database, names)

    assert sorted(found) == sorted(["p0", names[-1]])
