"""The pages in Chromium, as somebody uses them: pointer, keys, phone, both themes, live."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, expect, sync_playwright

from openpanel.stream import Pool
from openpanel.stream.keys import keys_of
from openpanel.warehouse import Warehouse
from tests.dashboard import traffic
from tests.dashboard.conftest import NOW, World, add_project
from tests.dashboard.screens import ARGUMENTS, Screen, screen, served

pytestmark = pytest.mark.browser

PHONE = {
    "viewport": {"width": 360, "height": 780},
    "is_mobile": True,
    "has_touch": True,
    "device_scale_factor": 2,
}
LIVE_EVERY_S = 0.2


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium, args=list(ARGUMENTS))
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def origin(world: World) -> Iterator[str]:
    with served(world.app(live_every_s=LIVE_EVERY_S, show_stories=True)) as address:
        yield address


@pytest.fixture
def shown(world: World, browser: Browser, origin: str) -> Iterator[Screen]:
    with screen(browser, origin, session=world.session) as opened:
        yield opened


def row(shown: Screen, card: str, name: str) -> Locator:
    return shown.page.locator(f"#panel-{card} .rank-name", has_text=name).first


def test_page_loads_without_moving_and_without_problems(world: World, shown: Screen) -> None:
    shown.open(world.address())

    shown.page.locator("#panel-devices").scroll_into_view_if_needed()
    shown.settle()
    shown.page.locator("chart-view").hover()

    expect(shown.page.locator(".chart-tip")).to_be_visible()
    assert shown.shift() < 0.01


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(
    "path",
    [
        "/overview",
        "/overview?cmp=prev&f=country:is:KR&view=table",
        "/overview?show=pages",
        "fresh",
        "/",
        "/stories",
    ],
)
def test_axe_finds_nothing(world: World, shown: Screen, theme: str, path: str) -> None:
    shown.page.context.add_cookies([{"name": "theme", "value": theme, "url": shown.origin}])
    place = path if path in {"/", "/stories"} else world.address(path)
    shown.page.goto(shown.origin + (world.address(project=world.fresh) if path == "fresh" else place))
    if path != "/stories":
        shown.settle()

    assert shown.axe() == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_in_open_menus(world: World, shown: Screen, theme: str) -> None:
    shown.page.context.add_cookies([{"name": "theme", "value": theme, "url": shown.origin}])
    shown.open(world.address())

    for menu in ("#range", "#compare", "#filters", ".nav-account", ".switcher"):
        shown.page.locator(f"{menu} > summary").click()
        assert shown.axe() == [], menu
    shown.page.keyboard.press("Escape")
    shown.page.keyboard.press("Shift+Slash")
    assert shown.axe() == []


def test_click_on_a_row_filters_every_panel_and_back_undoes_it(world: World, shown: Screen) -> None:
    shown.open(world.address())
    visitors = shown.page.locator("#kpi-visitors .kpi-value")
    before = visitors.inner_text()

    row(shown, "places", "South Korea").click()
    expect(shown.page.locator(".chip")).to_have_text("Country is South Korea")
    shown.settle()
    filtered = visitors.inner_text()
    expect(shown.page.locator("#panel-places .rank-name")).to_have_count(1)
    assert shown.page.url.endswith("?f=country:is:KR")

    row(shown, "devices", "Chrome").click()
    expect(shown.page.locator(".chip")).to_have_count(2)
    shown.settle()

    shown.page.go_back()
    expect(shown.page.locator(".chip")).to_have_count(1)
    expect(visitors).to_have_text(filtered)
    shown.page.go_back()
    expect(shown.page.locator(".chip")).to_have_count(0)
    expect(visitors).to_have_text(before)
    assert filtered != before


def test_alt_click_excludes(world: World, shown: Screen) -> None:
    shown.open(world.address())

    row(shown, "pages", "/pricing").click(modifiers=["Alt"])

    expect(shown.page.locator(".chip")).to_have_text("Page is not /pricing")


def test_what_is_not_touched_is_not_asked_again(world: World, shown: Screen) -> None:
    shown.open(world.address())
    shown.page.locator("#panel-devices").scroll_into_view_if_needed()
    shown.settle()
    shown.asked()

    shown.page.locator("#kpi-bounce").click()
    expect(shown.page.locator(".chart-caption")).to_contain_text("Bounce rate")
    shown.settle()
    of_metric = sorted(shown.asked())
    shown.page.locator("#panel-pages .tab", has_text="Exit").click()
    expect(shown.page.locator("#panel-pages .rank-heads")).to_contain_text("Exit page")
    shown.settle()

    assert of_metric == ["chart", "kpis", "main"]
    assert sorted(shown.asked()) == ["main", "pages"]
    assert shown.page.url.endswith("?m=bounce&tab.pages=exit")


def test_metric_and_tabs_stay_when_a_filter_is_clicked(world: World, shown: Screen) -> None:
    shown.open(world.address("/overview?m=bounce&tab.pages=exit"))

    row(shown, "sources", "Google").click()
    expect(shown.page.locator(".chip")).to_have_count(1)

    assert shown.page.url.endswith("?f=referrer:is:Google&m=bounce&tab.pages=exit")


def test_filters_can_be_cleared_and_brought_back(world: World, shown: Screen) -> None:
    shown.open(world.address("/overview?f=country:is:KR&f=os:is:iOS"))

    shown.page.locator(".chips-clear").click()
    expect(shown.page.locator(".chip")).to_have_count(0)
    shown.page.locator(".toast button").click()

    expect(shown.page.locator(".chip")).to_have_count(2)


def test_escape_closes_a_menu_first_and_clears_filters_then(world: World, shown: Screen) -> None:
    shown.open(world.address("/overview?f=country:is:KR"))

    shown.page.locator("#range > summary").click()
    shown.page.keyboard.press("Escape")
    expect(shown.page.locator("#range")).not_to_have_attribute("open", "")
    expect(shown.page.locator(".chip")).to_have_count(1)
    shown.page.keyboard.press("Escape")

    expect(shown.page.locator(".chip")).to_have_count(0)


def test_two_letters_go_to_another_page(world: World, shown: Screen) -> None:
    shown.open(world.address())

    shown.page.keyboard.press("g")
    shown.page.keyboard.press("a")

    expect(shown.page.locator("h1")).to_have_text("Projects")


def test_filter_form_adds_a_sentence(world: World, shown: Screen) -> None:
    shown.open(world.address())

    shown.page.keyboard.press("/")
    shown.page.locator("#filters select[name=dimension]").select_option("path")
    shown.page.locator("#filters select[name=operator]").select_option("has")
    shown.page.locator("#filters input[name=value]").fill("docs, 100%")
    shown.page.keyboard.press("Enter")

    expect(shown.page.locator(".chip")).to_have_text("Page contains docs, 100%")
    expect(shown.page.locator("#filters")).not_to_have_attribute("open", "")


def test_custom_range_is_two_days(world: World, shown: Screen) -> None:
    shown.open(world.address())

    shown.page.keyboard.press("c")
    shown.page.locator("#range input[name=from]").fill("2026-11-01")
    shown.page.locator("#range input[name=to]").fill("2026-11-07")
    shown.page.locator("#range button[type=submit]").click()

    expect(shown.page.locator("#range > summary")).to_have_text("Nov 1 – 7")


def test_keys_do_what_the_list_says(world: World, shown: Screen) -> None:
    shown.open(world.address())
    keyboard, page = shown.page.keyboard, shown.page
    summary = page.locator("#range > summary")

    keyboard.press("w")
    expect(summary).to_have_text("Last 7 days")
    keyboard.press("x")
    expect(page.locator("#compare > summary")).to_have_text("Previous period")
    keyboard.press("i")
    expect(page.locator("#panel-chart .tab[aria-current]")).to_have_text("Hour")
    keyboard.press("v")
    expect(page.locator("#panel-chart table").first).to_be_visible()
    keyboard.press("ArrowLeft")
    expect(summary).to_have_text("Nov 5 – 11")
    keyboard.press("ArrowRight")
    expect(summary).to_have_text("Nov 12 – 18")
    keyboard.press("Shift+Slash")
    expect(page.locator("#keys")).to_be_visible()
    keyboard.press("Escape")
    expect(page.locator("#keys")).to_be_hidden()


def test_keys_are_places_on_the_keyboard(world: World, shown: Screen) -> None:
    shown.open(world.address())

    shown.page.evaluate(
        "document.body.dispatchEvent(new KeyboardEvent('keydown', {key: 'ㅈ', code: 'KeyW', bubbles: true}))"
    )

    expect(shown.page.locator("#range > summary")).to_have_text("Last 7 days")


def test_keys_are_left_alone_while_typing_and_when_switched_off(world: World, shown: Screen) -> None:
    shown.open(world.address())
    summary = shown.page.locator("#range > summary")

    shown.page.keyboard.press("/")
    shown.page.locator("#filters input[name=value]").focus()
    shown.page.keyboard.type("wde")
    shown.page.keyboard.press("Escape")
    shown.page.keyboard.press("Alt+w")
    shown.page.locator(".nav-account > summary").click()
    shown.page.locator(".nav-account button[name=keys][value=off]").click()
    shown.page.keyboard.press("Escape")
    shown.page.keyboard.press("w")

    expect(summary).to_have_text("Last 28 days")


def test_page_works_from_the_keyboard_alone(world: World, shown: Screen) -> None:
    shown.open(world.address())
    page, keyboard = shown.page, shown.page.keyboard

    keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.locator("#range > summary").focus()
    keyboard.press("Enter")
    keyboard.press("ArrowDown")
    keyboard.press("ArrowDown")
    keyboard.press("Enter")
    expect(page.locator("#range > summary")).to_have_text("Yesterday")
    expect(page.locator("#range > summary")).to_be_focused()


def test_chart_is_walked_by_arrow_keys_and_said_aloud(world: World, shown: Screen) -> None:
    shown.open(world.address("/overview?range=7d&cmp=prev"))
    chart = shown.page.locator("chart-view")

    chart.focus()
    shown.page.keyboard.press("ArrowLeft")

    expect(chart.locator("[aria-live]")).to_contain_text("Wed, Nov 18: Unique visitors")
    expect(chart.locator("[aria-live]")).to_contain_text("until 19:05")
    shown.page.keyboard.press("ArrowLeft")
    shown.page.keyboard.press("Enter")
    expect(shown.page.locator("#range > summary")).to_have_text("Tue, Nov 17")


def test_drawer_opens_filters_and_closes_by_escape(world: World, shown: Screen) -> None:
    shown.open(world.address())

    shown.page.locator("#panel-pages .rank-more a").click()
    drawer = shown.page.locator("#drawer")
    expect(drawer.locator(".rank-row")).to_have_count(12)
    drawer.locator("input[type=search]").fill("docs")
    expect(drawer.locator(".rank-row:visible")).to_have_count(4)
    drawer.locator(".rank-name", has_text="getting-started").click()
    expect(drawer.locator(".rank-row.is-active")).to_have_count(1)
    expect(drawer).to_be_visible()
    shown.page.keyboard.press("Escape")

    expect(drawer).to_have_count(0)
    expect(shown.page.locator(".chip")).to_have_text("Page is /docs/getting-started")


class Held(Warehouse):
    """A warehouse that answers the questions about countries only when it is let."""

    def __init__(self, inner: Warehouse) -> None:
        self._inner, self.go_on = inner, threading.Event()

    def query(
        self,
        sql: str,
        *,
        parameters: Mapping[str, object] | None = None,
        settings: Mapping[str, object] | None = None,
    ) -> list[tuple[Any, ...]]:
        if "visit.country AS value" in sql:
            assert self.go_on.wait(timeout=60)
        return self._inner.query(sql, parameters=parameters, settings=settings)


def test_one_slow_panel_holds_up_no_other(world: World, browser: Browser) -> None:
    slow = Held(world.warehouse)
    with ExitStack() as stack:
        stack.callback(slow.go_on.set)
        origin = stack.enter_context(served(world.app(warehouse=slow)))
        shown = stack.enter_context(screen(browser, origin, session=world.session))
        shown.page.goto(origin + world.address())
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
        expect(places.locator(".panel-slow")).to_be_visible(timeout=10_000)
        slow.go_on.set()
        expect(places.locator(".rank-row").first).to_be_visible()


def test_online_count_follows_within_two_seconds(world: World, shown: Screen) -> None:
    project = add_project(world.database, name="lively", organization="acme")
    shown.open(world.address(project=project))
    pill = shown.page.locator("live-count")
    expect(pill).to_contain_text("0 online · 5 min")

    (keys, *_) = keys_of(Pool("shared", 1))
    world.redis.zadd(keys.live("lively"), {"00000000000000aa": int(NOW.timestamp() * 1000)})

    expect(pill).to_contain_text("1 online · 5 min", timeout=2_000)
    world.redis.delete(keys.live("lively"))
    expect(pill).to_contain_text("0 online · 5 min", timeout=2_000)


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

    expect(visitors).to_have_text("2", timeout=15_000)
    expect(shown.page.locator("#news")).to_be_hidden()


def test_theme_changes_without_a_reload_and_recolours_the_chart(world: World, shown: Screen) -> None:
    shown.open(world.address())
    drawing = "document.querySelector('chart-view canvas').toDataURL()"
    shown.page.evaluate("window.__same = true")
    before = shown.page.evaluate(drawing)

    shown.page.locator(".nav-account > summary").click()
    shown.page.locator(".nav-account button[name=theme][value=dark]").click()
    expect(shown.page.locator("html")).to_have_attribute("data-theme", "dark")

    assert shown.page.evaluate(drawing) != before
    assert shown.page.evaluate("window.__same") is True
    shown.page.reload()
    expect(shown.page.locator("html")).to_have_attribute("data-theme", "dark")


def test_language_is_switched_in_the_menu(world: World, shown: Screen) -> None:
    shown.open(world.address("/overview?range=7d"))

    shown.page.locator(".nav-account > summary").click()
    shown.page.locator(".nav-account button[name=language][value=ko]").click()

    expect(shown.page.locator("h1")).to_have_text("개요")
    assert shown.page.url.endswith("?range=7d")


def test_charts_that_are_replaced_are_let_go(world: World, shown: Screen) -> None:
    shown.open(world.address())

    for _ in range(6):
        shown.page.keyboard.press("v")
        expect(shown.page.locator("#panel-chart table:visible")).to_have_count(1)
        shown.page.keyboard.press("v")
        expect(shown.page.locator("chart-view canvas")).to_have_count(1)
        shown.settle()

    assert shown.page.locator("canvas").count() == 1


@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize(
    "path", ["/overview?f=country:is:KR", "/overview?view=table&cmp=prev", "fresh", "/", "/sign-in?token=x"]
)
def test_phone_has_no_sideways_scrolling(
    world: World, browser: Browser, origin: str, path: str, language: str
) -> None:
    place = path if path.startswith(("/sign", "/?")) or path == "/" else world.address(path)
    with screen(browser, origin, session=world.session, **PHONE) as shown:
        shown.page.context.add_cookies([{"name": "language", "value": language, "url": origin}])
        shown.open_whole(world.address(project=world.fresh) if path == "fresh" else place)

        wide = shown.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )

    assert wide == 0


def test_phone_targets_are_large_enough(world: World, browser: Browser, origin: str) -> None:
    with screen(browser, origin, session=world.session, **PHONE) as shown:
        shown.open_whole(world.address())
        sizes = shown.page.evaluate(
            """[...document.querySelectorAll("a, button, summary")].filter((one) => one.offsetParent && !one.closest(".unseen"))
               .map((one) => [one.className, one.getBoundingClientRect().height])
               .filter(([name, height]) => height < 44 && !/skip|tab|live|rank-tool/.test(name) && height > 0)"""
        )

    assert [one for one in sizes if one[0] not in {"", "chip-remove"}] == []


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


def test_lost_stream_says_since_when(world: World, browser: Browser) -> None:
    with ExitStack() as stack:
        server = ExitStack()
        stack.callback(server.close)
        origin = server.enter_context(served(world.app()))
        shown = stack.enter_context(screen(browser, origin, session=world.session))
        shown.open(world.address())
        expect(shown.page.locator("live-count")).to_contain_text("online")

        server.close()

        expect(shown.page.locator("live-count")).to_contain_text("reconnecting since", timeout=15_000)
        shown.problems[:] = [one for one in shown.problems if "ERR_CONNECTION_REFUSED" not in one]
