"""Lists of sessions: their cursor, what arrives while a list is read, recordings, and what is refused."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from openpanel.analytics.asking import ask
from openpanel.analytics.filters import BadFilter, Filter
from openpanel.analytics.property_filters import PropertyFilter
from openpanel.analytics.routing import Source
from openpanel.analytics.sessions import (
    ROWS_OF_SESSION,
    SessionCount,
    SessionCursor,
    SessionDetail,
    Sessions,
    SessionSelection,
)
from openpanel.warehouse import Warehouse, tables
from tests.analytics.worlds import Insert

START_MS = round(datetime(2026, 11, 1, tzinfo=UTC).timestamp() * 1000)


def test_list_loses_nothing_while_sessions_begin_and_go_on(
    warehouse: Warehouse, insert: Insert, project: str
) -> None:
    insert(tables.EVENTS, [_view(project, session) for session in range(1, 9)])
    first = ask(warehouse, Sessions(SessionSelection(project), limit=3))

    insert(tables.EVENTS, [_view(project, 20), _view(project, 7, after=60_000), _view(project, 2, after=1)])
    second = ask(warehouse, Sessions(SessionSelection(project), limit=1000, after=first.cursor))

    assert [each.session_id for each in (*first.sessions, *second.sessions)] == [8, 7, 6, 5, 4, 3, 2, 1]
    assert second.cursor is None


def test_sessions_that_began_at_the_same_time_stand_by_their_ids(
    warehouse: Warehouse, insert: Insert, project: str
) -> None:
    insert(
        tables.EVENTS, [{**_view(project, session), "session_started_at": START_MS} for session in (5, 9, 2)]
    )

    pages = []
    question = Sessions(SessionSelection(project), limit=1)
    for _ in range(3):
        page = ask(warehouse, question)
        pages += [each.session_id for each in page.sessions]
        question = replace(question, after=page.cursor)

    assert pages == [9, 5, 2]


def test_session_of_several_blocks_is_one_session(warehouse: Warehouse, insert: Insert, project: str) -> None:
    for after in (0, 1_000, 61_000):
        insert(tables.EVENTS, [_view(project, 4, after=after)])

    found = ask(warehouse, Sessions(SessionSelection(project)))

    assert [(each.views, each.duration, each.is_bounce) for each in found.sessions] == [(3, 61_000, False)]
    assert ask(warehouse, SessionCount(SessionSelection(project))) == 1


def test_page_is_whole_where_sessions_came_in_many_pieces(
    warehouse: Warehouse, insert: Insert, project: str
) -> None:
    insert(tables.EVENTS, [_view(project, session) for session in range(1, 4)])
    for after in range(3 * ROWS_OF_SESSION):
        insert(tables.EVENTS, [_view(project, 3, after=after)])

    found = ask(warehouse, Sessions(SessionSelection(project), limit=2))

    assert [(each.session_id, each.views) for each in found.sessions] == [
        (3, 3 * ROWS_OF_SESSION + 1),
        (2, 1),
    ]
    assert found.cursor is not None


def test_session_without_an_event_of_its_own_is_none(
    warehouse: Warehouse, insert: Insert, project: str
) -> None:
    insert(tables.EVENTS, [{**_view(project, 4), "name": "session_start"}])

    assert ask(warehouse, Sessions(SessionSelection(project))).sessions == ()
    assert ask(warehouse, SessionDetail(project, 4)) is None


def test_session_that_was_recorded_says_so(warehouse: Warehouse, insert: Insert, project: str) -> None:
    insert(tables.EVENTS, [_view(project, 1), _view(project, 2)])
    insert(tables.REPLAY_CHUNKS, [{"project_id": project, "session_id": 2, "started_at": 4_000_000_000_000}])

    found = ask(warehouse, Sessions(SessionSelection(project)))

    assert [(each.session_id, each.has_replay) for each in found.sessions] == [(2, True), (1, False)]


def test_person_has_the_sessions_of_a_device_that_became_known(
    warehouse: Warehouse, insert: Insert, project: str
) -> None:
    insert(tables.EVENTS, [{**_view(project, session), "person": 10 + session} for session in (1, 2, 3)])
    insert(tables.PERSON_OVERRIDES, [{"project_id": project, "person": 12, "into": 13, "version": 1}])

    found = ask(warehouse, Sessions(SessionSelection(project, profile=f"{13:016x}")))

    assert [(each.session_id, each.person) for each in found.sessions] == [(3, 13), (2, 13)]


def test_cursor_is_text_and_back() -> None:
    cursor = SessionCursor(START_MS, 2**64 - 1)

    assert SessionCursor.parse(str(cursor)) == cursor


@pytest.mark.parametrize("text", ["", "x" * 32, "0" * 31, "0" * 33, "f" * 32, "0" * 32 + "é"])
def test_other_text_is_no_cursor(text: str) -> None:
    assert SessionCursor.parse(text) is None


@pytest.mark.parametrize(
    "asked",
    [
        {"filters": (Filter("nothing", "is", ("x",)),)},
        {"filters": (Filter("country", "is"),)},
        {"property_filters": (PropertyFilter("nothing", "is", ("x",)),)},
        {"property_filters": (PropertyFilter("cohort", "inCohort", ("unknown",)),)},
        {"search": "x" * 1_001},
    ],
)
def test_unknown_names_and_long_searches_are_refused(asked: dict[str, Any]) -> None:
    with pytest.raises(BadFilter):
        Sessions(SessionSelection("p", **asked)).statement(Source.SESSIONS)


@pytest.mark.parametrize("limit", [0, 1_001])
def test_impossible_pages_are_refused(limit: int) -> None:
    with pytest.raises(BadFilter):
        Sessions(SessionSelection("p"), limit=limit)


def _view(project: str, session: int, *, after: int = 0) -> dict[str, object]:
    """A view in the session that begins so many minutes after the first."""
    start = START_MS + session * 60_000
    return {
        "project_id": project,
        "name": "screen_view",
        "path": "/",
        "created_at": start + after,
        "event_id": session * 100_000 + after,
        "session_id": session,
        "session_started_at": start,
        "person": 5,
    }
