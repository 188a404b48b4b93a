"""Projects without a manifest: made with their first client, changed, removed after a time of grace, or kept."""

from datetime import timedelta
from uuid import uuid4

import pytest

from openpanel.metadata import (
    Conflict,
    Database,
    Filter,
    Managed,
    NewClient,
    NotFound,
    ProjectDetails,
    ProjectRecord,
    announcements,
    clients,
    project_edits,
    projects,
)
from tests.metadata.builders import NOON, a_project, an_organization

HOUR = timedelta(hours=1)


def made(database: Database, *ids: str, organization: str) -> ProjectDetails:
    client = NewClient(str(uuid4()), "first", None, organization, "write", "hash")
    wanted = ProjectRecord("", "Shop", organization, cors=("*",), deletion_policy="Delete")
    return project_edits.create(database, wanted=wanted, ids=ids, client=client, at=NOON, types=("app",))


def test_a_project_takes_the_first_id_that_is_free(database: Database) -> None:
    organization = an_organization(database)
    name = f"shop-{uuid4().hex[:8]}"

    found = [made(database, name, f"{name}-2", organization=organization) for _ in range(2)]
    with pytest.raises(Conflict):
        made(database, name, f"{name}-2", organization=organization)

    assert [each.record.id for each in found] == [name, f"{name}-2"]
    assert (found[0].managed, found[0].types, found[0].created_at) == (False, ("app",), NOON)
    assert [each.name for each in clients.listed(database, project=name)] == ["first"]
    assert project_edits.listed(database, organization=organization) == tuple(found)


def test_id_of_an_erased_project_is_not_given_to_another_organization(database: Database) -> None:
    former, other = an_organization(database), an_organization(database)
    name = f"shop-{uuid4().hex[:8]}"
    made(database, name, organization=former)
    projects.erase(database, project=name)

    found = [made(database, name, f"{name}-2", organization=each) for each in (other, former)]

    assert [each.record.id for each in found] == [f"{name}-2", name]


def test_the_pool_of_all_is_as_large_as_manifests_say(database: Database) -> None:
    a_project(database, pool="shared", pool_shards=7)

    new = made(database, f"pool-{uuid4().hex[:8]}", organization=an_organization(database))

    assert (new.record.pool, new.record.pool_shards) == ("shared", 7)


def test_a_change_is_announced_and_no_change_is_not(database: Database) -> None:
    organization = an_organization(database)
    project = made(database, f"shop-{uuid4().hex[:8]}", organization=organization).record.id
    _told(database)
    filters = (Filter("ip", "203.0.113.7"),)
    changed, again = (
        project_edits.change(
            database,
            project=project,
            organization=organization,
            values={"timezone": "Asia/Seoul", "domain": "https://x.example"},
            filters=filters,
        )
        for _ in range(2)
    )

    assert again == changed
    assert (changed.record.timezone, changed.record.filters, changed.domain) == (
        "Asia/Seoul", filters, "https://x.example",
    )  # fmt: skip
    assert _told(database) == [f"project:{project}"]


def test_since_when_a_time_zone_holds_is_known_of_one_that_changed(database: Database) -> None:
    organization = an_organization(database)
    project = made(database, f"shop-{uuid4().hex[:8]}", organization=organization).record.id
    changes = ({"domain": "x"}, {"timezone": "UTC"}, {"timezone": "Asia/Seoul"}, {"timezone": "Asia/Seoul"})

    since = [
        project_edits.change(
            database, project=project, organization=organization, values=values
        ).record.timezone_since
        for values in changes
    ]

    assert since[:2] == [None, None]
    assert since[2] is not None
    assert since[3] == since[2]


def test_what_a_manifest_says_is_kept_and_named(database: Database) -> None:
    record = a_project(database, cors=("*",))
    values = {"cors": [], "domain": "https://x.example", "timezone": "UTC"}

    with pytest.raises(Managed) as refused:
        project_edits.change(
            database, project=record.id, organization=record.organization, values=values, filters=()
        )
    with pytest.raises(Managed):
        project_edits.schedule_removal(database, project=record.id, organization=record.organization, at=NOON)

    assert refused.value.fields == ("cors",)
    assert projects.load(database, project=record.id) == record


def test_another_organization_finds_nothing(database: Database) -> None:
    record, other = a_project(database), an_organization(database)

    assert project_edits.load(database, project=record.id, organization=other) is None
    with pytest.raises(NotFound):
        project_edits.change(database, project=record.id, organization=other, values={"domain": "x"})
    with pytest.raises(NotFound):
        project_edits.keep(database, project=record.id, organization=other)


def test_a_removal_is_due_once_its_time_has_come(database: Database) -> None:
    organization = an_organization(database)
    project = made(database, f"gone-{uuid4().hex[:8]}", organization=organization).record.id

    first = project_edits.schedule_removal(database, project=project, organization=organization, at=NOON)
    later = project_edits.schedule_removal(
        database, project=project, organization=organization, at=NOON + HOUR
    )

    assert (first, later) == (NOON, NOON)
    assert project not in project_edits.due(database, at=NOON - HOUR)
    assert project in project_edits.due(database, at=NOON)
    assert not project_edits.begin_removal(database, project=project, at=NOON - HOUR)
    assert project_edits.begin_removal(database, project=project, at=NOON)
    with pytest.raises(NotFound):
        project_edits.keep(database, project=project, organization=organization)


def test_a_removal_that_was_taken_back_does_not_begin(database: Database) -> None:
    organization = an_organization(database)
    project = made(database, f"kept-{uuid4().hex[:8]}", organization=organization).record.id
    project_edits.schedule_removal(database, project=project, organization=organization, at=NOON)

    kept = project_edits.keep(database, project=project, organization=organization)

    assert kept.delete_after is None
    assert project not in project_edits.due(database, at=NOON)
    assert not project_edits.begin_removal(database, project=project, at=NOON)


def test_a_manifest_takes_a_project_over(database: Database) -> None:
    organization = an_organization(database)
    details = made(database, f"over-{uuid4().hex[:8]}", organization=organization)
    project = details.record.id
    project_edits.schedule_removal(database, project=project, organization=organization, at=NOON)

    changed = projects.put(database, wanted=details.record)

    assert set(changed) == {"managed", "delete_after"}
    taken = project_edits.load(database, project=project, organization=organization)
    assert taken is not None
    assert (taken.managed, taken.delete_after, taken.types) == (True, None, ("app",))


def _told(database: Database) -> list[str]:
    waiting = announcements.pending(database)
    announcements.done(database, numbers=[number for number, _ in waiting])
    return [topic for _, topic in waiting]
