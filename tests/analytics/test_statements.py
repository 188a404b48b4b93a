"""The text of every question is pinned, carries its project, and is led by the tables' keys.

The text is in `fixtures`; after a change that is meant, `python -m tests.analytics.pin` writes it anew.
"""

import random
import re
from dataclasses import replace

import pytest

from openpanel.analytics.asking import LIMITS, ask
from openpanel.analytics.explaining import explain
from openpanel.analytics.routing import Source
from openpanel.warehouse import Warehouse
from tests.analytics.pin import FOLDER, texts
from tests.analytics.questions import NOW, questions
from tests.analytics.worlds import Insert, a_world, load

TEXTS = texts()
QUESTIONS = questions("demo")
TENANT_TABLES = re.compile(
    r"\bFROM (?:events|sessions|r_\w+|profiles|profile_activity|person_overrides)\b.*?(?=\n *\)|\nUNION|\Z)",
    re.DOTALL,
)


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
    assert "demo" not in TEXTS[name]
    assert "profile 7" not in TEXTS[name]
    assert "2026" not in TEXTS[name]


@pytest.mark.parametrize("name", QUESTIONS)
@pytest.mark.parametrize("rolled_up", [False, True])
def test_every_question_is_answered_for_a_project_without_data(
    warehouse: Warehouse, name: str, rolled_up: bool
) -> None:
    question = questions("nobody")[name]
    source = Source.ROLLUP if rolled_up and question.rolled_up else question.exact
    statement = question.statement(source)

    rows = warehouse.query(statement.sql, parameters=statement.parameters, settings=LIMITS)

    answer = question.answer(rows, source)
    if source is Source.ROLLUP and rolled_up and question.rolled_up:
        answer = replace(answer, approximate=False)
    assert answer == ask(warehouse, question)
    assert explain(warehouse, question).source is question.exact


@pytest.mark.parametrize(
    ("name", "table", "time"),
    [
        ("metrics", "sessions", "session_started_at"),
        ("top_pages", "events", "created_at"),
        ("events", "events", ""),
    ],
)
def test_plan_reads_by_the_key_of_the_table(
    warehouse: Warehouse, insert: Insert, name: str, table: str, time: str
) -> None:
    project = load(a_world(random.Random(1), sessions=30, timezone="UTC", now=NOW), insert)
    question = questions(project)[name]
    statement = question.statement(question.exact)

    plan = warehouse.query(
        f"EXPLAIN indexes = 1 {statement.sql}", parameters=statement.parameters, settings=LIMITS
    )

    reads = "\n".join(line for (line,) in plan).split("ReadFromMergeTree (")[1:]
    read = next(read for read in reads if read.partition(")")[0].endswith(f".{table}"))
    keys = read.partition("PrimaryKey")[2].partition("Condition")[0]
    assert "project_id" in keys
    assert time in keys


def test_newest_events_are_read_from_the_end_of_the_table(warehouse: Warehouse, insert: Insert) -> None:
    project = load(a_world(random.Random(1), sessions=30, timezone="UTC", now=NOW), insert)
    statement = questions(project)["events"].statement(Source.EVENTS)

    plan = warehouse.query(f"EXPLAIN {statement.sql}", parameters=statement.parameters, settings=LIMITS)

    assert any("InReverseOrder" in line for (line,) in plan)


def test_other_projects_are_never_counted(warehouse: Warehouse, insert: Insert) -> None:
    dice = random.Random(4)
    worlds = [a_world(dice, sessions=20, timezone="UTC", now=NOW) for _ in range(2)]
    first = load(worlds[0], insert)
    before = {name: ask(warehouse, question) for name, question in questions(first).items()}

    load(worlds[1], insert)

    assert {name: ask(warehouse, question) for name, question in questions(first).items()} == before
