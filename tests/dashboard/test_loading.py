"""The pages in Chromium while things come and go by themselves: slow panels, new events, a server that is away."""

import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, expect

from openpanel.metadata import dashboard_sessions
from openpanel.stream import Pool
from openpanel.stream.keys import keys_of
from openpanel.warehouse import Unavailable, Warehouse
from tests.dashboard import traffic
from tests.dashboard.conftest import NOW, World, add_project
from tests.dashboard.screens import Screen, screen, served, window

pytestmark = pytest.mark.browser

NOBODY_ELSE_ASKS = (
    "2026-10-07..2026-11-05"  # what was asked before comes from the cache, not from the warehouse
)


class Held(Warehouse):
    """A warehouse that answers the questions about countries only when it is let."""

    def __init__(self, inner: Warehouse) -> None:
        self._inner, self.go_on = inner, threading.Event()
        self.database = inner.database

    def query(
        self,
        sql: str,
        *,
        parameters: Mapping[str, object] | None = None,
        settings: Mapping[str, object] | None = None,
    ) -> list[tuple[Any, ...]]:
        if "visit.country AS value" in sql:
            assert self.go_on.wait(timeout=250)
        return self._inner.query(sql, parameters=parameters, settings=settings)


def test_one_slow_panel_holds_up_no_other(world: World, browser: Browser) -> None:
    slow = Held(world.warehouse)
    with ExitStack() as stack:
        origin = stack.enter_context(served(world.app(warehouse=slow)))
        stack.callback(slow.go_on.set)
        shown = stack.enter_context(screen(browser, origin, session=world.session))
        shown.page.goto(origin + world.address(f"/overview?range={NOBODY_ELSE_ASKS}"))
        places = shown.page.locator("#panel-places")
        places.scroll_into_view_if_needed()

        for other in (
            "kpis .kpi-value",
            "chart .chart-caption",
            "sources .rank-row",
            "pages .rank-row",
            "devices .rank-row",
        ):
            expect(shown.page.locator(f"#panel-{other}").first).to_be_visible()
        expect(places.locator(".skeleton")).to_be_visible()
        expect(places.locator(".panel-slow")).to_be_visible()
        slow.go_on.set()
        expect(places.locator(".rank-row").first).to_be_visible()


def test_older_numbers_are_there_at_once_and_give_way_to_the_right_ones(
    world: World, browser: Browser, shown: Screen
) -> None:
    project = add_project(world.database, name="older", organization="acme")
    address = world.address("/overview?range=today", project)
    first, second = (
        traffic.view(project="older", at=NOW - timedelta(minutes=1), device=device, country="KR")
        for device in (1, 2)
    )
    traffic.insert(world.warehouse, [first], token="older-1")
    shown.open_whole(address)
    traffic.insert(world.warehouse, [second], token="older-2")
    slow = Held(world.warehouse)
    with ExitStack() as stack:
        origin = stack.enter_context(served(world.app(warehouse=slow)))
        stack.callback(slow.go_on.set)
        other = stack.enter_context(screen(browser, origin, session=world.session))
        other.page.goto(origin + address)
        places = other.page.locator("#panel-places")
        places.scroll_into_view_if_needed()

        expect(places.locator(".stale")).to_have_text("As of 10:05")
        expect(places.locator(".rank-value")).to_have_text("1")
        expect(places).to_have_attribute("aria-busy", "true")
        slow.go_on.set()
        expect(places.locator(".rank-value")).to_have_text("2")
        expect(places.locator(".stale")).to_have_count(0)
        other.settle()
        assert other.shift() < 0.01


def test_online_count_follows_by_itself(world: World, shown: Screen) -> None:
    project = add_project(world.database, name="lively", organization="acme")
    shown.open(world.address(project=project))
    pill = shown.page.locator("live-count")
    expect(pill).to_contain_text("0 online · 5 min")

    (keys, *_) = keys_of(Pool("shared", 1))
    world.redis.zadd(keys.live("lively"), {"00000000000000aa": int(NOW.timestamp() * 1000)})

    expect(pill).to_contain_text("1 online · 5 min")
    world.redis.delete(keys.live("lively"))
    expect(pill).to_contain_text("0 online · 5 min")


def test_waiting_page_turns_into_numbers(world: World, shown: Screen) -> None:
    project = add_project(world.database, name="awaited", organization="acme")
    shown.open(world.address(project=project))
    expect(shown.page.locator(".waiting")).to_be_visible()

    event = traffic.view(project="awaited", at=NOW - timedelta(minutes=1), device=1)
    traffic.insert(world.warehouse, [event], token="awaited")

    expect(shown.page.locator("#kpi-visitors .kpi-value")).to_have_text("1")
    expect(shown.page.locator(".waiting")).to_have_count(0)


def test_new_events_are_offered_under_the_pointer_and_taken_when_it_rests(
    world: World, shown: Screen
) -> None:
    project = add_project(world.database, name="growing", organization="acme")
    first = traffic.view(project="growing", at=NOW - timedelta(minutes=2), device=1)
    traffic.insert(world.warehouse, [first], token="growing-1")
    shown.open(world.address("/overview?range=today", project))
    expect(shown.page.locator("live-count")).to_contain_text("online")
    visitors = shown.page.locator("#kpi-visitors .kpi-value")
    expect(visitors).to_have_text("1")

    shown.page.evaluate(
        "window.__moving = setInterval(() => document.dispatchEvent(new Event('pointermove')), 100)"
    )
    second = traffic.view(project="growing", at=NOW - timedelta(minutes=1), device=2)
    traffic.insert(world.warehouse, [second], token="growing-2")
    expect(shown.page.locator("#news")).to_have_text("1 new · show")
    expect(visitors).to_have_text("1")
    shown.page.evaluate("clearInterval(window.__moving)")

    expect(visitors).to_have_text("2")
    expect(shown.page.locator("#news")).to_be_hidden()


def test_panel_can_be_tried_again_after_the_server_was_away(world: World, browser: Browser) -> None:
    with ExitStack() as stack:
        origin = stack.enter_context(served(world.app()))
        shown = stack.enter_context(screen(browser, origin, session=world.session))
        shown.page.route("**/panel/pages*", lambda route: route.abort())
        shown.page.goto(origin + world.address())
        pages = shown.page.locator("#panel-pages")
        expect(pages.locator(".notice")).to_contain_text("The server did not answer.")
        expect(pages.locator("h2")).to_have_text("Pages")
        shown.page.unroute("**/panel/pages*")

        pages.locator("[data-retry]").click()

        expect(pages.locator(".rank-row").first).to_be_visible()
        shown.problems[:] = [
            one for one in shown.problems if "ERR_FAILED" not in one and "htmx:error" not in one
        ]


class Faltering(Warehouse):
    """A warehouse that is away for the questions about countries and browsers until it is back."""

    def __init__(self, inner: Warehouse) -> None:
        self._inner, self.is_back = inner, False
        self.database = inner.database

    def query(
        self,
        sql: str,
        *,
        parameters: Mapping[str, object] | None = None,
        settings: Mapping[str, object] | None = None,
    ) -> list[tuple[Any, ...]]:
        if not self.is_back and ("visit.country AS value" in sql or "visit.browser AS value" in sql):
            raise Unavailable("away")
        return self._inner.query(sql, parameters=parameters, settings=settings)


@contextmanager
def with_two_failed_panels(
    world: World, browser: Browser, *, unasked: str
) -> Iterator[tuple[Screen, Faltering]]:
    """A page whose clock is the test's, on which places and devices could not be read."""
    faltering = Faltering(world.warehouse)
    with (
        served(world.app(warehouse=faltering)) as origin,
        screen(browser, origin, session=world.session) as shown,
    ):
        shown.page.clock.install()
        shown.page.goto(origin + world.address(f"/overview?range={unasked}"))
        for name in ("places", "devices"):
            shown.page.locator(f"#panel-{name}").scroll_into_view_if_needed()
            expect(shown.page.locator(f"#panel-{name} .notice-error")).to_be_visible()
        yield shown, faltering
        shown.problems[:] = [one for one in shown.problems if "503" not in one]


def test_failed_panels_come_back_by_themselves(world: World, browser: Browser) -> None:
    with with_two_failed_panels(world, browser, unasked="2026-10-06..2026-11-04") as (shown, faltering):
        shown.page.clock.fast_forward(5_000)
        expect(shown.page.locator("#panel-places[aria-busy]")).to_have_count(0)
        expect(shown.page.locator("#panel-places .notice-error")).to_be_visible()
        faltering.is_back = True
        shown.page.clock.fast_forward(10_000)

        expect(shown.page.locator("#panel-places .rank-row").first).to_be_visible()
        expect(shown.page.locator("#panel-devices .rank-row").first).to_be_visible()


def test_try_again_asks_for_all_failed_panels_and_no_other(world: World, browser: Browser) -> None:
    with with_two_failed_panels(world, browser, unasked="2026-10-05..2026-11-03") as (shown, faltering):
        shown.settle()
        shown.asked()
        faltering.is_back = True

        shown.page.locator("#panel-places [data-retry]").click()
        for name in ("places", "devices"):
            expect(shown.page.locator(f"#panel-{name} .rank-row").first).to_be_visible()

        assert sorted(shown.asked()) == ["devices", "places"]


def test_page_of_a_session_that_ended_goes_to_the_sign_in(
    world: World, browser: Browser, origin: str
) -> None:
    token = "session-that-ends"
    dashboard_sessions.begin(
        world.database, user=world.member.id, token=token, at=NOW, expires_at=NOW + timedelta(days=30)
    )
    with screen(browser, origin, session=token) as shown:
        shown.open(world.address("/overview?range=7d"))
        expect(shown.page.locator("live-count")).to_contain_text("online")

        dashboard_sessions.end(world.database, token=token)

        shown.page.wait_for_url(re.compile(r"/sign-in\?next="))
        target = parse_qs(urlsplit(shown.page.url).query)["next"]
        assert target == [world.address("/overview?range=7d")]
        shown.problems[:] = [one for one in shown.problems if "401" not in one]


def test_page_without_script_says_what_is_missing(world: World, browser: Browser, origin: str) -> None:
    with window(browser, java_script_enabled=False) as context:
        context.add_cookies([{"name": "openpanel-session", "value": world.session, "url": origin}])
        page = context.new_page()
        page.goto(origin + world.address())

        expect(page.locator("noscript .unscripted")).to_be_visible()
        expect(page.locator("noscript .unscripted")).to_contain_text("The numbers need JavaScript")
        expect(page.locator("#live")).to_have_attribute("data-state", "idle")


def test_lost_stream_says_since_when(world: World, browser: Browser) -> None:
    with ExitStack() as stack:
        server = ExitStack()
        stack.callback(server.close)
        origin = server.enter_context(served(world.app()))
        shown = stack.enter_context(screen(browser, origin, session=world.session))
        shown.open(world.address())
        expect(shown.page.locator("live-count")).to_contain_text("online")

        server.close()

        expect(shown.page.locator("live-count")).to_contain_text("reconnecting since")
        shown.problems[:] = [one for one in shown.problems if "ERR_CONNECTION_REFUSED" not in one]
