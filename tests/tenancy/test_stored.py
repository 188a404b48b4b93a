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
