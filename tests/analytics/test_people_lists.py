"""Lists of people and the page of one: who counts as one, what arrives while a list is read, and what is refused."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from openpanel.analytics.asking import ask
from openpanel.analytics.filters import BadFilter
from openpanel.analytics.people import People, PeopleCount, PeopleCursor, PeopleSelection
from openpanel.analytics.person_activity import PersonTopEvents
from openpanel.analytics.person_details import PersonDetail, PersonsDetails
from openpanel.analytics.person_metrics import PersonMetrics
from openpanel.identity.ids import person_of_profile, to_hex
from openpanel.warehouse import Warehouse, tables
from tests.analytics.worlds import Insert

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
NOW_MS = round(NOW.timestamp() * 1000)
ANA = person_of_profile("ana")


def test_person_counts_once_with_its_devices_and_aliases(
    warehouse: Warehouse, insert: Insert, project: str
) -> None:
    alias = person_of_profile("ana@old")
    insert(
        tables.EVENTS,
        [
            _event(project, 1, person=11, device=11),
            _event(project, 2, person=ANA, profile="ana"),
            _event(project, 3, person=alias, profile="ana@old"),
            _event(project, 4, person=12, device=12),
        ],
    )
    _override(insert, project, {11: ANA, alias: ANA})

    people = ask(warehouse, People(_selection(project))).people
    details = ask(warehouse, PersonDetail(project, "ana@old"))

    assert [(each.id, each.events, each.identified) for each in people] == [
        ("ana", 3, True),
        (to_hex(12), 1, False),
    ]
    assert details is not None
    assert (details.profile_id, details.profile_ids) == ("ana", ("ana", "ana@old"))
    assert details.device_ids == (11,)


def test_person_of_a_profile_that_no_event_names_is_asked_for_by_its_device(
    warehouse: Warehouse, insert: Insert, project: str
) -> None:
    insert(tables.EVENTS, [_event(project, 1, person=11, device=11)])
    _override(insert, project, {11: ANA})

    (person,) = ask(warehouse, People(_selection(project, kind="identified"))).people
    details = ask(warehouse, PersonDetail(project, person.id))

    assert (person.person, person.id, person.profile_id) == (ANA, to_hex(11), "")
    assert details is not None
    assert details.person == ANA
    assert ask(warehouse, PersonDetail(project, "ana")) == details


def test_profile_that_says_whom_it_describes_names_its_device(
    warehouse: Warehouse, insert: Insert, project: str
) -> None:
    insert(tables.EVENTS, [_event(project, 1, person=11, device=11)])
    _override(insert, project, {11: ANA})
    told = {"project_id": project, "profile_id": "ana", "first_name": "Ana", "person": ANA, "version": 1}
    insert(tables.PROFILES, [told])

    people = ask(warehouse, People(_selection(project))).people
    searched = ask(warehouse, People(_selection(project, search="ANA"))).people
    details = ask(warehouse, PersonDetail(project, to_hex(11)))

    assert [(each.person, each.id, each.events) for each in people] == [(ANA, "ana", 1)]
    assert searched == people
    assert details is not None
    assert (details.profile_id, details.device_ids) == ("ana", (11,))


def test_person_of_server_events_alone_is_a_person(
    warehouse: Warehouse, insert: Insert, project: str
) -> None:
    insert(tables.EVENTS, [_event(project, 1, person=ANA, profile="ana", session=0)])

    (person,) = ask(warehouse, People(_selection(project))).people
    metrics = ask(warehouse, PersonMetrics(project, "UTC", "ana"))

    assert (person.id, person.events) == ("ana", 1)
    assert metrics is not None
    assert (metrics.sessions, metrics.bounce_rate, metrics.duration_s) == (0, None, None)


def test_profile_that_was_only_described_is_listed_and_never_seen(
    warehouse: Warehouse, insert: Insert, project: str
) -> None:
    insert(tables.PROFILES, [{"project_id": project, "profile_id": "ana", "version": 1}])

    (person,) = ask(warehouse, People(_selection(project))).people

    assert (person.person, person.id, person.last_seen, person.events) == (ANA, "ana", None, 0)
    assert ask(warehouse, People(_selection(project, kind="anonymous"))).people == ()
    assert ask(warehouse, People(_selection(project, inactive_days=1))).people == ()


@pytest.mark.parametrize("sort", ["last_seen", "first_seen", "events"])
@pytest.mark.parametrize("descending", [True, False])
def test_list_loses_nobody_while_people_go_on(
    warehouse: Warehouse, insert: Insert, project: str, sort: Any, *, descending: bool
) -> None:
    rows = [
        _event(project, number, person=person, device=person)
        for number, person in enumerate((1, 2, 3, 3, 4, 5, 5, 5, 6, 7), start=1)
    ]
    insert(tables.EVENTS, rows)
    insert(tables.PROFILES, [{"project_id": project, "profile_id": "ana", "version": 1}])
    question = People(_selection(project), sort, descending=descending)
    expected = [each.id for each in ask(warehouse, question).people]

    found: list[str] = []
    last: PeopleCursor | None = None
    question = replace(question, limit=2)
    for later in range(4):
        page = ask(warehouse, question)
        found += [each.id for each in page.people]
        insert(
            tables.EVENTS,
            [
                *(_event(project, -later, person=person, device=person) for person in range(1, 10)),
                _event(project, -later, person=ANA, profile="ana"),
            ],
        )
        last = page.cursor
        question = replace(question, selection=_selection(project, now=NOW + timedelta(hours=1)), after=last)

    assert found == expected
    assert len(expected) == 8
    assert last is None


def test_bounce_is_a_session_with_one_screen_at_most(
    warehouse: Warehouse, insert: Insert, project: str
) -> None:
    insert(
        tables.EVENTS,
        [
            *(
                _event(project, 100 + at, person=ANA, profile="ana", session=1, name="screen_view")
                for at in (0, 2)
            ),
            _event(project, 50, person=ANA, profile="ana", session=2, name="screen_view"),
            _event(project, 20, person=ANA, profile="ana", session=3, name="click"),
        ],
    )

    metrics = ask(warehouse, PersonMetrics(project, "UTC", "ana", conversions=("click",)))

    assert metrics is not None
    assert (metrics.sessions, metrics.views, metrics.events, metrics.conversions) == (3, 3, 4, 1)
    assert metrics.bounce_rate == pytest.approx(2 / 3)
    assert metrics.duration_s == metrics.p90_duration_s == pytest.approx(120)
    assert metrics.between_sessions_s == pytest.approx((102 - 20) * 60 / 2)


def test_nobody_is_not_a_person(warehouse: Warehouse, insert: Insert, project: str) -> None:
    insert(tables.EVENTS, [_event(project, 1, person=0)])

    assert ask(warehouse, People(_selection(project))).people == ()
    assert ask(warehouse, PeopleCount(_selection(project))) == 0
    assert ask(warehouse, PersonDetail(project, "0" * 16)) is None
    assert ask(warehouse, PersonTopEvents(project, "0" * 16)) == ()


@pytest.mark.parametrize("profile_id", ["", "ana", "🦊", "a" * 100])
def test_cursor_is_text_and_back(profile_id: str) -> None:
    cursor = PeopleCursor(NOW_MS, -5, 2**64 - 1, profile_id)

    assert PeopleCursor.parse(str(cursor)) == cursor


@pytest.mark.parametrize(
    "text",
    ["", "x" * 48, "0" * 47, "f" * 48, "0" * 48 + "é", "0" * 48 + "!", "0" * 48 + "_w", "0" * 48 + "YW="],
)
def test_other_text_is_no_cursor(text: str) -> None:
    assert PeopleCursor.parse(text) is None


@pytest.mark.parametrize(
    "asked",
    [
        {"kind": "robots"},
        {"min_sessions": -1},
        {"inactive_days": 0},
        {"inactive_days": 100_000},
        {"search": "x" * 1_001},
    ],
)
def test_impossible_people_are_refused(asked: dict[str, Any]) -> None:
    with pytest.raises(BadFilter):
        _selection("p", **asked)


@pytest.mark.parametrize("asked", [{"limit": 0}, {"limit": 1_001}, {"sort": "name"}])
def test_impossible_pages_are_refused(asked: dict[str, Any]) -> None:
    with pytest.raises(BadFilter):
        People(_selection("p"), **asked)


def test_too_many_persons_at_once_are_refused() -> None:
    with pytest.raises(BadFilter):
        PersonsDetails("p", tuple(range(1_001)))


def _selection(project: str, **asked: Any) -> PeopleSelection:
    return PeopleSelection(**{"project": project, "timezone": "UTC", "now": NOW, **asked})


def _event(
    project: str,
    minutes_ago: int,
    *,
    person: int,
    device: int = 0,
    profile: str = "",
    session: int = 9,
    name: str = "click",
) -> dict[str, object]:
    at = NOW_MS - minutes_ago * 60_000
    return {
        "project_id": project,
        "name": name,
        "path": "/" if name == "screen_view" else "",
        "created_at": at,
        "event_id": at,
        "session_id": session,
        "session_started_at": NOW_MS - 60_000 * {1: 102, 2: 50, 3: 20}.get(session, 0) if session else 0,
        "person": person,
        "device_id": device,
        "profile_id": profile,
    }


def _override(insert: Insert, project: str, into: dict[int, int]) -> None:
    rows = [
        {"project_id": project, "person": person, "into": other, "version": 1}
        for person, other in into.items()
    ]
    insert(tables.PERSON_OVERRIDES, rows)
