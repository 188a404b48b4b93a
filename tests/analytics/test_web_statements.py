"""The text of every question about sites is pinned, carries its project, and is led by the tables' keys.

The text is in `web_fixtures`; after a change that is meant, `python -m tests.analytics.pin_web` writes it anew.
"""

import random
import re
from dataclasses import replace

import pytest

from openpanel.analytics.asking import LIMITS, ask
from openpanel.analytics.explaining import explain
from openpanel.analytics.routing import Source
from openpanel.analytics.top_events import TopEvents
from openpanel.warehouse import Warehouse, tables
from tests.analytics.pin_web import FOLDER, texts
from tests.analytics.questions import NOW, scope
from tests.analytics.twin.histories import a_history
from tests.analytics.web import questions
from tests.analytics.worlds import Insert, load

TEXTS = texts()
QUESTIONS = questions(scope("demo"))
TABLES = "|".join(table.name for table in (*tables.ALL, tables.SESSIONS))
TENANT_TABLES = re.compile(rf"\bFROM (?:{TABLES})\b.*?(?=\n *\)|\nUNION|\Z)", re.DOTALL)
READ_BY_KEY = [
    *((name, "events", "created_at") for name in ("pages", "page_conversions", "outgoing_links", "realtime")),
    *((name, "events", "created_at") for name in ("top_events", "revenue", "metrics_by_properties", "map")),
    *((name, "sessions", "session_started_at") for name in ("heat_map", "map", "top_series", "revenue")),
    ("weekly_retention", "r_person_week", "week"),
    ("engagement", "r_person_week", "week"),
]


@pytest.mark.parametrize("name", TEXTS)
def test_text_is_the_pinned_one(name: str) -> None:
    assert TEXTS[name] == (FOLDER / name).read_text()


def test_no_fixture_is_left_behind() -> None:
    assert {path.name for path in FOLDER.glob("*.sql")} == set(TEXTS)


@pytest.mark.parametrize("name", TEXTS)
def test_every_table_that_is_read_is_read_for_one_project(name: str) -> None:
    parts = TENANT_TABLES.findall(TEXTS[name])

    assert parts
    assert all("project_id = {project:String}" in part for part in parts)


@pytest.mark.parametrize("name", TEXTS)
def test_text_holds_no_value(name: str) -> None:
    for value in ("demo", "click", "2026", "Asia"):
        assert value not in TEXTS[name]


@pytest.mark.parametrize("name", QUESTIONS)
def test_every_question_is_answered_for_a_project_without_data(warehouse: Warehouse, name: str) -> None:
    question = questions(scope("nobody"))[name]
    found = []
    for source in dict.fromkeys((question.exact, Source.ROLLUP if question.rolled_up else question.exact)):
        statement = question.statement(source)
        rows = warehouse.query(statement.sql, parameters=statement.parameters, settings=LIMITS)
        found.append(question.answer(rows, source))

    assert found[0] == ask(warehouse, question)
    assert getattr(found[-1], "events", ()) == getattr(found[0], "events", ())
    assert explain(warehouse, question).source is question.exact


@pytest.mark.parametrize(("name", "table", "time"), READ_BY_KEY)
def test_plan_reads_by_the_key_of_the_table(
    warehouse: Warehouse, insert: Insert, name: str, table: str, time: str
) -> None:
    question = questions(scope(_history(insert, 1)))[name]
    statement = question.statement(question.exact)

    plan = warehouse.query(
        f"EXPLAIN indexes = 1 {statement.sql}", parameters=statement.parameters, settings=LIMITS
    )

    reads = "\n".join(line for (line,) in plan).split("ReadFromMergeTree (")[1:]
    mine = [read for read in reads if read.partition(")")[0].endswith(f".{table}")]
    keys = [read.partition("PrimaryKey")[2].partition("Condition")[0] for read in mine]
    assert keys
    assert all("project_id" in key for key in keys)
    assert any(time in key for key in keys)


def test_events_from_the_rollup_equal_those_from_events(warehouse: Warehouse, insert: Insert) -> None:
    # So few persons and sessions that an estimate is exact.
    history = a_history(random.Random(8), sessions=14, days=20, timezone="UTC", now=NOW)
    calm = replace(history, overrides=[], events=[_calm(event) for event in history.events])
    asked = TopEvents(scope(load(calm, insert), timezone="UTC", text="2026-11-01..2026-11-21"), limit=100)

    answers = []
    for source in (Source.EVENTS, Source.ROLLUP):
        statement = asked.statement(source)
        rows = warehouse.query(statement.sql, parameters=statement.parameters, settings=LIMITS)
        answers.append(asked.answer(rows, source))

    assert answers[0].events
    assert replace(answers[1], approximate=False) == answers[0]


def _calm(event: dict[str, object]) -> dict[str, object]:
    """A rollup knows the day of an event and not that of its session: here they are the same."""
    return {**event, "session_started_at": event["created_at"] if event.get("session_id") else 0}


def test_other_projects_are_never_counted(warehouse: Warehouse, insert: Insert) -> None:
    first = _history(insert, 1)
    before = {name: ask(warehouse, question) for name, question in questions(scope(first)).items()}

    _history(insert, 2)

    assert {name: ask(warehouse, question) for name, question in questions(scope(first)).items()} == before


def _history(insert: Insert, seed: int) -> str:
    return load(a_history(random.Random(seed), sessions=60, days=8, timezone="Asia/Seoul", now=NOW), insert)
