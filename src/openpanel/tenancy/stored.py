"""What becomes of a project's collected data: how long each kind is kept, and the end of all of it."""

from collections.abc import Mapping
from typing import Final

from openpanel.metadata import RetentionKind
from openpanel.warehouse import Warehouse, tables
from openpanel.warehouse.retention import apply_retention
from openpanel.warehouse.schema import Form, Single, local_name

# A mutation rather than a lightweight delete: views that feed on a table must not see it, and the rows are gone.
ERASE: Final = "ALTER TABLE {table:Identifier} DELETE WHERE project_id = {project:String}"


def retain(
    warehouse: Warehouse, *, project: str, days: Mapping[RetentionKind, int | None]
) -> tuple[str, ...]:
    """Keep each kind of data for its days, `None` for ever; the tables that changed for it."""
    return apply_retention(warehouse, project=project, days=days)


def erase(warehouse: Warehouse, *, project: str, form: Form | None = None) -> None:
    """Delete everything the warehouse has of the project, and wait for it."""
    for table in tables.ALL:
        warehouse.command(
            ERASE,
            parameters={"table": local_name(table, form=form or Single()), "project": project},
            settings={"mutations_sync": 1},
        )
