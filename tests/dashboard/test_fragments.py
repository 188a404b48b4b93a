"""Panels: kept only while they are right, stopped when nobody waits, failing alone."""

import asyncio
import math
import secrets
import threading
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request

from openpanel.analytics.filters import BadFilter
from openpanel.analytics.flights import Caller, HungUp
from openpanel.metadata import Database, projects
from openpanel.warehouse import Refused, Unavailable, Warehouse
from openpanel_dashboard.fragments import (
    KEPT_FOR,
    MOST_KEPT,
    ClientGoneError,
    FragmentCache,
    Place,
    Version,
    failure,
    stale_for,
    while_asked,
)
from openpanel_dashboard.questions import Questions
from tests.dashboard import traffic
from tests.dashboard.browsers import ORIGIN, Browser
from tests.dashboard.conftest import NOW, World, add_project
from tests.dashboard.markup import parse

MINUTE = timedelta(minutes=1)


PLACE = Place(project="shop", timezone="Asia/Seoul", address="/a", language="en")
VERSION = Version(counted=7, step=0)


def member_of(world: World, app: FastAPI) -> httpx.AsyncClient:
    """A browser in which the member is signed in, and that can ask several things at once."""
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url=ORIGIN,
        cookies={"openpanel-session": world.session},
        headers={"accept-language": "en"},
    )


def cache_at(moment: datetime) -> FragmentCache:
    cache = FragmentCache(clock=lambda: moment)
    cache.put(PLACE, VERSION, "html")
    return cache


def test_fragment_is_given_for_a_minute() -> None:
    moments = iter([NOW, NOW, NOW + KEPT_FOR + MINUTE])
    cache = FragmentCache(clock=lambda: next(moments))
    cache.put(PLACE, VERSION, "html")

    assert cache.get(PLACE, VERSION) == "html"
    assert cache.get(PLACE, VERSION) is None


@pytest.mark.parametrize(
    ("place", "version"),
    [
        (PLACE, replace(VERSION, counted=8)),
        (PLACE, replace(VERSION, step=1)),
        (replace(PLACE, language="ko"), VERSION),
        (replace(PLACE, project="other"), VERSION),
        (replace(PLACE, timezone="UTC"), VERSION),
        (replace(PLACE, address="/b"), VERSION),
    ],
)
def test_fragment_is_not_given_for_another_question(place: Place, version: Version) -> None:
    assert cache_at(NOW).get(place, version) is None


def test_last_fragment_is_there_however_old_and_whatever_was_counted_since() -> None:
    cache = cache_at(NOW)
    cache.put(PLACE, replace(VERSION, counted=8), "newer")

    kept = cache.last(PLACE)
    assert kept is not None
    assert (kept.html, kept.made) == ("newer", NOW)


def test_least_used_fragments_go_first() -> None:
    cache = FragmentCache(clock=lambda: NOW)
    places = [replace(PLACE, address=str(number)) for number in range(MOST_KEPT + 1)]
    for place in places[:-1]:
        cache.put(place, VERSION, "html")

    cache.get(places[0], VERSION)
    cache.put(places[-1], VERSION, "html")

    assert cache.last(places[0]) is not None
    assert cache.last(places[1]) is None


def test_new_event_is_on_the_page_at_once(world: World) -> None:
    project = add_project(world.database, name="soon", organization="acme")
    address = world.address("/overview/panel/kpis?range=today", project)
    with Browser(world.app()) as client:
        client.cookies.set("openpanel-session", world.session)

        def visitors() -> str:
            return parse(client.get(address).text).one("a", id="kpi-visitors").one(class_="kpi-value").text

        seen = [visitors(), visitors()]
        traffic.insert(
            world.warehouse, [traffic.view(project="soon", at=NOW - MINUTE, device=1)], token="soon-1"
        )
        seen.append(visitors())
        traffic.insert(
            world.warehouse, [traffic.view(project="soon", at=NOW - MINUTE, device=2)], token="soon-2"
        )
        seen.append(visitors())

    assert seen == ["0", "0", "1", "2"]


def test_panel_that_a_browser_has_is_not_sent_again_until_it_changes(world: World) -> None:
    project = add_project(world.database, name="same", organization="acme")
    address = world.address("/overview/panel/kpis?range=2026-11-01..2026-11-17", project)
    with Browser(world.app()) as client:
        client.cookies.set("openpanel-session", world.session)
        first = client.get(address)
        known = {"if-none-match": f'"other", {first.headers["etag"]}'}

        again = client.get(address, headers=known)
        traffic.insert(
            world.warehouse,
            [traffic.view(project="same", at=NOW - timedelta(days=2), device=1)],
            token="same",
        )
        changed = client.get(address, headers=known)

    assert (first.status_code, again.status_code, changed.status_code) == (200, 304, 200)
    assert (again.content, again.headers["etag"]) == (b"", first.headers["etag"])
    assert first.headers["cache-control"] == "private, no-cache"


def test_panel_that_was_made_in_the_former_time_zone_is_not_shown_again(world: World) -> None:
    """One visit, at 23:30 of the 17th in London and in the morning of the 18th in Seoul."""
    project = add_project(world.database, name="moved", organization="acme", timezone="Europe/London")
    at = datetime(2026, 11, 17, 23, 30, tzinfo=UTC)
    traffic.insert(world.warehouse, [traffic.view(project="moved", at=at, device=1)], token="moved")
    address = world.address("/overview/panel/kpis?range=2026-11-17..2026-11-17", project)
    with Browser(world.app()) as client:
        client.cookies.set("openpanel-session", world.session)

        def visitors() -> str:
            return parse(client.get(address).text).one("a", id="kpi-visitors").one(class_="kpi-value").text

        before = visitors()
        projects.put(world.database, wanted=replace(project, timezone="Asia/Seoul"))
        after = visitors()

    assert (before, after) == ("1", "0")


class Failing(Warehouse):
    """A warehouse that refuses the questions of one panel."""

    def __init__(self, inner: Warehouse, *, part: str, error: Exception) -> None:
        self._inner, self._part, self._error, self.fails = inner, part, error, True
        self.database = f"failing {secrets.token_hex(4)}"  # whose answers nobody else keeps

    def query(
        self,
        sql: str,
        *,
        parameters: Mapping[str, object] | None = None,
        settings: Mapping[str, object] | None = None,
    ) -> list[tuple[Any, ...]]:
        if self.fails and self._part in sql:
            raise self._error
        return self._inner.query(sql, parameters=parameters, settings=settings)


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (Unavailable("no answer"), "The numbers cannot be read at the moment."),
        (Unavailable("too long", code=159), "Counting this took too long. A shorter range may help."),
        (Unavailable("too long", code=159), "Ask for a shorter range than 28 days or a filter."),
        (
            Unavailable("memory", code=241),
            "This is too much to count at once. A shorter range or a filter may help.",
        ),
        (Refused(62, "syntax"), "The numbers cannot be read at the moment."),
        (KeyError("a mistake of ours"), "Something went wrong."),
    ],
)
def test_one_panel_fails_alone(world: World, error: Exception, says: str) -> None:
    broken = Failing(world.warehouse, part="visit.country", error=error)
    with Browser(world.app(warehouse=broken)) as client:
        client.cookies.set("openpanel-session", world.session)

        places = client.get(world.address("/overview/panel/places"))
        devices = client.get(world.address("/overview/panel/devices"))
        page = client.get(world.address())

    assert places.status_code in {500, 503}
    assert says in parse(places.text).one(class_="notice").text
    assert "Places" in parse(places.text).one("h2").text
    assert (devices.status_code, page.status_code) == (200, 200)


def test_numbers_there_were_are_shown_with_their_age_while_the_warehouse_is_away(world: World) -> None:
    moments = [NOW]
    flaky = Failing(world.warehouse, part="", error=Unavailable("no answer"))
    flaky.fails = False
    with Browser(world.app(warehouse=flaky, clock=lambda: moments[-1])) as client:
        client.cookies.set("openpanel-session", world.session)
        address = world.address("/overview/panel/kpis")
        before = parse(client.get(address).text).one("a", id="kpi-visitors").text
        flaky.fails = True
        moments.append(NOW + 2 * MINUTE)
        soon = client.get(address)
        moments.append(NOW + 9 * MINUTE)
        later = client.get(address)

    assert soon.status_code == 200
    assert parse(soon.text).one("a", id="kpi-visitors").text == before
    assert parse(soon.text).one("p", class_="stale").text == "As of 19:05"
    assert parse(soon.text).all("p", class_="stale-warns") == []
    assert parse(later.text).one("p", class_="stale-warns").text == "As of 19:05"


@pytest.mark.parametrize("name", ["kpis", "pages"])
def test_older_numbers_are_shown_with_their_age_to_who_takes_them_for_now(world: World, name: str) -> None:
    moments = [NOW]
    project = add_project(world.database, name=f"older-{name}", organization="acme")
    address = world.address(f"/overview/panel/{name}?range=today", project)
    with Browser(world.app(clock=lambda: moments[-1])) as client:
        client.cookies.set("openpanel-session", world.session)

        def count(at: datetime, accepted: str, *devices: int) -> tuple[str, list[str], bool]:
            moments.append(at)
            for device in devices:
                event = traffic.view(project=project.id, at=NOW - MINUTE, device=device)
                traffic.insert(world.warehouse, [event], token=f"older-{name}-{device}")
            body = parse(client.get(address, headers={"cache-control": accepted}).text)
            number = body.all(class_="kpi-value" if name == "kpis" else "rank-value")[0].text
            ages = body.all("p", class_="stale")
            return (
                number,
                [age.text for age in ages],
                any("data-refreshing" in age.attributes for age in ages),
            )

        first = count(NOW, "max-stale=600", 1)
        older = count(NOW + MINUTE, "max-stale=600", 2)
        right = count(NOW + MINUTE, "no-cache")
        again = count(NOW + MINUTE, "max-stale=600")
        too_old = count(NOW + 12 * MINUTE, "max-stale=86400", 3)

    assert first == ("1", [], False)
    assert older == ("1", ["As of 10:05"], True)
    assert right == again == ("2", [], False)
    assert too_old == ("3", [], False)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("", 0),
        ("no-cache", 0),
        ("max-stale=60", 60),
        ("no-transform, Max-Stale=60", 60),
        ("max-stale=99999", 600),
        ("max-stale", 0),
        ("max-stale=-5", 0),
        ("max-stale=\u0666", 0),
        ("max-stale=" + "9" * 5_000, 0),
    ],
)
def test_age_that_is_taken_is_bounded(header: str, seconds: int) -> None:
    asked = Request({"type": "http", "headers": [(b"cache-control", header.encode())]})

    assert stale_for(asked) == timedelta(seconds=seconds)


def test_shell_works_while_the_warehouse_is_away(world: World) -> None:
    with (
        Warehouse("http://nobody:x@127.0.0.1:1", database="none") as away,
        Browser(world.app(warehouse=away)) as client,
    ):
        client.cookies.set("openpanel-session", world.session)

        page = client.get(world.address())
        panel = client.get(world.address("/overview/panel/kpis"))

    assert page.status_code == 200
    assert panel.status_code == 503
    assert "data-retry" in panel.text


class Hanging(Warehouse):
    """A warehouse that keeps its first questions waiting until it is let go, and knows when `full` of them wait."""

    def __init__(self, inner: Warehouse, *, questions: float = math.inf, full: int = 1) -> None:
        self._inner, self._questions, self._full = inner, questions, full
        self._asked, self._counting = 0, threading.Lock()
        self.full, self.go_on = threading.Event(), threading.Event()
        self.database = f"hanging {secrets.token_hex(4)}"

    def query(
        self,
        sql: str,
        *,
        parameters: Mapping[str, object] | None = None,
        settings: Mapping[str, object] | None = None,
    ) -> list[tuple[Any, ...]]:
        with self._counting:
            self._asked += 1
            asked = self._asked
        if asked == self._full:
            self.full.set()
        if asked <= self._questions:
            assert self.go_on.wait(timeout=250)
        return self._inner.query(sql, parameters=parameters, settings=settings)


@pytest.mark.parametrize("path", ["/overview", "/overview/main?range=7d"])
async def test_page_comes_while_the_warehouse_hangs(world: World, path: str) -> None:
    hanging = Hanging(world.warehouse)
    async with member_of(world, world.app(warehouse=hanging)) as client:
        try:
            answer = await asyncio.wait_for(client.get(world.address(path)), timeout=100)
        finally:
            hanging.go_on.set()

    assert answer.status_code == 200
    assert len(parse(answer.text).all("section", class_="panel")) == 6


async def test_panel_waits_for_what_its_page_does_not_wait_for(world: World) -> None:
    hanging = Hanging(world.warehouse, questions=1)
    async with member_of(world, world.app(warehouse=hanging)) as client:
        panel = await client.get(world.address("/overview/panel/chart?range=all&by=day&view=table"))
        hanging.go_on.set()

    assert len(parse(panel.text).all("tr")) == 61  # the days since the first event, and not today alone


def test_panel_says_so_while_metadata_is_away_and_a_view_change_becomes_a_page(world: World) -> None:
    with (
        Database("postgresql+psycopg://nobody@127.0.0.1:1/none") as away,
        Browser(world.app(database=away)) as client,
    ):
        client.cookies.set("openpanel-session", world.session)
        panel = client.get(world.address("/overview/panel/kpis"), headers={"hx-request": "true"})
        around = client.get(world.address("/overview/main?range=7d"), headers={"hx-request": "true"})
        page = client.get(world.address("/overview?range=7d&f=os:is:iOS"))

    assert [panel.status_code, around.status_code, page.status_code] == [503, 503, 503]
    assert parse(panel.text).all("html") == []
    assert parse(panel.text).one("button").text == "Try again"
    assert around.headers["hx-redirect"] == world.address("/overview?range=7d")
    said = parse(page.text)
    assert said.one("h1").text == "The dashboard cannot reach its database"
    assert said.one("a", class_="button")["href"] == world.address("/overview?range=7d&f=os:is:iOS")


def test_bad_filter_is_the_readers_business_and_no_error() -> None:
    notice, status = failure(BadFilter("re", reason="not a regular expression"), lambda text, **_: text)

    assert (status, notice.state) == (200, "filtered")
    assert "not a regular expression" in notice.detail


def test_only_errors_that_may_pass_are_met_again_by_themselves(world: World) -> None:
    found = []
    for error in (Unavailable("no answer"), Unavailable("too long", code=159)):
        broken = Failing(world.warehouse, part="visit.country", error=error)
        with Browser(world.app(warehouse=broken)) as client:
            client.cookies.set("openpanel-session", world.session)
            places = parse(client.get(world.address("/overview/panel/places")).text)
        found.append("data-passing" in places.one(class_="notice").attributes)

    assert found == [True, False]


async def test_whoever_is_asked_for_hangs_up_when_the_client_leaves() -> None:
    begun, stopped = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    async def leave() -> dict[str, str]:
        await begun.wait()
        return {"type": "http.disconnect"}

    def work(caller: Caller) -> str:
        with caller.waiting(stopped.set):
            loop.call_soon_threadsafe(begun.set)
            assert stopped.wait(timeout=100)
        raise HungUp

    with pytest.raises(ClientGoneError):
        await while_asked(Request({"type": "http"}, leave), Questions(), work)

    assert stopped.is_set()


async def test_answer_in_time_stops_nothing() -> None:
    callers: list[Caller] = []

    async def stay() -> dict[str, str]:
        await asyncio.Event().wait()
        raise AssertionError

    def work(caller: Caller) -> str:
        callers.append(caller)
        return "html"

    assert await while_asked(Request({"type": "http"}, stay), Questions(), work) == "html"
    assert [caller.has_gone for caller in callers] == [False]
