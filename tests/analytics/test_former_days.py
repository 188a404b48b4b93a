"""After a change of the time zone: what was counted by the days of the former one is told by those of the new one.

The same sessions are in two projects: in one that changed from Seoul to New York, with the days that the worker gave
them then, and in one that was always in New York. Rollups are read wherever they can be.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest

from openpanel.analytics import routing
from openpanel.analytics.asking import Question, ask, choose
from openpanel.analytics.chart_series import EventSeries
from openpanel.analytics.charts import Chart
from openpanel.analytics.engagement import Engagement, WeeklyRetention
from openpanel.analytics.event_stats import EventStats
from openpanel.analytics.explaining import explain
from openpanel.analytics.former_days import ALL_TIME, FormerDays, former_days
from openpanel.analytics.habits import ActiveUsers, Doings, LastSeen, Stickiness
from openpanel.analytics.metrics import Metrics
from openpanel.analytics.overview import Overview
from openpanel.analytics.periods import Period, previous, resolve
from openpanel.analytics.retention import Retention
from openpanel.analytics.routing import Source
from openpanel.analytics.series import Series
from openpanel.analytics.top_countries import TopCountries
from openpanel.analytics.top_events import TopEvents
from openpanel.analytics.top_pages import TopPages
from openpanel.analytics.volume import Volume
from openpanel.metadata import ProjectRecord
from openpanel.warehouse import Warehouse, tables
from tests.analytics.worlds import Insert

FORMER: Final = "Asia/Seoul"
ZONE: Final = "America/New_York"
NOW: Final = datetime(2026, 11, 4, 17, 30, tzinfo=UTC)
TODAY: Final = date(2026, 11, 4)
CHANGED: Final = datetime(2026, 10, 26, 12, tzinfo=UTC)
RECORD: Final = ProjectRecord("p", "Shop", "acme", timezone=ZONE, timezone_since=CHANGED)
BEFORE: Final = resolve("2026-10-10..2026-10-22", timezone=ZONE, now=NOW)
AFTER: Final = resolve("2026-10-29..2026-11-03", timezone=ZONE, now=NOW)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC).toordinal()

Session = tuple[datetime, int, list[str]]  # its beginning, its person, the names of what was done


@pytest.fixture(autouse=True)
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every project counts as large."""
    monkeypatch.setattr(routing, "ROLLUP_FROM_EVENTS", 1)


@pytest.fixture(scope="module")
def sessions() -> list[Session]:
    """Of a minute, at all times of the day, the first at a morning in Seoul; none crosses a midnight of any zone."""
    dice = random.Random(11)
    first = datetime(2026, 9, 20, tzinfo=UTC)
    return [(first, 60, ["screen_view"])] + [
        (
            first + timedelta(hours=dice.randrange(45 * 24), minutes=dice.randrange(10)),
            dice.randrange(1, 60),
            ["screen_view", *dice.choices(["screen_view", "click"], k=dice.randrange(3))],
        )
        for _ in range(300)
    ]


@pytest.fixture(scope="module")
def moved(insert: Insert, sessions: list[Session]) -> str:
    """The project that was in Seoul until the change."""
    return _loaded("moved to New York", sessions, insert, lambda at: FORMER if at < CHANGED else ZONE)


@pytest.fixture(scope="module")
def settled(insert: Insert, sessions: list[Session]) -> str:
    """The project that was never elsewhere."""
    return _loaded("always in New York", sessions, insert, lambda _: ZONE)


def _scope(project: str, period: Period = BEFORE) -> Overview:
    return Overview(project, ZONE, period, previous=previous(period, timezone=ZONE))


def _chart(project: str, period: Period = BEFORE) -> Chart:
    return Chart(project, ZONE, period, (EventSeries("click"), EventSeries("*", segment="user")))


QUESTIONS: Final[dict[str, Callable[[str], Question[Any]]]] = {
    "metrics": lambda project: Metrics(_scope(project)),
    "series": lambda project: Series(_scope(project)),
    "pages": lambda project: TopPages(_scope(project)),
    "countries": lambda project: TopCountries(_scope(project)),
    "names": lambda project: TopEvents(_scope(project)),
    "chart": _chart,
    "event stats": lambda project: EventStats(project, ZONE, BEFORE),
    "active users": lambda project: ActiveUsers(Doings(project, ZONE, BEFORE), 2),
    "active users before": lambda project: ActiveUsers(Doings(project, ZONE, AFTER), 7),
    "stickiness": lambda project: Stickiness(Doings(project, ZONE, BEFORE)),
    "retention": lambda project: Retention(project, ZONE, BEFORE, "day"),
    "retention since ever": lambda project: Retention(project, ZONE, BEFORE, "day", begins="ever"),
    "last seen": lambda project: LastSeen(project, ZONE, date(2026, 10, 20), known=False),
    "engagement": lambda project: Engagement(project, ZONE, date(2026, 10, 20), known=False),
    "weekly retention": lambda project: WeeklyRetention(project, ZONE, TODAY, 5),
    "volume": lambda project: Volume(project, ZONE),
}


@pytest.mark.parametrize("name", QUESTIONS)
def test_answers_are_those_of_a_project_that_was_always_there(
    warehouse: Warehouse, moved: str, settled: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = ask(warehouse, QUESTIONS[name](moved), former=former_days(RECORD, now=NOW))

    monkeypatch.setattr(routing, "ROLLUP_FROM_EVENTS", 1_000_000)
    assert answer == ask(warehouse, QUESTIONS[name](settled))


@pytest.mark.parametrize("name", QUESTIONS)
def test_rollups_alone_would_tell_something_else(
    warehouse: Warehouse, moved: str, settled: str, name: str
) -> None:
    of_moved, of_settled = (QUESTIONS[name](project) for project in (moved, settled))

    assert choose(warehouse, of_moved).source is Source.ROLLUP
    assert ask(warehouse, of_moved) != ask(warehouse, of_settled)


def test_days_before_the_change_are_counted_in_the_new_zone(
    warehouse: Warehouse, moved: str, sessions: list[Session]
) -> None:
    former = former_days(RECORD, now=NOW)
    days = [date(2026, 10, day) for day in range(10, 23)]
    begun = Counter(_day(at, ZONE) for at, _, _ in sessions)
    clicks = Counter(_day(at, ZONE) for at, _, names in sessions for name in names if name == "click")

    series = ask(warehouse, Series(_scope(moved)), former=former)
    chart = ask(warehouse, _chart(moved), former=former)
    stats = ask(warehouse, EventStats(moved, ZONE, BEFORE, names=("click",)), former=former)

    assert [point.figures.sessions for point in series.points] == [begun[day] for day in days]
    assert [point.value for point in chart.rows[0].points] == [clicks[day] for day in days]
    assert stats.rows[0].counts == tuple(clicks[day] for day in days)


@pytest.mark.parametrize(
    "made",
    [
        lambda project: Series(Overview(project, ZONE, AFTER)),
        lambda project: EventStats(project, ZONE, AFTER),
        lambda project: Retention(project, ZONE, AFTER, "day", begins="ever"),
    ],
    ids=["series", "event stats", "retention since ever"],
)
def test_rollups_are_read_again_for_days_of_the_new_zone_alone(
    warehouse: Warehouse, moved: str, settled: str, made: Callable[[str], Question[Any]]
) -> None:
    former = former_days(RECORD, now=NOW)

    assert explain(warehouse, made(moved), former=former).source is Source.ROLLUP
    assert ask(warehouse, made(moved), former=former) == ask(warehouse, made(settled))


def test_a_day_counted_before_makes_the_whole_question_exact(warehouse: Warehouse, moved: str) -> None:
    question = Metrics(_scope(moved, AFTER))  # the compared days lie before the change

    plan = explain(warehouse, question, former=former_days(RECORD, now=NOW))

    assert plan.source is Source.SESSIONS
    assert plan.reason == "the time zone was another one, rollups have its days from 2026-10-29 on"


@pytest.mark.parametrize(
    ("since", "until"),
    [  # fourteen hours east of Greenwich, where a day begins first, the one after the change begins at ten
        (datetime(2026, 10, 26, 9, 59, tzinfo=UTC), date(2026, 10, 28)),
        (datetime(2026, 10, 26, 10, 0, tzinfo=UTC), date(2026, 10, 29)),
    ],
)
def test_the_day_of_a_change_and_the_next_are_doubtful_in_every_zone(since: datetime, until: date) -> None:
    assert former_days(replace(RECORD, timezone_since=since), now=NOW) == FormerDays(until, ALL_TIME)


def test_a_zone_that_was_never_another_leaves_no_doubt() -> None:
    assert former_days(replace(RECORD, timezone_since=None), now=NOW) is None


def test_what_is_in_rollups_alone_is_still_read_there(warehouse: Warehouse, moved: str) -> None:
    record = replace(RECORD, retention_days={"events": 30, "sessions": 20, "replays": 5})

    former = former_days(record, now=NOW)

    assert former is not None
    assert former.kept_from == date(2026, 10, 16)
    assert [day in former for day in (ALL_TIME, date(2026, 10, 15), date(2026, 10, 16))] == [
        False,
        False,
        True,
    ]
    assert choose(warehouse, EventStats(moved, ZONE, BEFORE), former=former).source is Source.ROLLUP


def _day(at: datetime, zone: str) -> date:
    return at.astimezone(ZoneInfo(zone)).date()


def _loaded(project: str, sessions: list[Session], insert: Insert, zone_at: Callable[[datetime], str]) -> str:
    rows = [row for number, session in enumerate(sessions) for row in _rows(session, number)]
    events = [
        {
            **row,
            "project_id": project,
            "created_at": round(at.timestamp() * 1000),
            "day": _day(at, zone_at(at)).toordinal() - _EPOCH,
        }
        for at, row in rows
    ]
    insert(tables.EVENTS, events)
    return project


def _rows(session: Session, number: int) -> Iterator[tuple[datetime, dict[str, Any]]]:
    """As the worker makes them: a start row, what was done, an end row."""
    start, person, names = session
    shared = {
        "session_id": number + 1,
        "session_started_at": round(start.timestamp() * 1000),
        "device_id": person,
        "person": person,
        "country": ["KR", "DE", ""][number % 3],
    }
    for place, name in enumerate(["session_start", *names, "session_end"]):
        own: dict[str, Any] = {"name": name, "event_id": number * 100 + place, "path": f"/{number % 4}"}
        if name == "session_end":
            lasted = (len(names) - 1) * 10_000
            own |= {"duration": lasted, "properties": {"__bounce": "true" if names.count("screen_view") <= 1 else "false"}}  # fmt: skip
        yield start + timedelta(seconds=10 * max(place - 1, 0)), {**shared, **own}
