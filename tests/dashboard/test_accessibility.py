"""The pages in Chromium for everybody: what an accessibility checker finds, and on a phone."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from openpanel.metadata import projects
from tests.dashboard.conftest import World, add_project
from tests.dashboard.screens import Screen, screen, screen_in, window

pytestmark = pytest.mark.browser

PHONE = {
    "viewport": {"width": 360, "height": 780},
    "is_mobile": True,
    "has_touch": True,
    "device_scale_factor": 2,
}


@pytest.fixture(scope="module")
def telephone(browser: Browser) -> Iterator[BrowserContext]:
    """The window of a telephone for all screens of this file."""
    with window(browser, **PHONE) as opened:
        yield opened


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(
    "path",
    [
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
    if path == "/stories":  # where something loads for ever
        shown.rest()
    else:
        shown.settle()

    assert shown.axe() == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_on_the_overview_and_in_its_open_menus(
    world: World, shown: Screen, theme: str
) -> None:
    shown.page.context.add_cookies([{"name": "theme", "value": theme, "url": shown.origin}])
    shown.open(world.address())
    assert shown.axe() == []

    for menu in ("#range", "#compare", "#filters", ".nav-account", ".switcher"):
        shown.page.locator(f"{menu} > summary").click()
        assert shown.axe() == [], menu
    shown.page.keyboard.press("Escape")
    shown.page.keyboard.press("Shift+Slash")
    assert shown.axe() == []


@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize(
    "path", ["/overview?f=country:is:KR", "/overview?view=table&cmp=prev", "fresh", "/", "/sign-in?token=x"]
)
def test_phone_has_no_sideways_scrolling(
    world: World, telephone: BrowserContext, origin: str, path: str, language: str
) -> None:
    place = path if path.startswith(("/sign", "/?")) or path == "/" else world.address(path)
    with screen_in(telephone, origin, session=world.session) as shown:
        shown.page.context.add_cookies([{"name": "language", "value": language, "url": origin}])
        shown.open_whole(world.address(project=world.fresh) if path == "fresh" else place)

        wide = shown.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )

    assert wide == 0


def test_phone_targets_are_large_enough(world: World, telephone: BrowserContext, origin: str) -> None:
    with screen_in(telephone, origin, session=world.session) as shown:
        shown.open_whole(world.address())
        sizes = shown.page.evaluate(
            """[...document.querySelectorAll("a, button, summary")].filter((one) => one.offsetParent && !one.closest(".unseen"))
               .map((one) => [one.className, one.getBoundingClientRect().height])
               .filter(([name, height]) => height < 44 && !/skip|tab|live|rank-tool/.test(name) && height > 0)"""
        )

    assert [one for one in sizes if one[0] not in {"", "chip-remove"}] == []


def test_escape_closes_what_is_open_and_no_more_with_shortcuts_off(world: World, shown: Screen) -> None:
    shown.page.context.add_cookies([{"name": "keys", "value": "off", "url": shown.origin}])
    shown.open(world.address("/overview?f=country:is:KR&show=pages"))
    drawer, chips = shown.page.locator("#drawer"), shown.page.locator(".chip")

    drawer.locator("input[type=search]").focus()
    shown.page.keyboard.press("Escape")
    expect(drawer).to_have_count(0)
    expect(chips).to_have_count(1)
    shown.page.keyboard.press("Escape")

    expect(chips).to_have_count(1)


def test_focus_returns_to_what_opened_the_drawer(world: World, shown: Screen) -> None:
    shown.open(world.address())
    opener = shown.page.locator("#panel-pages .rank-more a")

    opener.focus()
    shown.page.keyboard.press("Enter")
    expect(shown.page.locator("#drawer .rank-row").first).to_be_visible()
    shown.page.keyboard.press("Escape")
    expect(shown.page.locator("#drawer")).to_have_count(0)

    expect(opener).to_be_focused()


def test_focus_goes_on_to_the_next_filter_when_one_is_removed(world: World, shown: Screen) -> None:
    shown.open(world.address("/overview?f=country:is:KR&f=os:is:iOS"))
    removals = shown.page.locator(".chip-remove")

    removals.first.focus()
    shown.page.keyboard.press("Enter")
    expect(removals).to_have_count(1)
    expect(removals).to_be_focused()
    shown.page.keyboard.press("Enter")
    expect(removals).to_have_count(0)

    expect(shown.page.locator("#filters > summary")).to_be_focused()


def test_arrows_go_on_after_a_range_was_chosen_in_the_menu(world: World, shown: Screen) -> None:
    shown.open(world.address())
    summary = shown.page.locator("#range > summary")

    summary.click()
    shown.page.locator("#range .menu-item", has_text="Yesterday").click()
    expect(summary).to_have_text("Yesterday")
    expect(summary).to_be_focused()
    shown.page.keyboard.press("ArrowLeft")

    expect(summary).to_have_text("Mon, Nov 16")


def test_paper_shows_everything_in_light_colours(world: World, shown: Screen) -> None:
    shown.page.context.add_cookies([{"name": "theme", "value": "dark", "url": shown.origin}])
    shown.open_whole(world.address("/overview?range=90d&f=country:is:KR"))

    shown.page.emulate_media(media="print")

    expect(shown.page.locator(".chip")).to_be_visible()
    expect(shown.page.locator(".card-main")).to_have_css("background-color", "rgb(255, 255, 255)")
    cut = shown.page.evaluate(
        """() => {
          const box = document.querySelector(".chart-print .table-box");
          const last = box.querySelector("tr:last-child").getBoundingClientRect();
          return {
            main: document.querySelector("main").clientWidth - document.documentElement.clientWidth,
            box: Math.max(0, Math.round(last.bottom - box.getBoundingClientRect().bottom)),
            panel: Math.max(0, Math.round(last.bottom - box.closest(".panel").getBoundingClientRect().bottom)),
          };
        }"""
    )
    assert cut == {"main": 0, "box": 0, "panel": 0}


SMALL = {**PHONE, "viewport": {"width": 390, "height": 844}}


def test_filters_are_seen_and_removed_on_a_phone(world: World, browser: Browser, origin: str) -> None:
    with (
        window(browser, **SMALL) as context,
        screen_in(context, origin, session=world.session) as shown,
    ):
        shown.open_whole(world.address("/overview?f=country:is:KR&f=os:is:iOS"))
        rows = shown.page.locator("#filters .sheet-filter")

        shown.page.locator("#filters > summary").tap()
        expect(rows).to_have_text(["Country is South Korea", "System is iOS"])
        assert shown.axe() == []
        rows.first.tap()
        expect(rows).to_have_count(1)
        assert shown.page.url.endswith("?f=os:is:iOS")
        shown.page.locator("#filters > summary").tap()
        expect(rows).to_have_text(["System is iOS"])
        expect(rows).to_be_visible()


def test_interval_is_chosen_on_a_phone(world: World, browser: Browser, origin: str) -> None:
    with (
        window(browser, **SMALL) as context,
        screen_in(context, origin, session=world.session) as shown,
    ):
        shown.open_whole(world.address())

        shown.page.locator("#range > summary").tap()
        shown.page.locator("#range .sheet-only .tab", has_text="Week").tap()

        expect(shown.page.locator("#panel-chart .chart-caption")).to_contain_text("highest in")
        assert shown.page.url.endswith("?by=week")


def test_long_range_leaves_the_title_alone_on_the_smallest_phone(
    world: World, browser: Browser, origin: str
) -> None:
    with (
        window(browser, **{**PHONE, "viewport": {"width": 320, "height": 640}}) as context,
        screen_in(context, origin, session=world.session) as shown,
    ):
        shown.open_whole(world.address("/overview?range=2025-12-30T10:00..2026-01-02T12:00"))
        title, tools = (
            shown.page.locator("h1").bounding_box(),
            shown.page.locator(".page-tools").bounding_box(),
        )

    assert title
    assert tools
    assert title["x"] + title["width"] <= tools["x"]
    assert tools["x"] + tools["width"] <= 320


def test_name_of_a_project_keeps_its_beginning_whatever_it_is_written_in(
    world: World, browser: Browser, origin: str
) -> None:
    name = "مشروع التحليلات الكبير جدا للمتجر"
    project = add_project(world.database, name="rtl", organization="acme")
    projects.put(world.database, wanted=replace(project, name=name))
    with screen(browser, origin, session=world.session) as shown:
        shown.open(world.address(project=project))

        expect(shown.page.locator(".switcher-name")).to_have_text(name)
        expect(shown.page.locator(".switcher-name")).to_have_css("direction", "rtl")
