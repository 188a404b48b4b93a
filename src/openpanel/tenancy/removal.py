"""Takes a project away: its clients stop first, what was collected goes last, and only if the policy says so.

With the policy `Snapshot` it goes once it lies elsewhere, whole and counted, and not before all that was accepted is
written. The copy is named after the moment in which this very project was marked as deleted: a repeated call finds it
and makes no other.

Repeatable: a call after a crash goes on where the first one stopped. Workers drop the events of a project that are
still on their way once it is marked for erasure; what one of them had in its hands at that moment is erased by a
second look, after the project itself is gone.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from openpanel.metadata import (
    Database,
    DeletionPolicy,
    ProjectRecord,
    clients,
    lock,
    project_edits,
    projects,
)
from openpanel.tenancy import snapshot_errors, snapshots, stored, warehouse_access
from openpanel.tenancy.announcing import Announce, tell
from openpanel.tenancy.pools import own_name
from openpanel.tenancy.provisioning import lock_name
from openpanel.tenancy.report import Change, Report
from openpanel.tenancy.snapshot_places import S3, named_after
from openpanel.tenancy.streams import Streams
from openpanel.warehouse import Warehouse
from openpanel.warehouse.schema import Form, Single


@dataclass(frozen=True, slots=True)
class World:
    """What a removal works on and with."""

    database: Database
    warehouse: Warehouse
    announce: Announce
    clock: Callable[[], datetime]
    form: Form | None  # of the warehouse's tables
    access_storage: bool  # whether the project's user of the warehouse goes, too


@dataclass(frozen=True, slots=True)
class Removal:
    """How a project goes: by its own policy, whoever's it is and whatever waits, where nobody says more.

    A snapshot goes to `place`, no sooner than `settle` after the clients stopped, nor before nothing of it waits in
    `streams`, whose end a pool of its own meets when the data are deleted. Without `streams` nobody asks what waits.
    With an `owner` a project of another is left as it is: what has only its name was refused.
    """

    policy: DeletionPolicy | None = None
    place: S3 | None = None
    settle: timedelta = timedelta(0)
    streams: Streams | None = None
    owner: str | None = None


def remove(
    project: str,
    *,
    database: Database,
    warehouse: Warehouse,
    announce: Announce,
    clock: Callable[[], datetime],
    form: Form | None = None,
    access_storage: bool = False,
    how: Removal | None = None,
) -> Report:
    """Remove the project, by its own policy unless `how` says more. Unknown: nothing to do, so no changes.

    `form` is that of the warehouse's tables: one server, unless it says otherwise. With `access_storage` the
    project's user of the warehouse goes too, whatever becomes of the data.
    """
    world = World(database, warehouse, announce, clock, form, access_storage)
    with lock(database, lock_name(project)):
        return _remove(project, world, how or Removal())


def remove_due(
    *,
    database: Database,
    warehouse: Warehouse,
    announce: Announce,
    clock: Callable[[], datetime],
    form: Form | None = None,
    access_storage: bool = False,
) -> tuple[Report, ...]:
    """Remove every project whose time of grace is over, and finish removals that were begun.

    One whose removal is taken back at the last moment stays: who comes first decides, in the database. `form` is that
    of the warehouse's tables, which say it themselves if it is left out.
    """
    due = project_edits.due(database, at=clock())
    if not due:
        return ()
    world = World(database, warehouse, announce, clock, form or stored.form_of(warehouse), access_storage)
    return tuple(_remove_one_due(project, world) for project in due)


def _remove_one_due(project: str, world: World) -> Report:
    with lock(world.database, lock_name(project)):
        if not project_edits.begin_removal(world.database, project=project, at=world.clock()):
            return Report.of(project, [])
        report = _remove(project, world, Removal())
        project_edits.end_removal(world.database, project=project)
        return report


def _remove(project: str, world: World, how: Removal) -> Report:
    """What `remove` does, by whoever holds the project's lock."""
    database, warehouse, announce, form = world.database, world.warehouse, world.announce, world.form
    record = projects.load(database, project=project)
    if record is None or not _is_owned(project, database=database, owner=how.owner):
        return Report.of(project, [])
    decided = how.policy or record.deletion_policy
    changes = _stop(project, database=database, at=world.clock(), policy=decided)
    tell(database, announce=announce)
    if world.access_storage:
        warehouse_access.remove(warehouse, project=project, form=form or Single())
    if decided == "Snapshot":
        changes += _keep_copy(record, world, how, at=world.clock())
        projects.mark_deleted(database, project=project, at=world.clock(), policy="Delete")
        tell(database, announce=announce)
    if decided != "Retain":
        stored.erase(warehouse, project=project, form=form)
        if how.streams is not None:
            how.streams.drop(project)
        projects.erase(database, project=project)
        tell(database, announce=announce)
        stored.erase_left_over(warehouse, project=project, form=form)
        changes.append(Change("project", project, "erased"))
    return Report.of(project, changes)


def _is_owned(project: str, *, database: Database, owner: str | None) -> bool:
    """Whether it is this owner's, or nobody is asked for or known."""
    return owner is None or projects.owner_of(database, project=project) in {None, owner}


def _keep_copy(record: ProjectRecord, world: World, how: Removal, *, at: datetime) -> list[Change]:
    """Take the snapshot of a project that has stopped, unless a call before this one did."""
    database, warehouse, place = world.database, world.warehouse, how.place
    project = record.id
    if place is None:
        message = f"{project} is to be kept as a snapshot and there is no place for any; name one, or another policy"
        raise snapshot_errors.error("NoPlace", message)
    stopped = projects.removed_at(database, project=project) or at
    name = named_after(stopped, of=projects.identity(database, project=project))
    if name in snapshots.listed(project, warehouse=warehouse, place=place):
        return [Change("snapshot", f"{project}/{name}", "there already")]
    if at < stopped + how.settle:
        seconds = (stopped + how.settle - at).total_seconds()
        message = f"what {project} has accepted is still being written; {seconds:.0f} s to go"
        raise snapshot_errors.error("Settling", message)
    if how.streams is not None:
        _must_be_written(record, how.streams, until=stopped + how.settle)
    snapshots.take(project, database=database, warehouse=warehouse, place=place, name=name, at=at)
    return [Change("snapshot", f"{project}/{name}", "taken")]


def _must_be_written(record: ProjectRecord, streams: Streams, *, until: datetime) -> None:
    """Raise as long as something that was accepted is in no table yet."""
    waiting = streams.waiting(record.id, pool=record.pool, shards=record.pool_shards, until=until)
    if waiting <= 0:
        return
    whose = f"of {record.id}" if record.pool == own_name(record.id) else f"of {record.id} and of others"
    message = (
        f"{_roughly(waiting)} events {whose} wait to be written, and are copied with the rest; workers write them, and"
        " where nothing ever will, another deletionPolicy or openpanel.dev/skip-cleanup lets the project go"
    )
    raise snapshot_errors.error("Draining", message)


def _roughly(number: int) -> str:
    """The number by its first digit: it is told again and again, and changes all the while."""
    power = 10 ** (len(str(number)) - 1)
    rough = number // power * power
    return f"{number:,}" if rough == number else f"about {rough:,}"


def _stop(project: str, *, database: Database, at: datetime, policy: DeletionPolicy) -> list[Change]:
    stopped = [
        Change("client", client.name, "revoked")
        for client in clients.listed(database, project=project)
        if clients.revoke(database, client_id=client.id, at=at)
    ]
    if projects.mark_deleted(database, project=project, at=at, policy=policy):
        stopped.append(Change("project", project, "marked as deleted"))
    return stopped
