"""The command palette in Chromium: opened by keys and buttons, found by typing, chosen by keys, said to screen readers."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, expect

from tests.dashboard.conftest import World
from tests.dashboard.screens import Screen, screen_in, window

pytestmark = pytest.mark.browser

PHONE = {"viewport": {"width": 360, "height": 780}, "is_mobile": True, "has_touch": True}

FOUND = {
    "dark": "Theme Dark",
    "sign out": "Account Sign out",
    "fresh": "Projects Fresh",
    "year before": "Comparison Year before",
    "bounce": "Chart Bounce rate",
    "pages exit": "Pages Exit",
    "table": "Chart Show as table",
    "export sources csv": "Export: Sources Download CSV",
    "한국어": "Language 한국어",
    "all projects": "Go to All projects",
    "add a filter": "Filters Add a filter",
    "interval week": "Interval Week",
}


@pytest.fixture(scope="module")
def telephone(browser: Browser) -> Iterator[BrowserContext]:
    """The window of a telephone for all screens of this file."""
    with window(browser, **PHONE) as opened:
        yield opened


def opened(shown: Screen) -> Locator:
    """The palette's field, after Ctrl+K."""
    shown.page.keyboard.press("Control+k")
    field = shown.page.get_by_role("combobox", name="Search and commands")
    expect(field).to_be_focused()
    return field


def lines(shown: Screen) -> Locator:
    return shown.page.locator("#palette [role=option]")


def test_typed_words_find_a_range_and_enter_goes_there(world: World, shown: Screen) -> None:
    shown.open(world.address("/overview?f=country:is:KR"))

    opened(shown).fill("last 7")
    expect(lines(shown).first).to_have_text("Range Last 7 days W")
    shown.page.keyboard.press("Enter")

    expect(shown.page.locator("#palette")).to_be_hidden()
    expect(shown.page).to_have_url(shown.origin + world.address("/overview?range=7d&f=country:is:KR"))
    expect(shown.page.locator("#range > summary")).to_have_text("Last 7 days")


def test_chosen_line_is_told_and_the_focus_stays_in_the_field(world: World, shown: Screen) -> None:
    shown.open(world.address())
    field = opened(shown)
    expect(field).to_have_attribute("aria-expanded", "true")
    expect(field).to_have_attribute("aria-activedescendant", "palette-0")

    shown.page.keyboard.press("ArrowDown")
    expect(field).to_have_attribute("aria-activedescendant", "palette-1")
    expect(lines(shown).nth(1)).to_have_attribute("aria-selected", "true")
    shown.page.keyboard.press("ArrowUp")
    shown.page.keyboard.press("ArrowUp")

    expect(lines(shown).last).to_have_attribute("aria-selected", "true")
    expect(field).to_be_focused()
    field.fill("zzzz nothing")
    expect(shown.page.locator("#palette [role=status]")).to_have_text("Nothing is called so.")


def test_typed_filter_is_added(world: World, shown: Screen) -> None:
    shown.open(world.address("/overview?range=7d"))

    opened(shown).fill("country is kr")
    expect(lines(shown)).to_have_text(["Filter Country is South Korea"])
    shown.page.keyboard.press("Enter")

    expect(shown.page.locator(".chip")).to_have_text("Country is South Korea")
    expect(shown.page).to_have_url(shown.origin + world.address("/overview?range=7d&f=country:is:KR"))


def test_page_that_exists_is_offered_as_a_filter(world: World, shown: Screen) -> None:
    shown.open(world.address())

    opened(shown).fill("getting-st")
    expect(lines(shown)).to_have_text(["Filter Page is /docs/getting-started"])
    lines(shown).first.click()

    expect(shown.page.locator(".chip")).to_have_text("Page is /docs/getting-started")


def test_what_the_page_can_do_is_found(world: World, shown: Screen) -> None:
    shown.open_whole(world.address())
    field = opened(shown)

    for typed, found in FOUND.items():
        field.fill(typed)
        expect(lines(shown).first).to_have_text(found)


def test_commands_do_what_their_buttons_do(world: World, shown: Screen) -> None:
    shown.open(world.address())

    opened(shown).fill("dark")
    with shown.page.expect_response("**/preferences"):
        shown.page.keyboard.press("Enter")
    expect(shown.page.locator("html")).to_have_attribute("data-theme", "dark")
    opened(shown).fill("add a filter")
    shown.page.keyboard.press("Enter")
    expect(shown.page.locator("#filters select[name=dimension]")).to_be_focused()
    shown.page.keyboard.press("Escape")
    opened(shown).fill("keyboard shortcuts")
    shown.page.keyboard.press("ArrowDown")
    expect(lines(shown).filter(has_text="Go to")).to_have_count(1)
    lines(shown).filter(has_text="Go to").click()
    expect(shown.page.locator("#keys")).to_be_visible()


def test_korean_words_find_korean_names(world: World, shown: Screen) -> None:
    shown.page.context.add_cookies([{"name": "language", "value": "ko", "url": shown.origin}])
    shown.open(world.address())
    shown.page.keyboard.press("Control+k")
    field = shown.page.get_by_role("combobox")

    field.fill("지난 7일")
    expect(lines(shown).first).to_contain_text("최근 7일")
    field.fill("국가: 대한민국")
    expect(lines(shown)).to_have_text(["필터 국가: 대한민국"])


def test_what_was_chosen_last_comes_first(world: World, shown: Screen) -> None:
    shown.open(world.address())
    opened(shown).fill("last 90")
    shown.page.keyboard.press("Enter")
    expect(shown.page.locator("#range > summary")).to_have_text("Last 90 days")

    opened(shown)

    expect(lines(shown).first).to_have_text("Range Last 90 days")


def test_escape_and_the_same_keys_close_it_and_give_the_focus_back(world: World, shown: Screen) -> None:
    shown.open(world.address("/overview?f=country:is:KR"))
    summary = shown.page.locator("#range > summary")
    summary.focus()

    opened(shown)
    shown.page.keyboard.press("Escape")
    expect(summary).to_be_focused()
    opened(shown)
    shown.page.keyboard.press("Control+k")

    expect(shown.page.locator("#palette")).to_be_hidden()
    expect(summary).to_be_focused()
    expect(shown.page.locator(".chip")).to_have_count(1)


def test_letters_are_typed_and_no_keys_of_the_page(world: World, shown: Screen) -> None:
    shown.open(world.address())

    opened(shown)
    shown.page.keyboard.type("wdx")

    expect(shown.page.locator("#range > summary")).to_have_text("Last 28 days")


def test_button_opens_it_on_every_page(world: World, shown: Screen) -> None:
    shown.page.goto(shown.origin + "/")

    shown.page.get_by_role("button", name="Search and commands").click()
    shown.page.get_by_role("combobox").fill("shop")
    expect(lines(shown).first).to_have_text("Projects Shop")
    shown.page.keyboard.press("Enter")

    expect(shown.page.locator("h1")).to_have_text("Overview")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_in_it(world: World, shown: Screen, theme: str) -> None:
    shown.page.context.add_cookies([{"name": "theme", "value": theme, "url": shown.origin}])
    shown.open(world.address())

    opened(shown)
    shown.rest()
    assert shown.axe() == []
    shown.page.keyboard.type("zzzz")
    assert shown.axe() == []


def test_telephone_has_a_button_and_lines_for_fingers(
    world: World, telephone: BrowserContext, origin: str
) -> None:
    with screen_in(telephone, origin, session=world.session) as shown:
        shown.open_whole(world.address())
        shown.page.locator(".bottom-bar").get_by_role("button", name="Search").tap()
        shown.page.get_by_role("combobox").fill("yesterday")
        box = lines(shown).first.bounding_box()
        wide = shown.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        lines(shown).first.tap()

        expect(shown.page.locator("#range > summary")).to_have_text("Yesterday")
        assert box is not None
        assert (box["height"] >= 44, wide) == (True, 0)


def test_it_is_loaded_by_itself_when_the_page_is_idle(world: World, shown: Screen) -> None:
    shown.open(world.address())
    expect(shown.page.locator("#palette")).to_be_hidden()

    with shown.page.expect_request("**/palette-*.js"):
        shown.page.reload()
