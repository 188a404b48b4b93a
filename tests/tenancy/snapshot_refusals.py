"""Trials of snapshots: what is refused, why, and that nothing is changed or told of credentials then."""

from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest

from openpanel.metadata import projects
from openpanel.tenancy import snapshots
from openpanel.tenancy.provisioning import STEPS, run
from openpanel.tenancy.streams import Waiting
from openpanel.warehouse import Unavailable, tables
from tests.analytics.behaviour import ZONE
from tests.tenancy.manifests import WEB, manifest
from tests.tenancy.snapshot_engines import Breaking, Growing
from tests.tenancy.snapshot_project import NAME, REMOVED_AT, Trial, refused, write_manifest
from tests.tenancy.waiting_streams import WaitingStreams


def a_snapshot_without_manifest_is_none(trial: Trial) -> None:
    trial.made().filled()
    filled = sum(1 for rows in trial.counts().values() if rows)

    for after in (1, filled):  # the last one breaks before the manifest
        broken = Breaking(trial.folder, database=trial.warehouse.database, after=after)
        with pytest.raises(Unavailable):
            trial.take(warehouse=broken)
        assert trial.listed() == ()
    refused(trial, "NotFound", trial.restore)

    trial.take()
    assert trial.listed() == (NAME,)


def a_removal_without_a_place_deletes_nothing(trial: Trial) -> None:
    trial.made().filled()
    counts = trial.counts()

    refused(trial, "NoPlace", lambda: trial.remove(place=None))

    assert trial.counts() == counts
    record = projects.load(trial.database, project=trial.project)
    assert record is not None
    assert (record.deleted, record.deletion_policy) == (True, "Snapshot")


def a_copy_deletes_nothing(trial: Trial) -> None:
    trial.made().filled()
    counts = trial.counts()
    trial.stop()

    assert len(trial.copy()) == len(trial.copy()) == 1

    assert len(trial.listed()) == 1
    assert trial.counts() == counts
    record = projects.load(trial.database, project=trial.project)
    assert record is not None
    assert (record.deleted, record.deletion_policy) == (True, "Snapshot")


def a_removal_without_a_copy_deletes_nothing(trial: Trial) -> None:
    trial.made().filled()
    counts = trial.counts()

    refused(trial, "NotFound", trial.erase)
    trial.copy()
    elsewhere = replace(trial.place, url=f"{trial.place.url}/elsewhere")
    refused(trial, "NotFound", lambda: trial.erase(place=elsewhere))

    assert trial.counts() == counts
    assert trial.erase() == (f"project {trial.project}: erased",)


def a_project_that_lives_again_is_not_copied(trial: Trial) -> None:
    trial.made().filled()
    trial.stop()
    trial.made()

    assert trial.copy() == ()
    assert trial.listed() == ()


def a_removal_waits_for_what_is_on_its_way(trial: Trial) -> None:
    trial.made().filled()
    settle = timedelta(seconds=30)

    refused(trial, "Settling", lambda: trial.remove(settle=settle))
    trial.now += timedelta(seconds=29)
    refused(trial, "Settling", lambda: trial.remove(settle=settle))
    trial.now += timedelta(seconds=1)

    assert trial.remove(settle=settle)[-1] == f"project {trial.project}: erased"
    assert len(trial.listed()) == 1


def a_removal_waits_until_nothing_waits_to_be_written(trial: Trial) -> None:
    trial.made().filled()
    streams, settle = WaitingStreams(Waiting(own=5_000, among_others=432)), timedelta(seconds=30)
    refused(trial, "Settling", lambda: trial.remove(streams=streams, settle=settle))
    assert streams.asked == []
    trial.now += settle

    error = refused(trial, "Draining", lambda: trial.remove(streams=streams, settle=settle))
    assert f"about 5,000 events of {trial.project} and of others wait" in str(error)
    streams.waiting_now = Waiting(own=20)
    error = refused(trial, "Draining", lambda: trial.remove(streams=streams, settle=settle))
    assert f"20 events of {trial.project} wait" in str(error)
    streams.fault = OSError("Redis does not answer")
    with pytest.raises(OSError, match="does not answer"):
        trial.remove(streams=streams, settle=settle)
    assert trial.listed() == ()
    assert streams.dropped == []
    assert streams.asked == 3 * [(trial.project, "shared", 1, REMOVED_AT + settle)]

    streams.waiting_now, streams.fault = Waiting(), None
    assert trial.remove(streams=streams, settle=settle)[-1] == f"project {trial.project}: erased"
    assert len(trial.listed()) == 1
    assert streams.dropped == [trial.project]


def rows_that_arrive_are_noticed(trial: Trial) -> None:
    trial.project = "growing"
    trial.made().filled()
    growing = Growing(trial.folder, database=trial.warehouse.database)

    error = refused(trial, "Changing", lambda: trial.take(warehouse=growing))

    assert "events" in str(error)
    assert trial.listed() == ()


def places_that_do_not_work_say_why(trial: Trial) -> None:
    trial.made().filled()
    server = trial.place.url.rsplit("/", 2)[0]
    cases = {
        "WrongCredentials": (replace(trial.place, secret="another"), replace(trial.place, key="AKIANOBODY")),
        "NoSuchBucket": (replace(trial.place, url=f"{server}/missing/folder"),),
        "NoSpace": (replace(trial.place, url=f"{server}/full"),),
        "AccessDenied": (replace(trial.place, url=f"{server}/closed"),),
        "Unreachable": (
            replace(trial.place, url="http://127.0.0.1:1/snapshots"),
            replace(trial.place, url="http://nowhere.invalid/snapshots"),
        ),
    }
    for reason, places in cases.items():
        for place in places:
            for call in (
                lambda place=place: snapshots.check(warehouse=trial.warehouse, place=place),
                lambda place=place: trial.take(place=place),
                lambda place=place: trial.remove(place=place),
            ):
                error = refused(trial, reason, call)
                assert place.url in str(error)
                assert error.again == (reason in {"NoSpace", "Unreachable"})
                if reason == "Unreachable":
                    break  # it is called again and again for some seconds
    assert trial.count(tables.EVENTS) > 0


def a_place_that_works_is_found_to(trial: Trial) -> None:
    snapshots.check(warehouse=trial.warehouse, place=trial.place)
    snapshots.check(warehouse=trial.warehouse, place=trial.place)


def damaged_files_are_found_before_anything_is_changed(trial: Trial) -> None:
    trial.made().filled()
    taken = trial.take()
    counts = trial.counts()

    for place, copy in enumerate(taken.tables):
        tables_ = list(taken.tables)
        tables_[place] = msgspec.structs.replace(copy, rows=copy.rows + 1)
        write_manifest(trial, msgspec.structs.replace(taken, tables=tuple(tables_)))
        refused(trial, "Damaged", lambda: trial.restore(replace=True))
    events = next(copy for copy in taken.tables if copy.table == "events")
    lost = msgspec.structs.replace(events, file="lost.parquet")
    write_manifest(trial, msgspec.structs.replace(taken, tables=(lost,)))
    refused(trial, "Damaged", lambda: trial.restore(replace=True))
    write_manifest(trial, {"form": "?"})
    refused(trial, "Damaged", lambda: trial.restore(replace=True))

    assert trial.counts() == counts


def snapshots_of_other_versions_and_zones_are_refused(trial: Trial) -> None:
    trial.made().filled()
    taken = trial.take()
    for other in ({"form": 2}, {"schema": taken.schema + 1}):
        write_manifest(trial, msgspec.structs.replace(taken, **other))
        refused(trial, "OtherVersion", lambda: trial.restore(replace=True))
    write_manifest(trial, taken)
    run(manifest(trial.project, timeZone="UTC", clients=[WEB]), world=trial.world, steps=STEPS)

    error = refused(trial, "OtherTimeZone", lambda: trial.restore(replace=True))

    assert ZONE in str(error)


def manifests_hold_no_credentials(trial: Trial) -> None:
    trial.made(webhooks=[{"url": "https://hooks.example/T0/private", "events": ["*"]}]).filled()
    trial.take()

    url = f"{trial.place.url}/{trial.project}/{NAME}/manifest.json"
    [(_, content)] = snapshots.read(url, warehouse=trial.warehouse, place=trial.place)

    assert b"hooks.example" not in content
    assert b"sec_" not in content
    assert b"argon2" not in content
    assert trial.place.secret.encode() not in content
    assert trial.place.key.encode() not in content
