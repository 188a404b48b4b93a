"""The overview's questions under every kind of filter against counting session by session, over random histories."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

import pytest
from hypothesis import strategies as st

from openpanel.analytics.asking import ask
from openpanel.analytics.heat_map import HeatMap
from openpanel.analytics.map import Map
from openpanel.analytics.metrics import Metrics
from openpanel.analytics.overview import Figures, Point
from openpanel.analytics.periods import Period
from openpanel.analytics.revenue import Revenue, RevenueFigures
from openpanel.analytics.series import Series
from openpanel.analytics.top_series import TopSeries
from openpanel.analytics.top_values import TopValues
from openpanel.warehouse import Warehouse
from tests.analytics.test_overview_twin import assert_figures
from tests.analytics.twin.histories import History, histories
from tests.analytics.twin.reckoning import Event
from tests.analytics.twin.running import random_worlds
from tests.analytics.twin.scopes import Over, overviews, visiting
from tests.analytics.twin.visiting import Visit, Visiting
from tests.analytics.worlds import Insert, load

DIMENSIONS: Final = (
    "country",
    "city",
    "region",
    "browser_version",
    "entry",
    "exit",
    "referrer_url",
    "device",
)


def figures_of(found: Visiting, period: Period) -> Figures:
    visits = found.visits(period)
    lasted = [visit.duration_ms for visit in visits if visit.duration_ms > 0]
    pageviews = sum(len(visit.counted) for visit in visits)
    return Figures(
        visitors=found.persons(visits),
        sessions=len(visits),
        pageviews=pageviews,
        bounce_rate=sum(len(visit.views) <= 1 for visit in visits) / len(visits) if visits else None,
        duration_s=sum(lasted) / len(lasted) / 1000 if lasted else None,
        views_per_session=pageviews / len(visits) if visits else None,
        revenue=sum(visit.revenue for visit in visits) + outside(found, period),
    )


def outside(found: Visiting, period: Period) -> int:
    """The amounts that belong to no session."""
    return sum(event["revenue"] for event in found.events(period) if not event.get("session_id"))


def cut(period: Period, points: Sequence[Any]) -> list[Period]:
    """The part of the period that each bucket is."""
    return [
        replace(period, start=max(p.start, period.start), end=min(p.end, period.until), running_until=None)
        for p in points
    ]


@random_worlds(6, history=histories(), over=overviews())
def test_figures_answer_what_counting_by_hand_answers(
    warehouse: Warehouse, insert: Insert, history: History, over: Over
) -> None:
    scope = over(load(history, insert), history)
    found = visiting(scope, history)

    metrics = ask(warehouse, Metrics(scope))
    series = ask(warehouse, Series(scope))

    assert scope.previous is not None
    assert metrics.previous is not None
    assert_figures(metrics.current, figures_of(found, scope.period))
    assert_figures(metrics.previous, figures_of(found, scope.previous))
    every: tuple[tuple[Sequence[Point], Period], ...] = (
        (series.points, scope.period),
        (series.previous, scope.previous),
    )
    for points, period in every:
        for point, part in zip(points, cut(period, points), strict=True):
            assert_figures(point.figures, figures_of(found, part))
    assert sum(point.figures.revenue for point in series.points) == metrics.current.revenue


def numbers(found: Visiting, visits: Sequence[Visit]) -> tuple[int, int, int, int]:
    """Visitors, sessions, views and revenue."""
    shown = sum(len(visit.counted) for visit in visits)
    return found.persons(visits), len(visits), shown, sum(visit.revenue for visit in visits)


def grouped(visits: Sequence[Visit], key: Callable[[Visit], Any]) -> dict[Any, list[Visit]]:
    groups: dict[Any, list[Visit]] = {}
    for visit in visits:
        groups.setdefault(key(visit), []).append(visit)
    return groups


@random_worlds(
    6,
    history=histories(sessions=20),
    over=overviews(),
    dimension=st.sampled_from(DIMENSIONS),
    detailed=st.booleans(),
    limit=st.sampled_from((1, 3, 100)),
)
def test_lists_answer_what_counting_by_hand_answers(
    warehouse: Warehouse,
    insert: Insert,
    history: History,
    over: Over,
    *,
    dimension: str,
    detailed: bool,
    limit: int,
) -> None:
    scope = over(load(history, insert), history)
    found = visiting(scope, history)

    answer = ask(warehouse, TopValues(scope, dimension, limit, detailed))

    everyone = found.persons(found.visits())
    groups = grouped(
        found.visits(),
        lambda visit: (visit.value(dimension), visit.belongs_to(dimension) if detailed else ""),
    )
    expected = [(*key, *numbers(found, visits)) for key, visits in groups.items()]
    expected.sort(key=lambda row: (-row[2], -row[3], row[0].encode(), row[1].encode()))
    rows = [(row.name, row.prefix, row.visitors, row.sessions, row.views, row.revenue) for row in answer.rows]
    assert rows == expected[:limit]
    assert [row.share for row in answer.rows] == [row.visitors / everyone for row in answer.rows]
    assert answer.more == (len(expected) > limit)


@random_worlds(
    6,
    history=histories(sessions=20),
    over=overviews(),
    dimension=st.sampled_from((*DIMENSIONS, "page", "page")),
    limit=st.sampled_from((1, 3, 100)),
)
def test_lists_over_time_answer_what_counting_by_hand_answers(
    warehouse: Warehouse, insert: Insert, history: History, over: Over, *, dimension: str, limit: int
) -> None:
    scope = over(load(history, insert), history)
    found = visiting(scope, history)

    answer = ask(warehouse, TopSeries(scope, dimension, limit))

    tables = [_table(found, dimension, scope.period)]
    order = sorted(
        tables[0].items(),
        key=lambda row: (-row[1][0], -row[1][1], row[0][1].encode(), row[0][0].encode()),
    )
    assert [(row.prefix, row.name) for row in answer.rows] == [key for key, _ in order[:limit]]
    assert answer.more == (len(order) > limit)
    for row in answer.rows:
        assert (row.visitors, row.sessions, row.views, row.revenue) == tables[0][row.prefix, row.name]
    for place, part in enumerate(cut(scope.period, answer.rows[0].points) if answer.rows else []):
        table = _table(found, dimension, part)
        for row in answer.rows:
            point = row.points[place]
            shown = (point.visitors, point.sessions, point.views, point.revenue)
            assert shown == table.get((row.prefix, row.name), (0, 0, 0, 0))


def _table(
    found: Visiting, dimension: str, period: Period
) -> dict[tuple[str, str], tuple[int, int, int, int]]:
    if dimension != "page":
        groups = grouped(
            found.visits(period), lambda visit: (visit.belongs_to(dimension), visit.value(dimension))
        )
        return {key: numbers(found, visits) for key, visits in groups.items()}
    views: dict[tuple[str, str], list[Event]] = {}
    for view in found.pageviews(period):
        views.setdefault((view["origin"], view["path"]), []).append(view)
    return {
        key: (found.persons_of(seen), len({view["session_id"] for view in seen}), len(seen), 0)
        for key, seen in views.items()
    }


@random_worlds(5, history=histories(sessions=20), over=overviews(), limit=st.sampled_from((2, 100)))
def test_maps_answer_what_counting_by_hand_answers(
    warehouse: Warehouse, insert: Insert, history: History, over: Over, *, limit: int
) -> None:
    scope = over(load(history, insert), history)
    found = visiting(scope, history)

    heat = ask(warehouse, HeatMap(scope))
    answer = ask(warehouse, Map(scope, limit))

    zone = found.reckoning.zone
    cells = grouped(found.visits(), lambda visit: _hour(visit.start_ms, zone))
    for weekday, hours in enumerate(heat.days):
        for hour, cell in enumerate(hours):
            expected = numbers(found, cells.get((weekday, hour), []))[:3]
            assert (cell.visitors, cell.sessions, cell.views) == expected
    places = grouped(found.visits(), lambda visit: tuple(map(visit.value, ("country", "region", "city"))))
    order = sorted(
        ((*key, *numbers(found, visits)[:3], *_located(found, key)) for key, visits in places.items()),
        key=lambda row: (-row[3], -row[4], [text.encode() for text in row[:3]]),
    )
    shown = [
        (p.country, p.region, p.city, p.visitors, p.sessions, p.views, p.latitude, p.longitude)
        for p in answer.places
    ]
    assert shown == order[:limit]
    assert answer.more == (len(order) > limit)


def _hour(start_ms: int, zone: Any) -> tuple[int, int]:
    moment = datetime.fromtimestamp(start_ms / 1000, tz=zone)
    return moment.weekday(), moment.hour


def _located(found: Visiting, place: tuple[str, ...]) -> tuple[float | None, float | None]:
    """The lower median of each coordinate."""
    events = [
        event
        for event in found.events(outside=False)
        if event["name"] in {"session_start", "screen_view"}
        and (event["latitude"] or event["longitude"])
        and (event["country"], event["region"], event["city"]) == place
    ]
    if not events:
        return None, None
    middle = (len(events) - 1) // 2
    latitudes, longitudes = (sorted(event[name] for event in events) for name in ("latitude", "longitude"))
    return latitudes[middle], longitudes[middle]


@random_worlds(6, history=histories(sessions=20), over=overviews(), dimension=st.sampled_from(DIMENSIONS))
def test_revenue_answers_what_adding_by_hand_answers(
    warehouse: Warehouse, insert: Insert, history: History, over: Over, *, dimension: str
) -> None:
    scope = over(load(history, insert), history)
    found = visiting(scope, history)

    answer = ask(warehouse, Revenue(scope, dimension, 3))

    assert scope.previous is not None
    assert answer.current == _earned(found, scope.period)
    assert answer.previous == _earned(found, scope.previous)
    for points, period in ((answer.points, scope.period), (answer.previous_points, scope.previous)):
        for point, part in zip(points, cut(period, points), strict=True):
            expected = _earned(found, part)
            assert (point.revenue, point.payments) == (expected.revenue, expected.payments)
    groups = grouped(found.visits(), lambda visit: visit.value(dimension))
    sources = [
        (name, sum(visit.revenue for visit in visits), found.persons(visits), len(visits))
        for name, visits in groups.items()
    ]
    sources.sort(key=lambda row: (-row[1], -row[2], -row[3], row[0].encode()))
    assert [(s.name, s.revenue, s.visitors, s.sessions) for s in answer.sources] == sources[:3]
    assert answer.more == (len(sources) > 3)
    assert answer.current.per_visitor == (
        pytest.approx(answer.current.revenue / answer.current.visitors) if found.visits() else None
    )


def _earned(found: Visiting, period: Period) -> RevenueFigures:
    paid = [event for event in found.events(period) if event["name"] == "revenue" and event["revenue"]]
    visits = found.visits(period)
    return RevenueFigures(
        revenue=sum(event["revenue"] for event in paid),
        payments=len(paid),
        payers=found.persons_of(paid),
        outside=outside(found, period),
        visitors=found.persons(visits),
        sessions=len(visits),
    )
