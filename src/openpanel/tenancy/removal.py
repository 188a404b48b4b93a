"""Takes a project away: its clients stop first, what was collected goes last, and only if the policy says so.

With the policy `Snapshot` it goes once it lies elsewhere, whole and counted, and not before all that was accepted is
written. The copy is named after the moment in which this very project was marked as deleted: a repeated call finds it
and makes no other. `stop`, `copy` and `remove` are three calls, since the second takes hours: whoever makes it decides
afterwards, by the wish of that moment, whether the third follows.

Repeatable: a call after a crash goes on where the first one stopped. Workers drop the events of a project that are
still on their way once it is marked for erasure; what one of them had in its hands at that moment is erased by a
second look, after the project itself is gone. The word that it was erased stays (`metadata.projects.erase`): what
comes out of a stream or a spool later is dropped by it, also once there is another project of that name.
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
from openpanel.tenancy import snapshot_errors, snapshots, stored, warehouse_access, warehouse_user
from openpanel.tenancy.announcing import Announce, tell
from openpanel.tenancy.provisioning import lock_name
from openpanel.tenancy.report import Change, Report
from openpanel.tenancy.snapshot_places import S3, named_after
from openpanel.tenancy.streams import Forget, Streams
from openpanel.warehouse import Warehouse
from openpanel.warehouse.schema import Form, Single


@dataclass(frozen=True, slots=True)
class World:
    """What a removal works on and with."""

    database: Database
    warehouse: Warehouse
    announce: Announce
    clock: Callable[[], datetime]
    forget: Forget
    form: Form | None = None  # of the warehouse's tables: one server, unless it says otherwise
    access_storage: bool = (
        False  # whether the project's user of the warehouse goes, too, whatever becomes of the data
    )


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


def stop(project: str, *, world: World, how: Removal) -> Report:
    """Stop its clients for good and mark it as deleted; what was collected stays. Quick, whatever else waits."""
    with lock(world.database, lock_name(project)):
        record = _found(project, world, how)
        if record is None:
            return Report.of(project, [])
        changes = _stop(record, world, how)
        if world.access_storage and _has_user(project, world):
            warehouse_access.remove(world.warehouse, project=project, form=world.form or Single())
        return Report.of(project, changes)


def copy(project: str, *, world: World, how: Removal) -> Report:
    """Take the snapshot of a project that has stopped, unless a call before this one did; nothing is deleted.

    It may take hours and holds nobody up: not the project's lock, but one that keeps a second copy from being made.
    A project that lives, again perhaps, is not copied.
    """
    with lock(world.database, f"openpanel.copy.{project}"):
        record = _found(project, world, how)
        if record is None or not record.deleted:
            return Report.of(project, [])
        return Report.of(project, [_keep_copy(record, world, how, at=world.clock())])


def remove(project: str, *, world: World, how: Removal | None = None) -> Report:
    """Remove the project, by its own policy unless `how` says more. Unknown: nothing to do, so no changes.

    With the policy `Snapshot` it must have been copied: without its copy it is stopped, refused, and nothing deleted.
    """
    with lock(world.database, lock_name(project)):
        return _remove(project, world, how or Removal())


def remove_due(
    *,
    database: Database,
    warehouse: Warehouse,
    announce: Announce,
    clock: Callable[[], datetime],
    forget: Forget,
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
    form = form or stored.form_of(warehouse)
    world = World(database, warehouse, announce, clock, forget, form, access_storage)
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
    record = _found(project, world, how)
    if record is None:
        return Report.of(project, [])
    decided = how.policy or record.deletion_policy
    changes = _stop(record, world, how)
    if world.access_storage:
        warehouse_access.remove(warehouse, project=project, form=form or Single())
    if decided == "Snapshot":
        _must_be_copied(project, world, _place(project, how))
        projects.mark_deleted(database, project=project, at=world.clock(), policy="Delete")
        tell(database, announce=announce)
    if decided != "Retain":
        stored.erase(warehouse, project=project, form=form)
        if how.streams is not None:
            how.streams.drop(project)
        world.forget(project)  # before the project is: a call that dies in between is repeated
        projects.erase(database, project=project)
        tell(database, announce=announce)
        stored.erase_left_over(warehouse, project=project, form=form)
        world.forget(project)
        changes.append(Change("project", project, "erased"))
    return Report.of(project, changes)


def _found(project: str, world: World, how: Removal) -> ProjectRecord | None:
    """The project, unless there is none or it is another owner's."""
    owner = projects.owner_of(world.database, project=project) if how.owner is not None else None
    if owner not in {None, how.owner}:
        return None
    return projects.load(world.database, project=project)


def _stop(record: ProjectRecord, world: World, how: Removal) -> list[Change]:
    """Stop the clients and mark the project, as its owner's if nobody noted before whose it is."""
    project, database, at = record.id, world.database, world.clock()
    changes: list[Change] = []
    if how.owner is not None and projects.own(database, project=project, owner=how.owner):
        changes.append(Change("project", project, f"is of {how.owner}"))
    changes += [
        Change("client", client.name, "revoked")
        for client in clients.listed(database, project=project)
        if clients.revoke(database, client_id=client.id, at=at)
    ]
    if projects.mark_deleted(database, project=project, at=at, policy=how.policy or record.deletion_policy):
        changes.append(Change("project", project, "marked as deleted"))
    tell(database, announce=world.announce)
    return changes


def _has_user(project: str, world: World) -> bool:
    name = warehouse_user.user_name(project)
    return bool(world.warehouse.query(warehouse_user.EXISTS, parameters={"name": name}))


def _keep_copy(record: ProjectRecord, world: World, how: Removal, *, at: datetime) -> Change:
    """Take the snapshot of a project that has stopped, unless a call before this one did."""
    database, warehouse, place = world.database, world.warehouse, _place(record.id, how)
    project = record.id
    stopped, name = _copy_of(project, database)
    if name in snapshots.listed(project, warehouse=warehouse, place=place):
        return Change("snapshot", f"{project}/{name}", "there already")
    if at < stopped + how.settle:
        seconds = (stopped + how.settle - at).total_seconds()
        message = f"what {project} has accepted is still being written; {seconds:.0f} s to go"
        raise snapshot_errors.error("Settling", message)
    if how.streams is not None:
        _must_be_written(record, how.streams, until=stopped + how.settle)
    snapshots.take(project, database=database, warehouse=warehouse, place=place, name=name, at=at)
    return Change("snapshot", f"{project}/{name}", "taken")


def _place(project: str, how: Removal) -> S3:
    if how.place is None:
        message = f"{project} is to be kept as a snapshot and there is no place for any; name one, or another policy"
        raise snapshot_errors.error("NoPlace", message)
    return how.place


def _copy_of(project: str, database: Database) -> tuple[datetime, str]:
    """When the project was marked as deleted, and how its copy is called after that."""
    stopped = projects.removed_at(database, project=project)
    assert stopped is not None
    return stopped, named_after(stopped, of=projects.identity(database, project=project))


def _must_be_copied(project: str, world: World, place: S3) -> None:
    """Raise unless the snapshot of this very removal lies there."""
    _, name = _copy_of(project, world.database)
    if name not in snapshots.listed(project, warehouse=world.warehouse, place=place):
        message = f"{project} is to be copied before it is deleted, and there is no snapshot {name} of it at {place.url}"
        raise snapshot_errors.error("NotFound", message)


def _must_be_written(record: ProjectRecord, streams: Streams, *, until: datetime) -> None:
    """Raise as long as something that was accepted is in no table yet."""
    waiting = streams.waiting(record.id, pool=record.pool, shards=record.pool_shards, until=until)
    number = waiting.own + waiting.among_others
    if number <= 0:
        return
    whose = f"of {record.id} and of others" if waiting.among_others else f"of {record.id}"
    message = (
        f"{_roughly(number)} events {whose} wait to be written, and are copied with the rest; workers write them, and"
        " where nothing ever will, another deletionPolicy or openpanel.dev/skip-cleanup lets the project go"
    )
    raise snapshot_errors.error("Draining", message)


def _roughly(number: int) -> str:
    """The number by its first digit: it is told again and again, and changes all the while."""
    power = 10 ** (len(str(number)) - 1)
    rough = number // power * power
    return f"{number:,}" if rough == number else f"about {rough:,}"
