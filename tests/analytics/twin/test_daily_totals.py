"""The overview from daily totals against adding them up by hand, over random histories full of midnights.

So few persons that an estimate of them is exact; how far it may be off is tested with many of them in `test_rollups`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo

import pytest
from hypothesis import strategies as st

from openpanel.analytics.asking import LIMITS, Question
from openpanel.analytics.metrics import Metrics
from openpanel.analytics.overview import Figures, Overview, TopAnswer
from openpanel.analytics.periods import Interval, Period, previous, resolve
from openpanel.analytics.routing import Source
from openpanel.analytics.series import Series
from openpanel.analytics.top_events import TopEvents
from openpanel.analytics.top_pages import TopPages
from openpanel.analytics.top_values import TopValues
from openpanel.warehouse import Warehouse
from tests.analytics.test_overview_twin import assert_figures
from tests.analytics.twin.histories import History, histories
from tests.analytics.twin.reckoning import SYNTHETIC, Event, milliseconds
from tests.analytics.twin.running import random_worlds
from tests.analytics.twin.test_overview import cut
from tests.analytics.worlds import Insert, load

RANGES: Final = ("today", "yesterday", "7d", "mtd", "last-week", "2026-03-28..2026-10-30")
STARTS_BEFORE_MS: Final = 100
ENDS_AFTER_MS: Final = 1_000
_EPOCH: Final = date(1970, 1, 1)

AnswerT = TypeVar("AnswerT")


def as_workers_write_it(history: History) -> History:
    """Each session has one start and one end, and nobody became somebody else."""
    sessions: dict[int, list[dict[str, Any]]] = {}
    for row in history.events:
        if row["name"] not in SYNTHETIC:
            sessions.setdefault(row.get("session_id", 0), []).append(row)
    outside = sessions.pop(0, [])
    events = [row for rows in sessions.values() for row in _whole(rows, history)]
    return replace(history, events=[*events, *outside], overrides=[])


@random_worlds(
    5,
    history=histories(sessions=25).map(as_workers_write_it),
    text=st.sampled_from(RANGES),
    interval=st.sampled_from(("day", "week", "month")),
)
def test_figures_of_daily_totals_are_those_added_up_by_hand(
    warehouse: Warehouse, insert: Insert, history: History, text: str, *, interval: Interval
) -> None:
    scope = _overview(load(history, insert), history, text, interval)

    metrics = _rolled_up(warehouse, Metrics(scope))
    series = _rolled_up(warehouse, Series(scope))

    assert scope.previous is not None
    assert metrics.previous is not None
    assert_figures(metrics.current, _figures(history, scope.period))
    assert_figures(metrics.previous, _figures(history, scope.previous))
    for points, period in ((series.points, scope.period), (series.previous, scope.previous)):
        for point, part in zip(points, cut(period, points), strict=True):
            assert_figures(point.figures, _figures(history, part))


@random_worlds(
    5,
    history=histories(sessions=25).map(as_workers_write_it),
    text=st.sampled_from(RANGES),
    limit=st.sampled_from((1, 3, 100)),
)
def test_lists_of_daily_totals_are_those_added_up_by_hand(
    warehouse: Warehouse, insert: Insert, history: History, text: str, *, limit: int
) -> None:
    scope = _overview(load(history, insert), history, text)
    rows = _within(history, scope.period)
    starts = [row for row in rows if row["name"] == "session_start"]
    views = [row for row in rows if _is_view(row)]

    for dimension, column in (("country", "country"), ("referrer", "referrer_name")):
        found = _rolled_up(warehouse, TopValues(scope, dimension, limit))
        seen = views if dimension == "country" else None
        _check_values(found, _by(starts, column), _by(seen, column) if seen is not None else None, limit)
    _check_pages(_rolled_up(warehouse, TopPages(scope, limit)), _by(views, "path"), limit)
    events = _rolled_up(warehouse, TopEvents(scope, limit=limit))
    done = _by([row for row in rows if row["name"] not in {*SYNTHETIC, "screen_view"}], "name")
    assert [(e.name, e.events, e.visitors, e.sessions) for e in events.events] == sorted(
        ((name, len(of), _persons(of), len(_sessions(of))) for name, of in done.items()),
        key=lambda row: (-row[1], row[0].encode()),
    )[:limit]
    assert events.more == (len(done) > limit)


def _check_values(
    found: TopAnswer, starts: dict[str, list[Event]], views: dict[str, list[Event]] | None, limit: int
) -> None:
    """Visits by a value; of a value that only views have there was none, since it is that of the visit."""
    names = {*starts, *(views or {})}
    everybody = _persons([row for of in starts.values() for row in of])
    expected = sorted(
        (
            (
                name,
                _persons(starts.get(name, [])),
                len(starts.get(name, [])),
                None if views is None else len(views.get(name, [])),
            )
            for name in names
        ),
        key=lambda row: (-row[1], -row[2], row[0].encode()),
    )
    assert [(row.name, row.visitors, row.sessions, row.views) for row in found.rows] == expected[:limit]
    assert found.more == (len(expected) > limit)
    for row in found.rows:
        assert row.share == (pytest.approx(row.visitors / everybody) if everybody else None)


def _check_pages(found: TopAnswer, views: dict[str, list[Event]], limit: int) -> None:
    expected = sorted(
        ((path, _persons(of), len(_sessions(of)), len(of)) for path, of in views.items()),
        key=lambda row: (-row[3], row[0].encode()),
    )
    assert [(row.name, row.visitors, row.sessions, row.views) for row in found.rows] == expected[:limit]
    assert found.more == (len(expected) > limit)
    for row in found.rows:
        assert row.share == pytest.approx((row.views or 0) / sum(map(len, views.values())))


def _overview(project: str, history: History, text: str, interval: Interval = "day") -> Overview:
    period = resolve(text, timezone=history.timezone, now=history.now)
    before = previous(period, timezone=history.timezone)
    return Overview(project, history.timezone, period, previous=before, interval=interval)


def _rolled_up(warehouse: Warehouse, question: Question[AnswerT]) -> AnswerT:
    assert question.rolled_up
    statement = question.statement(Source.ROLLUP)
    rows = warehouse.query(statement.sql, parameters=statement.parameters, settings=LIMITS)
    return question.answer(rows, Source.ROLLUP)


def _figures(history: History, period: Period) -> Figures:
    """A visit and its visitor count when it began, a view and an amount when they happened, the rest when it ended."""
    rows = _within(history, period)
    starts = [row for row in rows if row["name"] == "session_start"]
    ends = [row for row in rows if row["name"] == "session_end"]
    lasted = [row["duration"] for row in ends if row["duration"] > 0]
    bounced = sum(row["properties"]["__bounce"] == "true" for row in ends)
    views = sum(map(_is_view, rows))
    return Figures(
        visitors=_persons(starts),
        sessions=len(starts),
        pageviews=views,
        bounce_rate=bounced / len(ends) if ends else None,
        duration_s=sum(lasted) / len(lasted) / 1000 if lasted else None,
        views_per_session=views / len(starts) if starts else None,
        revenue=sum(row["revenue"] for row in rows),
    )


def _within(history: History, period: Period) -> list[Event]:
    start, until = milliseconds(period.start), milliseconds(period.until)
    return [row for row in history.events if start <= row["created_at"] < until]


def _is_view(row: Event) -> bool:
    return bool(row["name"] == "screen_view" and row["path"] and row.get("session_id"))


def _by(rows: Sequence[Event], column: str) -> dict[str, list[Event]]:
    found: dict[str, list[Event]] = {}
    for row in rows:
        found.setdefault(row[column], []).append(row)
    return found


def _persons(rows: Sequence[Event]) -> int:
    return len({row["person"] for row in rows} - {0})


def _sessions(rows: Sequence[Event]) -> set[int]:
    return {row["session_id"] for row in rows if row.get("session_id")}


def _whole(rows: list[dict[str, Any]], history: History) -> Iterator[dict[str, Any]]:
    """The session as it was received: it begins with its first event; one that goes on has no end yet."""
    rows.sort(key=lambda row: (row["created_at"], row["event_id"]))
    first, last = rows[0], rows[-1]
    began, ended = first["created_at"], last["created_at"]
    start = {"name": "session_start", "created_at": began - STARTS_BEFORE_MS, "revenue": 0}
    end = {
        "name": "session_end",
        "created_at": ended + ENDS_AFTER_MS,
        "revenue": 0,
        "duration": ended - began,
        "properties": {"__bounce": "true" if sum(map(_is_view, rows)) <= 1 else "false"},
    }
    written = [*rows, {**first, **start, "event_id": first["event_id"] ^ 1}]
    if ended + ENDS_AFTER_MS < milliseconds(history.now):
        written.append({**last, **end, "event_id": last["event_id"] ^ 2})
    zone = ZoneInfo(history.timezone)
    for row in written:
        at = datetime.fromtimestamp(row["created_at"] / 1000, tz=UTC).astimezone(zone)
        yield {**row, "session_started_at": began, "day": (at.date() - _EPOCH).days}
