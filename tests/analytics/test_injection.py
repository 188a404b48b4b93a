"""No text that someone may type changes what a question asks: it selects itself, or nothing."""

from dataclasses import replace

import pytest

from openpanel.analytics.asking import ask
from openpanel.analytics.events import EventCount, Events, Selection
from openpanel.analytics.filters import Filter, Operator
from openpanel.analytics.metrics import Metrics
from openpanel.analytics.profiles import Profile
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
Tries = tuple[tuple[str, Operator], ...]
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

    for dimension, operator in OF_SESSIONS:
        asked = scope(project, filters=(Filter(dimension, operator, (text,)),))
        assert ask(warehouse, Metrics(asked)).current.sessions == 1, (dimension, operator)
    pages = ask(warehouse, TopPages(replace(scope(project), filters=(Filter("entry", "is", (text,)),))))
    assert [row.name for row in pages.rows] == [stored]


@pytest.mark.parametrize("text", HOSTILE, ids=VISIBLE)
def test_text_as_project_or_profile_finds_nobody(warehouse: Warehouse, innocent: str, text: str) -> None:
    for name, question in questions(f"{innocent}{text}", profile=text).items():
        answer = ask(warehouse, question)
        assert not _counted(answer), name
    assert ask(warehouse, Profile(innocent, text)) is None


def _counted(answer: object) -> object:
    """What would show that somebody else's rows came along."""
    for name in ("events", "rows"):
        if hasattr(answer, name):
            return getattr(answer, name)
    if hasattr(answer, "current"):
        return answer.current.sessions
    if hasattr(answer, "points"):
        return sum(point.figures.sessions for point in answer.points)
    if isinstance(answer, tuple):
        return sum(cohort.persons for cohort in answer)
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
