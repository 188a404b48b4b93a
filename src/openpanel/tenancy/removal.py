"""Takes a project away: its clients stop first, what was collected goes last, and only if the policy says so.

Repeatable: a call after a crash goes on where the first one stopped. Workers drop the events of a project that are
still on their way once it is marked for erasure; what one of them had in its hands at that moment is erased by a
second look, after the project itself is gone.
"""

from collections.abc import Callable
from datetime import datetime

from openpanel.metadata import Database, DeletionPolicy, clients, lock, project_edits, projects
from openpanel.tenancy import stored, warehouse_access
from openpanel.tenancy.announcing import Announce, tell
from openpanel.tenancy.provisioning import lock_name
from openpanel.tenancy.report import Change, Report
from openpanel.warehouse import Warehouse
from openpanel.warehouse.schema import Form, Single


def remove(
    project: str,
    *,
    database: Database,
    warehouse: Warehouse,
    announce: Announce,
    clock: Callable[[], datetime],
    policy: DeletionPolicy | None = None,
    form: Form | None = None,
    access_storage: bool = False,
) -> Report:
    """Remove the project by `policy`, else by its own. Unknown: nothing to do, so no changes.

    `form` is that of the warehouse's tables: one server, unless it says otherwise. With `access_storage` the
    project's user of the warehouse goes too, whatever becomes of the data.
    """
    with lock(database, lock_name(project)):
        return _remove(
            project,
            database=database,
            warehouse=warehouse,
            announce=announce,
            clock=clock,
            policy=policy,
            form=form,
            access_storage=access_storage,
        )


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
    return tuple(
        _remove_one_due(
            project,
            database=database,
            warehouse=warehouse,
            announce=announce,
            clock=clock,
            form=form,
            access_storage=access_storage,
        )
        for project in project_edits.due(database, at=clock())
    )


def _remove_one_due(
    project: str,
    *,
    database: Database,
    warehouse: Warehouse,
    announce: Announce,
    clock: Callable[[], datetime],
    form: Form | None,
    access_storage: bool,
) -> Report:
    with lock(database, lock_name(project)):
        if not project_edits.begin_removal(database, project=project, at=clock()):
            return Report.of(project, [])
        report = _remove(
            project,
            database=database,
            warehouse=warehouse,
            announce=announce,
            clock=clock,
            policy=None,
            form=form or stored.form_of(warehouse),
            access_storage=access_storage,
        )
        project_edits.end_removal(database, project=project)
        return report


def _remove(
    project: str,
    *,
    database: Database,
    warehouse: Warehouse,
    announce: Announce,
    clock: Callable[[], datetime],
    policy: DeletionPolicy | None,
    form: Form | None,
    access_storage: bool,
) -> Report:
    """What `remove` does, by whoever holds the project's lock."""
    record = projects.load(database, project=project)
    if record is None:
        return Report.of(project, [])
    decided = policy or record.deletion_policy
    changes = _stop(project, database=database, at=clock(), policy=decided)
    tell(database, announce=announce)
    if access_storage:
        warehouse_access.remove(warehouse, project=project, form=form or Single())
    if decided == "Delete":
        stored.erase(warehouse, project=project, form=form)
        projects.erase(database, project=project)
        tell(database, announce=announce)
        stored.erase_left_over(warehouse, project=project, form=form)
        changes.append(Change("project", project, "erased"))
    return Report.of(project, changes)


def _stop(project: str, *, database: Database, at: datetime, policy: DeletionPolicy) -> list[Change]:
    stopped = [
        Change("client", client.name, "revoked")
        for client in clients.listed(database, project=project)
        if clients.revoke(database, client_id=client.id, at=at)
    ]
    if projects.mark_deleted(database, project=project, at=at, policy=policy):
        stopped.append(Change("project", project, "marked as deleted"))
    return stopped
