"""A project as plain data: all that is in it but credentials, as JSON, and made again the same."""

import json
from datetime import timedelta
from uuid import uuid4

from sqlalchemy import text

from openpanel.metadata import (
    Database,
    EventMeta,
    Filter,
    Webhook,
    clients,
    cohorts,
    dashboards,
    event_meta,
    project_copies,
    project_edits,
    projects,
    references,
    reports,
)
from openpanel.metadata.cohorts import Counted
from openpanel.metadata.project_copies import Copy
from tests.metadata.builders import NOON, a_client, a_project

QUESTION = {"chartType": "linear", "series": [{"name": "a"}]}


def filled(database: Database) -> str:
    """A project with something of everything."""
    project = a_project(database, webhooks=(Webhook("https://hooks.example/T0", ("*",)),)).id
    projects.put_filters(database, project=project, filters=(Filter("ip", "203.0.113.7"),))
    event_meta.put_managed(database, project=project, events=(EventMeta("buy", conversion=True),))
    board = dashboards.create(database, dashboard=str(uuid4()), project=project, name="Board", at=NOON).id
    reports.create(
        database, report=str(uuid4()), project=project, dashboard=board, name="R", question=QUESTION, at=NOON
    )
    cohorts.create(
        database, cohort=str(uuid4()), project=project, name="C", description="", kind="static",
        definition={"kind": "events"}, counted=Counted(3, NOON, 7),
    )  # fmt: skip
    references.create(
        database, reference=str(uuid4()), project=project, title="Release", description="", happened_at=NOON, at=NOON
    )  # fmt: skip
    return project


def as_json(copy: Copy) -> Copy:
    """What is left of it in a file."""
    found: Copy = json.loads(json.dumps(copy))
    return found


def test_a_project_is_made_again_as_it_was(database: Database) -> None:
    project = filled(database)
    kept = as_json(project_copies.copied(database, project=project))
    before = projects.load(database, project=project)
    assert all(kept.values())
    projects.erase(database, project=project)

    assert project_copies.put_back(database, copy=kept)

    assert as_json(project_copies.copied(database, project=project)) == kept
    found = projects.load(database, project=project)
    assert found is not None
    assert before is not None
    assert found.filters == before.filters
    assert (found.deleted, found.webhooks) == (False, ())


def test_of_a_project_that_is_there_only_what_was_saved_comes_back(database: Database) -> None:
    project = filled(database)
    kept = project_copies.copied(database, project=project)
    projects.put_filters(database, project=project, filters=())
    [board] = dashboards.listed(database, project=project)
    dashboards.rename(database, project=project, dashboard=board.id, name="New", expected=None, at=NOON)
    [reference] = kept["chart_references"]
    with database.session() as session:
        session.execute(text("DELETE FROM chart_references WHERE id = :id"), {"id": reference["id"]})

    assert not project_copies.put_back(database, copy=kept)

    found = projects.load(database, project=project)
    assert found is not None
    assert found.filters == ()
    assert [each.name for each in dashboards.listed(database, project=project)] == ["New"]
    assert project_copies.copied(database, project=project)["chart_references"] == [reference]


def test_credentials_and_addresses_of_webhooks_are_not_kept(database: Database) -> None:
    project = filled(database)
    record = projects.load(database, project=project)
    assert record is not None
    client = a_client(database, project=record)
    found = clients.load(database, client_id=client.id)
    assert found is not None

    said = json.dumps(project_copies.copied(database, project=project))

    assert "hooks.example" not in said
    assert found.secret_hashes
    assert not any(secret in said for secret in found.secret_hashes)


def test_a_removed_project_comes_back_alive(database: Database) -> None:
    project = filled(database)
    projects.mark_deleted(database, project=project, at=NOON, policy="Snapshot")
    assert projects.removed_at(database, project=project) == NOON
    kept = project_copies.copied(database, project=project)
    projects.erase(database, project=project)

    project_copies.put_back(database, copy=kept)

    assert projects.removed_at(database, project=project) is None
    assert project not in project_edits.due(database, at=NOON + timedelta(days=999))


def test_columns_that_are_not_known_any_more_are_left_out(database: Database) -> None:
    project = filled(database)
    kept = project_copies.copied(database, project=project)
    [row] = kept["projects"]
    older = {name: value for name, value in row.items() if name != "pool_shards"}
    projects.erase(database, project=project)

    project_copies.put_back(database, copy={**kept, "projects": [{**older, "colour": "red"}]})

    found = projects.load(database, project=project)
    assert found is not None
    assert found.pool_shards == 1


def test_of_no_project_there_is_nothing(database: Database) -> None:
    assert not any(project_copies.copied(database, project="never-there").values())
