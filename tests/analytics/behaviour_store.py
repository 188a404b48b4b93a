"""The warehouse of the tests with a place for static cohorts."""

from openpanel.analytics.cohort_table import COHORT_MEMBERS
from openpanel.warehouse import Warehouse
from openpanel.warehouse.schema import Form, Single, render


def with_members(warehouse: Warehouse, *, form: Form | None = None) -> Warehouse:
    """The same warehouse; the table is made where it is not there yet."""
    for statement in render(COHORT_MEMBERS, form=form or Single()):
        warehouse.command(statement)
    return warehouse
