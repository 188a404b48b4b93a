"""The page of one person against reading everything it did by hand, over random histories."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

import pytest
from hypothesis import strategies as st

from openpanel.analytics.periods import Period, resolve
from openpanel.analytics.person_activity import PersonActivity, PersonTopEvents, PersonTopPaths
from openpanel.analytics.person_details import PersonDetail, PersonDetails, PersonsDetails, Surroundings
from openpanel.analytics.person_metrics import PersonFigures, PersonMetrics
from openpanel.identity.ids import to_hex
from openpanel.warehouse import Warehouse
from tests.analytics.twin.crowds import (
    Crowd,
    answer,
    crowds,
    doings,
    is_known,
    name_of,
    of_person,
    other_id,
    told_of,
)
from tests.analytics.twin.reckoning import Event, Reckoning, milliseconds
from tests.analytics.twin.running import random_worlds
from tests.analytics.twin.test_sessions import by_hand
from tests.analytics.worlds import Insert, load

PROFILES: Final = tuple(f"{person:016x}" for person in (1, 3, 107, 107, 108, 999))
CONVERSIONS: Final = ("click", "revenue", "it's 👩‍👩‍👧")
RANGES: Final = ("", "7d", "today", "2026-03-20..2026-04-04")


@random_worlds(
    6,
    crowd=crowds(sessions=24, days=20),
    profile=st.sampled_from(PROFILES),
    text=st.sampled_from(RANGES),
    limit=st.sampled_from((2, 100)),
)
def test_numbers_and_details_are_of_everything_the_person_did(
    warehouse: Warehouse, insert: Insert, crowd: Crowd, profile: str, *, text: str, limit: int
) -> None:
    history = crowd.history
    reckoning = Reckoning(history)
    project, zone = load(crowd, insert), history.timezone
    period = resolve(text, timezone=zone, now=history.now) if text else None
    events = of_person(reckoning, profile, doings(reckoning))
    person = reckoning.resolved(int(profile, 16))
    inside = [event for event in events if period is None or _is_inside(period, event)]
    days, views = Counter(_day(event, reckoning) for event in inside), _views(inside)

    metrics = answer(warehouse, PersonMetrics(project, zone, profile, CONVERSIONS))
    details = answer(warehouse, PersonDetail(project, profile))
    several = answer(warehouse, PersonsDetails(project, (int(profile, 16), 999_999)))
    activity = answer(warehouse, PersonActivity(project, zone, profile, period))
    top_events = answer(warehouse, PersonTopEvents(project, profile, period, limit=limit))
    top_paths = answer(warehouse, PersonTopPaths(project, profile, period, limit=limit))

    assert _as_numbers(metrics) == (_numbers(crowd, reckoning, person, events) if events else None)
    assert details == (_details(reckoning, person, events) if events else None)
    assert several == ({person: details} if events else {})
    assert {each.day: each.events for each in activity} == days
    assert [each.day for each in activity] == sorted(days)
    assert [(each.name, each.events) for each in top_events] == _most(
        Counter(event["name"] for event in inside)
    )[:limit]
    assert [((each.origin, each.path), each.views) for each in top_paths] == _most(
        Counter((event.get("origin", ""), event["path"]) for event in views)
    )[:limit]


def _as_numbers(found: PersonFigures | None) -> dict[str, Any] | None:
    if found is None:
        return None
    values = {name: getattr(found, name) for name in PersonFigures.__slots__}
    return {
        **values,
        "first_seen": milliseconds(found.first_seen),
        "last_seen": milliseconds(found.last_seen),
    }


def _numbers(crowd: Crowd, reckoning: Reckoning, person: int, events: Sequence[Event]) -> dict[str, Any]:
    sessions = [each for each in by_hand(crowd) if each["shown"]["person"] == person]
    shown = [each["shown"] for each in sessions]
    durations = sorted(each["duration"] for each in shown if each["duration"])
    starts = [each["started_at"] for each in shown]
    times = [event["created_at"] for event in events]
    return {
        "first_seen": min(times),
        "last_seen": max(times),
        "sessions": len(shown),
        "views": len(_views(events)),
        "events": len(events),
        "conversions": sum(event["name"] in CONVERSIONS for event in events),
        "days_active": len({_day(event, reckoning) for event in events}),
        "revenue": sum(event["revenue"] for event in events),
        "bounce_rate": _mean([float(each["is_bounce"]) for each in shown]),
        "duration_s": _mean([duration / 1000 for duration in durations]),
        "p90_duration_s": _p90(durations),
        "events_per_session": _mean([len(each["events"]) for each in sessions]),
        "between_sessions_s": _between(starts),
    }


def _mean(values: Sequence[float]) -> Any:
    return pytest.approx(sum(values) / len(values)) if values else None


def _p90(durations: Sequence[int]) -> Any:
    """Between the two durations around nine tenths of the way from the least to the greatest."""
    if not durations:
        return None
    way = 0.9 * (len(durations) - 1)
    low, rest = int(way), way - int(way)
    high = min(low + 1, len(durations) - 1)
    return pytest.approx((durations[low] + rest * (durations[high] - durations[low])) / 1000, abs=0.001)


def _between(starts: Sequence[int]) -> Any:
    if len(starts) < 2:
        return None
    return pytest.approx((max(starts) - min(starts)) / (len(starts) - 1) / 1000)


def _details(reckoning: Reckoning, person: int, events: Sequence[Event]) -> PersonDetails:
    told = told_of(reckoning).get(person, [])
    name = name_of(person, [*events, *told])
    times = [event["created_at"] for event in events]
    last = max(events, key=lambda each: (bool(each.get("session_id")), each["created_at"], each["event_id"]))
    return PersonDetails(
        person=person,
        id=name or to_hex(other_id(person, events) or person),
        profile_id=name,
        identified=bool(told) or is_known(reckoning, events),
        profile_ids=tuple(
            sorted({row["profile_id"] for row in (*events, *told) if row["profile_id"]}, key=str.encode)
        ),
        device_ids=tuple(sorted({each["device_id"] for each in events if each["device_id"]})),
        first_seen=_moment(min(times)),
        last_seen=_moment(max(times)),
        events=len(events),
        last=Surroundings(**{column: last.get(column, "") for column in Surroundings.__slots__}),
    )


def _moment(at: int) -> datetime:
    # Of UTC: the hour that a zone has twice in autumn equals no moment of another zone (PEP 495).
    return datetime.fromtimestamp(at / 1000, tz=UTC)


def _most(counted: Counter[Any]) -> list[tuple[Any, int]]:
    """The most frequent first; what is as frequent in the order of its bytes."""

    def order(item: tuple[Any, int]) -> tuple[int, Any]:
        key, number = item
        return (-number, key.encode() if isinstance(key, str) else tuple(part.encode() for part in key))

    return sorted(counted.items(), key=order)


def _views(events: Sequence[Event]) -> list[Event]:
    return [event for event in events if event["name"] == "screen_view" and event["path"]]


def _day(event: Event, reckoning: Reckoning) -> Any:
    return _moment(event["created_at"]).astimezone(reckoning.zone).date()


def _is_inside(period: Period, event: Event) -> bool:
    return bool(milliseconds(period.start) <= event["created_at"] < milliseconds(period.until))
