"""Pickers against counting names, keys and values by hand, over random histories."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any, Final

from hypothesis import strategies as st

from openpanel.analytics.pickers import EventNames, Picked, PickedAnswer, PropertyKeys
from openpanel.analytics.property_values import PropertyValues
from openpanel.warehouse import Warehouse
from openpanel.warehouse.views import ID_PATTERN
from tests.analytics.twin.crowds import Crowd, answer, crowds
from tests.analytics.twin.reckoning import SYNTHETIC, Event
from tests.analytics.twin.running import random_worlds
from tests.analytics.worlds import Insert, load

SEARCHES: Final = ("", "", "i", "P", "IT'S", "👩", '"', "\\", "%", "nothing")
EVENTS: Final = (None, None, "click", "it's 👩‍👩‍👧", "nothing")
KEYS: Final = ("plan", 'it\'s "a" key', "items.0.sku", "paid", "nothing")
Counted = Mapping[str, tuple[int, date | None]]
_EPOCH: Final = date(1970, 1, 1)


def in_days_to_come(crowd: Crowd) -> Crowd:
    """Values that nobody used for a season are forgotten, whenever this runs."""
    events = [{**row, "day": row["day"] + 20_000} for row in crowd.history.events]
    return replace(crowd, history=replace(crowd.history, events=events))


@random_worlds(
    8,
    crowd=crowds(sessions=20, days=20).map(in_days_to_come),
    search=st.sampled_from(SEARCHES),
    event=st.sampled_from(EVENTS),
    key=st.sampled_from(KEYS),
    limit=st.sampled_from((1, 3, 1000)),
)
def test_everything_there_is_can_be_picked(
    warehouse: Warehouse,
    insert: Insert,
    crowd: Crowd,
    *,
    search: str,
    event: str | None,
    key: str,
    limit: int,
) -> None:
    project, events = load(crowd, insert), crowd.history.events
    doings = [row for row in events if row["name"] not in SYNTHETIC]
    of_event = [row for row in doings if event in {None, row["name"]}]
    starts = [row for row in events if row["name"] == "session_start" or _is_view(row)]

    def check(question: Any, counted: Counted) -> None:
        assert answer(warehouse, question) == _picked(counted, search, limit=limit)

    check(EventNames(project, search, limit), _counted(events, lambda row: [row["name"]]))
    check(
        PropertyKeys(project, event, search, limit), _counted(of_event, lambda row: list(row["properties"]))
    )
    check(
        PropertyValues(project, f"properties.{key}", event, search, limit),
        _counted(of_event, lambda row: [row["properties"].get(key, "")]),
    )
    check(PropertyValues(project, "country", None, search, limit), _counted(starts, _of("country")))
    views = [row for row in events if _is_view(row)]
    check(PropertyValues(project, "path", None, search, limit), _counted(views, _of("path")))
    check(PropertyValues(project, "title", None, search, limit), _counted(events, _of("title")))
    named = [row for row in events if row["name"] == event]
    if event is not None:
        check(PropertyValues(project, "path", event, search, limit), _counted(named, _of("path")))


@random_worlds(6, crowd=crowds(sessions=4), search=st.sampled_from(("", "a", "🦊", "o'")))
def test_what_was_told_can_be_picked(
    warehouse: Warehouse, insert: Insert, crowd: Crowd, *, search: str
) -> None:
    project = load(crowd, insert)
    profiles = [row for row in crowd.history.profiles if not row["deleted"]]
    groups = crowd.history.groups
    told: tuple[tuple[str, Iterable[str]], ...] = (
        ("profile.first_name", [row["first_name"] for row in profiles]),
        ("profile.properties.plan", [row["properties"].get("plan", "") for row in profiles]),
        ("group.id", [row["group_id"] for row in groups]),
        ("group.type", [row["type"] for row in groups]),
        ("group.properties.size", [row["properties"]["size"] for row in groups]),
    )

    for key, values in told:
        counted = {value: (list(values).count(value), None) for value in values if value}
        found = answer(warehouse, PropertyValues(project, key, search=search))
        assert found == _picked(counted, search, limit=100), key


def _of(column: str) -> Callable[[Event], list[str]]:
    return lambda row: [row.get(column, "")]


def _is_view(row: Event) -> bool:
    return bool(row["name"] == "screen_view" and row["path"] and row.get("session_id"))


def _counted(events: Iterable[Event], texts: Callable[[Event], Iterable[str]]) -> Counted:
    found: dict[str, tuple[int, date | None]] = {}
    for row in events:
        day = _EPOCH + timedelta(days=row["day"])
        for text in texts(row):
            number, last = found.get(text, (0, day))
            if text:
                found[text] = (number + 1, max(last or day, day))
    assert not any(re.search(ID_PATTERN, text) for text in found)
    return found


def _picked(counted: Counted, search: str, *, limit: int) -> PickedAnswer:
    """What has the text comes in this order: what begins with it, what is frequent, by its bytes."""
    found = [
        (not text.lower().startswith(search.lower()), -number, text.encode(), text, last)
        for text, (number, last) in counted.items()
        if search.lower() in text.lower()
    ]
    rows = [(text, -number, last) for _, number, _, text, last in sorted(found, key=lambda row: row[:3])]
    return PickedAnswer(tuple(Picked(*row) for row in rows[:limit]), more=len(rows) > limit)
