"""Charts against the same numbers computed event by event in plain Python, over random histories."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from statistics import median
from typing import Any, Final

import pytest
from hypothesis import strategies as st

from openpanel.analytics.asking import LIMITS, ask
from openpanel.analytics.chart_people import ChartPeople
from openpanel.analytics.chart_rows import ChartFigures, ChartRow
from openpanel.analytics.chart_series import EventSeries, FormulaSeries
from openpanel.analytics.charts import Chart
from openpanel.analytics.periods import Bucket, Period, buckets, previous, resolve
from openpanel.analytics.property_filters import PropertyFilter
from openpanel.analytics.routing import Source
from openpanel.warehouse import Warehouse
from tests.analytics.twin.histories import History, histories
from tests.analytics.twin.reckoning import Event, Reckoning, milliseconds
from tests.analytics.twin.running import random_worlds
from tests.analytics.worlds import Insert, load

RANGES: Final = ("today", "yesterday", "7d", "mtd", "2026-03-30..2026-11-08", "24h")
BREAKDOWNS: Final = (
    (),
    ("name",),
    ("properties.plan",),
    ("profile.properties.plan", "country"),
    ("group.id",),
    ("properties.items.*.sku", "has_profile"),
    ("created_at", "path", "group.type"),
    ("session.entry_path",),
)


SERIES: Final = (
    EventSeries("*"),
    EventSeries("click", "user"),
    EventSeries("*", "session", filters=(PropertyFilter("country", "isNot", ("KR",)),)),
    EventSeries("*", "group"),
    EventSeries("*", "user_average"),
    EventSeries("*", "one_event_per_user"),
    EventSeries("*", "property_sum", "properties.price"),
    EventSeries("revenue", "property_average", "revenue"),
    EventSeries("*", "property_max", "properties.price"),
    EventSeries("*", "property_min", "properties.price"),
    EventSeries("it's 👩‍👩‍👧", "property_median", "properties.price"),
    EventSeries("*", "property_distinct", "properties.plan"),
    EventSeries("*", "property_distinct", "revenue"),
)


@random_worlds(
    8,
    history=histories(),
    range_text=st.sampled_from(RANGES),
    places=st.lists(st.sampled_from(range(len(SERIES))), min_size=1, max_size=3, unique=True),
    chosen=st.fixed_dictionaries(
        {
            "breakdowns": st.sampled_from(BREAKDOWNS),
            "interval": st.sampled_from(("day", "week", "month")),
            "kind": st.sampled_from(("linear", "bar")),
            "limit": st.integers(1, 3),
        }
    ),
)
def test_charts_answer_what_counting_by_hand_answers(
    warehouse: Warehouse,
    insert: Insert,
    history: History,
    range_text: str,
    *,
    places: list[int],
    chosen: dict[str, Any],
) -> None:
    period = resolve(range_text, timezone=history.timezone, now=history.now)
    if range_text in {"today", "24h"}:
        chosen = {**chosen, "interval": "hour"}
    chart = Chart(
        load(history, insert),
        history.timezone,
        period,
        (*(SERIES[place] for place in places), FormulaSeries("A / 2 + 1")),
        previous=previous(period, timezone=history.timezone),
        **chosen,
    )

    answer = ask(warehouse, chart)

    expected = _Expected(chart, Reckoning(history))
    assert [(row.letter, row.labels, row.other) for row in answer.rows] == expected.order()
    for row in answer.rows:
        expected.check(row)


def test_label_of_which_no_event_is_counted_is_not_listed(warehouse: Warehouse, insert: Insert) -> None:
    now = datetime(2026, 11, 1, 14, 5, tzinfo=UTC)
    done = [
        {"name": name, "created_at": milliseconds(now) - age, "day": 20_758, "event_id": age, "person": 5}
        for age, name in ((3, "screen_view"), (2, "click"), (1, "revenue"))
    ]
    project = load(History("UTC", now, done, [], [], []), insert)
    today = resolve("today", timezone="UTC", now=now)
    latest = EventSeries("*", "one_event_per_user")

    answer = ask(warehouse, Chart(project, "UTC", today, (latest,), breakdowns=("name",), limit=1))

    assert [(row.labels, row.other, row.figures.total) for row in answer.rows] == [(("revenue",), False, 1)]


@random_worlds(
    6, history=histories(), series=st.sampled_from(SERIES[1:3]), fields=st.sampled_from(BREAKDOWNS[:5])
)
def test_people_of_a_point_are_those_who_are_counted(
    warehouse: Warehouse, insert: Insert, history: History, *, series: EventSeries, fields: tuple[str, ...]
) -> None:
    project = load(history, insert)
    reckoning = Reckoning(history)
    period = resolve("7d", timezone=history.timezone, now=history.now)
    done = [
        event
        for event in reckoning.doings(period)
        if reckoning.is_named(event, series.name) and reckoning.meets(event, series.filters)
    ]
    labels = tuple(reckoning.label(done[-1], name)[0] for name in fields) if done else ("",) * len(fields)

    page = ask(
        warehouse,
        ChartPeople(project, history.timezone, period, series, breakdowns=fields, labels=labels, limit=500),
    )

    expected = {
        reckoning.person(event)
        for event in done
        if all(label in reckoning.label(event, name) for label, name in zip(labels, fields, strict=True))
    }
    assert [each.person for each in page.people] == sorted(expected - {0})
    assert page.cursor is None


IN_ROLLUP: Final = (
    EventSeries("*"),
    EventSeries("click", "user"),
    EventSeries("*", "session"),
    EventSeries("revenue", "property_sum", "revenue"),
    EventSeries("session_end"),
    FormulaSeries("A / B"),
)


@random_worlds(
    6,
    history=histories(sessions=20).map(lambda history: replace(history, overrides=[])),
    range_text=st.sampled_from(("7d", "yesterday", "mtd", "last-week")),
    interval=st.sampled_from(("day", "week", "month")),
    kind=st.sampled_from(("linear", "metric")),
)
def test_rollup_answers_what_events_answer(
    warehouse: Warehouse, insert: Insert, history: History, range_text: str, *, interval: Any, kind: Any
) -> None:
    period = resolve(range_text, timezone=history.timezone, now=history.now)
    chart = Chart(
        load(history, insert),
        history.timezone,
        period,
        IN_ROLLUP,
        previous=previous(period, timezone=history.timezone),
        interval=interval,
        kind=kind,
    )

    found = []
    for source in (Source.ROLLUP, Source.EVENTS):
        statement = chart.statement(source)
        rows = warehouse.query(statement.sql, parameters=statement.parameters, settings=LIMITS)
        found.append(chart.answer(rows, source))

    assert chart.rolled_up
    assert replace(found[0], approximate=False) == found[1]


class _Expected:
    """The chart by hand."""

    def __init__(self, chart: Chart, reckoning: Reckoning) -> None:
        self.chart = chart
        self.reckoning = reckoning
        periods = [period for period in (chart.period, chart.previous) if period]
        self.events = [[self._events(series, period) for series in chart.events] for period in periods]
        self.ranked = self._ranked()

    def order(self) -> list[tuple[str, tuple[str, ...], bool]]:
        kept = [(labels, False) for labels in self.ranked[: self.chart.limit]]
        others = [((), True)] if len(self.ranked) > self.chart.limit else []
        groups = [*kept, *others] if self.chart.breakdowns else [((), False)]
        return [("ABCDEF"[place], *group) for place in range(len(self.chart.series)) for group in groups]

    def check(self, row: ChartRow) -> None:
        series = "ABCDEF".index(row.letter)
        is_formula = series == len(self.chart.events)
        of = 0 if is_formula else series
        for number, (points, figures) in enumerate(
            ((row.points, row.figures), (row.previous, row.previous_figures))
        ):
            rows = self._of(self.events[number][of], row)
            for point, part in zip(points, self._cut(number), strict=True):
                self._compare(point.value, self._value(of, [e for e in rows if part(e)]), is_formula)
            assert isinstance(figures, ChartFigures)
            self._compare(figures.total, self._value(of, rows), is_formula)
            values = [point.value for point in points if point.value is not None]
            assert figures.sum == (sum(values) if values else None)

    def _events(self, series: EventSeries, period: Period) -> list[tuple[tuple[str, ...], Event]]:
        done = [
            event
            for event in self.reckoning.doings(period)
            if self.reckoning.is_named(event, series.name) and self.reckoning.meets(event, series.filters)
        ]
        if series.segment == "one_event_per_user":
            latest = {self.reckoning.person(event): event for event in done if self.reckoning.person(event)}
            done = list(latest.values())
        return [(labels, event) for event in done for labels in self._labels(event)]

    def _labels(self, event: Event) -> list[tuple[str, ...]]:
        found: list[tuple[str, ...]] = [()]
        for name in self.chart.breakdowns:
            found = [(*before, value) for before in found for value in self.reckoning.label(event, name)]
        return found

    def _ranked(self) -> list[tuple[str, ...]]:
        """By the best place that a value has in any series of the asked period."""
        known = {
            labels for number in range(len(self.events)) for rows in self.events[number] for labels, _ in rows
        }
        best = dict.fromkeys(known, len(known) + 1)
        for place in range(len(self.chart.events)):
            sizes = {
                labels: self._value(
                    place, [e for own_labels, e in self.events[0][place] if own_labels == labels]
                )
                or 0
                for labels in known
            }
            order = sorted(known, key=lambda labels: (-sizes[labels], _bytes(labels)))
            best = {labels: min(best[labels], order.index(labels)) for labels in known}
        return sorted(known, key=lambda labels: (best[labels], _bytes(labels)))

    def _of(self, rows: list[tuple[tuple[str, ...], Event]], row: ChartRow) -> list[Event]:
        kept = set(self.ranked[: self.chart.limit])
        if row.other:
            return [event for labels, event in rows if labels not in kept]
        return [event for labels, event in rows if labels == row.labels or not self.chart.breakdowns]

    def _cut(self, number: int) -> list[Any]:
        period = (self.chart.period, self.chart.previous)[number]
        assert period is not None
        if self.chart.kind == "bar":
            return [lambda _event: True]
        every = buckets(period, timezone=self.chart.timezone, interval=self.chart.interval)
        return [partial(_within, bucket) for bucket in every]

    def _value(self, place: int, events: list[Event]) -> float | None:
        series = self.chart.events[place]
        persons = [self.reckoning.person(event) for event in events if self.reckoning.person(event)]
        sessions = {event["session_id"] for event in events if event.get("session_id")}
        values: dict[str, Callable[[], float | None]] = {
            "event": lambda: len(events),
            "one_event_per_user": lambda: len(events),
            "user": lambda: len(set(persons)),
            "session": lambda: len(sessions),
            "group": lambda: len({group for event in events for group in event["groups"]}),
            "user_average": lambda: len(persons) / len(set(persons)) if persons else None,
            "property_distinct": lambda: len(
                {self.reckoning.field(e, series.property) for e in events} - {"", 0.0}
            ),
        }
        return values.get(series.segment, lambda: self._of_property(series, events))()

    def _of_property(self, series: EventSeries, events: list[Event]) -> float | None:
        given = [self.reckoning.field(event, series.property) for event in events]
        words = {"", "many", "NaN", "inf"}
        numbers = [float(value) for value in given if value not in {*words, 0.0} and value is not None]
        if series.segment == "property_sum":
            return sum(numbers)
        if not numbers:
            return None
        return {
            "property_average": sum(numbers) / len(numbers),
            "property_max": max(numbers),
            "property_min": min(numbers),
            "property_median": median(numbers),
        }[series.segment]

    def _compare(self, found: float | None, expected: float | None, is_formula: bool) -> None:
        if is_formula:
            expected = None if expected is None else expected / 2 + 1
        assert found == (None if expected is None else pytest.approx(expected))


def _within(bucket: Bucket, event: Event) -> bool:
    return bool(milliseconds(bucket.start) <= event["created_at"] < milliseconds(bucket.end))


def _bytes(labels: tuple[str, ...]) -> tuple[bytes, ...]:
    return tuple(label.encode() for label in labels)
