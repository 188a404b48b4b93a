"""What a question would read, from the plan of the store: the same on every machine."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from openpanel.analytics.explaining import explain
from openpanel.analytics.metrics import Metrics
from openpanel.analytics.overview import Overview
from openpanel.analytics.periods import Period
from openpanel.analytics.routing import Source
from openpanel.warehouse import Warehouse, tables
from tests.analytics.questions import NOW, questions
from tests.analytics.worlds import Insert, a_world, load

DAY_MS = 86_400_000
FIRST = datetime(2026, 3, 1, tzinfo=UTC)
ROWS_A_DAY = 3_000


@pytest.fixture(scope="module")
def long_year(insert: Insert) -> str:
    """Sessions of ten days, enough for several granules a day."""
    start = round(FIRST.timestamp() * 1000)
    for day in range(10):
        rows = [
            {
                "project_id": "long year",
                "name": "screen_view",
                "path": f"/{number % 50}",
                "day": (start // DAY_MS) + day,
                "created_at": start + day * DAY_MS + number,
                "session_started_at": start + day * DAY_MS,
                "session_id": day * ROWS_A_DAY + number + 1,
                "event_id": number,
                "person": number + 1,
                "device_id": number + 1,
            }
            for number in range(ROWS_A_DAY)
        ]
        insert(tables.EVENTS, rows)
    return "long year"


def test_explanation_names_source_reason_and_statement(warehouse: Warehouse, insert: Insert) -> None:
    project = load(a_world(random.Random(1), sessions=5, timezone="UTC", now=NOW), insert)
    question = questions(project)["metrics"]

    found = explain(warehouse, question)

    assert (found.source, found.sql) == (Source.SESSIONS, question.statement(Source.SESSIONS).sql)
    assert "events are quick to read" in found.reason
    assert found.parameters["project"] == project
    assert {read.table for read in found.reads} >= {"sessions"}


def test_other_source_can_be_explained_too(warehouse: Warehouse) -> None:
    found = explain(warehouse, questions("nobody")["metrics"], source=Source.ROLLUP)

    assert found.source is Source.ROLLUP
    assert "FROM r_day" in found.sql


def test_shorter_range_reads_less(warehouse: Warehouse, long_year: str) -> None:
    granules = {}
    for days in (1, 8):
        scope = Overview(long_year, "UTC", Period(FIRST, FIRST + timedelta(days=days)))
        reads = explain(warehouse, Metrics(scope), source=Source.SESSIONS).reads
        granules[days] = sum(read.granules for read in reads if read.table == "sessions")

    assert 0 < granules[1] < granules[8] / 2
