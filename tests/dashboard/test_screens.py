"""The pages in Chromium, as somebody uses them: pointer, keys, filters, theme and language."""

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.dashboard.conftest import World
from tests.dashboard.screens import Screen, screen

pytestmark = pytest.mark.browser


# At once: the second letter is waited for a moment only, which a busy browser may take between two keys.
TYPE_GA = """for (const [key, code] of [["g", "KeyG"], ["a", "KeyA"]])
  document.body.dispatchEvent(new KeyboardEvent("keydown", { key, code, bubbles: true, cancelable: true }))"""


def row(shown: Screen, card: str, name: str) -> Locator:
    return shown.page.locator(f"#panel-{card} .rank-name", has_text=name).first


def test_page_loads_without_moving_and_without_problems(world: World, browser: Browser, origin: str) -> None:
    with screen(browser, origin, session=world.session) as shown:  # nothing comes from a cache
        shown.open(world.address())

        shown.page.locator("#panel-devices").scroll_into_view_if_needed()
        shown.settle()
        shown.page.locator("chart-view").hover()

        expect(shown.page.locator(".chart-tip")).to_be_visible()
        assert shown.shift() < 0.01


def test_click_on_a_row_filters_every_panel_and_back_undoes_it(world: World, shown: Screen) -> None:
    shown.open(world.address())
    visitors = shown.page.locator("#kpi-visitors .kpi-value")
    before = visitors.inner_text()

    row(shown, "places", "South Korea").click()
    expect(shown.page.locator(".chip")).to_have_text("Country is South Korea")
    expect(shown.page.locator("#panel-places .rank-name")).to_have_count(1)
    expect(visitors).not_to_have_text(before)
    shown.settle()
    filtered = visitors.inner_text()
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

    shown.page.evaluate(TYPE_GA)

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


def test_filter_form_wants_a_value_only_where_the_condition_has_one(world: World, shown: Screen) -> None:
    shown.open(world.address())
    filters = shown.page.locator("#filters")

    shown.page.keyboard.press("/")
    filters.locator("select[name=dimension]").select_option("referrer")
    filters.locator("button[type=submit]").click()
    expect(filters).to_have_attribute("open", "")
    expect(shown.page.locator(".chip")).to_have_count(0)
    filters.locator("select[name=operator]").select_option("set")
    filters.locator("button[type=submit]").click()

    expect(shown.page.locator(".chip")).to_have_text("Referrer is set")
    expect(filters).not_to_have_attribute("open", "")


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


def test_theme_changes_without_a_reload_and_recolours_the_chart(world: World, shown: Screen) -> None:
    shown.open(world.address())
    drawing = "document.querySelector('chart-view canvas').toDataURL()"
    shown.page.evaluate("window.__same = true")
    before = shown.page.evaluate(drawing)

    shown.page.locator(".nav-account > summary").click()
    with shown.page.expect_response("**/preferences"):
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
