"""The menus of panels in Chromium: files that arrive, a call that is copied, by pointer, keys and on a telephone."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, expect

from tests.dashboard.conftest import World
from tests.dashboard.screens import Screen, screen_in, window

pytestmark = pytest.mark.browser

PHONE = {"viewport": {"width": 360, "height": 780}, "is_mobile": True, "has_touch": True}


@pytest.fixture(scope="module")
def telephone(browser: Browser) -> Iterator[BrowserContext]:
    """The window of a telephone for all screens of this file."""
    with window(browser, **PHONE) as opened:
        yield opened


def menu(shown: Screen, panel: str) -> Locator:
    return shown.page.locator(f"#menu-{panel}")


def test_file_arrives_and_the_page_stays(world: World, shown: Screen, tmp_path: Path) -> None:
    shown.open(world.address("/overview?range=7d&f=country:is:KR"))

    menu(shown, "pages").locator("summary").click()
    with shown.page.expect_download() as coming:
        menu(shown, "pages").get_by_role("link", name="Download JSON").click()
    coming.value.save_as(tmp_path / "pages.json")

    assert coming.value.suggested_filename == "shop_pages-top_2026-11-12_2026-11-18.json"
    body = json.loads((tmp_path / "pages.json").read_text())
    first = shown.page.locator("#panel-pages .rank-row").first
    expect(first.locator(".rank-value")).to_have_text(str(body["rows"][0]["pageviews"]))
    expect(menu(shown, "pages")).not_to_have_attribute("open", "")
    expect(menu(shown, "pages").locator("summary")).to_be_focused()


def test_menu_works_from_the_keyboard_alone(world: World, shown: Screen) -> None:
    shown.open(world.address("/overview?range=7d"))
    keyboard = shown.page.keyboard

    menu(shown, "chart").locator("summary").focus()
    keyboard.press("Enter")
    keyboard.press("ArrowDown")
    expect(menu(shown, "chart").get_by_role("link", name="Download CSV")).to_be_focused()
    with shown.page.expect_download() as coming:
        keyboard.press("Enter")

    assert coming.value.suggested_filename == "shop_over-time-visitors_2026-11-12_2026-11-18.csv"
    keyboard.press("Enter")
    keyboard.press("Escape")
    expect(menu(shown, "chart")).not_to_have_attribute("open", "")


def test_menu_stays_open_while_its_panel_counts_anew(world: World, shown: Screen) -> None:
    shown.open(world.address("/overview?range=today"))
    menu(shown, "kpis").locator("summary").click()
    shown.asked()

    with shown.page.expect_response("**/panel/kpis*"):
        shown.page.evaluate(
            "document.body.dispatchEvent(new KeyboardEvent('keydown', {key: '.', code: 'Period', bubbles: true}))"
        )
    shown.settle()

    expect(menu(shown, "kpis")).to_have_attribute("open", "")


def test_menu_reaches_beyond_its_panel(world: World, shown: Screen) -> None:
    shown.open(world.address())

    for panel in ("kpis", "chart", "pages"):
        menu(shown, panel).locator("summary").click()
        menu(shown, panel).get_by_role("button", name="Copy").click(trial=True)
        shown.page.keyboard.press("Escape")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_in_open_menus(world: World, shown: Screen, theme: str) -> None:
    shown.page.context.add_cookies([{"name": "theme", "value": theme, "url": shown.origin}])
    shown.open(world.address("/overview?range=7d&tab.pages=exit"))

    for panel in ("kpis", "chart", "pages"):
        menu(shown, panel).locator("summary").click()
        assert shown.axe() == [], panel
        shown.page.keyboard.press("Escape")


@pytest.mark.parametrize("language", ["en", "ko"])
def test_menu_is_a_sheet_on_a_telephone(
    world: World, telephone: BrowserContext, origin: str, language: str
) -> None:
    with screen_in(telephone, origin, session=world.session) as shown:
        shown.page.context.add_cookies([{"name": "language", "value": language, "url": origin}])
        shown.open_whole(world.address())
        for panel in ("kpis", "chart", "pages"):
            menu(shown, panel).locator("summary").tap()
            layer = menu(shown, panel).locator(".menu-layer")
            box = layer.bounding_box()
            assert box is not None
            assert (box["x"], box["width"], round(box["y"] + box["height"])) == (0, 360, 780), panel
            for link in layer.locator("a, button").all():
                target = link.bounding_box()
                assert target is not None
                assert target["height"] >= 44
            shown.page.keyboard.press("Escape")
        wide = shown.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )

    assert wide == 0
