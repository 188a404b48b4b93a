"""Takes a project away: its clients stop first, what was collected goes last, and only if the policy says so.

Repeatable: a call after a crash goes on where the first one stopped. Events that are still on their way when a
project is erased are the workers' matter.
"""

from collections.abc import Callable
from datetime import datetime

from openpanel.metadata import Database, DeletionPolicy, clients, lock, projects
from openpanel.tenancy import stored
from openpanel.tenancy.announcing import Announce, tell
from openpanel.tenancy.provisioning import lock_name
from openpanel.tenancy.report import Change, Report
from openpanel.warehouse import Warehouse


def remove(
    project: str,
    *,
    database: Database,
    warehouse: Warehouse,
    announce: Announce,
    clock: Callable[[], datetime],
    policy: DeletionPolicy | None = None,
) -> Report:
    """Remove the project by `policy`, else by its own. Unknown: nothing to do, so no changes."""
    with lock(database, lock_name(project)):
        record = projects.load(database, project=project)
        if record is None:
            return Report.of(project, [])
        changes = _stop(project, database=database, at=clock())
        tell(database, announce=announce)
        if (policy or record.deletion_policy) == "Delete":
            stored.erase(warehouse, project=project)
            projects.erase(database, project=project)
            tell(database, announce=announce)
            changes.append(Change("project", project, "erased"))
        return Report.of(project, changes)


def _stop(project: str, *, database: Database, at: datetime) -> list[Change]:
    stopped = [
        Change("client", client.name, "revoked")
        for client in clients.listed(database, project=project)
        if clients.revoke(database, client_id=client.id, at=at)
    ]
    if projects.mark_deleted(database, project=project, at=at):
        stopped.append(Change("project", project, "marked as deleted"))
    return stopped
