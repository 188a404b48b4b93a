"""Single events: bounds, pages, cursors, whose they are, and every column back as it went in."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from openpanel.analytics.asking import ask
from openpanel.analytics.events import COLUMNS, Cursor, Event, EventCount, Events, Selection
from openpanel.analytics.filters import BadFilter, Filter, Operator
from openpanel.identity.ids import hash64, person_of_profile, to_hex
from openpanel.warehouse import Warehouse, tables
from tests.analytics.worlds import Insert

START = datetime(2026, 11, 1, tzinfo=UTC)
START_MS = round(START.timestamp() * 1000)


def test_event_comes_back_with_everything_that_was_stored(
    warehouse: Warehouse, insert: Insert, project: str
) -> None:
    insert(tables.EVENTS, [{**FULL, "project_id": project}])

    (event,) = ask(warehouse, Events(Selection(project))).events

    expected = {name: value for name, value in FULL.items() if name != "day"}
    moments = ("created_at", "session_started_at", "received_at")
    found = {name: getattr(event, name) for name in expected}
    assert {**found, **{name: _ms(found[name]) for name in moments}, "imported_at": event.imported_at} == {
        **expected,
        "imported_at": datetime(2026, 1, 1, tzinfo=UTC),
    }


def test_what_is_not_known_is_empty(warehouse: Warehouse, insert: Insert, project: str) -> None:
    insert(tables.EVENTS, [{"project_id": project, "name": "x", "created_at": START_MS}])

    (event,) = ask(warehouse, Events(Selection(project))).events

    assert event.imported_at is None
    assert (event.session_id, event.profile_id, event.groups, event.properties) == (0, "", (), {})


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [(0, 3, [0, 1, 2]), (1, 3, [1, 2]), (0, 2, [0, 1]), (None, 2, [0, 1]), (1, None, [1, 2]), (1, 1, []), (3, None, [])],
)  # fmt: skip
def test_both_bounds_are_exact_to_the_millisecond(
    warehouse: Warehouse,
    *,
    insert: Insert,
    project: str,
    start: int | None,
    end: int | None,
    expected: list[int],
) -> None:
    insert(tables.EVENTS, [_event(project, number) for number in range(3)])
    selection = Selection(project, start=_after(start), end=_after(end))

    found = ask(warehouse, Events(selection)).events

    assert [event.event_id for event in reversed(found)] == expected
    assert ask(warehouse, EventCount(selection)) == len(expected)


@pytest.mark.parametrize("limit", [1, 7, 40])
def test_pages_and_cursor_give_every_event_once_and_newest_first(
    warehouse: Warehouse, insert: Insert, project: str, limit: int
) -> None:
    dice = random.Random(limit)
    # Few milliseconds for many events, over several days: many stand at the same time.
    events = [
        _event(project, dice.randrange(4) + dice.choice([0, 86_400_000]), event_id=dice.randrange(2**64))
        for _ in range(40)
    ]
    insert(tables.EVENTS, events[:25])
    insert(tables.EVENTS, events[25:])
    expected = sorted(((event["created_at"], event["event_id"]) for event in events), reverse=True)

    by_page = [
        (_ms(event.created_at), event.event_id)
        for page in range(1, 40 // limit + 2)
        for event in ask(warehouse, Events(Selection(project), limit=limit, page=page)).events
    ]
    by_cursor = [
        (_ms(event.created_at), event.event_id) for event in _read_all(warehouse, project, limit=limit)
    ]

    assert by_page == expected
    assert by_cursor == expected


def test_cursor_loses_nothing_while_events_arrive(warehouse: Warehouse, insert: Insert, project: str) -> None:
    insert(tables.EVENTS, [_event(project, number) for number in range(10)])
    first = ask(warehouse, Events(Selection(project), limit=4))

    insert(tables.EVENTS, [_event(project, 50), _event(project, 2, event_id=999)])
    second = ask(warehouse, Events(Selection(project), limit=1000, after=first.cursor))

    assert [event.event_id for event in (*first.events, *second.events)] == [
        9,
        8,
        7,
        6,
        5,
        4,
        3,
        999,
        2,
        1,
        0,
    ]
    assert second.cursor is None


def test_cursor_is_text_and_back() -> None:
    cursor = Cursor(START_MS, 2**64 - 1)

    assert Cursor.parse(str(cursor)) == cursor


@pytest.mark.parametrize("text", ["", "x" * 32, "0" * 31, "0" * 33, "0" * 32 + "é", "f" * 32])
def test_other_text_is_no_cursor(text: str) -> None:
    assert Cursor.parse(text) is None


@pytest.mark.parametrize(
    "limits",
    [{"limit": 0}, {"limit": 1001}, {"page": 0}, {"page": 10**9}, {"page": 2, "after": Cursor(1, 1)}],
)
def test_impossible_pages_are_refused(limits: dict[str, Any]) -> None:
    with pytest.raises(BadFilter):
        Events(Selection("p"), **limits)


def test_names_select_events(warehouse: Warehouse, insert: Insert, project: str) -> None:
    insert(tables.EVENTS, [_event(project, n, name=name) for n, name in enumerate(("a", "b", "c", "A"))])

    found = ask(warehouse, Events(Selection(project, names=("a", "c", "d")))).events

    assert {event.name for event in found} == {"a", "c"}


def test_profile_selects_what_the_person_did_before_it_was_known(
    warehouse: Warehouse, insert: Insert, project: str
) -> None:
    ana, alias, other = (person_of_profile(profile) for profile in ("ana", "alias", "other"))
    people = {1: 11, 2: 12, 3: ana, 4: alias, 5: other, 6: 16, 7: 0}
    insert(tables.EVENTS, [_event(project, number, person=person) for number, person in people.items()])
    overrides = [(11, ana), (12, alias), (alias, ana), (16, other)]
    insert(
        tables.PERSON_OVERRIDES,
        [{"project_id": project, "person": person, "into": into, "version": 1} for person, into in overrides],
    )

    def done_by(profile: str) -> set[int]:
        selection = Selection(project, profile=profile)
        found = {event.event_id for event in ask(warehouse, Events(selection)).events}
        assert ask(warehouse, EventCount(selection)) == len(found)
        return found

    assert done_by("ana") == {1, 2, 3, 4}
    assert done_by("alias") == {1, 2, 3, 4}
    assert done_by(to_hex(11)) == {1, 2, 3, 4}
    assert done_by("other") == {5, 6}
    assert done_by("nobody") == set()


def test_earliest_word_about_a_device_wins(warehouse: Warehouse, insert: Insert, project: str) -> None:
    ana, ben = person_of_profile("ana"), person_of_profile("ben")
    insert(tables.EVENTS, [_event(project, 1, person=11)])
    for order, into in ((5, ben), (3, ana), (9, ben)):
        insert(
            tables.PERSON_OVERRIDES,
            [{"project_id": project, "person": 11, "into": into, "version": 2**63 - order}],
        )

    assert ask(warehouse, EventCount(Selection(project, profile="ana"))) == 1
    assert ask(warehouse, EventCount(Selection(project, profile="ben"))) == 0


@pytest.mark.parametrize(
    ("dimension", "operator", "values", "expected"),
    [
        ("prop.plan", "is", ("pro",), {0}),
        ("prop.plan", "not", ("pro",), {1, 2}),
        ("prop.plan", "unset", (), {2}),
        ("prop.price", "gt", ("9.5",), {0}),
        ("prop.price", "lte", ("9.5",), {1}),
        ("prop.price", "lt", ("-100", "1e9"), {0, 1}),
        ("page", "re", ("^/p[0-9]$",), {0, 1, 2}),
        ("page", "re", ("0$", "1$"), {0, 1}),
        ("page", "has", ("P1",), {1}),
        ("page", "is", ("/P1",), set()),
        ("session", "is", (to_hex(hash64("s")),), {0}),
        ("revenue", "gte", ("100",), {0}),
        ("event", "starts", ("e",), {0, 1, 2}),
        ("city", "is", ("",), {1, 2}),
        ("city", "has", ("SÃO",), {0}),
    ],
)
def test_filters_select_events(
    warehouse: Warehouse,
    *,
    insert: Insert,
    project: str,
    dimension: str,
    operator: Operator,
    values: tuple[str, ...],
    expected: set[int],
) -> None:
    insert(
        tables.EVENTS,
        [
            _event(project, 0, session_id=hash64("s"), revenue=100, city="São Paulo", properties={"plan": "pro", "price": "10"}),
            _event(project, 1, properties={"plan": "free", "price": "9.5"}),
            _event(project, 2, properties={"price": "free"}),
        ],
    )  # fmt: skip

    found = ask(warehouse, Events(Selection(project, filters=(Filter(dimension, operator, values),)))).events

    assert {event.event_id for event in found} == expected


@pytest.mark.parametrize("dimension", [name for name in COLUMNS if name != "prop."])
@pytest.mark.parametrize("operator", ["is", "has", "re", "unset", "gt"])
def test_every_dimension_takes_every_operator(
    warehouse: Warehouse, project: str, dimension: str, operator: Operator
) -> None:
    values = () if operator in {"set", "unset"} else ("1",)

    assert ask(warehouse, EventCount(Selection(project, filters=(Filter(dimension, operator, values),)))) == 0


def test_broken_regular_expression_is_refused(warehouse: Warehouse, insert: Insert, project: str) -> None:
    insert(tables.EVENTS, [_event(project, 1)])

    with pytest.raises(BadFilter, match="regular expression"):
        ask(warehouse, Events(Selection(project, filters=(Filter("page", "re", ("(",)),))))


FULL: dict[str, Any] = {
    **{
        column.name: f"{column.name} ✓" for column in tables.EVENTS.columns if column.type.endswith("String)")
    },
    **{
        column.name: f"{column.name} '\"\\\n\0" for column in tables.EVENTS.columns if column.type == "String"
    },
    "day": 20_000,
    "device_id": 2**64 - 1,
    "created_at": START_MS + 123,
    "event_id": 2**63,
    "session_id": 7,
    "session_started_at": START_MS,
    "person": 8,
    "groups": ("a", "b"),
    "revenue": -5,
    "duration": 2**40,
    "longitude": 1.5,
    "latitude": -2.25,
    "properties": {"a": "1", "": "2", "ключ": "\t"},
    "imported_at": 1_767_225_600,
    "received_at": START_MS + 5,
}
del FULL["project_id"]


def _event(project: str, after_ms: int, **fields: Any) -> dict[str, Any]:
    given: dict[str, Any] = {"event_id": after_ms, "name": "event", "path": f"/p{after_ms}", **fields}
    return {"project_id": project, "created_at": START_MS + after_ms, **given}


def _after(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else START + timedelta(milliseconds=milliseconds)


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def _read_all(warehouse: Warehouse, project: str, *, limit: int) -> list[Event]:
    question = Events(Selection(project), limit=limit)
    answer = ask(warehouse, question)
    found = list(answer.events)
    while answer.cursor is not None:
        answer = ask(warehouse, replace(question, after=answer.cursor))
        found += answer.events
    return found
