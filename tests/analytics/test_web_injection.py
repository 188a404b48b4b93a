"""No text that someone may type changes what a question about sites asks: it selects itself, or nothing."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import pytest

from openpanel.analytics.asking import LIMITS, Question, ask
from openpanel.analytics.metrics import Metrics
from openpanel.analytics.outgoing import OutgoingLinks
from openpanel.analytics.page_conversions import PageConversions
from openpanel.analytics.pages import Pages
from openpanel.analytics.property_filters import FilterOperator, PropertyFilter
from openpanel.analytics.top_events import TopEvents
from openpanel.analytics.top_series import TopSeries
from openpanel.warehouse import Warehouse, tables
from tests.analytics.questions import NOW, scope
from tests.analytics.test_injection import AT_MOST, HOSTILE, VISIBLE, innocent_for, share, sql_of
from tests.analytics.web import questions
from tests.analytics.worlds import Insert

TRIES: tuple[tuple[str, FilterOperator], ...] = (
    ("path", "is"),
    ("title", "contains"),
    ("city", "startsWith"),
    ("name", "is"),
    ("properties.key", "is"),
    ("session.entry_path", "endsWith"),
)
BREAKING: Final = ("' OR 1=1 --", "a\0b", "{project:String} <<known>>", "\ud800")
KINDS = ("pages", "page_conversions", "map", "revenue", "realtime", "weekly_retention", "top_events")


@pytest.fixture(scope="module")
def projects(insert: Insert) -> dict[str, str]:
    """By text: a project with a visit in which every text is so, and a visit of somebody else."""
    named = {text: f"sites of {number}" for number, text in enumerate((*HOSTILE, "click"))}
    insert(
        tables.EVENTS,
        [
            row
            for text, project in named.items()
            for row in (*_visit(project, 1, text), *_visit(project, 2, "innocent"))
        ],
    )
    return named


@pytest.fixture(scope="module")
def of_nobody(warehouse: Warehouse) -> dict[str, object]:
    """The answers about a project that there is not."""
    asked = questions(scope("nobody"))
    return {kind: ask(warehouse, asked[kind]) for kind in KINDS}


@pytest.mark.parametrize("text", HOSTILE, ids=VISIBLE)
def test_sql_is_the_same_for_every_text(text: str) -> None:
    assert sql_of(_asked(text[:AT_MOST])) == sql_of(_asked(innocent_for(text)))


@pytest.mark.parametrize("text", HOSTILE, ids=VISIBLE)
def test_text_selects_exactly_itself(warehouse: Warehouse, projects: dict[str, str], text: str) -> None:
    project = projects[text]
    stored = text.encode(errors="replace").decode()
    plain = scope(project)

    for name, operator in (*share(TRIES, text), (f"properties.{text}", "is")):
        narrow = replace(plain, property_filters=(PropertyFilter(name, operator, (text,)),))
        assert ask(warehouse, Metrics(narrow)).current.sessions == 1, (name, operator)
    searched = () if len(text) > 1_000 else ask(warehouse, Pages(plain, search=text)).pages
    (before,) = (page for page in ask(warehouse, PageConversions(plain, (text,))).pages if page.converted)
    (link,) = ask(warehouse, OutgoingLinks(plain)).links[:1]
    series = ask(warehouse, TopSeries(plain, "page"))

    assert [page.path for page in searched] == ([stored] if searched else [])
    assert before.path == stored
    assert ask(warehouse, TopEvents(plain, (stored,))).events[0].events == 1
    assert stored in {row.name for row in series.rows}
    assert link.href in {stored, "innocent"}


@pytest.mark.parametrize("text", BREAKING)
def test_no_text_breaks_a_question(warehouse: Warehouse, text: str) -> None:
    asked = [*questions(scope("nobody"), text=text).items()]
    for name, question in asked:
        assert text not in question.statement(question.exact).sql, name

    for _, question in asked[BREAKING.index(text) :: len(BREAKING)]:
        statement = question.statement(question.exact)
        warehouse.query(statement.sql, parameters=statement.parameters, settings=LIMITS)


@pytest.mark.parametrize("text", HOSTILE[::4], ids=VISIBLE[::4])
def test_text_as_project_finds_nobody(
    warehouse: Warehouse, projects: dict[str, str], of_nobody: dict[str, object], text: str
) -> None:
    strange = questions(scope(f"{projects['click']}{text}"))

    for kind in KINDS:
        assert ask(warehouse, strange[kind]) == of_nobody[kind], kind


def _asked(text: str) -> Iterator[Question[Any]]:
    """All questions about sites, with the text wherever one may be."""
    plain = scope(text)
    yield from questions(plain, text=text).values()
    for name, operator in (*TRIES, (f"properties.{text}", "is")):
        yield Metrics(replace(plain, property_filters=(PropertyFilter(name, operator, (text,)),)))
    yield PageConversions(plain, (text,))
    yield TopEvents(plain, (text,))


def _visit(project: str, number: int, text: str) -> list[dict[str, object]]:
    """A view, an event and a followed link, in which every text is `text`."""
    start = round((NOW - timedelta(hours=number)).timestamp() * 1000)
    texts = ("path", "title", "city", "country", "profile_id", "browser_version")
    return [
        {
            **dict.fromkeys(texts, text),
            "name": name,
            "project_id": project,
            "created_at": start + at,
            "session_started_at": start,
            "session_id": number,
            "event_id": number * 10 + at,
            "person": number,
            "properties": {text: text, "key": text, "href": text},
        }
        for at, name in enumerate(("screen_view", text, "link_out"))
    ]
