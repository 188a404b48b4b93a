"""Ids that hold slashes, in paths: each is asked as it is, also where a route seems to begin within it."""

from datetime import timedelta

import pytest

from openpanel.identity.ids import person_of_profile
from openpanel.warehouse import tables
from openpanel_api.public.access import NO_ACCESS
from tests.api.public.asking import Json, asked
from tests.api.public.conftest import Place
from tests.api.public.small_worlds import make_project, ms, put, put_events
from tests.api.public.world import NOW

PEOPLE = {"a": 1, "a/events": 2, "a/events/pages": 3, "a%2Fevents": 4, "한/국": 5}


@pytest.fixture(scope="module")
def project(shop: Place) -> str:
    """People who did as many things as their number says, and two groups."""
    name = make_project(shop, "slashes")
    put_events(shop, [
        {
            "project_id": name, "name": f"did {number}", "at": NOW - timedelta(hours=1), "event_id": 100 * number + each,
            "profile_id": profile, "person": person_of_profile(profile), "device_id": number, "session_id": number,
            "groups": ("team", "team/members"),
        }
        for profile, number in PEOPLE.items() for each in range(number)
    ])  # fmt: skip
    put(shop, tables.GROUPS, [
        {"project_id": name, "group_id": group, "type": "team", "name": group.upper(), "version": 1, "created_at": ms(NOW)}
        for group in ("team", "team/members")
    ])  # fmt: skip
    return name


async def found(shop: Place, project: str, path: str) -> Json:
    answer = await asked(shop, f"/insights/{project}/{path}", who=f"{project}/reader")
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize(
    ("sent", "profile"),
    [
        ("a", "a"),
        ("a%2Fevents", "a/events"),
        ("a%2fevents", "a/events"),
        ("a%2Fevents%2Fpages", "a/events/pages"),
        ("a%252Fevents", "a%2Fevents"),
        ("%ED%95%9C/%EA%B5%AD", "한/국"),
        ("%ED%95%9C%2F%EA%B5%AD", "한/국"),
    ],
)
async def test_a_profile_is_the_one_that_was_named(
    shop: Place, project: str, sent: str, profile: str
) -> None:
    page = await found(shop, project, f"profiles/{sent}")
    events = await found(shop, project, f"profiles/{sent}/events")

    assert page["profile"]["id"] == profile
    assert [(row["name"], row["events"]) for row in events] == [(f"did {PEOPLE[profile]}", PEOPLE[profile])]


async def test_a_slash_that_is_not_encoded_parts_the_path(shop: Place, project: str) -> None:
    of_a = await found(shop, project, "profiles/a/events")
    of_another = await found(shop, project, "profiles/a/events/events")

    assert [row["events"] for row in of_a] == [1]
    assert [row["events"] for row in of_another] == [2]


async def test_a_group_is_the_one_that_was_named(shop: Place, project: str) -> None:
    group = await found(shop, project, "groups/team%2Fmembers")
    members = await found(shop, project, "groups/team%2Fmembers/members")
    of_team = await found(shop, project, "groups/team/members")

    assert group["group"]["name"] == "TEAM/MEMBERS"
    assert len(members) == len(of_team) == len(PEOPLE)


@pytest.fixture(scope="module")
def visited(shop: Place) -> str:
    """People with two visits each, all in one group."""
    name = make_project(shop, "goes-on")
    people = ["한/국", "a/b", "a%2Fb", "a?b c>"]
    put_events(shop, [
        {
            "project_id": name, "name": "click", "at": NOW - timedelta(hours=1), "event_id": number, "profile_id": profile,
            "person": person_of_profile(profile), "device_id": number, "session_id": number, "groups": ("국",),
        }
        for number, profile in enumerate(people * 2, start=1)
    ])  # fmt: skip
    return name


@pytest.mark.parametrize(
    ("path", "rows"),
    [
        ("profiles/%ED%95%9C%2F%EA%B5%AD/sessions", 2),
        ("profiles/%ED%95%9C/%EA%B5%AD/sessions", 2),
        ("profiles/a%2Fb/sessions", 2),
        ("profiles/a%252Fb/sessions", 2),
        ("profiles/a%3Fb%20c%3E/sessions", 2),
        ("groups/%EA%B5%AD/members", 4),
    ],
)
async def test_a_list_about_an_id_goes_on_about_that_id(
    shop: Place, visited: str, path: str, rows: int
) -> None:
    first = f"/insights/{visited}/{path}?limit=1"
    following: str | None = first
    pages = []
    while following:
        assert following.startswith(first)
        answer = await asked(shop, following, who=f"{visited}/reader")
        assert answer.status_code == 200, answer.text
        pages.append(tuple(row["id"] for row in answer.json()))
        following = answer.links["next"]["url"] if "next" in answer.links else None

    assert [len(page) for page in pages] == [1] * rows
    assert len({*pages}) == rows


@pytest.mark.parametrize("path", ["profiles/nobody%2Fevents", "groups/none%2Fmembers"])
async def test_what_is_not_there_is_not_found(shop: Place, project: str, path: str) -> None:
    answer = await asked(shop, f"/insights/{project}/{path}", who=f"{project}/reader")

    assert (answer.status_code, answer.json()["message"].split()[1:]) == (404, ["not", "found"])


async def test_a_project_is_not_named_within_an_id(shop: Place, project: str) -> None:
    answer = await asked(shop, "/insights/mine%2Fprofiles/profiles/a%2Fb", who=f"{project}/reader")
    assert (answer.status_code, answer.json()["message"]) == (403, NO_ACCESS)
