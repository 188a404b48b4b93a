"""Taking a project away: clients stop, data stay or go as the policy says, and a repeat does no harm."""

import itertools
from dataclasses import replace
from datetime import timedelta

import pytest

from openpanel import tenancy
from openpanel.metadata import DeletionPolicy, clients, project_edits, projects
from openpanel.tenancy import Issued, Removal, Report, removal
from openpanel.tenancy.provisioning import STEPS, run
from openpanel.tenancy.streams import Waiting
from openpanel.warehouse import Unavailable, Warehouse, tables
from tests.tenancy.conftest import Surroundings
from tests.tenancy.manifests import WEB, manifest
from tests.tenancy.waiting_streams import WaitingStreams

_numbers = itertools.count(1)


def a_project(around: Surroundings, **spec: object) -> tuple[str, Issued]:
    name = f"gone-{next(_numbers)}"
    report = run(manifest(name, clients=[WEB], **spec), world=around.world, steps=STEPS)
    around.warehouse.command(
        "INSERT INTO events (project_id, name, created_at, event_id, session_id, session_started_at, path)"
        " SELECT {project:String}, 'screen_view', now64(3), number, 1, now64(3), '/' FROM numbers(3)",
        parameters={"project": name},
    )
    around.told.clear()
    return name, report.issued["web"]


def remove(around: Surroundings, name: str, *, policy: DeletionPolicy | None = None) -> Report:
    return removal.remove(name, world=going(around), how=Removal(policy))


def test_retained_data_stay_while_clients_stop(around: Surroundings) -> None:
    name, web = a_project(around)

    report = remove(around, name)

    assert [str(change) for change in report.changes] == [
        "client web: revoked",
        f"project {name}: marked as deleted",
    ]
    assert set(around.told) == {f"project:{name}", f"client:{web.client_id}"}
    assert not tenancy.opens(web, database=around.database, at=around.now)
    assert _rows(around.warehouse, name)["events"] == 3


def test_deleted_data_are_gone_from_every_table(around: Surroundings) -> None:
    name, web = a_project(around, retention={"events": 3})
    kept, _ = a_project(around)
    assert _rows(around.warehouse, name)["sessions"] > 0

    remove(around, name, policy="Delete")

    assert set(_rows(around.warehouse, name).values()) == {0}
    assert _rows(around.warehouse, kept)["events"] == 3
    assert projects.load(around.database, project=name) is None
    assert clients.load(around.database, client_id=web.client_id) is None


def test_without_a_policy_the_projects_own_holds(around: Surroundings) -> None:
    name, _ = a_project(around, deletionPolicy="Delete")

    remove(around, name)

    assert projects.load(around.database, project=name) is None


@pytest.mark.parametrize("policy", ["Retain", "Delete"])
def test_removing_twice_changes_nothing_more(around: Surroundings, policy: DeletionPolicy) -> None:
    name, _ = a_project(around)
    remove(around, name, policy=policy)

    assert remove(around, name, policy=policy).changes == ()


def test_an_unknown_project_is_nothing_to_do(around: Surroundings) -> None:
    assert remove(around, "never-there", policy="Delete").changes == ()


def test_a_crash_before_the_erasure_goes_on_with_it(around: Surroundings) -> None:
    name, _ = a_project(around)
    with (
        Warehouse("http://nobody:none@127.0.0.1:1", database="none") as away,
        pytest.raises(Unavailable),
    ):
        removal.remove(name, world=replace(going(around), warehouse=away), how=Removal("Delete"))
    assert projects.load(around.database, project=name) is not None

    remove(around, name, policy="Delete")

    assert projects.load(around.database, project=name) is None
    assert set(_rows(around.warehouse, name).values()) == {0}


def test_what_streams_remember_of_a_project_goes_with_its_data_and_once_more_when_it_is_gone(
    around: Surroundings,
) -> None:
    (kept, _), (gone, _) = a_project(around), a_project(around)
    there: list[bool] = []

    def forget(project: str) -> None:
        there.append(projects.load(around.database, project=project) is not None)

    remove_all: tuple[tuple[str, DeletionPolicy], ...] = ((kept, "Retain"), (gone, "Delete"))
    for name, policy in remove_all:
        removal.remove(name, world=replace(going(around), forget=forget), how=Removal(policy))

    assert there == [True, False]


def test_a_crash_before_the_streams_have_forgotten_goes_on_with_it(around: Surroundings) -> None:
    name, _ = a_project(around)

    def away(_project: str) -> None:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        removal.remove(name, world=replace(going(around), forget=away), how=Removal("Delete"))

    remove(around, name, policy="Delete")

    assert set(around.forgotten) == {name}
    assert projects.load(around.database, project=name) is None


def test_a_removed_project_that_is_wanted_again_lives(around: Surroundings) -> None:
    name, old = a_project(around)
    remove(around, name)

    report = run(manifest(name, clients=[WEB]), world=around.world, steps=STEPS)

    found = projects.load(around.database, project=name)
    assert found is not None
    assert not found.deleted
    assert report.issued["web"].client_id != old.client_id
    assert _rows(around.warehouse, name)["events"] == 3


def _rows(warehouse: Warehouse, project: str) -> dict[str, int]:
    counts = {}
    for table in tables.ALL:
        rows = warehouse.query(
            "SELECT count() FROM {table:Identifier} WHERE project_id = {project:String}",
            parameters={"table": table.name, "project": project},
        )
        counts[table.name] = rows[0][0]
    return counts


def an_unmanaged(around: Surroundings, name: str) -> None:
    """The project stays as it is, but no manifest describes it any more."""
    with around.database.session() as session:
        session.connection().exec_driver_sql(
            "UPDATE projects SET managed = false, deletion_policy = 'Delete' WHERE id = %(id)s", {"id": name}
        )


def remove_due(around: Surroundings) -> list[str]:
    reports = tenancy.remove_due(
        database=around.database, warehouse=around.warehouse, announce=around.told.append, clock=lambda: around.now,
        forget=around.forgotten.append,
    )  # fmt: skip
    return [report.project for report in reports if report.changes]


def test_only_what_is_due_is_removed(around: Surroundings) -> None:
    (due, web), (later, _), (kept, _) = (a_project(around) for _ in range(3))
    for name, hours in ((due, 0), (later, 1)):
        an_unmanaged(around, name)
        project_edits.schedule_removal(
            around.database, project=name, organization="default", at=around.now + timedelta(hours=hours)
        )

    assert due in remove_due(around)
    assert remove_due(around) == []

    assert projects.load(around.database, project=due) is None
    assert f"client:{web.client_id}" in around.told
    assert set(_rows(around.warehouse, due).values()) == {0}
    for name in (later, kept):
        record = projects.load(around.database, project=name)
        assert record is not None
        assert not record.deleted
        assert _rows(around.warehouse, name)["events"] == 3


def test_a_removal_that_stopped_halfway_is_finished(around: Surroundings) -> None:
    name, _ = a_project(around)
    an_unmanaged(around, name)
    project_edits.schedule_removal(around.database, project=name, organization="default", at=around.now)
    assert project_edits.begin_removal(around.database, project=name, at=around.now)

    assert name in remove_due(around)

    assert projects.load(around.database, project=name) is None
    assert set(_rows(around.warehouse, name).values()) == {0}


def test_a_removal_that_keeps_the_data_is_done_once(around: Surroundings) -> None:
    name, _ = a_project(around)
    an_unmanaged(around, name)
    projects.mark_deleted(around.database, project=name, at=around.now, policy="Retain")
    with around.database.session() as session:
        session.connection().exec_driver_sql(
            "UPDATE projects SET delete_after = deleted_at WHERE id = %(id)s", {"id": name}
        )

    assert name in remove_due(around)
    assert name not in project_edits.due(around.database, at=around.now + timedelta(days=1))

    assert _rows(around.warehouse, name)["events"] == 3


@pytest.mark.parametrize(("policy", "dropped"), [("Retain", False), ("Delete", True)])
def test_streams_of_its_own_go_with_the_data_and_only_with_them(
    around: Surroundings, policy: DeletionPolicy, dropped: bool
) -> None:
    name, _ = a_project(around)
    streams = WaitingStreams(Waiting(own=7))

    removal.remove(name, world=going(around), how=Removal(policy, streams=streams))

    assert streams.dropped == ([name] if dropped else [])
    assert streams.asked == [], "what is not copied need not be written first"


def going(around: Surroundings) -> removal.World:
    return removal.World(
        around.database, around.warehouse, around.told.append, lambda: around.now, around.forgotten.append
    )


def test_stopping_is_told_at_once_and_deletes_nothing(around: Surroundings) -> None:
    name, web = a_project(around)

    removal.stop(name, world=going(around), how=Removal("Delete"))
    again = removal.stop(name, world=going(around), how=Removal("Snapshot"))

    assert again.changes == ()
    assert set(around.told) == {f"project:{name}", f"client:{web.client_id}"}
    assert not tenancy.opens(web, database=around.database, at=around.now)
    record = projects.load(around.database, project=name)
    assert record is not None
    assert (record.deleted, record.deletion_policy) == (True, "Snapshot")
    assert _rows(around.warehouse, name)["events"] == 3


def test_project_that_nobody_noted_an_owner_of_is_that_of_who_stops_it(around: Surroundings) -> None:
    name, _ = a_project(around)
    assert projects.owner_of(around.database, project=name) is None

    removal.stop(name, world=going(around), how=Removal("Retain", owner="team-a"))

    assert projects.owner_of(around.database, project=name) == "team-a"


def test_retained_project_that_nobody_noted_an_owner_of_is_that_of_who_removes_it(
    around: Surroundings,
) -> None:
    name, _ = a_project(around)

    for owner in ("team-a", "team-b"):
        removal.remove(name, world=going(around), how=Removal("Retain", owner=owner))

    assert projects.owner_of(around.database, project=name) == "team-a"


def test_another_owner_stops_nothing(around: Surroundings) -> None:
    name, web = a_project(around)
    projects.own(around.database, project=name, owner="team-a")

    assert removal.stop(name, world=going(around), how=Removal("Delete", owner="team-b")).changes == ()

    assert tenancy.opens(web, database=around.database, at=around.now)
