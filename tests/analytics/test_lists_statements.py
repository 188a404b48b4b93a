"""The text of every question about lists is pinned, carries its project, and is led by the tables' keys and indexes.

The text is in `list_fixtures`; after a change that is meant, `python -m tests.analytics.pin_lists` writes it anew.
"""

import random
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pytest

from openpanel.analytics.asking import LIMITS, Question, ask
from openpanel.warehouse import Warehouse, tables
from tests.analytics.behaviour import NOW, ZONE
from tests.analytics.lists import questions
from tests.analytics.pin_lists import FOLDER, texts
from tests.analytics.test_web_injection import BREAKING
from tests.analytics.twin.histories import a_history
from tests.analytics.worlds import Insert, load

TEXTS: Final = texts()
QUESTIONS: Final = questions("demo")
TABLES: Final = "|".join(table.name for table in (*tables.ALL, tables.COHORT_MEMBERS))
TENANT_TABLES: Final = re.compile(rf"\bFROM (?:{TABLES})\b.*?(?=\n *\)|\nUNION|\Z)", re.DOTALL)
PICKERS: Final = (
    *("event_names", "event_names_searched", "property_keys", "property_keys_of_event"),
    *("property_values", "property_values_of_key", "values_of_dimension", "values_of_path"),
)
OF_ONE_PERSON: Final = (
    *("person_detail", "persons_details", "person_metrics", "person_activity", "person_top_events"),
    *("person_top_paths", "events_of_filters"),
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
    for value in ("demo", "click", "2026", "kept'", "acme", "0000000000000003", "pro'"):
        assert value not in TEXTS[name]


@pytest.mark.parametrize("name", QUESTIONS)
def test_every_list_is_bounded(name: str) -> None:
    statement = QUESTIONS[name].statement(QUESTIONS[name].exact)

    assert "LIMIT" in statement.sql or "IN {" in statement.sql or "count()" in statement.sql


@pytest.mark.parametrize("name", QUESTIONS)
def test_every_question_is_answered_for_a_project_without_data(warehouse: Warehouse, name: str) -> None:
    question = questions("nobody")[name]

    answer = ask(warehouse, question)

    assert not _shown(answer), answer


@pytest.mark.parametrize("text", BREAKING)
def test_no_text_breaks_a_question(warehouse: Warehouse, text: str) -> None:
    asked = [*questions("nobody", text=text, profile=text).values()]
    for question in asked:
        assert text not in question.statement(question.exact).sql

    for question in asked[BREAKING.index(text) :: len(BREAKING)]:
        _rows(warehouse, question)


def test_newest_sessions_and_events_are_read_from_the_end_of_the_table(
    warehouse: Warehouse, insert: Insert
) -> None:
    project = load(a_history(random.Random(1), sessions=30, days=8, timezone=ZONE, now=NOW), insert)

    # Otherwise the page is read while the plan is made, and its own plan is not told.
    untold = {**LIMITS, "use_index_for_in_with_subqueries": 0}
    for name in ("sessions", "sessions_after", "events_of_session", "property_values_of_event"):
        plan = _plan(warehouse, questions(project)[name], "EXPLAIN", settings=untold)
        assert "InReverseOrder" in plan, name


@pytest.mark.parametrize("name", PICKERS)
def test_pickers_read_rollups_alone(name: str) -> None:
    tables_read = set(re.findall(r"FROM (\w+)", QUESTIONS[name].statement(QUESTIONS[name].exact).sql))

    assert tables_read <= {"r_day", "r_dim", "r_path", "property_names", "property_values"}


@pytest.mark.parametrize("name", OF_ONE_PERSON)
def test_one_person_is_found_by_the_index_on_persons(warehouse: Warehouse, insert: Insert, name: str) -> None:
    project = load(a_history(random.Random(1), sessions=30, days=8, timezone=ZONE, now=NOW), insert)

    plan = _plan(warehouse, questions(project)[name], "EXPLAIN indexes = 1")

    assert "Name: by_person" in plan


def test_session_is_found_by_the_index_on_sessions(warehouse: Warehouse, insert: Insert) -> None:
    project = load(a_history(random.Random(1), sessions=30, days=8, timezone=ZONE, now=NOW), insert)
    asked = questions(project)

    for name, index in (("session_detail", "by_id"), ("events_of_session", "by_session")):
        plan = _plan(warehouse, asked[name], "EXPLAIN indexes = 1")
        assert f"Name: {index}" in plan


def test_event_whose_time_is_known_is_read_by_the_key(warehouse: Warehouse, insert: Insert) -> None:
    project = load(a_history(random.Random(1), sessions=30, days=8, timezone=ZONE, now=NOW), insert)

    plan = _plan(warehouse, questions(project)["event_detail_at"], "EXPLAIN indexes = 1")

    reads = plan.split("ReadFromMergeTree (")[1:]
    keys = [read.partition("PrimaryKey")[2].partition("Condition")[0] for read in reads]
    assert keys
    assert all("project_id" in key and "created_at" in key for key in keys)


def test_other_projects_are_never_shown(warehouse: Warehouse, insert: Insert) -> None:
    dice = random.Random(4)
    first, second = (a_history(dice, sessions=20, days=8, timezone=ZONE, now=NOW) for _ in range(2))
    project = load(first, insert)
    before = {name: ask(warehouse, question) for name, question in questions(project).items()}

    load(second, insert)

    assert {name: ask(warehouse, question) for name, question in questions(project).items()} == before


def _shown(answer: Any) -> Any:
    """What an answer shows of anybody."""
    for name in ("sessions", "events", "people", "groups", "found", "rows"):
        if hasattr(answer, name):
            return getattr(answer, name)
    if isinstance(answer, Mapping):
        return any(_shown(each) for each in answer.values())
    if isinstance(answer, tuple):
        return any(getattr(each, "events", None) or getattr(each, "members", 0) for each in answer)
    return answer


def _rows(warehouse: Warehouse, question: Question[Any]) -> Sequence[Any]:
    statement = question.statement(question.exact)
    return warehouse.query(statement.sql, parameters=statement.parameters, settings=LIMITS)


def _plan(
    warehouse: Warehouse,
    question: Question[Any],
    explain: str,
    *,
    settings: Mapping[str, object] = LIMITS,
) -> str:
    statement = question.statement(question.exact)
    sql = f"{explain} {statement.sql}"
    rows = warehouse.query(sql, parameters=statement.parameters, settings=settings)
    return "\n".join(line for (line,) in rows)
