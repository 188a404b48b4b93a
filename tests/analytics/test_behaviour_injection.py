"""No text that someone may type changes what a question about behaviour asks: it selects itself, or nothing."""

from datetime import timedelta

import pytest

from openpanel.analytics.asking import ask
from openpanel.analytics.attempts import Attempts
from openpanel.analytics.chart_series import EventSeries
from openpanel.analytics.charts import Chart
from openpanel.analytics.cohorts import Behaviour, Behaviours, CohortSize, DynamicCohort
from openpanel.analytics.flows import Flow
from openpanel.analytics.funnels import Funnel
from openpanel.analytics.occurrences import Step
from openpanel.analytics.property_filters import FilterOperator, PropertyFilter
from openpanel.warehouse import Warehouse, tables
from tests.analytics.behaviour import NOW, PERIOD, ZONE, questions
from tests.analytics.test_injection import AT_MOST, HOSTILE, VISIBLE, innocent_for, share, sql_of
from tests.analytics.worlds import Insert

Tries = tuple[tuple[str, FilterOperator], ...]
TRIES: Tries = (
    ("name", "is"),
    ("path", "contains"),
    ("city", "startsWith"),
    ("country", "endsWith"),
    ("profile_id", "is"),
    ("properties.key", "is"),
    ("profile.properties.key", "is"),
    ("group.id", "is"),
    ("group.name", "is"),
)
KINDS = ("chart_broken_down", "funnel", "retention", "flow_after")


@pytest.fixture(scope="module")
def projects(insert: Insert) -> dict[str, str]:
    """By text: a project with a visit, a person and a group called so, and a visit of somebody else."""
    named = {text: f"behaviour of {number}" for number, text in enumerate((*HOSTILE, "click"))}
    insert(
        tables.EVENTS,
        [
            row
            for text, project in named.items()
            for row in (*_visit(project, 1, text), *_visit(project, 2, "innocent"))
        ],
    )
    told = [(text, {"project_id": project, "version": 1}) for text, project in named.items()]
    insert(
        tables.PROFILES, [{**each, "profile_id": text, "properties": {"key": text}} for text, each in told]
    )
    insert(tables.GROUPS, [{**each, "group_id": text, "name": text} for text, each in told])
    return named


@pytest.fixture(scope="module")
def of_nobody(warehouse: Warehouse) -> dict[str, object]:
    """The answers about a project that there is not."""
    asked = questions("nobody")
    return {kind: ask(warehouse, asked[kind]) for kind in KINDS}


@pytest.mark.parametrize("text", HOSTILE, ids=VISIBLE)
def test_sql_is_the_same_for_every_text(text: str) -> None:
    pair = text[:AT_MOST], innocent_for(text)
    hostile, innocent = (questions(each, text=each) for each in pair)

    assert sql_of(iter(hostile.values())) == sql_of(iter(innocent.values()))


@pytest.mark.parametrize("text", HOSTILE, ids=VISIBLE)
def test_text_selects_exactly_itself(warehouse: Warehouse, projects: dict[str, str], text: str) -> None:
    project = projects[text]
    stored = text.encode(errors="replace").decode()
    names: Tries = (*TRIES, (f"properties.{text}", "is"))
    series = tuple(
        EventSeries(filters=(PropertyFilter(name, operator, (text,)),)) for name, operator in names
    )

    by_filter = ask(warehouse, Chart(project, ZONE, PERIOD, series, kind="metric"))
    by_value = ask(
        warehouse,
        Chart(project, ZONE, PERIOD, (EventSeries(text),), kind="pie", breakdowns=("path", "properties.key")),
    )
    funnel = ask(warehouse, Funnel(Attempts(project, ZONE, PERIOD, (Step(text), Step(text)))))
    flow = ask(warehouse, Flow(project, ZONE, PERIOD, start=Step(text), include=(text,)))
    cohort = DynamicCohort(text, Behaviours((Behaviour(text),)), NOW)

    assert [row.figures.total for row in by_filter.rows] == [2] * len(names)
    assert [(row.labels, row.figures.total) for row in by_value.rows] == [((stored, stored), 2)]
    assert [step.count for step in funnel.rows[0].steps] == [1, 1]
    assert [node.name for node, _ in flow.nodes] == [stored]
    assert ask(warehouse, CohortSize(project, ZONE, cohort)) == 1


@pytest.mark.parametrize("text", HOSTILE, ids=VISIBLE)
def test_text_as_project_finds_nobody(
    warehouse: Warehouse, projects: dict[str, str], of_nobody: dict[str, object], text: str
) -> None:
    strange = questions(f"{projects['click']}{text}")

    for kind in share(KINDS, text):
        assert ask(warehouse, strange[kind]) == of_nobody[kind], kind


def _visit(project: str, number: int, text: str) -> list[dict[str, object]]:
    """Two events of one session in which every text is `text`."""
    start = round((NOW - timedelta(hours=number)).timestamp() * 1000)
    texts = ("name", "path", "city", "country", "profile_id")
    return [
        {
            **dict.fromkeys(texts, text),
            "project_id": project,
            "created_at": start + at,
            "session_started_at": start,
            "session_id": number,
            "event_id": number * 10 + at,
            "person": number,
            "groups": (text,),
            "properties": {"key": text, text: text},
        }
        for at in (0, 5)
    ]
