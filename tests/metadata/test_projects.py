"""Projects and their filters: written as wanted, read as written, changes announced."""

from datetime import UTC, datetime, timedelta

from openpanel.metadata import (
    Condition,
    Database,
    EventMeta,
    Filter,
    ProjectRecord,
    Standing,
    Webhook,
    announcements,
    clients,
    event_meta,
    organizations,
    projects,
    users,
)
from tests.metadata.builders import NOON, a_client, a_project, a_user, an_organization

CLOCKS_APART = timedelta(hours=1)  # of the store's and this process's
FULL = {
    "timezone": "Asia/Seoul",
    "cors": ("https://a.example", "*.b.example"),
    "allow_unsafe_revenue": True,
    "truncate_ip": True,
    "honour_dnt": True,
    "honour_gpc": True,
    "cookieless": True,
    "rate_limit": 12.5,
    "rate_burst": 7,
    "pool": "own",
    "retention_days": {"events": 30, "replays": None},
    "trusted_senders": ("10.0.0.0/8",),
    "quota_events": 10**13,
    "deletion_policy": "Delete",
    "webhooks": (Webhook("https://hook.example", ("a", "b"), "key"),),
}
FILTERS = (
    Filter("ip", "203.0.113.7"),
    Filter("event", "screen_view", (Condition("path", "is", ("/a", "/b")), Condition("title", "isNull"))),
)


def test_a_project_is_read_as_it_was_written(database: Database) -> None:
    wanted = a_project(database, **FULL)

    assert projects.load(database, project=wanted.id) == wanted


def test_an_unknown_project_is_none(database: Database) -> None:
    assert projects.load(database, project="no-such-project") is None


def test_writing_the_same_again_changes_nothing(database: Database) -> None:
    wanted = a_project(database, **FULL)
    _told(database)

    assert projects.put(database, wanted=wanted) == ()
    assert _told(database) == []


def test_a_change_names_its_fields_and_is_announced(database: Database) -> None:
    before = a_project(database, **FULL)
    _told(database)

    changed = projects.put(database, wanted=_with(before, timezone="UTC", cors=()))

    assert set(changed) == {"timezone", "cors"}
    assert _told(database) == [f"project:{before.id}"]


def test_since_when_a_time_zone_holds_is_known_of_one_that_changed(database: Database) -> None:
    before = a_project(database, timezone="Asia/Seoul")
    projects.put(database, wanted=_with(before, name="Other name", timezone="Asia/Seoul"))
    first = _loaded(database, before.id)

    earliest = datetime.now(UTC) - CLOCKS_APART
    projects.put(database, wanted=_with(before, timezone="Europe/Berlin"))
    changed = _loaded(database, before.id)
    projects.put(database, wanted=_with(before, name="Third name", timezone="Europe/Berlin"))
    projects.put_filters(database, project=before.id, filters=FILTERS)

    assert (first.name, first.timezone_since) == ("Other name", None)
    assert changed.timezone_since is not None
    assert earliest < changed.timezone_since < datetime.now(UTC) + CLOCKS_APART
    assert _loaded(database, before.id).timezone_since == changed.timezone_since


def test_filters_are_replaced_as_a_whole(database: Database) -> None:
    project = a_project(database)

    assert projects.put_filters(database, project=project.id, filters=FILTERS)
    assert projects.put_filters(database, project=project.id, filters=FILTERS[::-1])
    assert not projects.put_filters(database, project=project.id, filters=FILTERS[::-1])

    found = projects.load(database, project=project.id)
    assert found is not None
    assert found.filters == FILTERS[::-1]


def test_a_deleted_project_is_marked_and_not_listed(database: Database) -> None:
    project = a_project(database)

    assert projects.mark_deleted(database, project=project.id, at=NOON, policy="Retain")
    assert not projects.mark_deleted(database, project=project.id, at=NOON, policy="Retain")

    found = projects.load(database, project=project.id)
    assert found is not None
    assert found.deleted
    assert found.id not in [each.id for each in projects.listed(database)]


def test_what_becomes_of_a_deleted_projects_data_may_be_decided_later(database: Database) -> None:
    project = a_project(database)
    projects.mark_deleted(database, project=project.id, at=NOON, policy="Retain")
    _told(database)

    assert not projects.mark_deleted(database, project=project.id, at=NOON, policy="Delete")

    found = projects.load(database, project=project.id)
    assert found is not None
    assert (found.deleted, found.deletion_policy) == (True, "Delete")
    assert _told(database) == [f"project:{project.id}"]


def test_a_deleted_project_comes_back_when_it_is_wanted_again(database: Database) -> None:
    project = a_project(database)
    projects.mark_deleted(database, project=project.id, at=NOON, policy="Retain")

    assert projects.put(database, wanted=project) == ("deleted",)
    assert projects.load(database, project=project.id) == project


def test_erasing_a_project_takes_its_clients_along_and_tells_them(database: Database) -> None:
    project = a_project(database)
    projects.put_filters(database, project=project.id, filters=FILTERS)
    client = a_client(database, project=project)
    _told(database)

    assert projects.erase(database, project=project.id)
    assert not projects.erase(database, project=project.id)

    assert projects.load(database, project=project.id) is None
    assert clients.load(database, client_id=client.id) is None
    assert set(_told(database)) == {f"project:{project.id}", f"client:{client.id}"}


def test_erased_project_is_told_from_one_that_is_missing(database: Database) -> None:
    project = a_project(database)
    earliest = datetime.now(UTC) - CLOCKS_APART

    projects.erase(database, project=project.id)

    standing = projects.standing(database, project=project.id)
    assert standing.record is None
    assert standing.erased
    assert standing.erased_at is not None
    assert earliest < standing.erased_at < datetime.now(UTC) + CLOCKS_APART
    missing = projects.standing(database, project="no-such-project")
    assert (missing, missing.erased) == (Standing(None), False)


def test_word_of_the_erasure_stays_when_the_project_is_made_again(database: Database) -> None:
    project = a_project(database, **FULL)
    projects.put_filters(database, project=project.id, filters=FILTERS)
    projects.erase(database, project=project.id)
    first = projects.standing(database, project=project.id).erased_at

    projects.put(database, wanted=project)
    again = projects.standing(database, project=project.id)
    projects.erase(database, project=project.id)
    last = projects.standing(database, project=project.id).erased_at

    assert (again.record, again.erased_at, again.erased) == (project, first, False)
    assert first is not None
    assert last is not None
    assert last > first


def test_standing_of_a_project_that_is_there_is_its_record(database: Database) -> None:
    project = a_project(database, **FULL)
    projects.put_filters(database, project=project.id, filters=FILTERS)

    assert projects.standing(database, project=project.id) == Standing(
        projects.load(database, project=project.id)
    )


def test_projects_are_listed_by_organization(database: Database) -> None:
    organization = an_organization(database)
    mine = [a_project(database, organization=organization).id for _ in range(2)]
    a_project(database)

    assert [each.id for each in projects.listed(database, organization=organization)] == mine


def test_members_see_the_projects_of_their_organizations_only(database: Database) -> None:
    organization = an_organization(database)
    mine, other = a_project(database, organization=organization), a_project(database)
    member = a_user(database)
    users.join(database, user=member.id, organization=organization, role="member")

    seen = [each.id for each in projects.visible_to(database, user=member.id)]

    assert mine.id in seen
    assert other.id not in seen


def test_an_owner_sees_every_project(database: Database) -> None:
    project, owner = a_project(database), a_user(database, owner=True)

    assert project.id in [each.id for each in projects.visible_to(database, user=owner.id)]


def test_an_organization_is_made_once(database: Database) -> None:
    name = an_organization(database)

    assert not organizations.ensure(database, organization=name, name="Another Name")

    found = organizations.load(database, organization=name)
    assert found is not None
    assert found.name == name.title()
    assert found in organizations.listed(database)


def test_event_meta_of_a_manifest_leaves_that_of_people_alone(database: Database) -> None:
    project = a_project(database).id
    by_hand, first, second = (
        EventMeta("by_hand", conversion=True),
        EventMeta("first"),
        EventMeta("second", icon="x"),
    )
    event_meta.put(database, project=project, event=by_hand)

    assert event_meta.put_managed(database, project=project, events=(first, second)) == ("first", "second")
    assert event_meta.put_managed(database, project=project, events=(first, second)) == ()
    assert event_meta.put_managed(database, project=project, events=(second,)) == ("first",)

    assert event_meta.listed(database, project=project) == (by_hand, second)


def test_event_meta_by_hand_is_written_once(database: Database) -> None:
    project = a_project(database).id
    event = EventMeta("paid", conversion=True, colour="#112233")

    assert event_meta.put(database, project=project, event=event)
    assert not event_meta.put(database, project=project, event=event)
    assert event_meta.put(database, project=project, event=EventMeta("paid"))


def _with(record: ProjectRecord, **fields: object) -> ProjectRecord:
    from dataclasses import replace

    return replace(record, **fields)  # type: ignore[arg-type]


def _loaded(database: Database, project: str) -> ProjectRecord:
    found = projects.load(database, project=project)
    assert found is not None
    return found


def _told(database: Database) -> list[str]:
    waiting = announcements.pending(database)
    announcements.done(database, numbers=[number for number, _ in waiting])
    return [topic for _, topic in waiting]
