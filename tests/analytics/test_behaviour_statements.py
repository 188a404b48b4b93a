"""The text of every question about behaviour is pinned, carries its project, and is led by the tables' keys.

The text is in `behaviour_fixtures`; after a change that is meant, `python -m tests.analytics.pin_behaviour` writes it
anew.
"""

import random
import re

import pytest

from openpanel.analytics.asking import LIMITS, ask
from openpanel.analytics.routing import Source
from openpanel.warehouse import Warehouse, tables
from tests.analytics.behaviour import NOW, questions
from tests.analytics.pin_behaviour import FOLDER, texts
from tests.analytics.test_web_injection import BREAKING
from tests.analytics.worlds import Insert, a_world, load

TEXTS = texts()
QUESTIONS = questions("demo")
TABLES = "|".join(table.name for table in (*tables.ALL, tables.SESSIONS))
TENANT_TABLES = re.compile(rf"\bFROM (?:{TABLES}|cohort_members)\b.*?(?=\n *\)|\nUNION|\Z)", re.DOTALL)
READ_BY_KEY = [
    *("chart", "chart_segments", "chart_broken_down", "chart_filtered", "funnel", "funnel_of_persons"),
    *("conversion", "active_users_of_events", "stickiness_of_events", "flow_after", "cohort_members"),
]
READ_FROM_WEEKS = ["retention", "active_users", "stickiness", "last_seen"]


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
    for value in ("demo", "click", "2026", "kept'", "/a", "paying"):
        assert value not in TEXTS[name]


@pytest.mark.parametrize("name", QUESTIONS)
def test_every_question_is_answered_for_a_project_without_data(warehouse: Warehouse, name: str) -> None:
    question = questions("nobody")[name]
    sources = dict.fromkeys((question.exact, Source.ROLLUP if question.rolled_up else question.exact))

    found = []
    for source in sources:
        statement = question.statement(source)
        rows = warehouse.query(statement.sql, parameters=statement.parameters, settings=LIMITS)
        found.append(question.answer(rows, source))

    assert found[0] == ask(warehouse, question)
    assert getattr(found[-1], "rows", ()) == getattr(found[0], "rows", ())


@pytest.mark.parametrize("text", BREAKING)
def test_no_text_breaks_a_question(warehouse: Warehouse, text: str) -> None:
    asked = [*questions("nobody", text=text).values()]
    for question in asked:
        assert text not in question.statement(question.exact).sql

    for question in asked[BREAKING.index(text) :: len(BREAKING)]:
        statement = question.statement(question.exact)
        warehouse.query(statement.sql, parameters=statement.parameters, settings=LIMITS)


@pytest.mark.parametrize(
    ("name", "table", "time"),
    [
        *((name, "events", "created_at") for name in READ_BY_KEY),
        *((name, "r_person_week", "week") for name in READ_FROM_WEEKS),
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
    mine = [read for read in reads if read.partition(")")[0].endswith(f".{table}")]
    keys = [read.partition("PrimaryKey")[2].partition("Condition")[0] for read in mine]
    assert keys
    assert all("project_id" in key for key in keys)
    assert any(time in key for key in keys)


def test_chart_of_one_event_is_read_by_its_name(warehouse: Warehouse, insert: Insert) -> None:
    project = load(a_world(random.Random(1), sessions=30, timezone="UTC", now=NOW), insert)
    statement = questions(project)["funnel_people"].statement(Source.EVENTS)

    plan = warehouse.query(
        f"EXPLAIN indexes = 1 {statement.sql}", parameters=statement.parameters, settings=LIMITS
    )

    assert any("name" in line for (line,) in plan)


def test_other_projects_are_never_counted(warehouse: Warehouse, insert: Insert) -> None:
    dice = random.Random(4)
    worlds = [a_world(dice, sessions=20, timezone="UTC", now=NOW) for _ in range(2)]
    first = load(worlds[0], insert)
    before = {name: ask(warehouse, question) for name, question in questions(first).items()}

    load(worlds[1], insert)

    assert {name: ask(warehouse, question) for name, question in questions(first).items()} == before
