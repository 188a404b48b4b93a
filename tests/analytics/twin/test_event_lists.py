"""Lists, details and numbers of events against looking through them by hand, over random histories."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from hypothesis import strategies as st

from openpanel.analytics.asking import LIMITS
from openpanel.analytics.event_stats import ConversionRow, Conversions, EventStats
from openpanel.analytics.events import Cursor, Event, EventCount, EventDetail, Events, Selection
from openpanel.analytics.filters import Filter
from openpanel.analytics.periods import Interval, Period, resolve
from openpanel.analytics.property_filters import PropertyFilter
from openpanel.analytics.routing import Source
from openpanel.warehouse import Warehouse
from tests.analytics.twin.crowds import Crowd, answer, crowds
from tests.analytics.twin.reckoning import SYNTHETIC, Reckoning, milliseconds
from tests.analytics.twin.reckoning import Event as Seen
from tests.analytics.twin.running import random_worlds
from tests.analytics.worlds import Insert, load

RANGES: Final = ("7d", "today", "2026-03-20..2026-04-04", "mtd")
PROFILES: Final = ("", "", f"{3:016x}", f"{107:016x}", f"{999:016x}")
NAMES: Final = ((), (), ("click", "screen_view"), ("it's 👩‍👩‍👧", "session_start", "nothing"))
FILTERS: Final = (
    (),
    (PropertyFilter("properties.plan", "isNot", ("pro", "")),),
    (PropertyFilter("profile.first_name", "is", ("Ana", "")), PropertyFilter("revenue", "lte", ("5",))),
    (PropertyFilter("group.type", "is", ("team",)), PropertyFilter("session.views", "gt", ("1",))),
)


@random_worlds(
    8,
    crowd=crowds(sessions=20, days=20),
    text=st.sampled_from(("", *RANGES)),
    names=st.sampled_from(NAMES),
    filters=st.sampled_from(FILTERS),
    profile=st.sampled_from(PROFILES),
    search=st.sampled_from(("", "", "C", "한국", "'")),
    limit=st.sampled_from((5, 1000)),
)
def test_pages_hold_every_event_that_is_asked_for_once(
    warehouse: Warehouse,
    insert: Insert,
    crowd: Crowd,
    text: str,
    *,
    names: tuple[str, ...],
    filters: tuple[PropertyFilter, ...],
    profile: str,
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
        profile=profile,
        filters=(Filter("country", "not", ("DE",)),),
        property_filters=filters,
        search=search,
        timezone=history.timezone,
    )
    expected = [
        event["event_id"]
        for event in reversed(reckoning.doings(period))
        if reckoning.meets(event, filters)
        and event.get("country", "") != "DE"
        and (not names or event["name"] in names)
        and (not profile or reckoning.person(event) == reckoning.resolved(int(profile, 16)))
        and any(search.lower() in event.get(column, "").lower() for column in ("name", "path", "title"))
    ]

    assert [event.event_id for event in _read_all(warehouse, selection, limit)] == expected
    assert answer(warehouse, EventCount(selection)) == len(expected)


@random_worlds(8, crowd=crowds(sessions=8), place=st.integers(0, 10_000), is_placed=st.booleans())
def test_event_stands_between_its_neighbours_in_the_session(
    warehouse: Warehouse, insert: Insert, crowd: Crowd, place: int, *, is_placed: bool
) -> None:
    every = Reckoning(crowd.history).doings()
    project = load(crowd, insert)
    if not every:
        assert answer(warehouse, EventDetail(project, 5)) is None
        return
    wanted = every[place % len(every)]
    beside = [
        event
        for event in every
        if event is wanted
        or (event["name"] not in SYNTHETIC and event.get("session_id", 0) == wanted.get("session_id", -1))
    ]
    mine = beside.index(wanted)
    created_at = datetime.fromtimestamp(wanted["created_at"] / 1000, tz=crowd.history.now.tzinfo)

    found = answer(warehouse, EventDetail(project, wanted["event_id"], created_at if is_placed else None))

    assert found.event.event_id == wanted["event_id"]
    assert found.event.properties == wanted["properties"]
    assert _ids([found.before]) == [event["event_id"] for event in beside[:mine][-1:]]
    assert _ids([found.after]) == [event["event_id"] for event in beside[mine + 1 :][:1]]


@random_worlds(
    8,
    crowd=crowds(sessions=20, days=20),
    text=st.sampled_from(RANGES),
    interval=st.sampled_from(("hour", "day", "week", "month")),
    names=st.sampled_from(NAMES),
    filters=st.sampled_from(FILTERS),
    limit=st.sampled_from((1, 200)),
)
def test_events_and_conversions_are_those_counted_by_hand(
    warehouse: Warehouse,
    insert: Insert,
    crowd: Crowd,
    text: str,
    *,
    interval: Interval,
    names: tuple[str, ...],
    filters: tuple[PropertyFilter, ...],
    limit: int,
) -> None:
    history = crowd.history
    reckoning = Reckoning(history)
    period = resolve(text, timezone=history.timezone, now=history.now)
    project = load(history, insert)
    stats = EventStats(project, history.timezone, period, interval, names, filters, limit=limit)
    reached = ("click", "revenue", "nothing", 'sign "up"')

    _check_stats(warehouse, stats, reckoning, period)
    conversions = answer(warehouse, Conversions(project, history.timezone, period, reached, filters=filters))

    done = [
        event
        for event in reckoning.doings(period)
        if event["name"] not in SYNTHETIC and reckoning.meets(event, filters)
    ]
    everybody = len({reckoning.person(event) for event in done} - {0})
    assert conversions == tuple(_conversion(reckoning, name, done, everybody) for name in reached)


def _check_stats(warehouse: Warehouse, stats: EventStats, reckoning: Reckoning, period: Period) -> None:
    """From events, and from the rollup where that can answer."""
    until = milliseconds(stats.period.until)
    for source in dict.fromkeys((Source.EVENTS, stats.exact)):
        # The rollup knows whole days: what happened after now, on its day, is in it.
        end = milliseconds(stats.period.end) if source is Source.ROLLUP else until
        expected = _by_name(stats, reckoning, start=milliseconds(period.start), end=end)
        statement = stats.statement(source)
        rows = warehouse.query(statement.sql, parameters=statement.parameters, settings=LIMITS)
        found = stats.answer(rows, source)
        assert [(row.name, row.total, row.counts) for row in found.rows] == expected[: stats.limit], source
        assert found.more == (len(expected) > stats.limit)


def _by_name(
    stats: EventStats, reckoning: Reckoning, *, start: int, end: int
) -> list[tuple[str, int, tuple[int, ...]]]:
    counts: dict[str, list[int]] = {}
    for event in reckoning.doings():
        name = event["name"]
        is_asked = name in stats.names if stats.names else name not in SYNTHETIC
        if start <= event["created_at"] < end and is_asked and reckoning.meets(event, stats.filters):
            counts.setdefault(name, [0] * len(stats.buckets))[_place(stats, event)] += 1
    rows = [(name, sum(numbers), tuple(numbers)) for name, numbers in counts.items()]
    return sorted(rows, key=lambda row: (-row[1], row[0].encode()))


def _place(stats: EventStats, event: Seen) -> int:
    starts = [milliseconds(bucket.start) for bucket in stats.buckets]
    return max(place for place, start in enumerate(starts) if start <= event["created_at"])


def _conversion(reckoning: Reckoning, name: str, done: Sequence[Seen], everybody: int) -> ConversionRow:
    events = [event for event in done if event["name"] == name]
    persons = len({reckoning.person(event) for event in events} - {0})
    sessions = {event["session_id"] for event in events if event.get("session_id")}
    revenue = sum(event["revenue"] for event in events)
    rate = persons / everybody if everybody else None
    return ConversionRow(name, len(events), persons, len(sessions), revenue, rate)


def _read_all(warehouse: Warehouse, selection: Selection, limit: int) -> list[Event]:
    found: list[Event] = []
    cursor: Cursor | None = None
    while True:
        page = answer(warehouse, Events(selection, limit=limit, after=cursor))
        found += page.events
        cursor = page.cursor
        if cursor is None:
            return found


def _ids(events: Sequence[Any]) -> list[int]:
    return [event.event_id for event in events if event is not None]
