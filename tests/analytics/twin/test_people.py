"""Lists of people against counting person by person, over random histories."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Final

from hypothesis import strategies as st

from openpanel.analytics.filters import Filter
from openpanel.analytics.people import People, PeopleCount, PeopleKind, PeopleSelection, PeopleSort, Person
from openpanel.analytics.periods import resolve
from openpanel.analytics.property_filters import PropertyFilter, widened
from openpanel.identity.ids import person_of_profile, to_hex
from openpanel.warehouse import Warehouse
from tests.analytics.twin.crowds import (
    SEARCHES,
    Crowd,
    answer,
    crowds,
    doings,
    is_known,
    name_of,
    now_ms,
    other_id,
    told_of,
)
from tests.analytics.twin.reckoning import Event, Reckoning, milliseconds
from tests.analytics.twin.running import random_worlds
from tests.analytics.worlds import Insert, load

RANGES: Final = ("", "", "7d", "today", "2026-03-20..2026-04-04")
FILTERS: Final = (
    (),
    (),
    (Filter("country", "is", ("KR", "")),),
    (Filter("prop.plan", "not", ("pro",)), Filter("entry", "is", ("/", "/a"))),
)
OF_EVENTS: Final = (
    (),
    (),
    (PropertyFilter("profile.first_name", "is", ("Ana",)),),
    (PropertyFilter("properties.price", "gt", ("9",)), PropertyFilter("path", "isNot", ("/",))),
)
CHOSEN: Final = {
    "kind": st.sampled_from(("all", "all", "identified", "anonymous", "power")),
    "performed": st.sampled_from(("", "", "click", "it's 👩‍👩‍👧")),
    "min_sessions": st.sampled_from((0, 0, 2)),
    "inactive_days": st.sampled_from((None, None, 1, 7)),
}
Row = tuple[int, str, str, bool, int | None, int | None, int]


@random_worlds(
    8,
    crowd=crowds(sessions=20, days=20),
    text=st.sampled_from(RANGES),
    filters=st.tuples(st.sampled_from(FILTERS), st.sampled_from(OF_EVENTS)),
    search=st.sampled_from(("", "", *SEARCHES)),
    chosen=st.fixed_dictionaries(CHOSEN),
    order=st.tuples(
        st.sampled_from(("last_seen", "first_seen", "events")), st.booleans(), st.sampled_from((1, 2, 1000))
    ),
)
def test_pages_hold_everybody_who_is_asked_for_once(
    warehouse: Warehouse,
    insert: Insert,
    crowd: Crowd,
    text: str,
    *,
    filters: tuple[tuple[Filter, ...], tuple[PropertyFilter, ...]],
    search: str,
    chosen: dict[str, Any],
    order: tuple[PeopleSort, bool, int],
) -> None:
    history = crowd.history
    selection = PeopleSelection(
        load(crowd, insert),
        history.timezone,
        history.now,
        search=search,
        period=resolve(text, timezone=history.timezone, now=history.now) if text else None,
        filters=filters[0],
        property_filters=filters[1],
        **chosen,
    )
    sort, descending, limit = order
    expected = by_hand(crowd, selection, sort=sort, descending=descending)

    found: list[Person] = []
    question = People(selection, sort, descending=descending, limit=limit)
    while True:
        page = answer(warehouse, question)
        found += page.people
        if page.cursor is None:
            break
        question = replace(question, after=type(page.cursor).parse(str(page.cursor)))

    assert [shown(each) for each in found] == expected
    assert answer(warehouse, PeopleCount(selection)) == len(expected)


def by_hand(crowd: Crowd, selection: PeopleSelection, *, sort: str, descending: bool) -> list[Row]:
    """Who is in the list, in its order."""
    reckoning = Reckoning(crowd.history)
    people: dict[int, list[Event]] = {}
    for event in doings(reckoning, before=now_ms(crowd.history)):
        people.setdefault(reckoning.person(event), []).append(event)
    found = _found(crowd, selection.search, reckoning)
    listed = {
        person
        for person, events in people.items()
        if _is_selected(reckoning, selection, events) and (found is None or person in found)
    }
    active = {event["profile_id"] for events in people.values() for event in events}
    matching = _described(crowd, selection.search) if selection.takes_unseen else []
    rows = []
    for person, described in told_of(reckoning).items():
        told = [row for row in described if row["profile_id"] not in active]
        wanted = [row["profile_id"] for row in told if row["profile_id"] in matching]
        if person and (wanted or person in listed):
            events = people.get(person, []) if person in listed else []
            rows.append((person, _row(reckoning, person, events, told)))
            listed.discard(person)
        elif not person:
            rows += [(0, _unseen(profile)) for profile in wanted]
    rows += [(person, _row(reckoning, person, people[person], [])) for person in listed]
    if selection.kind == "power":
        sort, descending = "events", True
    place = {"last_seen": 5, "first_seen": 4, "events": 6}[sort]

    def order(row: tuple[int, Row]) -> tuple[int, int, bytes]:
        value = int(row[1][place] or 0)
        return (-value if descending else value, row[0], row[1][2].encode())

    return [row for _, row in sorted(rows, key=order)]


def shown(person: Person) -> Row:
    first, last = person.first_seen, person.last_seen
    return (
        person.person,
        person.id,
        person.profile_id,
        person.identified,
        None if first is None else milliseconds(first),
        None if last is None else milliseconds(last),
        person.events,
    )


def _row(reckoning: Reckoning, person: int, events: Sequence[Event], told: Sequence[Event]) -> Row:
    name = name_of(person, [*events, *told])
    times = [event["created_at"] for event in events]
    one_id = name or to_hex(other_id(person, events) or person)
    identified = bool(told) or is_known(reckoning, events)
    return (person, one_id, name, identified, min(times, default=None), max(times, default=None), len(events))


def _unseen(profile: str) -> Row:
    return (person_of_profile(profile), profile, profile, True, None, None, 0)


def _is_selected(reckoning: Reckoning, selection: PeopleSelection, events: Sequence[Event]) -> bool:
    kinds: dict[PeopleKind, bool] = {
        "all": True,
        "anonymous": not is_known(reckoning, events),
        "identified": is_known(reckoning, events),
        "power": is_known(reckoning, events),
    }
    inside = [event for event in events if _is_inside(selection, event)]
    sessions = {event["session_id"] for event in inside if event.get("session_id")}
    before = selection.seen_before(selection.now)
    return (
        kinds[selection.kind]
        and len(sessions) >= selection.min_sessions
        and (before is None or max(event["created_at"] for event in events) < milliseconds(before))
        and any(_met(reckoning, selection, inside))
    )


def _met(reckoning: Reckoning, selection: PeopleSelection, events: Iterable[Event]) -> Iterable[bool]:
    """Of each event, whether it meets all conditions; somebody without conditions needs none that does."""
    if not selection.has_conditions:
        yield True
    filters = (*widened(selection.filters), *selection.property_filters)
    for event in events:
        yield reckoning.is_named(event, selection.performed or "*") and reckoning.meets(event, filters)


def _is_inside(selection: PeopleSelection, event: Event) -> bool:
    if (period := selection.period) is None:
        return True
    return bool(milliseconds(period.start) <= event["created_at"] < milliseconds(period.until))


def _found(crowd: Crowd, search: str, reckoning: Reckoning) -> set[int] | None:
    """The persons whose profile or device is searched for; `None` for everybody."""
    if not search:
        return None
    described = _described(crowd, search)
    told = {
        person
        for person, rows in told_of(reckoning).items()
        if person and any(row["profile_id"] in described for row in rows)
    }
    return told | {
        reckoning.person(event)
        for event in reckoning.doings(until=crowd.history.now)
        if search.lower() in event["profile_id"].lower()
        or event["profile_id"] in described
        or to_hex(event["device_id"]) == search
    }


def _described(crowd: Crowd, search: str) -> list[str]:
    """Profiles that were told something in which the text is found."""
    return [
        row["profile_id"]
        for row in crowd.history.profiles
        if not row["deleted"]
        and any(
            search.lower() in text.lower()
            for text in (
                row["profile_id"],
                f"{row.get('first_name', '')} {row.get('last_name', '')}",
                row["email"],
            )
        )
    ]
