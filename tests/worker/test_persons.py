"""Who did it, from what pages and servers send over HTTP to the rows that say so."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from openpanel.analytics.asking import ask
from openpanel.analytics.group_members import GroupMembers
from openpanel.analytics.people import PeopleCount
from openpanel.analytics.person_details import PersonDetail, PersonDetails
from openpanel.analytics.person_rows import Person
from openpanel.analytics.person_selection import PeopleKind, PeopleSelection
from openpanel.analytics.statements import from_milliseconds
from openpanel.identity.ids import from_hex, person_of_profile
from openpanel.metadata import ProjectRecord
from openpanel.warehouse import Warehouse
from openpanel_worker.deps import Values
from openpanel_worker.surroundings import Enrichers
from tests.api.ingest.rig import Headers, Ingest, an_event, an_ingest, server
from tests.stream.builders import a_stream
from tests.worker.builders import MINUTE, PROJECT, World, message

DAY = 24 * 60  # minutes


@dataclass
class Site:
    """A site that sends, and the worker behind the API that it sends to."""

    ingest: Ingest
    world: World

    def people(self, kind: PeopleKind = "all") -> int:
        """How many persons the project has."""
        now = from_milliseconds(self.ingest.clock.now_ms + MINUTE)
        return ask(self.world.warehouse, PeopleCount(PeopleSelection(PROJECT, "UTC", now, kind=kind)))

    def person(self, profile: str) -> PersonDetails:
        """Who is found by this id."""
        found = ask(self.world.warehouse, PersonDetail(PROJECT, profile))
        assert found is not None
        return found

    def members(self, group: str) -> Sequence[Person]:
        """Who belongs to the group."""
        now = from_milliseconds(self.ingest.clock.now_ms + MINUTE)
        return ask(self.world.warehouse, GroupMembers(PROJECT, group, now)).people

    async def send(self, sent: Any, headers: Headers | None = None, *, after: float = 0) -> Any:
        """One call so many minutes after the one before it; what it was answered."""
        self.ingest.clock.now_ms += int(after * MINUTE)
        answer = await self.ingest.post("/track", sent, headers)
        assert answer.status == 200, answer.text
        return answer.json

    async def batch(self, *sent: Any) -> None:
        """Many calls in one."""
        answer = await self.ingest.post("/track/batch", list(sent))
        assert answer.json["rejected"] == 0, answer.text

    def event(self, name: str, columns: str) -> tuple[Any, ...]:
        """Columns of the only event of that name."""
        [row] = self.world.rows(columns, where=f"name = '{name}'")
        return row

    def same_persons(self) -> list[tuple[int, int]]:
        """Who was said to be whom."""
        return [
            (person, into)
            for person, into in self.world.rows(
                "person, into", table="person_overrides FINAL", order="person"
            )
        ]


@pytest.fixture
async def site(
    valkey_url: str, tmp_path: Path, warehouse: Warehouse, enrichers: Enrichers
) -> AsyncIterator[Site]:
    async with (
        an_ingest(valkey_url, tmp_path / "api", id=PROJECT) as ingest,
        a_stream(valkey_url, tmp_path / "worker", pool=ingest.pool, clock=ingest.clock) as stream,
    ):
        record = ProjectRecord(id=PROJECT, name="Shop", organization="acme")
        values = Values(valkey_url, "", "", warehouse.database, stream.pool)
        yield Site(ingest, World(stream, warehouse, enrichers, {PROJECT: record}, values))


@pytest.mark.parametrize(
    "counting",
    [
        message("increment", profileId="bob", property="invited"),
        message("decrement", profileId="bob", property="credit"),
        message("assign_group", profileId="bob", groupIds=["acme"]),
        message("alias", profileId="bob", alias="robert"),
    ],
    ids=lambda counting: counting["type"],
)
async def test_page_that_counts_for_somebody_makes_nobody_of_its_visitor(site: Site, counting: Any) -> None:
    alice = await site.send(an_event())
    await site.send(counting, after=1)
    await site.send(an_event("paid", profile="bob"), server(), after=1)

    site.world.drain()

    assert site.event("paid", "device_id, session_id, profile_id") == (0, 0, "bob")
    assert from_hex(alice["deviceId"]) not in dict(site.same_persons())


async def test_shared_computer_gives_nobody_the_visit_of_another(site: Site) -> None:
    await site.send(an_event(profile="ann"))
    shared = await site.send(an_event(profile="bob"), after=40)
    await site.send(an_event("shipped", profile="ann"), server(), after=20)
    await site.send(an_event("paid", profile="bob"), server())

    site.world.drain()

    session, device = from_hex(shared["sessionId"]), from_hex(shared["deviceId"])
    assert site.event("shipped", "device_id, session_id, profile_id") == (0, 0, "ann")
    assert site.event("paid", "device_id, session_id, profile_id") == (device, session, "bob")
    assert site.same_persons() == [(device, person_of_profile("ann"))]


async def test_server_event_says_of_no_device_whose_it_is(site: Site) -> None:
    """A page may say who its visitor is and take it back: what a server sends then proves nothing."""
    first = await site.send(an_event())
    await site.send(message("identify", profileId="ann"), after=1)
    site.world.drain()
    await site.send(an_event("paid", profile="ann"), server(), after=1)
    site.world.warehouse.command("TRUNCATE TABLE person_overrides")
    site.world.transform = site.world.new_transform()

    site.world.drain()

    assert site.event("paid", "session_id, profile_id") == (from_hex(first["sessionId"]), "ann")
    assert site.same_persons() == []


async def test_visitor_whose_groups_are_told_before_its_name_is_one_person(site: Site) -> None:
    seen = await site.send(an_event())
    await site.send(message("assign_group", groupIds=["acme"]), after=1)
    site.world.drain()
    assert (site.people(), site.people("anonymous"), site.people("identified")) == (1, 1, 0)
    assert not site.person(seen["deviceId"]).identified

    await site.send(message("identify", profileId="42"), after=1)
    site.world.drain()

    assert (site.people(), site.people("anonymous"), site.people("identified")) == (1, 0, 1)
    [member] = site.members("acme")
    assert (member.person, member.identified) == (person_of_profile("42"), True)


async def test_visitor_without_a_name_is_an_anonymous_member_of_its_group(site: Site) -> None:
    seen = await site.send(an_event())
    await site.send(message("assign_group", groupIds=["acme"]), after=1)

    site.world.drain()

    [member] = site.members("acme")
    assert (member.person, member.identified) == (from_hex(seen["deviceId"]), False)


async def test_device_that_was_answered_can_be_made_an_alias(site: Site) -> None:
    seen = await site.send(an_event())
    await site.send(message("alias", profileId="42", alias=seen["deviceId"]), server(), after=1)
    await site.send(an_event("paid", profile="42"), server(), after=1)

    site.world.drain()

    assert site.people() == 1
    assert site.person(seen["deviceId"]).events == site.person("42").events == 2


async def test_event_that_names_a_device_as_its_profile_is_of_that_visitor(site: Site) -> None:
    seen = await site.send(an_event())
    await site.send(an_event("paid", profile=seen["deviceId"]), server(), after=1)

    site.world.drain()

    assert site.people() == 1
    assert site.person(seen["deviceId"]).events == 2


async def test_late_event_of_yesterday_makes_nobody_new_and_nobody_returning(site: Site) -> None:
    await site.send(an_event())
    yesterday = site.ingest.clock.now_ms
    await site.send(an_event("click", __timestamp=yesterday + 60 * MINUTE), after=DAY)
    await site.send(an_event("buy"))

    site.world.drain()

    days = site.world.rows(
        "toString(day), uniqExact(person), countIf(session_id = 0)", where="1 GROUP BY day", order="day"
    )
    assert days == [("2026-01-01", 1, 1), ("2026-01-02", 1, 0)]
    assert site.people() == 2


async def test_late_event_of_days_that_nobody_knows_is_its_profiles_alone(site: Site) -> None:
    await site.send(an_event("click", __timestamp="2025-12-25T00:00:00Z"))
    await site.send(an_event("buy", profile="42", __timestamp="2025-12-25T00:00:00Z"))

    site.world.drain()

    assert site.event("click", "person, device_id, session_id") == (0, 0, 0)
    assert site.event("buy", "person, device_id, session_id") == (person_of_profile("42"), 0, 0)
    assert site.same_persons() == []


async def test_visit_that_was_offline_is_whole_when_it_comes_in_one_call(site: Site) -> None:
    now = site.ingest.clock.now_ms
    pages = {"landing?utm_source=news": 25, "shop": 20, "pay": 10, "thanks": 5}
    await site.batch(
        *(
            an_event(__path=f"https://example.com/{page}", __timestamp=now - ago * MINUTE)
            for page, ago in pages.items()
        )
    )

    site.world.drain()

    assert site.world.rows(
        "views, duration_ms, entry_path, exit_path", table="sessions FINAL", order="session_started_at"
    ) == [(4, 20 * MINUTE, "/landing", "/thanks")]
