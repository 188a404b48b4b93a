"""Questions over ten million events: rollups as ratios to raw scans of the same run, and the overview page cold."""

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from statistics import median
from typing import Any, Final

from benchmarks import traffic
from benchmarks.report import Figure
from openpanel.analytics.asking import LIMITS, Question, ask
from openpanel.analytics.coming_back import ComingBack
from openpanel.analytics.metrics import Metrics
from openpanel.analytics.overview import Overview
from openpanel.analytics.periods import previous, resolve
from openpanel.analytics.routing import Source
from openpanel.analytics.series import Series
from openpanel.analytics.statements import Statement, milliseconds
from openpanel.analytics.top_countries import TopCountries
from openpanel.analytics.top_devices import TopDevices
from openpanel.analytics.top_pages import TopPages
from openpanel.analytics.top_referrers import TopReferrers
from openpanel.warehouse import Warehouse

WARM_RUNS: Final = 5  # of which the fastest counts
COLD_RUNS: Final = 3  # of which the median counts
FIRST_WEEK: Final = traffic.LAST_DAY - timedelta(days=traffic.LAST_DAY.weekday(), weeks=11)

# The same answers as somebody would write them who has only the table of events.
_IN_PERIOD: Final = """
FROM events
WHERE project_id = {project:String}
    AND created_at >= fromUnixTimestamp64Milli({start:Int64}, 'UTC')
    AND created_at < fromUnixTimestamp64Milli({until:Int64}, 'UTC')"""
RAW_DAILY_UNIQUES: Final = (
    f"SELECT toDate(created_at) AS day, uniq(person) AS visitors{_IN_PERIOD} GROUP BY day ORDER BY day"
)
RAW_PAGES: Final = (
    f"SELECT path, uniq(person) AS visitors, uniq(session_id) AS sessions, count() AS views{_IN_PERIOD}"
    " AND name = 'screen_view' GROUP BY path ORDER BY views DESC LIMIT 10"
)
RAW_SESSIONS: Final = f"""\
SELECT uniq(person), count(), sum(views), countIf(views <= 1), avgIf(duration, duration > 0)
FROM
(
    SELECT any(person) AS person, countIf(name = 'screen_view') AS views,
        max(toUnixTimestamp64Milli(created_at)) - min(toUnixTimestamp64Milli(created_at)) AS duration{_IN_PERIOD}
        AND name NOT IN ('session_start', 'session_end') AND session_id != 0
    GROUP BY session_id
)"""
RAW_RETENTION: Final = f"""\
SELECT start, distance, count()
FROM
(
    SELECT groupUniqArray(toMonday(created_at)) AS weeks, arrayMin(weeks) AS start,
        arrayJoin(arrayMap(week -> intDiv(week - start, 7), weeks)) AS distance{_IN_PERIOD}
    GROUP BY person
)
GROUP BY start, distance ORDER BY start, distance"""


def measure() -> list[Figure]:
    with traffic.warehouse() as warehouse:
        figures = _ratios(warehouse)
    cold = [_cold_page("30d") for _ in range(COLD_RUNS)]
    whole = [_cold_page("90d") for _ in range(COLD_RUNS)]
    return [
        *figures,
        Figure("queries", "overview page of 10 M events, 30 days, cold", median(cold), "ms", 500, 200, more_is_better=False,
               note="8 questions at once, data out of the page cache"),
        Figure("queries", "overview page of 10 M events, all 90 days, cold", median(whole), "ms", more_is_better=False),
    ]  # fmt: skip


def _ratios(warehouse: Warehouse) -> list[Figure]:
    quarter = _scope("90d")
    cases: list[tuple[str, str, Overview, Statement, float, float]] = [
        ("daily uniques, 90 days", RAW_DAILY_UNIQUES, quarter, Series(quarter).statement(Source.ROLLUP), 10, 40),
        ("retention, 12 weeks", RAW_RETENTION, quarter, _retention(), 3, 7),
        ("sessions, 90 days", RAW_SESSIONS, quarter, Metrics(quarter).statement(Source.SESSIONS), 3, 7),
        ("top pages, 90 days", RAW_PAGES, quarter, TopPages(quarter).statement(Source.ROLLUP), 3, 7),
    ]  # fmt: skip
    figures = []
    for what, raw, scope, statement, least, aim in cases:
        raw_ms = _fastest(warehouse, Statement(raw, _parameters(scope)))
        own_ms = _fastest(warehouse, statement)
        note = f"{raw_ms:.1f} ms raw, {own_ms:.1f} ms here"
        figures.append(Figure("queries", what, raw_ms / own_ms, "×", least, aim, note=note))
    return figures


def _scope(text: str, *, project: str = traffic.LARGE, compared: bool = False) -> Overview:
    period = resolve(text, timezone="UTC", now=traffic.NOW)
    return Overview(project, "UTC", period, previous=previous(period, timezone="UTC") if compared else None)


def _parameters(scope: Overview) -> dict[str, object]:
    return {
        "project": scope.project,
        "start": milliseconds(scope.period.start),
        "until": milliseconds(scope.period.until),
    }


def _retention() -> Statement:
    return ComingBack(traffic.LARGE, first=FIRST_WEEK, weeks=12).statement(Source.ROLLUP)


def _fastest(warehouse: Warehouse, statement: Statement) -> float:
    return min(
        _milliseconds(
            lambda: warehouse.query(statement.sql, parameters=statement.parameters, settings=LIMITS)
        )
        for _ in range(WARM_RUNS)
    )


def _cold_page(text: str) -> float:
    """All panels asked at once of an engine that has just started and whose data lies on the disk."""
    for path in traffic.files():
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(descriptor)
    with traffic.warehouse() as warehouse, ThreadPoolExecutor(8) as pool:
        warehouse.query("SELECT 1")  # a dashboard has its connection before somebody asks
        return _milliseconds(lambda: list(pool.map(lambda question: ask(warehouse, question), _panels(text))))


def _panels(text: str) -> tuple[Question[Any], ...]:
    scope = _scope(text)
    return (
        Metrics(_scope(text, compared=True)),
        Series(scope),
        TopPages(scope),
        TopReferrers(scope),
        TopCountries(scope),
        TopDevices(scope, kind="device"),
        TopDevices(scope, kind="browser"),
        TopDevices(scope, kind="os"),
    )


def _milliseconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1000
