"""Who is in a cohort: counted, kept as a generation of a static one, and forgotten again. Blocking.

A generation is written whole before anything names it, so nobody ever reads half of one.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from openpanel.analytics.asking import ask
from openpanel.analytics.cohorts import CohortSize, DynamicCohort, StaticCohort, freezing
from openpanel.analytics.limits import LIMITS, Priority, over_limit
from openpanel.analytics.reading import Membership
from openpanel.metadata import Database, ProjectRecord, cohorts
from openpanel.metadata.cohorts import Counted
from openpanel.tenancy import stored
from openpanel.warehouse import Warehouse, WarehouseError
from openpanel_api.public.manage.cohort_json import membership

# A cohort of millions is written, not answered; and it is there when the call ends, on every shard.
_WRITING: Final = {
    **{name: value for name, value in LIMITS.items() if name != "max_result_rows"},
    "insert_distributed_sync": 1,
    "priority": Priority.EXPORT.value,
}


def memberships(database: Database, project: ProjectRecord, *, now: datetime) -> tuple[Membership, ...]:
    """All cohorts of the project, as filters and breakdowns take them."""
    listed = cohorts.listed(database, project=project.id)
    return tuple(membership(each, now=now, timezone=project.timezone) for each in listed)


def size(warehouse: Warehouse, project: ProjectRecord, cohort: Membership, *, comment: str) -> int:
    """How many persons are in it now."""
    question = CohortSize(project.id, project.timezone, cohort)
    return ask(warehouse, question, log_comment=comment)


def keep(
    warehouse: Warehouse,
    project: ProjectRecord,
    cohort: DynamicCohort,
    *,
    generation: int,
    now: datetime,
    comment: str,
) -> Counted:
    """Keep who fits now as a generation of the cohort of that id. `comment` names the queries, to stop them by."""
    statement = freezing(project.id, timezone=project.timezone, cohort=cohort, generation=generation)
    try:
        settings = {**_WRITING, "log_comment": comment}
        warehouse.command(statement.sql, parameters=statement.parameters, settings=settings)
    except WarehouseError as error:
        raise over_limit(error, question=cohort) or error from error
    members = size(warehouse, project, StaticCohort(cohort.id, generation), comment=comment)
    return Counted(members, now, generation)


def following(generation: int | None, *, now: datetime) -> int:
    """A number for the next generation, above all before it."""
    return max(int(now.timestamp() * 1_000), (generation or 0) + 1)


def forget(
    warehouse: Warehouse, project: str, cohort: str, *, but: int | None, log: Callable[[str], object]
) -> None:
    """Delete the generations of a cohort but one, in the background of the warehouse. `log` is told when it cannot.

    What is left behind is named by nobody, and goes with the next time or with the project.
    """
    try:
        stored.erase_cohort(warehouse, project=project, cohort=cohort, but=but)
    except WarehouseError as error:
        log(str(error))
