"""What rollups answer is what sessions and events answer, where both are asked the same.

So few persons that an estimate is exact, no persons who are others, and sessions that begin and end as the worker
makes them: a start row, then views, then an end row. How far off an estimate of many persons may be is tested last;
visits over midnight are in `twin/test_daily_totals`.
"""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from openpanel.analytics.asking import LIMITS, Question, ask
from openpanel.analytics.explaining import explain
from openpanel.analytics.metrics import Metrics
from openpanel.analytics.overview import MetricsAnswer, Overview, SeriesAnswer
from openpanel.analytics.periods import previous, resolve
from openpanel.analytics.routing import MERGED_SHARE, MISSING_SHARE, ROLLUP_FROM_EVENTS, Source
from openpanel.analytics.series import Series
from openpanel.analytics.top_countries import TopCountries
from openpanel.analytics.top_devices import TopDevices
from openpanel.analytics.top_pages import TopPages
from openpanel.analytics.top_referrers import TopReferrers
from openpanel.analytics.top_values import TopValues
from openpanel.warehouse import Warehouse, tables
from tests.analytics.worlds import Insert

ZONE = "America/New_York"
NOW = datetime(2026, 11, 4, 17, 30, tzinfo=UTC)
DEFINITIONS = Path(__file__).parents[2] / "docs/definitions.md"
ESTIMATED_WITHIN = 0.05  # as docs/definitions.md says: three times the standard error of a state
EPOCH_DAY = datetime(1970, 1, 1, tzinfo=UTC).toordinal()


@pytest.fixture(scope="module")
def loaded(insert: Insert) -> str:
    """Ten persons over four weeks; no session crosses a midnight of the zone or the moment of asking."""
    dice = random.Random(7)
    project = "rolled up"
    events = [row for number in range(60) for row in _session(dice, project, number)]
    dice.shuffle(events)
    for first in range(0, len(events), 80):
        insert(tables.EVENTS, events[first : first + 80])
    return project


@pytest.fixture(scope="module")
def crowded(insert: Insert) -> str:
    """Four weeks with 140 visits a day, of 2,500 persons."""
    dice = random.Random(11)
    project = "crowded"
    events = [row for number in range(28 * 140) for row in _short_session(dice, project, number)]
    insert(tables.EVENTS, events)
    return project


@pytest.mark.parametrize("text", ["7d", "yesterday", "mtd", "last-week", "2026-10-20..2026-11-03"])
@pytest.mark.parametrize("question", [Metrics, Series])
def test_figures_from_the_rollup_equal_those_from_sessions(
    warehouse: Warehouse, loaded: str, text: str, question: type[Metrics | Series]
) -> None:
    asked = question(_scope(loaded, text))

    assert _answer(warehouse, asked, Source.ROLLUP) == _answer(warehouse, asked, Source.SESSIONS)


@pytest.mark.parametrize("interval", ["week", "month"])
def test_longer_buckets_merge_the_days(warehouse: Warehouse, loaded: str, interval: Any) -> None:
    asked = Series(replace(_scope(loaded, "2026-10-01..2026-11-03"), interval=interval))

    answer = _answer(warehouse, asked, Source.ROLLUP)

    assert answer == _answer(warehouse, asked, Source.SESSIONS)
    assert sum(point.figures.visitors for point in answer.points) > 0
    assert sum(point.figures.revenue for point in answer.points) > 0


@pytest.mark.parametrize(
    "list_of",
    [
        TopPages,
        TopCountries,
        TopReferrers,
        lambda scope: TopDevices(scope, kind="os"),
        lambda scope: TopPages(scope, limit=2),
        lambda scope: TopValues(scope, dimension="city"),
        lambda scope: TopValues(scope, dimension="utm.source", limit=1),
    ],
    ids=["pages", "countries", "referrers", "systems", "first pages", "cities", "first source"],
)
def test_lists_from_the_rollup_equal_the_exact_ones(warehouse: Warehouse, loaded: str, list_of: Any) -> None:
    question = list_of(_scope(loaded, "28d"))

    exact = _answer(warehouse, question, question.exact)
    rolled_up = _answer(warehouse, question, Source.ROLLUP)

    if any(row.views is None for row in rolled_up.rows):  # a view does not know its session's source
        exact = replace(exact, rows=tuple(replace(row, views=None) for row in exact.rows))
    exact = replace(
        exact, rows=tuple(replace(row, revenue=None) for row in exact.rows)
    )  # it knows no amounts
    assert rolled_up == exact
    assert exact.rows


def test_small_project_is_read_exactly_and_says_so(warehouse: Warehouse, loaded: str) -> None:
    question = Metrics(_scope(loaded, "28d"))

    assert not ask(warehouse, question).approximate
    assert "events are quick to read" in explain(warehouse, question).reason


@pytest.mark.parametrize("text", ["yesterday", "7d", "28d"])
def test_estimates_of_many_persons_are_within_what_the_definitions_say(
    warehouse: Warehouse, crowded: str, text: str
) -> None:
    scope = _scope(crowded, text)

    for question in (Metrics(scope), Series(scope), TopCountries(scope), TopPages(scope, limit=50)):
        exact = _visitors(_answer(warehouse, question, question.exact))
        rolled_up = _visitors(_answer(warehouse, question, Source.ROLLUP))
        assert rolled_up.keys() == exact.keys()
        assert max(exact.values()) > 40
        for name, visitors in exact.items():
            assert abs(rolled_up[name] - visitors) <= max(ESTIMATED_WITHIN * visitors, 1), (question, name)


def test_definitions_say_when_totals_are_read_and_how_far_off_they_are() -> None:
    text = DEFINITIONS.read_text()

    assert f"From {ROLLUP_FROM_EVENTS:,} events in the asked days on" in text
    assert f"hardly ever beyond {ESTIMATED_WITHIN:.0%}".replace("%", " %") in text
    assert f"never stored, {MISSING_SHARE:.0%} of them at most".replace("%", " %") in text
    assert f"more than {MERGED_SHARE:.0%} of the visitors".replace("%", " %") in text


def _visitors(answer: Any) -> dict[Any, int]:
    match answer:
        case MetricsAnswer():
            return {"": answer.current.visitors}
        case SeriesAnswer():
            return {point.start: point.figures.visitors for point in answer.points}
        case _:
            return {row.name: row.visitors for row in answer.rows}


def _scope(project: str, text: str) -> Overview:
    period = resolve(text, timezone=ZONE, now=NOW)
    return Overview(project, ZONE, period, previous=previous(period, timezone=ZONE))


def _answer(warehouse: Warehouse, question: Question[Any], source: Source) -> Any:
    statement = question.statement(source)
    rows = warehouse.query(statement.sql, parameters=statement.parameters, settings=LIMITS)
    return replace(question.answer(rows, source), approximate=False)


def _session(dice: random.Random, project: str, number: int) -> list[dict[str, Any]]:
    day = NOW.astimezone(ZoneInfo(ZONE)).replace(hour=0, minute=0, second=0) - timedelta(days=number % 28)
    start = round(day.timestamp() * 1000) + dice.randrange(3_600_000, 4 * 3_600_000)
    seconds = sorted(dice.randrange(1, 1_700) for _ in range(dice.randrange(1, 4)))
    views = [start, *(start + 1000 * second for second in seconds)][: dice.randrange(1, 5)]
    common = {
        "project_id": project,
        "day": day.date().toordinal() - EPOCH_DAY,
        "session_id": number + 1,
        "session_started_at": start,
        "device_id": number % 10 + 1,
        "person": number % 10 + 1,
        "country": dice.choice(["KR", "DE", ""]),
        "os": dice.choice(["Linux", ""]),
        "referrer_name": dice.choice(["Google", ""]),
        "city": ["Seoul", "Berlin"][number % 2],
        "utm_source": ["mail", "ad", "ad"][number % 3],
    }
    paths = ["/", "/a", "/b", "/c"]
    rows = [
        {"name": "session_start", "created_at": start - 100, "path": "/"},
        *({"name": "screen_view", "created_at": at, "path": dice.choice(paths)} for at in views),
        {"name": "revenue", "created_at": views[-1], "revenue": 100 + number},
        {"name": "revenue", "created_at": start, "revenue": 5, "session_id": 0, "session_started_at": 0},
        {
            "name": "session_end",
            "created_at": views[-1] + 1_000,
            "path": "/",
            "duration": views[-1] - start,
            "properties": {"__bounce": "true" if len(views) <= 1 else "false"},
        },
    ]
    return [{**common, **row, "event_id": number * 100 + place} for place, row in enumerate(rows)]


def _short_session(dice: random.Random, project: str, number: int) -> list[dict[str, Any]]:
    day = NOW.astimezone(ZoneInfo(ZONE)).replace(hour=0, minute=0, second=0) - timedelta(days=number % 28)
    start = round(day.timestamp() * 1000) + dice.randrange(1_000, 4 * 3_600_000)
    person = dice.randrange(1, 2_500) * 2_654_435_761
    shared = {
        "project_id": project,
        "day": day.date().toordinal() - EPOCH_DAY,
        "session_id": number + 1,
        "session_started_at": start,
        "device_id": person,
        "person": person,
        "country": dice.choice(["KR", "DE", ""]),
        "path": dice.choice(["/", "/", "/a"]),
    }
    rows = [("session_start", start - 100), ("screen_view", start), ("session_end", start + 1_000)]
    return [
        {**shared, "name": name, "created_at": at, "event_id": number * 3 + place}
        for place, (name, at) in enumerate(rows)
    ]
