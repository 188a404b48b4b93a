"""The overview's questions against the same numbers computed row by row in plain Python, over random worlds."""

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import pytest
from hypothesis import strategies as st

from openpanel.analytics.asking import ask
from openpanel.analytics.filters import Filter
from openpanel.analytics.metrics import Metrics
from openpanel.analytics.overview import Figures, Overview
from openpanel.analytics.periods import Period, allowed_intervals, buckets, previous, resolve
from openpanel.analytics.series import Series
from openpanel.analytics.top_countries import TopCountries
from openpanel.analytics.top_devices import TopDevices
from openpanel.analytics.top_pages import TopPages
from openpanel.analytics.top_referrers import TopReferrers
from openpanel.warehouse import Warehouse
from tests.analytics.twin.running import random_worlds
from tests.analytics.worlds import MOMENTS, ZONES, Insert, World, a_world, load
from tests.warehouse.rows import Rows

RANGES: Final = ("today", "yesterday", "7d", "24h", "mtd", "last-month", "2026-03-28..2026-10-30", "12m")
SYNTHETIC: Final = ("session_start", "session_end")
PLACE_BITS: Final = 21


@dataclass(frozen=True, slots=True)
class Visit:
    session: int
    start_ms: int
    person: int
    views: int
    duration_ms: int
    entry: str
    exit: str
    context: Mapping[str, str]
    rows: tuple[Mapping[str, Any], ...]


CONTEXT: Final = ("referrer_name", "country", "device", "browser", "os")


@st.composite
def worlds(draw: st.DrawFn) -> World:
    return a_world(
        random.Random(draw(st.integers(0, 2**32))),
        sessions=draw(st.integers(0, 25)),
        timezone=draw(st.sampled_from(ZONES)),
        now=draw(st.sampled_from(MOMENTS)),
    )


def _place(row: Mapping[str, Any]) -> int:
    return int(row["created_at"]) << PLACE_BITS | int(row["event_id"]) & 2**PLACE_BITS - 1


def _is_view(row: Mapping[str, Any]) -> bool:
    return bool(row["name"] == "screen_view" and row["path"])


def all_visits(world: World) -> list[Visit]:
    by_session = defaultdict(list)
    starts: dict[int, Mapping[str, Any]] = {}
    for row in world.events:
        if row["name"] not in SYNTHETIC:
            by_session[row["session_id"]].append(row)
        elif row["name"] == "session_start":
            starts[row["session_id"]] = row
    return [_visit(session, rows, starts.get(session)) for session, rows in by_session.items()]


def _visit(session: int, rows: Rows, start_row: Mapping[str, Any] | None) -> Visit:
    start = rows[0]["session_started_at"]
    rows = sorted(rows, key=_place)
    views = [row for row in rows if _is_view(row)]
    opened = [row for row in rows if row["created_at"] == start] or ([start_row] if start_row else [])
    return Visit(
        session=session,
        start_ms=start,
        person=min((row["profile_id"] == "", _place(row), row["person"]) for row in rows)[2],
        views=len(views),
        duration_ms=rows[-1]["created_at"] - rows[0]["created_at"],
        entry=views[0]["path"] if views else "",
        exit=views[-1]["path"] if views else "",
        context={name: max((row[name] for row in opened), key=str.encode, default="") for name in CONTEXT},
        rows=tuple(rows),
    )


def resolver(world: World) -> Callable[[int], int]:
    latest: dict[int, tuple[int, int]] = {}
    for row in world.overrides:
        latest[row["person"]] = max(latest.get(row["person"], (0, 0)), (row["version"], row["into"]))
    into = {person: target for person, (_, target) in latest.items()}

    def resolve_person(person: int) -> int:
        """Whoever stands at the end of the row; of a ring the least one."""
        passed: list[int] = []
        while person in into and person not in passed:
            passed.append(person)
            person = into[person]
        return min(passed[passed.index(person) :]) if person in passed else person

    return resolve_person


def within(visits: Iterable[Visit], period: Period) -> list[Visit]:
    start, until = (round(moment.timestamp() * 1000) for moment in (period.start, period.until))
    return [visit for visit in visits if start <= visit.start_ms < until]


def figures_of(visits: Sequence[Visit], views: Mapping[int, int], person_of: Callable[[int], int]) -> Figures:
    lasted = [visit.duration_ms for visit in visits if visit.duration_ms > 0]
    pageviews = sum(views[visit.session] for visit in visits)
    return Figures(
        visitors=len({person_of(visit.person) for visit in visits}),
        sessions=len(visits),
        pageviews=pageviews,
        bounce_rate=sum(visit.views <= 1 for visit in visits) / len(visits) if visits else None,
        duration_s=sum(lasted) / len(lasted) / 1000 if lasted else None,
        views_per_session=pageviews / len(visits) if visits else None,
    )


PREDICATES: Final[Mapping[str, Callable[[str, tuple[str, ...]], bool]]] = {
    "is": lambda text, values: text in values,
    "not": lambda text, values: text not in values,
    "has": lambda text, values: any(value.lower() in text.lower() for value in values),
    "hasnt": lambda text, values: not any(value.lower() in text.lower() for value in values),
    "starts": lambda text, values: any(text.startswith(value) for value in values),
    "ends": lambda text, values: any(text.endswith(value) for value in values),
    "set": lambda text, _values: text != "",
    "unset": lambda text, _values: text == "",
}


def filtered(visits: Sequence[Visit], filters: Sequence[Filter]) -> tuple[list[Visit], dict[int, int]]:
    """The visits that pass, and the pageviews each of them counts with."""
    kept = []
    views = {}
    for visit in visits:
        matching = sum(_is_view(row) and _row_passes(row, filters, "page", "path") for row in visit.rows)
        wants_page = any(item.dimension == "page" for item in filters)
        views[visit.session] = matching if wants_page else visit.views
        did = any(_row_passes(row, filters, "event", "name") for row in visit.rows)
        if (matching or not wants_page) and did and all(_visit_passes(visit, item) for item in filters):
            kept.append(visit)
    return kept, views


def _row_passes(row: Mapping[str, Any], filters: Sequence[Filter], dimension: str, column: str) -> bool:
    return all(
        PREDICATES[item.operator](row[column], item.values) for item in filters if item.dimension == dimension
    )


def _visit_passes(visit: Visit, item: Filter) -> bool:
    values = {
        **visit.context,
        "referrer": visit.context["referrer_name"],
        "entry": visit.entry,
        "exit": visit.exit,
    }
    return item.dimension not in values or PREDICATES[item.operator](values[item.dimension], item.values)


FILTERS: Final = (
    (),
    (Filter("country", "is", ("KR", "")),),
    (Filter("referrer", "not", ("Google",)), Filter("device", "is", ("mobile",))),
    (Filter("page", "is", ("/a",)),),
    (Filter("page", "not", ("/a",)), Filter("page", "hasnt", ("한",))),
    (Filter("event", "is", ("click", "revenue")),),
    (Filter("entry", "starts", ("/",)), Filter("exit", "ends", ("b", "a"))),
    (Filter("os", "unset"), Filter("browser", "has", ("FIRE",)), Filter("event", "is", ("click",))),
    (Filter("country", "set"), Filter("page", "has", ("/",))),
)


def scope_of(world: World, project: str, range_text: str, filters: tuple[Filter, ...]) -> Overview:
    period = resolve(range_text, timezone=world.timezone, now=world.now)
    interval = next(name for name in ("hour", "day", "week", "month") if name in allowed_intervals(period))
    return Overview(
        project=project,
        timezone=world.timezone,
        period=period,
        previous=previous(period, timezone=world.timezone),
        interval=interval,
        filters=filters,
    )


@random_worlds(8, world=worlds(), range_text=st.sampled_from(RANGES), filters=st.sampled_from(FILTERS))
def test_overview_answers_what_counting_by_hand_answers(
    warehouse: Warehouse, insert: Insert, world: World, range_text: str, filters: tuple[Filter, ...]
) -> None:
    scope = scope_of(world, load(world, insert), range_text, filters)
    kept, views = filtered(all_visits(world), filters)
    person_of = resolver(world)

    metrics = ask(warehouse, Metrics(scope))
    series = ask(warehouse, Series(scope))

    assert scope.previous is not None
    assert_figures(metrics.current, figures_of(within(kept, scope.period), views, person_of))
    assert metrics.previous is not None
    assert_figures(metrics.previous, figures_of(within(kept, scope.previous), views, person_of))
    for points, period in ((series.points, scope.period), (series.previous, scope.previous)):
        cut = [
            replace(
                period, start=max(p.start, period.start), end=min(p.end, period.until), running_until=None
            )
            for p in points
        ]
        assert len(points) == len(buckets(period, timezone=world.timezone, interval=scope.interval))
        for point, part in zip(points, cut, strict=True):
            assert_figures(point.figures, figures_of(within(kept, part), views, person_of))
    assert sum(point.figures.sessions for point in series.points) == metrics.current.sessions


@random_worlds(8, world=worlds(), range_text=st.sampled_from(RANGES), filters=st.sampled_from(FILTERS))
def test_lists_answer_what_counting_by_hand_answers(
    warehouse: Warehouse, insert: Insert, world: World, range_text: str, filters: tuple[Filter, ...]
) -> None:
    scope = scope_of(world, load(world, insert), range_text, filters)
    kept, views = filtered(all_visits(world), filters)
    visits = within(kept, scope.period)
    person_of = resolver(world)

    answers = {
        "referrer_name": ask(warehouse, TopReferrers(scope)),
        "country": ask(warehouse, TopCountries(scope)),
        **{kind: ask(warehouse, TopDevices(scope, kind=kind)) for kind in ("device", "browser", "os")},
    }

    everyone = len({person_of(visit.person) for visit in visits})
    for name, answer in answers.items():
        expected = []
        for value in {visit.context[name] for visit in visits}:
            group = [visit for visit in visits if visit.context[name] == value]
            people = len({person_of(visit.person) for visit in group})
            shown = sum(views[visit.session] for visit in group)
            expected.append((value, people, len(group), shown, people / everyone))
        expected.sort(key=lambda row: (-row[1], -row[2], row[0]))
        assert [(r.name, r.visitors, r.sessions, r.views, r.share) for r in answer.rows] == expected
        assert not answer.more


@random_worlds(8, world=worlds(), range_text=st.sampled_from(RANGES), filters=st.sampled_from(FILTERS))
def test_pages_answer_what_counting_by_hand_answers(
    warehouse: Warehouse, insert: Insert, world: World, range_text: str, filters: tuple[Filter, ...]
) -> None:
    scope = scope_of(world, load(world, insert), range_text, filters)
    kept, _ = filtered(all_visits(world), [item for item in filters if item.dimension != "page"])
    person_of = resolver(world)
    seen = [
        row
        for visit in within(kept, scope.period)
        for row in visit.rows
        if _is_view(row) and _row_passes(row, filters, "page", "path")
    ]

    answer = ask(warehouse, TopPages(scope, limit=2))

    counts = Counter(row["path"] for row in seen)
    expected = []
    for path, shown in counts.items():
        rows = [row for row in seen if row["path"] == path]
        people = len({person_of(row["person"]) for row in rows})
        expected.append((path, people, len({row["session_id"] for row in rows}), shown, shown / len(seen)))
    expected.sort(key=lambda row: (-row[3], row[0].encode()))
    assert [(r.name, r.visitors, r.sessions, r.views, r.share) for r in answer.rows] == expected[:2]
    assert answer.more == (len(expected) > 2)


def assert_figures(found: Figures, expected: Figures) -> None:
    assert (found.visitors, found.sessions, found.pageviews) == (
        expected.visitors,
        expected.sessions,
        expected.pageviews,
    )
    assert found.bounce_rate == expected.bounce_rate
    assert found.duration_s == (None if expected.duration_s is None else pytest.approx(expected.duration_s))
    assert found.views_per_session == expected.views_per_session
    assert found.revenue == expected.revenue
