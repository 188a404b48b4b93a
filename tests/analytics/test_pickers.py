"""Pickers: order, ends, values that no rollup has, and what is refused."""

from datetime import date
from typing import Any

import pytest

from openpanel.analytics.asking import ask
from openpanel.analytics.filters import BadFilter
from openpanel.analytics.pickers import EventNames, Picked, PropertyKeys
from openpanel.analytics.property_values import NEWEST, PropertyValues
from openpanel.warehouse import Warehouse, tables
from tests.analytics.worlds import Insert

DAY = 40_000  # far ahead: values that nobody used for a season are forgotten, whenever this runs


def test_what_begins_with_the_text_comes_before_what_is_frequent(
    warehouse: Warehouse, insert: Insert, project: str
) -> None:
    names = ("signup",) * 2 + ("Sign in",) + ("design",) * 3 + ("other",) * 9
    insert(tables.EVENTS, [_event(project, name) for name in names])

    answer = ask(warehouse, EventNames(project, search="sign", limit=2))

    day = date.fromordinal(date(1970, 1, 1).toordinal() + DAY)
    assert answer.found == (Picked("signup", 2, day), Picked("Sign in", 1, day))
    assert answer.more


def test_keys_are_those_of_the_event(warehouse: Warehouse, insert: Insert, project: str) -> None:
    insert(tables.EVENTS, [_event(project, "a", x="1", y="2"), _event(project, "b", y="3", z="4")])

    assert [each.name for each in ask(warehouse, PropertyKeys(project, event="a")).found] == ["x", "y"]
    assert [each.name for each in ask(warehouse, PropertyKeys(project)).found] == ["y", "x", "z"]


def test_values_of_an_event_are_those_of_its_events(
    warehouse: Warehouse, insert: Insert, project: str
) -> None:
    insert(
        tables.EVENTS, [_event(project, "a", x="1"), _event(project, "b", x="2"), _event(project, "b", x="")]
    )
    of_event, of_all = (
        PropertyValues(project, "properties.x", event="b"),
        PropertyValues(project, "properties.x"),
    )

    assert [each.name for each in ask(warehouse, of_event).found] == ["2"]
    assert [each.name for each in ask(warehouse, of_all).found] == ["1", "2"]
    assert (of_event.newest, of_all.newest) == (NEWEST, None)


def test_names_of_the_protocol_name_the_same_fields(
    warehouse: Warehouse, insert: Insert, project: str
) -> None:
    insert(
        tables.EVENTS, [{**_event(project, "session_start"), "referrer_name": "Google", "os_version": "14"}]
    )

    for key, value in (("referrerName", "Google"), ("osVersion", "14"), ("name", "session_start")):
        assert [each.name for each in ask(warehouse, PropertyValues(project, key)).found] == [value]


@pytest.mark.parametrize(
    "key",
    [
        "",
        "nothing",
        "properties.",
        "revenue",
        "created_at",
        "cohort",
        "has_profile",
        "group",
        "properties.*",
        "session.views",
        "profile.nothing",
    ],
)
def test_fields_without_values_to_choose_from_are_refused(key: str) -> None:
    with pytest.raises(BadFilter):
        PropertyValues("p", key)


@pytest.mark.parametrize("asked", [{"limit": 0}, {"limit": 1_001}, {"search": "x" * 1_001}])
def test_impossible_pickers_are_refused(asked: dict[str, Any]) -> None:
    for make in (EventNames, PropertyKeys):
        with pytest.raises(BadFilter):
            make("p", **asked)
    with pytest.raises(BadFilter):
        PropertyValues("p", "country", **asked)


def _event(project: str, name: str, **properties: str) -> dict[str, object]:
    return {
        "project_id": project,
        "name": name,
        "day": DAY,
        "created_at": DAY * 86_400_000,
        "properties": properties,
    }
