"""The last 30 minutes, week by week and last seen against counting by hand, over random histories."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from math import floor
from typing import Any

import pytest
from hypothesis import strategies as st

from openpanel.analytics.asking import ask
from openpanel.analytics.engagement import Engagement, RetainedWeek, WeeklyRetention
from openpanel.analytics.live_rows import GRIDS, LivePoint
from openpanel.analytics.overview import Overview
from openpanel.analytics.realtime import Realtime, RealtimeAnswer
from openpanel.warehouse import Warehouse
from tests.analytics.twin.histories import History, histories
from tests.analytics.twin.reckoning import SYNTHETIC, Event, Reckoning, milliseconds
from tests.analytics.twin.running import random_worlds
from tests.analytics.twin.visiting import Visiting, is_view
from tests.analytics.worlds import Insert, load

LATER = st.sampled_from([timedelta(milliseconds=1), timedelta(minutes=4), timedelta(minutes=20)])


@random_worlds(
    6, history=histories(sessions=20, days=1), place=st.integers(0, 99), later=LATER, limit=st.integers(1, 4)
)
def test_live_page_answers_what_counting_by_hand_answers(
    warehouse: Warehouse, insert: Insert, history: History, *, place: int, later: timedelta, limit: int
) -> None:
    times = sorted(event["created_at"] for event in history.events) or [milliseconds(history.now)]
    now = datetime.fromtimestamp(times[place % len(times)] / 1000, tz=UTC) + later
    question = Realtime(load(history, insert), now, limit)

    answer = ask(warehouse, question)

    reckoning = Reckoning(history)
    seen = [event for event in reckoning.doings(question.period) if event["name"] not in SYNTHETIC]
    recent = [event for event in seen if event["created_at"] >= milliseconds(now) - 300_000]
    views = [event for event in seen if is_view(event)]
    assert answer.visitors_now == _reach(reckoning, recent)[0]
    assert (answer.visitors, answer.sessions) == _reach(reckoning, seen)
    assert answer.views == len(views)
    assert len(answer.minutes) == 30
    for minute in answer.minutes:
        start = milliseconds(minute.start)
        inside = [event for event in seen if start <= event["created_at"] < start + 60_000]
        assert (minute.visitors, minute.sessions) == _reach(reckoning, inside)
        assert minute.views == sum(map(is_view, inside))
        assert minute.running == (minute is answer.minutes[-1])
    paths = _grouped(views, lambda view: (view["origin"], view["path"]))
    expected = [(*key, _reach(reckoning, events), len(events)) for key, events in paths.items()]
    expected.sort(key=lambda row: (-row[2][0], -row[2][1], row[0].encode(), row[1].encode()))
    assert [(path.origin, path.path, path.visitors, path.views) for path in answer.paths] == [
        (origin, path, reach[0], shown) for origin, path, reach, shown in expected[:limit]
    ]
    _check_places(answer, seen, reckoning, limit)
    _check_sessions(answer, seen, question, reckoning)


def _reach(reckoning: Reckoning, events: Sequence[Event]) -> tuple[int, int]:
    """Of how many persons, in how many sessions."""
    persons = {reckoning.person(event) for event in events} - {0}
    return len(persons), len({event.get("session_id", 0) for event in events} - {0})


def _grouped(events: Sequence[Event], key: Callable[[Event], Any]) -> dict[Any, list[Event]]:
    groups: dict[Any, list[Event]] = {}
    for event in events:
        groups.setdefault(key(event), []).append(event)
    return groups


def _check_places(answer: RealtimeAnswer, seen: Sequence[Event], reckoning: Reckoning, limit: int) -> None:
    for places, names in (
        (answer.countries, ("country",)),
        (answer.cities, ("country", "region", "city")),
    ):
        groups = _grouped(seen, lambda event, names=names: tuple(event.get(name, "") for name in names))  # type: ignore[misc]
        order = sorted(
            ((key, *_reach(reckoning, events)) for key, events in groups.items()),
            key=lambda row: (-row[1], -row[2], [text.encode() for text in row[0]]),
        )
        assert [
            (tuple(getattr(place, name) for name in names), place.visitors, place.sessions)
            for place in places
        ] == order[:limit]
    located = [event for event in seen if event.get("latitude") or event.get("longitude")]
    cells = _grouped(
        located, lambda event: (floor(event["latitude"] / GRIDS[0]), floor(event["longitude"] / GRIDS[0]))
    )
    points = {
        (floor(point.latitude / GRIDS[0]), floor(point.longitude / GRIDS[0])): point
        for point in answer.coordinates
    }
    assert points == {cell: _point(events, reckoning) for cell, events in cells.items()}
    assert len(points) == len(answer.coordinates)


def _point(events: Sequence[Event], reckoning: Reckoning) -> LivePoint:
    def shared(name: str) -> str:
        values = {event[name] for event in events}
        return str(values.pop()) if len(values) == 1 else ""

    def mean(name: str) -> Any:
        return pytest.approx(sum(event[name] for event in events) / len(events))

    return LivePoint(
        mean("latitude"), mean("longitude"), shared("country"), shared("city"), *_reach(reckoning, events)
    )


def _check_sessions(
    answer: RealtimeAnswer, seen: Sequence[Event], question: Realtime, reckoning: Reckoning
) -> None:
    ids = {event.get("session_id", 0) for event in seen} - {0}
    found = Visiting(Overview(question.project, "UTC", question.period), reckoning)
    visits = [visit for visit in found.every if visit.session in ids]
    visits.sort(key=lambda visit: (-visit.events[-1]["created_at"], visit.session))
    assert [
        (
            *(each.session_id, each.person, each.profile_id, each.views, each.events),
            *(each.entry_path, each.path, each.referrer, each.country, each.os),
        )
        for each in answer.active
    ] == [
        (
            *(visit.session, reckoning.resolved(visit.person), visit.profile_id),
            *(len(visit.views), len(visit.events) - len(visit.views), visit.entry, visit.exit),
            *(visit.context[name] for name in ("referrer_name", "country", "os")),
        )
        for visit in visits[: question.limit]
    ]
    sources: dict[tuple[str, str], list[int]] = {}
    for visit in visits:
        key = visit.context["referrer_name"], visit.context["referrer_type"]
        sources.setdefault(key, []).append(reckoning.resolved(visit.person))
    order = sorted(
        ((*key, len(set(persons)), len(persons)) for key, persons in sources.items()),
        key=lambda row: (-row[2], -row[3], row[0], row[1]),
    )
    assert [(r.name, r.type, r.visitors, r.sessions) for r in answer.referrers] == order[: question.limit]


@random_worlds(
    5,
    history=histories(sessions=25, days=40),
    back=st.integers(0, 20),
    weeks=st.integers(1, 9),
    known=st.booleans(),
)
def test_weeks_answer_what_counting_by_hand_answers(
    warehouse: Warehouse, insert: Insert, history: History, *, back: int, weeks: int, known: bool
) -> None:
    reckoning = Reckoning(history)
    today = history.now.astimezone(reckoning.zone).date() - timedelta(days=back)
    project = load(history, insert)

    retained = ask(warehouse, WeeklyRetention(project, history.timezone, today, weeks))
    seen = ask(warehouse, Engagement(project, history.timezone, today, known))

    days: dict[int, set[Any]] = {}
    for event in reckoning.doings():
        day = datetime.fromtimestamp(event["created_at"] / 1000, tz=reckoning.zone).date()
        if reckoning.person(event) and event["name"] not in SYNTHETIC and day <= today:
            days.setdefault(reckoning.person(event), set()).add(day)
    came = {person: {day - timedelta(days=day.weekday()) for day in those} for person, those in days.items()}
    this_week = today - timedelta(days=today.weekday())
    assert [row.week for row in retained] == [
        this_week - timedelta(weeks=number) for number in reversed(range(weeks))
    ]
    for row in retained:
        active = {person for person, mondays in came.items() if row.week in mondays}
        again = {person for person in active if row.week + timedelta(weeks=1) in came[person]}
        assert (row.active, row.retained) == (len(active), len(again))
        assert row.is_current == (row.week == this_week)
        assert row.running == (row.week >= this_week - timedelta(weeks=1))
        _check_rate(row)
    with_profile = {reckoning.person(event) for event in history.events if event["profile_id"]}
    ago = [(today - max(those)).days for person, those in days.items() if person in with_profile or not known]
    assert seen.total == len(ago)
    assert seen.last_7_days == sum(number <= 7 for number in ago)
    assert seen.days_8_to_14 == sum(8 <= number <= 14 for number in ago)
    assert seen.days_15_to_30 == sum(15 <= number <= 30 for number in ago)
    assert seen.days_31_to_60 + seen.days_61_and_more == sum(number > 30 for number in ago)
    assert dict(seen.distribution) == {number: ago.count(number) for number in ago}


def _check_rate(row: RetainedWeek) -> None:
    if row.is_current or not row.active:
        assert row.rate is None
    else:
        assert row.rate == row.retained / row.active
