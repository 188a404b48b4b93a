"""Exports against sorting all events by hand, over random histories that were stored twice."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from hypothesis import strategies as st

from openpanel.analytics.event_exports import EventPlace, ExportedEvents
from openpanel.analytics.events import Event, Selection
from openpanel.analytics.filters import Filter
from openpanel.analytics.periods import resolve
from openpanel.analytics.property_filters import PropertyFilter
from openpanel.warehouse import Warehouse
from tests.analytics.twin.crowds import Crowd, answer, crowds
from tests.analytics.twin.reckoning import Event as Seen
from tests.analytics.twin.reckoning import Reckoning, milliseconds
from tests.analytics.twin.running import random_worlds
from tests.analytics.worlds import Insert, load

RANGES: Final = ("", "", "7d", "today", "2026-03-20..2026-04-04")
NAMES: Final = ((), (), ("click", "screen_view"), ("it's 👩‍👩‍👧", "session_start", "nothing"))
FILTERS: Final = (
    (),
    (PropertyFilter("properties.plan", "isNot", ("pro", "")),),
    (PropertyFilter("profile.first_name", "is", ("Ana", "")), PropertyFilter("revenue", "lte", ("5",))),
    (PropertyFilter("group.type", "is", ("team",)), PropertyFilter("session.views", "gt", ("1",))),
)
SAME: Final = (
    *("event_id", "name", "device_id", "person", "profile_id", "groups", "path", "origin", "title"),
    *("revenue", "properties"),
)
OF_SESSION: Final = (
    *("referrer", "referrer_name", "referrer_type", "country", "region", "city", "longitude", "latitude"),
    *("os", "browser", "browser_version", "device"),
)


@random_worlds(
    5,
    crowd=crowds(sessions=20, days=20),
    text=st.sampled_from(RANGES),
    names=st.sampled_from(NAMES),
    filters=st.sampled_from(FILTERS),
    search=st.sampled_from(("", "", "한국")),
    limit=st.sampled_from((1, 7, 10_000)),
)
def test_export_has_every_event_once_with_all_that_was_stored(
    warehouse: Warehouse,
    insert: Insert,
    crowd: Crowd,
    text: str,
    *,
    names: tuple[str, ...],
    filters: tuple[PropertyFilter, ...],
    search: str,
    limit: int,
) -> None:
    history = crowd.history
    reckoning = Reckoning(history)
    period = resolve(text, timezone=history.timezone, now=history.now) if text else None
    selection = Selection(
        load(crowd, insert),
        start=None if period is None else period.start,
        end=None if period is None else period.until,
        names=names,
        filters=(Filter("country", "not", ("DE",)),),
        property_filters=filters,
        search=search,
        timezone=history.timezone,
    )
    wanted = [
        event
        for event in reckoning.doings(period)
        if reckoning.meets(event, filters)
        and event.get("country", "") != "DE"
        and (not names or event["name"] in names)
        and any(search.lower() in event.get(column, "").lower() for column in ("name", "path", "title"))
    ]

    exported = _read_all(warehouse, selection, limit)

    assert [_told(event) for event in exported] == [_expected(event) for event in sorted(wanted, key=_place)]


def _read_all(warehouse: Warehouse, selection: Selection, limit: int) -> list[Event]:
    """All pages; of one event each only the first few, and then the rest at once."""
    found: list[Event] = []
    following: EventPlace | None = None
    while True:
        size = limit if len(found) < 10 else max(limit, 50)
        page = answer(warehouse, ExportedEvents(selection, limit=size, after=following))
        found += page.events
        following = page.following
        if following is None:
            return found


def _place(event: Seen) -> tuple[Any, ...]:
    """Where it is stored: by the day of UTC, name and device, and then by time."""
    day = event["created_at"] // 86_400_000
    return day, event["name"].encode(), event["device_id"], event["created_at"], event["event_id"]


def _told(event: Event) -> Mapping[str, Any]:
    plain = {name: getattr(event, name) for name in (*SAME, *OF_SESSION)}
    began = milliseconds(event.session_started_at) if event.session_id else 0
    return {**plain, "session_id": event.session_id, "began": began, "at": event.created_at}


def _expected(event: Seen) -> Mapping[str, Any]:
    plain = {name: event[name] for name in SAME}
    shared = {name: event.get(name, 0.0 if name.endswith("itude") else "") for name in OF_SESSION}
    at = datetime.fromtimestamp(event["created_at"] / 1000, tz=UTC)
    session = event.get("session_id", 0)
    began = event.get("session_started_at", 0) if session else 0
    return {**plain, **shared, "session_id": session, "began": began, "at": at}
