"""Lists of groups and their members: their cursors, what arrives while a list is read, and what is refused."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from openpanel.analytics.asking import ask
from openpanel.analytics.filters import BadFilter
from openpanel.analytics.group_activity import GroupGrowth
from openpanel.analytics.group_members import GroupMembers
from openpanel.analytics.group_metrics import NOTHING, GroupMetrics, GroupsMetrics
from openpanel.analytics.groups import GroupCursor, GroupDetail, Groups, GroupTypes
from openpanel.analytics.periods import BadRange, Period
from openpanel.identity.ids import person_of_profile
from openpanel.warehouse import Warehouse, tables
from tests.analytics.worlds import Insert

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
NOW_MS = round(NOW.timestamp() * 1000)
ANA = person_of_profile("ana")


def test_group_is_as_it_was_described_last(warehouse: Warehouse, insert: Insert, project: str) -> None:
    told = {"project_id": project, "group_id": "acme", "type": "company", "created_at": 1_000}
    insert(tables.GROUPS, [{**told, "name": "Acme", "version": 1}])
    insert(tables.GROUPS, [{**told, "name": "ACME", "properties": {"size": "5"}, "version": 2}])

    group = ask(warehouse, GroupDetail(project, "acme"))

    assert group is not None
    assert (group.name, group.properties, group.created_at) == (
        "ACME",
        {"size": "5"},
        datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC),
    )
    assert [group] == list(ask(warehouse, Groups(project)).groups)


def test_deleted_group_is_gone(warehouse: Warehouse, insert: Insert, project: str) -> None:
    for version, deleted in ((1, 0), (2, 1)):
        insert(
            tables.GROUPS,
            [{"project_id": project, "group_id": "acme", "version": version, "deleted": deleted}],
        )

    assert ask(warehouse, GroupDetail(project, "acme")) is None
    assert ask(warehouse, Groups(project)).groups == ()
    assert ask(warehouse, GroupTypes(project)) == ()


def test_list_loses_nothing_while_groups_are_described(
    warehouse: Warehouse, insert: Insert, project: str
) -> None:
    insert(
        tables.GROUPS, [_group(project, name, at) for name, at in (("a", 1), ("b", 2), ("c", 2), ("d", 3))]
    )
    first = ask(warehouse, Groups(project, limit=2))

    insert(tables.GROUPS, [_group(project, "new", 9), {**_group(project, "c", 2), "version": 2, "name": "x"}])
    second = ask(warehouse, Groups(project, after=first.cursor))

    assert [each.group_id for each in (*first.groups, *second.groups)] == ["d", "b", "c", "a"]


def test_members_are_those_who_acted_in_it_and_those_assigned_to_it(
    warehouse: Warehouse, insert: Insert, project: str
) -> None:
    ben = person_of_profile("ben")
    insert(
        tables.EVENTS,
        [
            _event(project, 9, person=11, device_id=11, groups=("acme",)),
            _event(project, 5, person=ANA, profile_id="ana"),
            _event(project, 7, person=ben, profile_id="ben", groups=("acme",)),
            _event(project, 6, person=12, groups=("other",)),
        ],
    )
    insert(tables.PERSON_OVERRIDES, [{"project_id": project, "person": 11, "into": ANA, "version": 1}])
    told = {"project_id": project, "version": 1, "groups": ("acme",)}
    insert(tables.PROFILES, [{**told, "profile_id": name} for name in ("ana", "ben", "cho")])

    members = ask(warehouse, GroupMembers(project, "acme", NOW)).people

    assert [(each.id, each.events) for each in members] == [("ben", 1), ("ana", 1), ("cho", 0)]
    assert members[1].last_seen == NOW - timedelta(minutes=9)
    assert ask(warehouse, GroupMetrics(project, "UTC", "acme", NOW)).members == 3


def test_list_of_members_loses_nobody_while_they_go_on(
    warehouse: Warehouse, insert: Insert, project: str
) -> None:
    insert(
        tables.EVENTS, [_event(project, person, person=person, groups=("acme",)) for person in range(1, 6)]
    )

    found: list[int] = []
    question = GroupMembers(project, "acme", NOW, limit=2)
    for later in range(3):
        page = ask(warehouse, question)
        found += [each.person for each in page.people]
        rows = [_event(project, -later, person=person, groups=("acme",)) for person in range(1, 9)]
        insert(tables.EVENTS, rows)
        question = replace(question, now=NOW + timedelta(hours=1), after=page.cursor)

    assert found == [1, 2, 3, 4, 5]


def test_group_of_no_event_has_numbers_that_are_nothing(warehouse: Warehouse) -> None:
    assert ask(warehouse, GroupMetrics("nobody", "UTC", "acme", NOW)) == NOTHING
    assert ask(warehouse, GroupsMetrics("nobody", "UTC", (), NOW)) == {}


@pytest.mark.parametrize("group_id", ["", "acme", "o'neil 🏢", "a" * 100])
def test_cursor_is_text_and_back(group_id: str) -> None:
    cursor = GroupCursor(NOW_MS, group_id)

    assert GroupCursor.parse(str(cursor)) == cursor


@pytest.mark.parametrize(
    "text", ["", "x" * 16, "0" * 15, "f" * 16, "0" * 16 + "é", "0" * 16 + "!", "0" * 16 + "_w"]
)
def test_other_text_is_no_cursor(text: str) -> None:
    assert GroupCursor.parse(text) is None


@pytest.mark.parametrize("asked", [{"limit": 0}, {"limit": 1_001}, {"search": "x" * 1_001}])
def test_impossible_lists_are_refused(asked: dict[str, Any]) -> None:
    with pytest.raises(BadFilter):
        Groups("p", **asked)


def test_too_many_groups_and_points_are_refused() -> None:
    period = Period(NOW - timedelta(days=400), NOW)

    with pytest.raises(BadFilter):
        GroupsMetrics("p", "UTC", ("x",) * 1_001, NOW)
    with pytest.raises(BadRange):
        GroupGrowth("p", "UTC", "acme", period, "minute")


def _group(project: str, name: str, at: int) -> dict[str, object]:
    return {"project_id": project, "group_id": name, "created_at": at, "version": 1}


def _event(project: str, minutes_ago: int, **columns: object) -> dict[str, object]:
    at = NOW_MS - minutes_ago * 60_000
    return {"project_id": project, "name": "click", "created_at": at, "event_id": at, **columns}
