"""Over a limit there is an error that says what to narrow, and no part of the numbers."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from openpanel.analytics import limits
from openpanel.analytics.asking import ask
from openpanel.analytics.filters import Filter
from openpanel.analytics.limits import TooMuch, advice, over_limit
from openpanel.analytics.metrics import Metrics
from openpanel.analytics.overview import Overview
from openpanel.analytics.periods import Period
from openpanel.analytics.routing import Source
from openpanel.analytics.statements import Statement
from openpanel.analytics.top_pages import TopPages
from openpanel.warehouse import Refused, Unavailable, Warehouse

START = datetime(2026, 3, 1, tzinfo=UTC)
SCOPE = Overview("p", "UTC", Period(START, START + timedelta(days=90)))


@dataclass(frozen=True)
class Costly(Metrics):
    """A question whose statement costs whatever is wanted."""

    sql: str = ""

    def statement(self, source: Source) -> Statement:
        assert source is Source.SESSIONS
        return Statement(self.sql)


@dataclass(frozen=True)
class Chart:
    scope: Overview
    breakdowns: tuple[str, ...]


@pytest.mark.parametrize(
    ("sql", "limit"),
    [
        ("SELECT number FROM numbers(30000)", limits.ROWS_ANSWERED),
        ("SELECT count() FROM numbers(3000000000)", limits.ROWS_READ),
        (
            "SELECT groupArray(repeat('x', 4000)) FROM numbers(100000) SETTINGS max_memory_usage = 20000000",
            limits.MEMORY,
        ),
        (
            "SELECT sleepEachRow(0.02) FROM numbers(1000) SETTINGS max_execution_time = 0.1, max_block_size = 1",
            limits.TIME,
        ),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_question_over_a_limit_says_so_with_advice(
    warehouse: Warehouse, sql: str, limit: limits.Limit
) -> None:
    with pytest.raises(TooMuch, match="Ask for a shorter range than 90 days or a filter") as refused:
        ask(warehouse, Costly(replace(SCOPE, filters=()), sql=sql))

    assert refused.value.limit is limit


def test_other_errors_are_no_limits() -> None:
    assert over_limit(Refused(62, "syntax"), question=SCOPE) is None
    assert over_limit(Unavailable("away"), question=SCOPE) is None


@pytest.mark.parametrize(
    ("question", "text"),
    [
        (Metrics(SCOPE), "Ask for a shorter range than 90 days or a filter."),
        (Metrics(replace(SCOPE, period=Period(START, START + timedelta(hours=5)))), "Ask for a filter."),
        (
            TopPages(replace(SCOPE, filters=(Filter("country", "is", ("KR",)),)), limit=500),
            "Ask for a shorter range than 90 days, fewer rows than 500 or a narrower filter.",
        ),
        (
            Chart(SCOPE, ("a", "b")),
            "Ask for a shorter range than 90 days, fewer breakdowns than 2 or a filter.",
        ),
        (Chart(SCOPE, ("a",)), "Ask for a shorter range than 90 days, no breakdown or a filter."),
    ],
)
def test_advice_names_what_is_large_about_the_question(question: Any, text: str) -> None:
    assert advice(question) == text
