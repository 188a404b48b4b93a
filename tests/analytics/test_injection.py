"""No text that someone may type changes what a question asks: it selects itself, or nothing.

The SQL is the same for every text, which is compared for all questions and all texts; so a text is a parameter and
nothing else. That it arrives as it is, and is compared with what is stored, is tried with every text and every
question, but not with each of the pairs: `share` gives a text those that it is tried with.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final, TypeVar

import pytest

from openpanel.analytics.asking import Question, ask
from openpanel.analytics.events import EventCount, Events, Selection
from openpanel.analytics.filters import Filter, Operator
from openpanel.analytics.metrics import Metrics
from openpanel.analytics.person_details import PersonDetail
from openpanel.analytics.top_pages import TopPages
from openpanel.warehouse import Warehouse, tables
from tests.analytics.questions import NOW, questions, scope
from tests.analytics.worlds import Insert

HOSTILE = (
    "' OR 1=1 --",
    "'; DROP TABLE events; --",
    "') UNION ALL SELECT * FROM system.tables --",
    "\\",
    "\\'",
    '"',
    "`",
    "{project:String}",
    "<<known>>",
    "{p0_start:Int64}",
    "%s %(x)s {} {0}",
    "$value$",
    "/* comment */ --",
    "a\0b",
    "tab\tnewline\nreturn\r",
    "\x01\x7f\x80",
    "[',']",
    "\\N",
    "NULL",
    "𝕌𝕟𝕚𝕔𝕠𝕕𝕖 👩‍👩‍👧 \u202e",
    "\ud800",
    "x" * 4_000,
)
VISIBLE = [text.encode("unicode_escape").decode()[:20] for text in HOSTILE]
SHARES: Final = 3
AT_MOST: Final = 1_000  # characters of a text that stands in many places of a question at once
Tries = tuple[tuple[str, Operator], ...]
OneT = TypeVar("OneT")
OF_EVENTS: Tries = (
    ("page", "is"),
    ("event", "has"),
    ("city", "starts"),
    ("country", "ends"),
    ("profile", "is"),
    ("prop.key", "not"),
)
OF_SESSIONS: Tries = (
    ("page", "is"),
    ("entry", "has"),
    ("exit", "starts"),
    ("referrer", "ends"),
    ("city", "is"),
    ("os", "not"),
)


def share(every: Sequence[OneT], text: str) -> Sequence[OneT]:
    """What `text` is tried with: a part of it, and the next text another, so that each meets several texts."""
    return every[HOSTILE.index(text) % SHARES :: SHARES]


def innocent_for(text: str) -> str:
    """A text of its kind that nobody would fear: with a star, the name of a property stands for many."""
    return "inno*cent" if "*" in text else "innocent"


def sql_of(asked: Iterator[Question[Any]]) -> list[str]:
    """What the store is sent beside parameters."""
    return [question.statement(question.exact).sql for question in asked]


@pytest.fixture(scope="module")
def projects(insert: Insert) -> dict[str, str]:
    """By text: a project with an event in which every text is so, and one of somebody else."""
    named = {text: f"events of {number}" for number, text in enumerate(HOSTILE)}
    pairs = (
        (_event(project, 1, text, name=text), _event(project, 2, "innocent", name="click"))
        for text, project in named.items()
    )
    insert(tables.EVENTS, [row for pair in pairs for row in pair])
    return named


@pytest.fixture(scope="module")
def viewed(insert: Insert) -> dict[str, str]:
    """By text: a project with a page view in which every text is so, and one of somebody else."""
    named = {text: f"views of {number}" for number, text in enumerate(HOSTILE)}
    seen = (
        (project, number, seen)
        for text, project in named.items()
        for number, seen in ((1, text), (2, "innocent"))
    )
    insert(
        tables.EVENTS, [_event(project, number, text, name="screen_view") for project, number, text in seen]
    )
    return named


@pytest.fixture(scope="module")
def innocent(insert: Insert) -> str:
    """A project in which nothing is called by any of the texts."""
    project = "innocent"
    insert(tables.EVENTS, [_event(project, 1, "innocent", name="click")])
    insert(tables.PROFILES, [{"project_id": project, "profile_id": "p", "version": 1}])
    return project


@pytest.mark.parametrize("text", HOSTILE, ids=VISIBLE)
def test_sql_is_the_same_for_every_text(text: str) -> None:
    assert sql_of(_asked(text)) == sql_of(_asked(innocent_for(text)))


@pytest.mark.parametrize("text", HOSTILE, ids=VISIBLE)
def test_text_selects_exactly_itself(warehouse: Warehouse, projects: dict[str, str], text: str) -> None:
    project = projects[text]
    stored = text.encode(errors="replace").decode()

    for dimension, operator in OF_EVENTS:
        selection = Selection(project, filters=(Filter(dimension, operator, (text,)),))
        assert ask(warehouse, EventCount(selection)) == 1, (dimension, operator)
    assert ask(warehouse, EventCount(Selection(project, names=(text,)))) == 1
    (event,) = ask(
        warehouse, Events(Selection(project, filters=(Filter(f"prop.{text}", "is", ("1",)),)))
    ).events
    assert (event.name, event.path, event.properties[stored]) == (stored, stored, "1")


@pytest.mark.parametrize("text", HOSTILE, ids=VISIBLE)
def test_text_filters_the_overview_by_exactly_itself(
    warehouse: Warehouse, viewed: dict[str, str], text: str
) -> None:
    project = viewed[text]
    stored = text.encode(errors="replace").decode()

    for dimension, operator in share(OF_SESSIONS, text):
        asked = scope(project, filters=(Filter(dimension, operator, (text,)),))
        assert ask(warehouse, Metrics(asked)).current.sessions == 1, (dimension, operator)
    pages = ask(warehouse, TopPages(replace(scope(project), filters=(Filter("entry", "is", (text,)),))))
    assert [row.name for row in pages.rows] == [stored]


@pytest.mark.parametrize("text", HOSTILE, ids=VISIBLE)
def test_text_as_project_or_profile_finds_nobody(warehouse: Warehouse, innocent: str, text: str) -> None:
    for name, question in share([*questions(f"{innocent}{text}", profile=text).items()], text):
        answer = ask(warehouse, question)
        assert not _counted(answer), name
    assert ask(warehouse, PersonDetail(innocent, text)) is None


def _asked(text: str) -> Iterator[Question[Any]]:
    """All questions of this file, with the text wherever one may be."""
    yield from questions(text, profile=text).values()
    yield EventCount(Selection(text, names=(text,)))
    yield Events(Selection(text, filters=(Filter(f"prop.{text}", "is", (text,)),)))
    for dimension, operator in OF_EVENTS:
        yield EventCount(Selection(text, filters=(Filter(dimension, operator, (text,)),)))
    for dimension, operator in OF_SESSIONS:
        yield Metrics(scope(text, filters=(Filter(dimension, operator, (text,)),)))
        yield TopPages(scope(text, filters=(Filter(dimension, operator, (text,)),)))


def _counted(answer: object) -> object:
    """What would show that somebody else's rows came along."""
    for name in ("events", "rows"):
        if hasattr(answer, name):
            return getattr(answer, name)
    if hasattr(answer, "current"):
        return answer.current.sessions
    if hasattr(answer, "points"):
        return sum(point.figures.sessions for point in answer.points)
    if isinstance(answer, str):  # a version, of how many there are of everything
        return answer.strip("0.")
    return answer


def _event(project: str, number: int, text: str, *, name: str) -> dict[str, object]:
    at = round(NOW.timestamp() * 1000) - 3_600_000 + number
    texts = ("path", "city", "country", "profile_id", "referrer_name", "utm_source", "os", "device")
    return {
        **dict.fromkeys(texts, text),
        "project_id": project,
        "name": name,
        "created_at": at,
        "session_started_at": at,
        "session_id": number,
        "event_id": number,
        "person": number,
        "properties": {"key": text, text: "1"},
    }
