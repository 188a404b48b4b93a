"""One person by every id it has: its page, its numbers and its row in the list say the same.

who        did (UTC)                                                     is
device 2   Feb 27: screen_view /, screen_view /pricing, click            ada
ada@old    Feb 26: screen_view /                                         ada, an alias
ada        Feb 28: screen_view /, signup                                 described
bob        Feb 28: click                                                 never described
device 3   Feb 28: screen_view /                                         nobody that is known
eve        nothing                                                       described
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from openpanel.identity.ids import person_of_profile
from openpanel.warehouse import tables
from tests.api.public.asking import Json, asked
from tests.api.public.conftest import Place
from tests.api.public.small_worlds import make_project, ms, put, put_events

PROJECT: Final = "persons"
ADA: Final = person_of_profile("ada")
OLD: Final = person_of_profile("ada@old")
OF_ADA: Final = ("ada", "ada@old", "0000000000000001", "0000000000000002")


@pytest.fixture(scope="module")
def persons(shop: Place) -> Place:
    """The stores with these people in a project of their own."""
    make_project(shop, PROJECT)
    put_events(shop, [{"project_id": PROJECT, **row} for row in _did()])
    told = {"project_id": PROJECT, "created_at": ms(_day(20)), "version": 1}
    put(shop, tables.PROFILES, [
        {**told, "profile_id": "ada", "person": ADA, "first_name": "Ada", "email": "ada@example.com", "properties": {"plan": "pro"}},
        {**told, "profile_id": "eve", "person": person_of_profile("eve"), "first_name": "Eve"},
    ])  # fmt: skip
    known = [{"project_id": PROJECT, "person": each, "into": ADA, "version": 1} for each in (1, 2, OLD)]
    put(shop, tables.PERSON_OVERRIDES, known)
    return shop


async def found(persons: Place, path: str, **parameters: Any) -> Json:
    answer = await asked(persons, f"/insights/{PROJECT}/{path}", parameters, who=f"{PROJECT}/reader")
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize("known_as", OF_ADA)
async def test_a_person_is_the_same_by_every_id_it_has(persons: Place, known_as: str) -> None:
    page = await found(persons, f"profiles/{known_as}", eventLimit=10)

    assert page["profile"] == {
        "id": "ada", "isExternal": True, "firstName": "Ada", "lastName": "", "email": "ada@example.com", "avatar": "",
        "properties": {"plan": "pro"}, "groups": [], "createdAt": "2026-02-20T00:00:00.000Z",
        "firstSeenAt": "2026-02-26T00:00:00.000Z", "lastSeenAt": "2026-02-28T00:01:00.000Z", "events": 6,
    }  # fmt: skip
    assert [event["name"] for event in page["recentEvents"]] == [
        "signup", "screen_view", "click", "screen_view", "screen_view", "screen_view",
    ]  # fmt: skip
    assert (await found(persons, f"profiles/{known_as}/metrics"))["totalEvents"] == 6


async def test_whoever_is_listed_has_a_page_that_says_the_same(persons: Place) -> None:
    listed = await found(persons, "profiles")

    pages = [(await found(persons, f"profiles/{row['id']}"))["profile"] for row in listed]

    assert pages == listed
    assert {row["id"]: (row["isExternal"], row["events"]) for row in listed} == {
        "ada": (True, 6), "bob": (True, 1), "0000000000000003": (False, 1), "eve": (True, 0),
    }  # fmt: skip


async def test_a_person_that_was_never_described_has_no_names(persons: Place) -> None:
    profile = (await found(persons, "profiles/bob"))["profile"]

    assert (profile["isExternal"], profile["firstName"], profile["createdAt"]) == (True, "", None)


async def test_the_page_of_a_person_is_explained(persons: Place) -> None:
    plans = (await found(persons, "profiles/ada", explain="true"))["plans"]

    assert [plan["question"] for plan in plans] == ["PersonDetail", "DescribedProfiles", "Events"]


async def test_what_a_person_did_is_asked_for_by_days(persons: Place) -> None:
    days = {"startDate": "2026-02-26", "endDate": "2026-02-27"}

    ever = await found(persons, "profiles/ada/activity")
    some = await found(persons, "profiles/ada/activity", **days)

    assert [(row["day"], row["events"]) for row in ever] == [
        ("2026-02-26", 1),
        ("2026-02-27", 3),
        ("2026-02-28", 2),
    ]
    assert some == ever[:2]
    assert await found(persons, "profiles/ada/events", **days) == [
        {"name": "screen_view", "events": 3}, {"name": "click", "events": 1},
    ]  # fmt: skip
    assert await found(persons, "profiles/ada/events", range="yesterday") == [
        {"name": "screen_view", "events": 1}, {"name": "signup", "events": 1},
    ]  # fmt: skip
    assert [(row["path"], row["views"]) for row in await found(persons, "profiles/ada/pages", **days)] == [
        ("/", 2), ("/pricing", 1),
    ]  # fmt: skip
    assert [row["views"] for row in await found(persons, "profiles/ada/pages")] == [3, 1]


def _did() -> Iterator[dict[str, Any]]:
    device = {"person": 2, "device_id": 2, "session_id": 1}
    yield {"name": "screen_view", "path": "/", "at": _day(27), **device}
    yield {"name": "screen_view", "path": "/pricing", "at": _day(27, minute=1), **device}
    yield {"name": "click", "at": _day(27, minute=2), **device}
    old = {"person": OLD, "profile_id": "ada@old", "session_id": 2}
    yield {"name": "screen_view", "path": "/", "at": _day(26), "device_id": 1, **old}
    ada = {"person": ADA, "profile_id": "ada", "device_id": 1, "session_id": 3}
    yield {"name": "screen_view", "path": "/", "at": _day(28), **ada}
    yield {"name": "signup", "at": _day(28, minute=1), **ada}
    bob = {"person": person_of_profile("bob"), "profile_id": "bob", "device_id": 4, "session_id": 4}
    yield {"name": "click", "at": _day(28, minute=2), **bob}
    yield {
        "name": "screen_view",
        "path": "/",
        "at": _day(28, minute=3),
        "person": 3,
        "device_id": 3,
        "session_id": 5,
    }


def _day(day: int, minute: int = 0) -> datetime:
    return datetime(2026, 2, day, 0, minute, tzinfo=UTC)
