"""What becomes of a project's collected data: how long each kind is kept, and the end of all of it."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from openpanel.metadata import RetentionKind
from openpanel.warehouse import Warehouse, tables
from openpanel.warehouse.retention import apply_retention
from openpanel.warehouse.schema import Clustered, Form, Single, Table, local_name

# A mutation rather than a lightweight delete: views that feed on a table must not see it, and the rows are gone.
# In a cluster it runs on every shard, once per group of replicas, and is waited for on all of them.
_ERASE: Final = "ALTER TABLE `{name}`{cluster} DELETE WHERE project_id = {{project:String}}"
_ERASE_COHORT: Final = (
    _ERASE + " AND cohort_id = {{cohort:String}} AND generation != {{but:UInt64}}"
)  # no generation has the number 0
_FORM: Final = "SELECT engine_full FROM system.tables WHERE database = currentDatabase() AND name = 'events'"
_ANY: Final = "SELECT 1 FROM `{name}` WHERE project_id = {{project:String}} LIMIT 1"


def retain(
    warehouse: Warehouse,
    *,
    project: str,
    days: Mapping[RetentionKind, int | None],
    form: Form | None = None,
) -> tuple[str, ...]:
    """Keep each kind of data for its days, `None` for ever; the tables that changed for it."""
    return apply_retention(warehouse, project=project, days=days, form=form)


def erasure(table: Table, *, form: Form) -> str:
    """The statement that deletes everything a table has of the project in its parameter `project`."""
    cluster = f" ON CLUSTER `{form.cluster}`" if isinstance(form, Clustered) else ""
    return _ERASE.format(name=local_name(table, form=form), cluster=cluster)


def erase(
    warehouse: Warehouse, *, project: str, form: Form | None = None, among: Iterable[Table] = tables.ALL
) -> None:
    """Delete everything the warehouse has of the project in these tables, and wait for it."""
    for table in among:
        _erase(warehouse, table, project, form or Single())


def erase_left_over(warehouse: Warehouse, *, project: str, form: Form | None = None) -> None:
    """The same where anything has come in since."""
    for table in holding(warehouse, project=project, among=tables.ALL):
        _erase(warehouse, table, project, form or Single())


def holding(warehouse: Warehouse, *, project: str, among: Iterable[Table]) -> Iterator[Table]:
    """Those of these tables that have rows of the project."""
    for table in among:
        if warehouse.query(_ANY.format(name=table.name), parameters={"project": project}):
            yield table


def erase_cohort(warehouse: Warehouse, *, project: str, cohort: str, but: int | None) -> None:
    """Delete the kept members of a cohort but those of one generation, without waiting for it."""
    form = form_of(warehouse)
    cluster = f" ON CLUSTER `{form.cluster}`" if isinstance(form, Clustered) else ""
    name = local_name(tables.COHORT_MEMBERS, form=form)
    warehouse.command(
        _ERASE_COHORT.format(name=name, cluster=cluster),
        parameters={"project": project, "cohort": cohort, "but": but or 0},
        settings={"mutations_sync": 0},
    )


def form_of(warehouse: Warehouse) -> Form:
    """The form of the warehouse's tables, as they say themselves."""
    (engine,) = warehouse.query(_FORM)[0]
    clustered = re.match(r"Distributed\('([^']+)'", engine)
    return Clustered(cluster=clustered[1]) if clustered else Single()


def _erase(warehouse: Warehouse, table: Table, project: str, form: Form) -> None:
    # 2: all replicas; a single server has but itself.
    settings = {"mutations_sync": 2 if isinstance(form, Clustered) else 1}
    warehouse.command(erasure(table, form=form), parameters={"project": project}, settings=settings)
