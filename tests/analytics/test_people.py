"""Profiles and returning persons."""

from datetime import UTC, date, datetime, timedelta

import pytest

from openpanel.analytics.asking import ask
from openpanel.analytics.coming_back import Cohort, ComingBack
from openpanel.analytics.described_profiles import DescribedProfile, DescribedProfiles
from openpanel.analytics.profiles import Profile
from openpanel.warehouse import Warehouse, tables
from tests.analytics.worlds import Insert

MONDAY = date(2026, 8, 31)
EPOCH = date(1970, 1, 1)


def test_profile_is_what_was_told_last_and_when_it_was_seen(
    warehouse: Warehouse, insert: Insert, project: str
) -> None:
    told = {"project_id": project, "profile_id": "ana", "created_at": 1_000}
    insert(tables.PROFILES, [{**told, "first_name": "Ana", "email": "old@example.com", "version": 1}])
    insert(
        tables.PROFILES,
        [{**told, "first_name": "Ana", "email": "new@example.com", "properties": {"plan": "pro"}, "groups": ("acme",), "version": 2}],
    )  # fmt: skip
    seen = {"project_id": project, "profile_id": "ana", "name": "click"}
    insert(tables.EVENTS, [{**seen, "created_at": 5_000}, {**seen, "created_at": 3_000}])
    insert(
        tables.EVENTS, [{**seen, "created_at": 9_000}, {**seen, "created_at": 99_000, "name": "session_end"}]
    )

    profile = ask(warehouse, Profile(project, "ana"))

    assert profile is not None
    assert (profile.first_name, profile.email) == ("Ana", "new@example.com")
    assert (profile.properties, profile.groups) == ({"plan": "pro"}, ("acme",))
    assert (profile.created_at, profile.first_seen, profile.last_seen) == tuple(map(_moment, (1, 3, 9)))
    assert profile.events == 3


def test_person_that_only_did_things_has_no_names(warehouse: Warehouse, insert: Insert, project: str) -> None:
    insert(
        tables.EVENTS, [{"project_id": project, "profile_id": "ben", "name": "click", "created_at": 5_000}]
    )

    profile = ask(warehouse, Profile(project, "ben"))

    assert profile is not None
    assert (profile.first_name, profile.created_at, profile.last_seen) == ("", None, _moment(5))


def test_person_that_was_only_described_was_never_seen(
    warehouse: Warehouse, insert: Insert, project: str
) -> None:
    insert(tables.PROFILES, [{"project_id": project, "profile_id": "cho", "first_name": "Cho", "version": 1}])

    profile = ask(warehouse, Profile(project, "cho"))

    assert profile is not None
    assert (profile.first_name, profile.first_seen, profile.events) == ("Cho", None, 0)


def test_erased_profile_is_unknown(warehouse: Warehouse, insert: Insert, project: str) -> None:
    for version, deleted in ((1, 0), (2, 1)):
        insert(
            tables.PROFILES,
            [{"project_id": project, "profile_id": "dan", "version": version, "deleted": deleted}],
        )

    assert ask(warehouse, Profile(project, "dan")) is None
    assert ask(warehouse, DescribedProfiles(project, ("dan",))) == {}


def test_many_profiles_are_answered_at_once_without_those_nobody_described(
    warehouse: Warehouse, insert: Insert, project: str
) -> None:
    told = {"project_id": project, "created_at": 1_000, "version": 1}
    insert(
        tables.PROFILES,
        [
            {**told, "profile_id": "eve", "first_name": "Eve", "properties": {"plan": "pro"}, "groups": ("acme",)},
            {**told, "profile_id": "fay", "email": "fay@example.com"},
            {**told, "profile_id": "gil"},
        ],
    )  # fmt: skip

    found = ask(warehouse, DescribedProfiles(project, ("eve", "fay", "nobody")))

    assert found == {
        "eve": DescribedProfile("eve", "Eve", "", "", "", {"plan": "pro"}, ("acme",), _moment(1)),
        "fay": DescribedProfile("fay", "", "", "fay@example.com", "", {}, (), _moment(1)),
    }


def test_cohorts_say_who_came_again(warehouse: Warehouse, insert: Insert, project: str) -> None:
    weeks = {1: (0, 1, 2), 2: (0, 2), 3: (1, 2), 4: (0,), 5: (2,), 11: (1,), 9: (5,)}
    events = [
        _event(project, person, week, day)
        for person, came in weeks.items()
        for week in came
        for day in (0, 6)
    ]
    insert(tables.EVENTS, events)
    # 11 is the device of 4: together they came in the first and the second week.
    insert(tables.PERSON_OVERRIDES, [{"project_id": project, "person": 11, "into": 4, "version": 1}])

    cohorts = ask(warehouse, ComingBack(project, first=MONDAY, weeks=3))

    assert cohorts == (
        Cohort(MONDAY, persons=3, returned=(2, 2)),
        Cohort(MONDAY + timedelta(weeks=1), persons=1, returned=(1,)),
        Cohort(MONDAY + timedelta(weeks=2), persons=1, returned=()),
    )


@pytest.mark.parametrize(("first", "weeks"), [(date(2026, 9, 1), 3), (MONDAY, 0), (MONDAY, 54)])
def test_weeks_that_are_none_are_refused(first: date, weeks: int) -> None:
    with pytest.raises(ValueError, match="from a Monday"):
        ComingBack("p", first=first, weeks=weeks)


def _event(project: str, person: int, week: int, day: int) -> dict[str, object]:
    return {
        "project_id": project,
        "name": "click",
        "person": person,
        "day": (MONDAY - EPOCH).days + 7 * week + day,
        "created_at": 1,
    }


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, tz=UTC)
