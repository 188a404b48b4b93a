"""Erasing what was collected: texts for both forms as the engine reads them, and what comes in too late."""

import pytest

from openpanel.tenancy import stored
from openpanel.warehouse import Warehouse, tables
from openpanel.warehouse.schema import Clustered, Form, Single, Table

FORMS = [pytest.param(Single(), id="single"), pytest.param(Clustered(cluster="main"), id="clustered")]


@pytest.mark.parametrize("table", tables.ALL, ids=lambda table: table.name)
@pytest.mark.parametrize("form", FORMS)
def test_engine_reads_every_erasure(warehouse: Warehouse, table: Table, form: Form) -> None:
    statement = stored.erasure(table, form=form)

    [(read,)] = warehouse.query("SELECT formatQuery({sql:String})", parameters={"sql": statement})

    assert "DELETE WHERE project_id = {project:String}" in read


def test_cluster_erases_on_every_shard() -> None:
    assert stored.erasure(tables.EVENTS, form=Clustered(cluster="main")) == (
        "ALTER TABLE `events_local` ON CLUSTER `main` DELETE WHERE project_id = {project:String}"
    )
    assert "ON CLUSTER" not in stored.erasure(tables.EVENTS, form=Single())


def test_what_came_in_after_the_erasure_goes_with_a_second_look(warehouse: Warehouse) -> None:
    def insert(project: str) -> None:
        warehouse.command(
            "INSERT INTO events (project_id, name, created_at, event_id) SELECT {project:String}, 'x', now64(3), 1",
            parameters={"project": project},
        )

    insert("late-one")
    insert("neighbour-of-late")

    stored.erase_left_over(warehouse, project="late-one")

    assert warehouse.query(
        "SELECT project_id FROM events WHERE project_id IN ('late-one', 'neighbour-of-late')"
    ) == [("neighbour-of-late",)]


def test_of_a_cohort_one_generation_stays(warehouse: Warehouse) -> None:
    for cohort, generation in (("mine", 1), ("mine", 2), ("mine", 3), ("other", 1)):
        warehouse.command(
            "INSERT INTO cohort_members SELECT 'kept', {cohort:String}, {generation:UInt64}, number FROM numbers(4)",
            parameters={"cohort": cohort, "generation": generation},
        )

    stored.erase_cohort(warehouse, project="kept", cohort="mine", but=2)
    one = _generations(warehouse)
    stored.erase_cohort(warehouse, project="kept", cohort="mine", but=None)
    none = _generations(warehouse)

    assert one == [("mine", 2), ("other", 1)]
    assert none == [("other", 1)]


def test_tables_say_themselves_what_form_they_have(warehouse: Warehouse) -> None:
    assert stored.form_of(warehouse) == Single()


def _generations(warehouse: Warehouse) -> list[tuple[object, ...]]:
    """What is there when all that was asked for before is done: the engine deletes in order."""
    warehouse.command(
        "ALTER TABLE cohort_members DELETE WHERE project_id = 'nobody'", settings={"mutations_sync": 1}
    )
    return warehouse.query(
        "SELECT DISTINCT cohort_id, generation FROM cohort_members WHERE project_id = 'kept' ORDER BY ALL"
    )
