"""How long the data of a project without a manifest are kept: the warehouse first, then what is said of the project.

Repeatable: a call that stops halfway leaves the old limits said and some of the new ones in force; the next finishes.
"""

from collections.abc import Mapping

from openpanel.metadata import (
    Database,
    Managed,
    NotFound,
    ProjectDetails,
    RetentionKind,
    lock,
    project_edits,
)
from openpanel.tenancy import stored
from openpanel.tenancy.provisioning import lock_name
from openpanel.warehouse import Warehouse
from openpanel.warehouse.schema import Clustered


class OfCluster(Exception):
    """Each server of a cluster is told by the operator alone, which knows them all."""


def keep_for(
    project: str,
    *,
    organization: str,
    days: Mapping[RetentionKind, int | None],
    database: Database,
    warehouse: Warehouse,
) -> ProjectDetails:
    """Keep each kind of data for its days from now on, `None` for ever."""
    with lock(database, lock_name(project)):
        details = project_edits.load(database, project=project, organization=organization)
        if details is None:
            raise NotFound(f"there is no project {project}")
        wanted = {**details.record.retention_days, **days}
        if details.managed and wanted != details.record.retention_days:
            raise Managed(f"project {project}", fields=("retention",))
        if isinstance(stored.form_of(warehouse), Clustered):
            raise OfCluster(project)
        stored.retain(warehouse, project=project, days=wanted)
        return project_edits.change(
            database, project=project, organization=organization, values={"retention": wanted}
        )
