"""Members of a group in pages, and its days; people who are here now; how long funnels take: of small projects.

who         did for the team (UTC)                                   is
ada         Feb 26: click, click; Feb 28: click                      a member since Feb 26
device 2    Feb 27: click                                            ada, so that all of it is hers
bob         Feb 27: click                                            a member
cho         Feb 28: click                                            a member
dan         nothing                                                  a member by his profile
"""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from openpanel.identity.ids import person_of_profile
from openpanel.warehouse import tables
from tests.api.public.asking import Json, asked
from tests.api.public.conftest import Place
from tests.api.public.small_worlds import make_project, ms, put, put_events
from tests.api.public.world import NOW

PROJECT: Final = "teams"
DAYS = {"startDate": "2026-02-26", "endDate": "2026-02-28"}


@pytest.fixture(scope="module")
def teams(shop: Place) -> Place:
    """The stores with this team in a project of its own."""
    make_project(shop, PROJECT)
    did = [("ada", 26, 0), ("ada", 26, 1), ("ada", 28, 0), ("bob", 27, 0), ("cho", 28, 5)]
    rows = [_click(person_of_profile(who), day, minute, profile_id=who) for who, day, minute in did]
    put_events(shop, [*rows, _click(2, 27, 3, device_id=2)])
    told = {"project_id": PROJECT, "created_at": ms(NOW), "version": 1}
    put(shop, tables.GROUPS, [{**told, "group_id": "a/team", "type": "team", "name": "A"}])
    dan = {"profile_id": "dan", "person": person_of_profile("dan"), "groups": ("a/team",)}
    put(shop, tables.PROFILES, [{**told, **dan}])
    known = {"project_id": PROJECT, "person": 2, "into": person_of_profile("ada"), "version": 1}
    put(shop, tables.PERSON_OVERRIDES, [known])
    return shop


def _click(person: int, day: int, minute: int, **more: Any) -> dict[str, Any]:
    at = datetime(2026, 2, day, 0, minute, tzinfo=UTC)
    who = {"person": person, "session_id": person, "device_id": 9, "groups": ("a/team",)}
    return {"project_id": PROJECT, "name": "click", "at": at, **who, **more}


async def found(
    place: Place, path: str, project: str = PROJECT, *, body: Json = None, **parameters: Any
) -> Json:
    answer = await asked(place, f"/insights/{project}/{path}", parameters, who=f"{project}/reader", body=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_members_come_in_pages_to_the_last(teams: Place) -> None:
    following: str | None = f"/insights/{PROJECT}/groups/a/team/members?limit=2"
    pages = []
    while following:
        answer = await asked(teams, following, who=f"{PROJECT}/reader")
        pages.append([(row["id"], row["events"], row["lastSeenAt"]) for row in answer.json()])
        following = answer.links["next"]["url"] if "next" in answer.links else None

    assert pages == [
        [("cho", 1, "2026-02-28T00:05:00.000Z"), ("ada", 4, "2026-02-28T00:00:00.000Z")],
        [("bob", 1, "2026-02-27T00:00:00.000Z"), ("dan", 0, None)],
    ]


async def test_a_page_of_members_is_asked_for_by_its_cursor_alone(teams: Place) -> None:
    answer = await asked(
        teams, f"/insights/{PROJECT}/groups/a/team/members", {"cursor": "x"}, who=f"{PROJECT}/reader"
    )

    message = "cursor: expected the cursor in the Link of an earlier answer"
    assert (answer.status_code, answer.json()["message"]) == (400, message)


async def test_days_of_a_group_say_how_much_by_how_many(teams: Place) -> None:
    days = await found(teams, "groups/a/team/activity", **DAYS)
    one = await found(teams, "groups/a/team/activity", startDate="2026-02-27", endDate="2026-02-27")

    assert days == [
        {"day": "2026-02-26", "events": 2, "members": 1},
        {"day": "2026-02-27", "events": 2, "members": 2},
        {"day": "2026-02-28", "events": 2, "members": 2},
    ]
    assert one == days[1:2]


async def test_who_is_here_on_two_devices_is_one(shop: Place) -> None:
    """Ada on two devices within the last five minutes, bob six minutes ago."""
    project = make_project(shop, "online")
    ada, bob = person_of_profile("ada"), person_of_profile("bob")
    put_events(shop, [
        {"project_id": project, "name": "screen_view", "path": "/", "at": NOW - timedelta(minutes=ago), "person": person,
         "device_id": device, "session_id": device}
        for person, device, ago in ((ada, 1, 1), (2, 2, 2), (bob, 3, 6))
    ])  # fmt: skip
    put(shop, tables.PERSON_OVERRIDES, [{"project_id": project, "person": 2, "into": ada, "version": 1}])

    assert await found(shop, "live", project) == {"visitors": 1}
    assert (await found(shop, "realtime", project))["visitors_now"] == 1


async def test_a_funnel_says_how_long_it_took_on_average_and_in_the_middle(shop: Place) -> None:
    """Three visits take 10, 20 and 90 seconds from the page to the signup, a fourth never gets there."""
    project = make_project(shop, "durations")
    rows = []
    for session, seconds in enumerate((10, 20, 90, None), start=1):
        at = NOW - timedelta(hours=session)
        who = {"project_id": project, "person": session, "device_id": session, "session_id": session}
        rows.append({**who, "name": "screen_view", "path": "/", "at": at, "session_started_at": ms(at)})
        if seconds is not None:
            after = at + timedelta(seconds=seconds)
            rows.append({**who, "name": "signup", "at": after, "session_started_at": ms(at)})
    put_events(shop, rows)

    funnel = await found(shop, "funnel", project, steps='["screen_view","signup"]')
    (large,) = (
        await found(shop, "funnel", project, body={"steps": [{"name": "screen_view"}, {"name": "signup"}]})
    )["rows"]

    first, last = funnel["steps"]
    assert (funnel["totalUsers"], funnel["completedUsers"]) == (4, 3)
    assert (first["medianSeconds"], first["meanSeconds"]) == (None, None)
    assert (last["medianSeconds"], last["meanSeconds"]) == (20.0, 40.0)
    assert (funnel["medianSeconds"], funnel["meanSeconds"]) == (20.0, 40.0)
    assert (large["medianSeconds"], large["meanSeconds"]) == (20.0, 40.0)


async def test_the_first_moment_of_1970_is_a_moment_too(shop: Place) -> None:
    """A client's clock that was never set says so: groups, sessions and events of then are shown like others."""
    project, begin = make_project(shop, "epoch"), datetime(1970, 1, 1, tzinfo=UTC)
    put(shop, tables.GROUPS, [{"project_id": project, "group_id": "old", "name": "Old", "version": 1}])
    who = {"person": person_of_profile("eve"), "profile_id": "eve", "device_id": 3, "session_id": 8}
    names = ("session_start", "screen_view")
    put_events(
        shop, [{"project_id": project, "name": name, "at": begin, "path": "/", **who} for name in names]
    )
    first = "1970-01-01T00:00:00.000Z"

    (group,) = await found(shop, "groups", project)
    event = await found(shop, "events/0000000000000002", project)
    session = await found(shop, "sessions/0000000000000008", project)
    person = await found(shop, "profiles/eve", project)
    exported = (await asked(shop, "/export/events", who=f"{project}/reader")).json()["data"]

    assert (group["createdAt"], (await found(shop, "groups/old", project))["group"]["createdAt"]) == (
        first,
        first,
    )
    assert (event["event"]["createdAt"], session["startedAt"], session["endedAt"]) == (first, first, first)
    assert [each["createdAt"] for each in (*person["recentEvents"], *exported)] == [first] * 4
