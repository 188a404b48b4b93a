"""No text that someone may type changes what a question about lists asks: it selects itself, or nothing."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Final, NamedTuple

import pytest

from openpanel.analytics.asking import Question, ask
from openpanel.analytics.event_stats import Conversions, EventStats
from openpanel.analytics.events import EventCount, Selection
from openpanel.analytics.filters import Filter
from openpanel.analytics.group_members import GroupMembers
from openpanel.analytics.groups import GroupDetail, Groups
from openpanel.analytics.people import People, PeopleSelection
from openpanel.analytics.person_activity import PersonTopEvents, PersonTopPaths
from openpanel.analytics.person_metrics import PersonMetrics
from openpanel.analytics.pickers import EventNames, PropertyKeys
from openpanel.analytics.property_filters import PropertyFilter
from openpanel.analytics.property_values import PropertyValues
from openpanel.analytics.sessions import Sessions, SessionSelection
from openpanel.identity.ids import person_of_profile
from openpanel.warehouse import Warehouse, tables
from tests.analytics.behaviour import NOW, PERIOD, ZONE
from tests.analytics.lists import questions
from tests.analytics.test_injection import AT_MOST, HOSTILE, VISIBLE, innocent_for, share, sql_of
from tests.analytics.worlds import Insert

SEARCHED = [text for text in HOSTILE if len(text) <= 1_000]
SEARCHED_VISIBLE = [text.encode("unicode_escape").decode()[:20] for text in SEARCHED]
KINDS = ("sessions", "people", "group_members", "event_names", "person_detail", "group_types")


class Try(NamedTuple):
    """A question about a text in a project, what is looked at of its answer, and what that is."""

    question: Callable[[str, str], Question[Any]]
    found: Callable[[Any], Any]
    expected: Callable[[str, str], Any] = lambda stored, _: [stored]


def _filters(text: str) -> tuple[PropertyFilter, ...]:
    return tuple(PropertyFilter(name, "is", (text,)) for name in ("path", f"properties.{text}"))


def _people(project: str, **chosen: Any) -> People:
    return People(PeopleSelection(project, ZONE, NOW, **chosen))


def _values(project: str, text: str) -> PropertyValues:
    """Of a key that is the text; with a star in it that would be many keys."""
    key = "key" if "*" in text else text
    return PropertyValues(project, f"properties.{key}", event=text, search=text)


def _of(rows: str, name: str) -> Callable[[Any], list[Any]]:
    """One field of every row of an answer."""
    return lambda answer: [getattr(row, name) for row in getattr(answer, rows)]


SELECTING: Final = (
    Try(
        lambda project, text: Sessions(SessionSelection(project, filters=(Filter("entry", "is", (text,)),))),
        _of("sessions", "session_id"),
        lambda _, __: [1],
    ),
    Try(
        lambda project, text: Sessions(SessionSelection(project, property_filters=_filters(text))),
        _of("sessions", "session_id"),
        lambda _, __: [1],
    ),
    Try(
        lambda project, text: _people(project, performed=text),
        _of("people", "profile_id"),
    ),
    Try(
        lambda project, text: EventCount(Selection(project, property_filters=_filters(text), names=(text,))),
        lambda answer: answer,
        lambda _, __: 1,
    ),
    Try(
        lambda project, text: EventStats(project, ZONE, PERIOD, names=(text,)),
        lambda answer: [(row.name, row.total) for row in answer.rows],
        lambda stored, _: [(stored, 1)],
    ),
    Try(
        lambda project, text: Conversions(project, ZONE, PERIOD, (text,)),
        lambda answer: [row.events for row in answer],
        lambda stored, text: [1 if stored == text else 0],
    ),
)
NAMING: Final = (
    Try(
        lambda project, text: PersonMetrics(project, ZONE, text, conversions=(text,)),
        lambda answer: answer and answer.events,
        lambda _, __: 2,
    ),
    Try(
        PersonTopEvents,
        lambda answer: sorted(each.name for each in answer),
        lambda stored, _: sorted([stored, "screen_view"]),
    ),
    Try(PersonTopPaths, lambda answer: [each.path for each in answer]),
    Try(
        GroupDetail,
        lambda answer: answer and (answer.group_id, answer.name),
        lambda stored, _: (stored, stored),
    ),
    Try(
        lambda project, text: GroupMembers(project, text, NOW),
        _of("people", "profile_id"),
    ),
    Try(
        lambda project, text: Groups(project, type=text),
        _of("groups", "group_id"),
    ),
)
SEARCHING: Final = (
    Try(
        lambda project, text: EventNames(project, search=text),
        _of("found", "name"),
    ),
    Try(
        lambda project, text: PropertyKeys(project, event=text, search=text),
        _of("found", "name"),
    ),
    Try(
        lambda project, text: _people(project, search=text),
        _of("people", "profile_id"),
    ),
    Try(
        lambda project, text: Sessions(SessionSelection(project, search=text)),
        _of("sessions", "session_id"),
        lambda _, __: [1],
    ),
    Try(
        lambda project, text: Groups(project, search=text),
        _of("groups", "group_id"),
    ),
    Try(_values, _of("found", "name")),
)


@pytest.fixture(scope="module")
def projects(insert: Insert) -> dict[str, str]:
    """By text: a project with one who is called so and does so, and one who does not. All come with one insert."""
    named = {text: f"lists of {number}" for number, text in enumerate((*HOSTILE, "click"))}
    insert(
        tables.EVENTS,
        [
            row
            for text, project in named.items()
            for row in (*_visit(project, 1, text), *_visit(project, 2, "innocent"))
        ],
    )
    told = [(text, {"project_id": project, "version": 1}) for text, project in named.items()]
    insert(tables.PROFILES, [{**each, "profile_id": text, "groups": (text,)} for text, each in told])
    insert(tables.GROUPS, [{**each, "group_id": text, "name": text, "type": text} for text, each in told])
    return named


@pytest.fixture(scope="module")
def of_nobody(warehouse: Warehouse) -> dict[str, object]:
    """The answers about a project that there is not."""
    asked = questions("nobody")
    return {kind: ask(warehouse, asked[kind]) for kind in KINDS}


@pytest.mark.parametrize("text", HOSTILE, ids=VISIBLE)
def test_sql_is_the_same_for_every_text(text: str) -> None:
    pair = text[:AT_MOST], innocent_for(text)
    hostile, innocent = (questions(each, text=each, profile=each) for each in pair)

    assert sql_of(iter(hostile.values())) == sql_of(iter(innocent.values()))


@pytest.mark.parametrize("text", HOSTILE, ids=VISIBLE)
def test_text_selects_exactly_itself(warehouse: Warehouse, projects: dict[str, str], text: str) -> None:
    _try(share(SELECTING, text), warehouse, projects[text], text)


@pytest.mark.parametrize("text", HOSTILE, ids=VISIBLE)
def test_text_names_exactly_its_person_and_its_group(
    warehouse: Warehouse, projects: dict[str, str], text: str
) -> None:
    _try(share(NAMING, text), warehouse, projects[text], text)


@pytest.mark.parametrize("text", SEARCHED, ids=SEARCHED_VISIBLE)
def test_searched_text_finds_exactly_itself(
    warehouse: Warehouse, projects: dict[str, str], text: str
) -> None:
    _try(share(SEARCHING, text), warehouse, projects[text], text)


@pytest.mark.parametrize("text", HOSTILE, ids=VISIBLE)
def test_text_as_project_finds_nobody(
    warehouse: Warehouse, projects: dict[str, str], of_nobody: dict[str, object], text: str
) -> None:
    strange = questions(f"{projects['click']}{text}")

    for kind in share(KINDS, text):
        assert ask(warehouse, strange[kind]) == of_nobody[kind], kind


def _try(tries: Sequence[Try], warehouse: Warehouse, project: str, text: str) -> None:
    stored = text.encode(errors="replace").decode()
    for each in tries:
        answer = ask(warehouse, each.question(project, text))
        assert each.found(answer) == each.expected(stored, text), each.question(project, text)


def _visit(project: str, number: int, text: str) -> list[dict[str, object]]:
    """A view of a page and an event, all of whose texts are `text`."""
    start = round((NOW - timedelta(hours=number)).timestamp() * 1000)
    texts = ("path", "city", "country", "profile_id", "title", "referrer")
    return [
        {
            **dict.fromkeys(texts, text),
            "project_id": project,
            "name": name,
            "created_at": start + at,
            "session_started_at": start,
            "session_id": number,
            "event_id": number * 10 + at,
            "day": start // 86_400_000,
            "person": person_of_profile(text),
            "groups": (text,),
            "properties": {"key": text, text: text},
        }
        for at, name in ((0, "screen_view"), (5, text))
    ]
