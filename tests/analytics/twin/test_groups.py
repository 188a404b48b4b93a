"""Groups against counting their events and members by hand, over random histories."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from hypothesis import strategies as st

from openpanel.analytics.group_activity import GroupActivity, GroupGrowth
from openpanel.analytics.group_members import GroupMembers
from openpanel.analytics.group_metrics import GroupFigures, GroupMetrics, GroupsMetrics
from openpanel.analytics.groups import Group, GroupCount, GroupDetail, Groups, GroupTypes
from openpanel.analytics.people import Person
from openpanel.analytics.periods import Interval, Period, resolve
from openpanel.identity.ids import person_of_profile, to_hex
from openpanel.warehouse import Warehouse
from tests.analytics.twin.crowds import (
    GROUPS,
    Crowd,
    answer,
    crowds,
    doings,
    is_known,
    now_ms,
    other_id,
)
from tests.analytics.twin.reckoning import SYNTHETIC, Event, Reckoning, milliseconds
from tests.analytics.twin.running import random_worlds
from tests.analytics.twin.test_people import Row, shown
from tests.analytics.worlds import Insert, load

RANGES: Final = ("7d", "30d", "2026-03-20..2026-04-04")


@random_worlds(
    6,
    crowd=crowds(sessions=6),
    kind=st.sampled_from((None, None, "team", "nothing")),
    search=st.sampled_from(("", "", "AC", "O'", "🏢", "%")),
    limit=st.sampled_from((1, 2, 1000)),
)
def test_pages_hold_every_described_group_once(
    warehouse: Warehouse, insert: Insert, crowd: Crowd, *, kind: str | None, search: str, limit: int
) -> None:
    project = load(crowd, insert)
    told = [
        row
        for row in sorted(
            crowd.history.groups, key=lambda row: (-row["created_at"], row["group_id"].encode())
        )
        if kind in {None, row["type"]}
        and any(search.lower() in row[name].lower() for name in ("group_id", "name"))
    ]

    found: list[Group] = []
    question = Groups(project, kind, search, limit=limit)
    while True:
        page = answer(warehouse, question)
        found += page.groups
        if page.cursor is None:
            break
        question = replace(question, after=type(page.cursor).parse(str(page.cursor)))

    assert [(each.group_id, each.type, each.name, each.properties) for each in found] == [
        (row["group_id"], row["type"], row["name"], row["properties"]) for row in told
    ]
    assert answer(warehouse, GroupCount(project, kind, search)) == len(told)
    types = Counter(row["type"] for row in crowd.history.groups)
    assert {each.type: each.groups for each in answer(warehouse, GroupTypes(project))} == types
    for name in GROUPS:
        one = answer(warehouse, GroupDetail(project, name))
        assert (one is None) == (name not in {row["group_id"] for row in crowd.history.groups})


@random_worlds(
    6,
    crowd=crowds(sessions=20, days=20),
    group=st.sampled_from(GROUPS),
    text=st.sampled_from(RANGES),
    interval=st.sampled_from(("day", "week", "month")),
    limit=st.sampled_from((1, 3, 1000)),
)
def test_members_and_numbers_are_those_counted_by_hand(
    warehouse: Warehouse,
    insert: Insert,
    crowd: Crowd,
    group: str,
    *,
    text: str,
    interval: Interval,
    limit: int,
) -> None:
    history = crowd.history
    reckoning = Reckoning(history)
    project, zone = load(crowd, insert), history.timezone
    period = resolve(text, timezone=zone, now=history.now)
    growth = GroupGrowth(project, zone, group, period, interval)

    members = _read_all(warehouse, GroupMembers(project, group, history.now, limit=limit))
    metrics = answer(warehouse, GroupMetrics(project, zone, group, history.now))
    several = answer(warehouse, GroupsMetrics(project, zone, GROUPS, history.now))
    activity = answer(warehouse, GroupActivity(project, zone, group, period))
    grown = answer(warehouse, growth)

    assert [shown(each) for each in members] == _members(crowd, reckoning, group)
    assert metrics == _figures(crowd, reckoning, group)
    assert several == {name: _figures(crowd, reckoning, name) for name in GROUPS}
    assert [(each.day, each.events, each.members) for each in activity] == _days(reckoning, group, period)
    assert [(each.joined, each.members) for each in grown] == _grown(reckoning, group, growth)


def _read_all(warehouse: Warehouse, question: GroupMembers) -> list[Person]:
    found: list[Person] = []
    while True:
        page = answer(warehouse, question)
        found += page.people
        if page.cursor is None:
            return found
        question = replace(question, after=type(page.cursor).parse(str(page.cursor)))


def _members(crowd: Crowd, reckoning: Reckoning, group: str) -> list[Row]:
    every = doings(reckoning, before=now_ms(crowd.history))
    inside: dict[tuple[int, str], list[Event]] = {}
    names: dict[tuple[int, str], list[tuple[bool, str]]] = {}
    for event in every:
        if group in event["groups"]:
            key = (reckoning.person(event), "")
            inside.setdefault(key, []).append(event)
            if event["profile_id"]:
                own = event["person"] == key[0]
                names.setdefault(key, []).append((own, event["profile_id"]))
    assigned = set()
    for row in crowd.history.profiles:
        if row["deleted"] or group not in row["groups"]:
            continue
        met = [event for event in every if event["profile_id"] == row["profile_id"]]
        one = row["person"] or (met[0]["person"] if met else 0)
        key = (reckoning.resolved(one), "") if one else (0, row["profile_id"])
        assigned.add(key)
        own = one == key[0]
        names.setdefault(key, []).append((own, row["profile_id"]))
    rows = [
        (key, _member(reckoning, key, inside.get(key, []), names.get(key, []), is_assigned=key in assigned))
        for key in {*inside, *assigned}
    ]
    rows.sort(key=lambda row: (-(row[1][5] or 0), row[0][0], row[1][2].encode()))
    return [row for _, row in rows]


def _member(
    reckoning: Reckoning,
    key: tuple[int, str],
    events: Sequence[Event],
    names: Sequence[tuple[bool, str]],
    *,
    is_assigned: bool,
) -> Row:
    person = key[0]
    name = key[1] or max(names, key=lambda each: (each[0], each[1].encode()), default=(False, ""))[1]
    times = [event["created_at"] for event in events]
    return (
        person or person_of_profile(name),
        name or to_hex(other_id(person, events) or person),
        name,
        is_assigned or is_known(reckoning, events),
        min(times, default=None),
        max(times, default=None),
        len(events),
    )


def _figures(crowd: Crowd, reckoning: Reckoning, group: str) -> GroupFigures:
    events = _events(reckoning, group, before=now_ms(crowd.history))
    # Of UTC: the hour that a zone has twice in autumn equals no moment of another zone (PEP 495).
    times = [datetime.fromtimestamp(event["created_at"] / 1000, tz=UTC) for event in events]
    return GroupFigures(
        members=len(_members(crowd, reckoning, group)),
        events=len(events),
        views=sum(event["name"] == "screen_view" and event["path"] != "" for event in events),
        sessions=len({event["session_id"] for event in events if event.get("session_id")}),
        days_active=len({time.astimezone(reckoning.zone).date() for time in times}),
        revenue=sum(event["revenue"] for event in events),
        first_seen=min(times, default=None),
        last_seen=max(times, default=None),
    )


def _days(reckoning: Reckoning, group: str, period: Period) -> list[tuple[Any, int, int]]:
    days: dict[Any, list[Event]] = {}
    for event in _events(reckoning, group):
        if milliseconds(period.start) <= event["created_at"] < milliseconds(period.until):
            day = datetime.fromtimestamp(event["created_at"] / 1000, tz=reckoning.zone).date()
            days.setdefault(day, []).append(event)
    return [
        (day, len(events), len({reckoning.person(event) for event in events} - {0}))
        for day, events in sorted(days.items())
    ]


def _grown(reckoning: Reckoning, group: str, growth: GroupGrowth) -> list[tuple[int, int]]:
    until = milliseconds(growth.period.until)
    first: dict[int, int] = {}
    for event in _events(reckoning, group, before=until):
        if person := reckoning.person(event):
            first.setdefault(person, event["created_at"])
    counted, members = [], sum(at < milliseconds(growth.period.start) for at in first.values())
    for bucket in growth.buckets:
        start = max(milliseconds(bucket.start), milliseconds(growth.period.start))
        joined = sum(start <= at < milliseconds(bucket.end) for at in first.values())
        members += joined
        counted.append((joined, members))
    return counted


def _events(reckoning: Reckoning, group: str, *, before: int | None = None) -> list[Event]:
    """What was done in the group, by nobody too, oldest first."""
    return [
        event
        for event in reckoning.doings()
        if event["name"] not in SYNTHETIC
        and group in event["groups"]
        and (before is None or event["created_at"] < before)
    ]
