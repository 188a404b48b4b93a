"""No text that someone may type changes what a question about lists asks: it selects itself, or nothing."""

from datetime import timedelta

import pytest

from openpanel.analytics.asking import ask
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
from tests.analytics.test_injection import HOSTILE, VISIBLE
from tests.analytics.worlds import Insert

SEARCHED = [text for text in HOSTILE if len(text) <= 1_000]
SEARCHED_VISIBLE = [text.encode("unicode_escape").decode()[:20] for text in SEARCHED]
KINDS = ("sessions", "people", "group_members", "event_names", "person_detail", "group_types")


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
def test_text_selects_exactly_itself(warehouse: Warehouse, projects: dict[str, str], text: str) -> None:
    project = projects[text]
    stored = text.encode(errors="replace").decode()
    names = ("path", f"properties.{text}")
    filters = tuple(PropertyFilter(name, "is", (text,)) for name in names)

    sessions = ask(warehouse, Sessions(SessionSelection(project, filters=(Filter("entry", "is", (text,)),))))
    by_filters = ask(warehouse, Sessions(SessionSelection(project, property_filters=filters)))
    people = ask(warehouse, People(PeopleSelection(project, ZONE, NOW, performed=text)))
    events = ask(warehouse, EventCount(Selection(project, property_filters=filters, names=(text,))))
    stats = ask(warehouse, EventStats(project, ZONE, PERIOD, names=(text,)))
    conversions = ask(warehouse, Conversions(project, ZONE, PERIOD, (text,)))

    assert [each.session_id for each in sessions.sessions] == [1]
    assert [each.session_id for each in by_filters.sessions] == [1]
    assert [each.profile_id for each in people.people] == [stored]
    assert events == 1
    assert [(row.name, row.total) for row in stats.rows] == [(stored, 1)]
    assert [row.events for row in conversions] == [1 if stored == text else 0]


@pytest.mark.parametrize("text", HOSTILE, ids=VISIBLE)
def test_text_names_exactly_its_person_and_its_group(
    warehouse: Warehouse, projects: dict[str, str], text: str
) -> None:
    project = projects[text]
    stored = text.encode(errors="replace").decode()

    metrics = ask(warehouse, PersonMetrics(project, ZONE, text, conversions=(text,)))
    group = ask(warehouse, GroupDetail(project, text))
    members = ask(warehouse, GroupMembers(project, text, NOW))
    of_type = ask(warehouse, Groups(project, type=text))

    assert metrics is not None
    assert metrics.events == 2
    assert [each.name for each in ask(warehouse, PersonTopEvents(project, text))] == [
        stored,
        "screen_view",
    ] or ({each.name for each in ask(warehouse, PersonTopEvents(project, text))} == {stored, "screen_view"})
    assert [each.path for each in ask(warehouse, PersonTopPaths(project, text))] == [stored]
    assert group is not None
    assert (group.group_id, group.name) == (stored, stored)
    assert [each.profile_id for each in members.people] == [stored]
    assert [each.group_id for each in of_type.groups] == [stored]


@pytest.mark.parametrize("text", SEARCHED, ids=SEARCHED_VISIBLE)
def test_searched_text_finds_exactly_itself(
    warehouse: Warehouse, projects: dict[str, str], text: str
) -> None:
    project = projects[text]
    stored = text.encode(errors="replace").decode()

    names = ask(warehouse, EventNames(project, search=text))
    keys = ask(warehouse, PropertyKeys(project, event=text, search=text))
    people = ask(warehouse, People(PeopleSelection(project, ZONE, NOW, search=text)))
    sessions = ask(warehouse, Sessions(SessionSelection(project, search=text)))
    groups = ask(warehouse, Groups(project, search=text))

    assert [each.name for each in names.found] == [stored]
    assert [each.name for each in keys.found] == [stored]
    assert [each.profile_id for each in people.people] == [stored]
    assert [each.session_id for each in sessions.sessions] == [1]
    assert [each.group_id for each in groups.groups] == [stored]
    if "*" not in text:
        values = PropertyValues(project, f"properties.{text}", event=text, search=text)
        assert [each.name for each in ask(warehouse, values).found] == [stored]


@pytest.mark.parametrize("text", HOSTILE, ids=VISIBLE)
def test_text_as_project_finds_nobody(
    warehouse: Warehouse, projects: dict[str, str], of_nobody: dict[str, object], text: str
) -> None:
    strange = questions(f"{projects['click']}{text}")

    for kind in KINDS:
        assert ask(warehouse, strange[kind]) == of_nobody[kind], kind


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
