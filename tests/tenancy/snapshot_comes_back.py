"""Trials of snapshots: what comes back, all of it and once, and what stays as it was."""

import io
from contextlib import redirect_stdout
from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest

from openpanel.metadata import clients, projects
from openpanel.warehouse import Unavailable, tables
from openpanel_worker import restore as command
from openpanel_worker.exits import Exit
from tests.analytics.behaviour import NOW, ZONE
from tests.tenancy.snapshot_engines import Breaking, Sharded
from tests.tenancy.snapshot_project import (
    FILLED,
    NAME,
    Trial,
    check_alike,
    crowd,
    load,
    refused,
    write_manifest,
)
from tests.warehouse.split import split


def everything_comes_back(trial: Trial) -> None:
    trial.made(retention={"events": None}).filled()
    counts, contents, answers = trial.counts(), trial.contents(), trial.overview()
    assert min(counts[table.name] for table in FILLED) > 0, counts

    changes = trial.remove()
    (name,) = trial.listed()
    assert name.startswith(f"{NAME}-")
    assert changes[-2:] == (f"snapshot {trial.project}/{name}: taken", f"project {trial.project}: erased")
    assert set(trial.counts().values()) == {0}
    assert projects.load(trial.database, project=trial.project) is None
    restored = trial.restore()

    assert restored.made
    assert {**dict.fromkeys(counts, 0), **restored.rows} == counts
    check_alike(trial.contents(), contents)
    check_alike(trial.overview(), answers)
    record = projects.load(trial.database, project=trial.project)
    assert record is not None
    assert (record.timezone, record.deleted) == (ZONE, False)
    assert clients.listed(trial.database, project=trial.project) == ()


def what_expired_of_events_stays_in_rollups(trial: Trial) -> None:
    trial.made().filled()
    trial.warehouse.command(
        "ALTER TABLE events DELETE WHERE project_id = {project:String} AND day < {day:Date}",
        parameters={"project": trial.project, "day": NOW.date() - timedelta(days=2)},
        settings={"mutations_sync": 1},
    )
    contents = trial.contents()

    trial.remove()
    trial.restore()

    check_alike(trial.contents(), contents)


def the_command_says_what_there_is_and_brings_it_back(trial: Trial) -> None:
    trial.made().filled()
    contents = trial.contents()
    trial.remove()
    (name,) = trial.listed()
    said = io.StringIO()

    with redirect_stdout(said):
        for more in ((), ("--name", name)):
            wanted = command.parser().parse_args([trial.project, "--from", trial.place.url, *more])
            assert command.bring_back(wanted, trial.database, trial.warehouse, trial.place) is Exit.DONE

    check_alike(trial.contents(), contents)
    lines = said.getvalue().splitlines()
    assert lines[0] == name
    assert f"events {contents['events'][0]}" in lines
    assert lines[-1].endswith("has no clients yet: apply its AnalyticsProject")


def a_second_restore_is_refused_and_a_replacing_one_doubles_nothing(trial: Trial) -> None:
    trial.made().filled()
    contents = trial.contents()
    trial.take()

    refused(trial, "HasRows", trial.restore)
    for _ in range(2):
        assert not trial.restore(replace=True).made

    check_alike(trial.contents(), contents)


def a_restore_that_broke_is_finished_with_replace(trial: Trial) -> None:
    trial.made().filled()
    contents = trial.contents()
    trial.remove()

    for after in (4, 12):  # deleting, inserting
        broken = Breaking(trial.folder, database=trial.warehouse.database, after=after)
        with pytest.raises(Unavailable):
            trial.restore(warehouse=broken, replace=True)
    trial.restore(replace=True)

    check_alike(trial.contents(), contents)


def rows_of_two_shards_come_back(trial: Trial) -> None:
    places = split(trial.folder)
    load(crowd(3), places.whole, trial.project)
    places.spread()
    before = trial.overview(places.cluster)
    trial.made()

    taken = trial.take(warehouse=Sharded(trial.folder, places))
    trial.restore()

    assert taken.tables[0].rows == trial.count(tables.EVENTS) > 0
    check_alike(trial.overview(), before)


def the_next_project_is_left_alone(trial: Trial) -> None:
    trial.made().filled()
    other = replace(trial, project=f"{trial.project}-too").made().filled(2)
    contents = other.contents()

    trial.remove()
    trial.restore()

    check_alike(other.contents(), contents)
    record = projects.load(other.database, project=other.project)
    assert record is not None
    assert not record.deleted


def a_removal_is_finished_wherever_it_broke(trial: Trial) -> None:
    trial.made().filled()
    counts, contents = trial.counts(), trial.contents()
    filled = sum(1 for rows in counts.values() if rows)

    for after in (3, filled, filled + 4):  # copying, before the manifest, deleting
        broken = Breaking(trial.folder, database=trial.warehouse.database, after=after)
        with pytest.raises(Unavailable):
            trial.remove(warehouse=broken)
        trial.now += timedelta(minutes=1)
    changes = trial.remove()

    (name,) = trial.listed()
    assert changes == (
        f"snapshot {trial.project}/{name}: there already",
        f"project {trial.project}: erased",
    )
    trial.restore()
    check_alike(trial.contents(), contents)


def another_of_that_name_is_copied_too_though_it_goes_in_the_same_second(trial: Trial) -> None:
    trial.made().filled()
    trial.remove()
    (first,) = trial.listed()
    trial.made().filled(2)
    contents = trial.contents()

    changes = trial.remove()

    (second,) = set(trial.listed()) - {first}
    assert f"snapshot {trial.project}/{second}: taken" in changes
    assert second.partition("-")[0] == first.partition("-")[0]
    trial.restore(name=second)
    check_alike(trial.contents(), contents)


def a_project_without_rows_has_a_snapshot_too(trial: Trial) -> None:
    trial.made()

    trial.remove()

    assert trial.restore().made
    assert projects.load(trial.database, project=trial.project) is not None


def columns_of_another_version_are_left_out_or_empty(trial: Trial) -> None:
    trial.made().filled()
    profiles = trial.count(tables.PROFILES)
    taken = trial.take()
    altered = tuple(
        msgspec.structs.replace(
            copy,
            columns=tuple(pair for pair in copy.columns if copy.table != "profiles" or pair[0] != "person"),
        )
        for copy in taken.tables
    )
    write_manifest(trial, msgspec.structs.replace(taken, tables=altered))

    trial.restore(replace=True)

    assert trial.count(tables.PROFILES) == profiles
    persons = "SELECT count() FROM profiles WHERE project_id = {project:String} AND person != 0"
    assert trial.warehouse.query(persons, parameters={"project": trial.project}) == [(0,)]
