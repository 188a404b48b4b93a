"""A stretch that is marked on the chart in Chromium: by dragging, by keys, and one step back."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from tests.dashboard.conftest import World
from tests.dashboard.screens import Screen, screen_in, window

pytestmark = pytest.mark.browser

PHONE = {"viewport": {"width": 360, "height": 780}, "is_mobile": True, "has_touch": True}
# Where on the page a bucket is: where the line of the tooltip stands that keys have walked there.
MIDDLE = """(index) => {
  const view = document.querySelector("chart-view");
  const press = (key) => view.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
  press("Home");
  for (let step = 0; step < index; step += 1) press("ArrowRight");
  const left = parseFloat(view.querySelector(".chart-line").style.left);
  press("Escape");
  return view.getBoundingClientRect().left + left;
}"""
# What a finger does, as its events.
SWIPE = """() => {
  const view = document.querySelector("chart-view");
  const box = view.getBoundingClientRect();
  const send = (kind, x) => view.dispatchEvent(new PointerEvent(kind, {
    pointerId: 7, pointerType: "touch", bubbles: true, clientX: box.left + x, clientY: box.top + 80 }));
  send("pointerdown", 60);
  for (const x of [80, 120, 160, 200]) send("pointermove", x);
  send("pointerup", 200);
}"""


@pytest.fixture(scope="module")
def telephone(browser: Browser) -> Iterator[BrowserContext]:
    """The window of a telephone for all screens of this file."""
    with window(browser, **PHONE) as opened:
        yield opened


def drag(shown: Screen, start: int, end: int) -> None:
    """With the mouse from one bucket to another; the button is still down."""
    box = shown.page.locator("chart-view").bounding_box()
    assert box is not None
    first, last = (shown.page.evaluate(MIDDLE, bucket) for bucket in (start, end))
    middle = box["y"] + box["height"] / 2
    shown.page.mouse.move(first - 5, middle)
    shown.page.mouse.down()
    shown.page.mouse.move(last + 5, middle, steps=5)


def arrive(shown: Screen, query: str) -> None:
    """Wait until the page is at that address and shows it."""
    expect(shown.page).to_have_url(shown.page.url.partition("?")[0] + query)
    shown.settle()


def test_drag_shows_the_marked_days_and_back_undoes_it(world: World, shown: Screen) -> None:
    shown.open(world.address("/overview?f=country:is:KR&m=views"))

    drag(shown, 3, 9)
    expect(shown.page.locator(".chart-band")).to_be_visible()
    expect(shown.page.locator(".chart-tip")).to_have_text("Sun, Oct 25Sat, Oct 31")
    shown.page.mouse.up()
    arrive(shown, "?range=2026-10-25..2026-10-31&f=country:is:KR&m=views")

    expect(shown.page.locator("#range > summary")).to_have_text("Oct 25 – 31")
    expect(shown.page.locator(".chart-band")).to_be_hidden()
    expect(shown.page.locator(".chart-tip")).to_be_hidden()
    shown.page.go_back()
    arrive(shown, "?f=country:is:KR&m=views")


def test_smallest_stretch_is_one_bucket(world: World, shown: Screen) -> None:
    shown.open(world.address("/overview?range=7d"))

    drag(shown, 2, 2)
    shown.page.mouse.up()

    arrive(shown, "?range=2026-11-14..2026-11-14")


def test_hours_that_are_marked_are_a_range_of_hours(world: World, shown: Screen) -> None:
    shown.open(world.address("/overview?range=yesterday"))

    drag(shown, 8, 11)
    shown.page.mouse.up()

    arrive(shown, "?range=2026-11-17T08:00..2026-11-17T11:59")
    expect(shown.page.locator("#range > summary")).to_have_text("Nov 17, 08:00 – 12:00")


def test_hours_of_whole_days_are_a_range_of_days(world: World, shown: Screen) -> None:
    shown.open(world.address("/overview?range=2026-11-16..2026-11-17&by=hour"))

    drag(shown, 24, 47)
    shown.page.mouse.up()

    arrive(shown, "?range=2026-11-17..2026-11-17")


def test_days_up_to_an_hour_are_a_range_of_minutes(world: World, shown: Screen) -> None:
    shown.open(world.address("/overview?range=2026-11-16..2026-11-17&by=hour"))

    drag(shown, 0, 35)
    shown.page.mouse.up()

    arrive(shown, "?range=2026-11-16T00:00..2026-11-17T11:59")


def test_double_click_and_the_control_lead_one_step_back(world: World, shown: Screen) -> None:
    shown.open(world.address("/overview?range=30d&by=week"))
    back = shown.page.get_by_role("link", name="Zoom out")
    expect(back).to_have_count(0)
    drag(shown, 1, 2)
    shown.page.mouse.up()
    arrive(shown, "?range=2026-10-26..2026-11-08")
    drag(shown, 3, 6)
    shown.page.mouse.up()
    arrive(shown, "?range=2026-10-29..2026-11-01")

    shown.page.locator("chart-view").dblclick(position={"x": 300, "y": 120})
    arrive(shown, "?range=2026-10-26..2026-11-08")
    back.focus()
    shown.page.keyboard.press("Enter")

    arrive(shown, "?range=30d&by=week")
    expect(back).to_have_count(0)
    expect(shown.page.locator("chart-view")).to_be_focused()


def test_way_back_keeps_filters_and_outlives_a_reload(world: World, shown: Screen) -> None:
    shown.open(world.address())
    drag(shown, 3, 9)
    shown.page.mouse.up()
    arrive(shown, "?range=2026-10-25..2026-10-31")
    shown.page.locator("#panel-sources .rank-name", has_text="Google").first.click()
    arrive(shown, "?range=2026-10-25..2026-10-31&f=referrer:is:Google")
    shown.page.reload()
    shown.settle()

    shown.page.get_by_role("link", name="Zoom out").click()

    arrive(shown, "?f=referrer:is:Google")


def test_range_that_was_chosen_otherwise_has_no_way_back(world: World, shown: Screen) -> None:
    shown.open(world.address())
    drag(shown, 3, 9)
    shown.page.mouse.up()
    arrive(shown, "?range=2026-10-25..2026-10-31")

    shown.page.keyboard.press("w")
    arrive(shown, "?range=7d")

    expect(shown.page.get_by_role("link", name="Zoom out")).to_have_count(0)
    shown.page.locator("chart-view").dblclick(position={"x": 300, "y": 120})
    expect(shown.page).to_have_url(shown.origin + world.address("/overview?range=7d"))


def test_single_bucket_of_the_tooltip_has_a_way_back(world: World, shown: Screen) -> None:
    shown.open(world.address("/overview?range=7d"))
    shown.page.locator("chart-view").focus()
    shown.page.keyboard.press("ArrowLeft")
    shown.page.keyboard.press("Enter")
    arrive(shown, "?range=2026-11-18..2026-11-18")

    shown.page.get_by_role("link", name="Zoom out").click()

    arrive(shown, "?range=7d")


def test_keys_mark_a_stretch_and_say_it(world: World, shown: Screen) -> None:
    shown.open(world.address("/overview?range=7d"))
    chart = shown.page.locator("chart-view")
    chart.focus()

    shown.page.keyboard.press("Home")
    shown.page.keyboard.press("Shift+ArrowRight")
    shown.page.keyboard.press("Shift+ArrowRight")
    expect(chart.locator("[aria-live]")).to_have_text("Thu, Nov 12 – Sat, Nov 14")
    expect(chart.locator(".chart-band")).to_be_visible()
    shown.page.keyboard.press("Enter")

    arrive(shown, "?range=2026-11-12..2026-11-14")


def test_escape_gives_a_drag_up(world: World, shown: Screen) -> None:
    shown.open(world.address())

    drag(shown, 3, 9)
    shown.page.keyboard.press("Escape")
    expect(shown.page.locator(".chart-band")).to_be_hidden()
    shown.page.mouse.up()

    expect(shown.page.locator(".chart-tip")).to_be_hidden()
    expect(shown.page).to_have_url(shown.origin + world.address())


def test_click_still_pins_the_tooltip(world: World, shown: Screen) -> None:
    shown.open(world.address())
    chart = shown.page.locator("chart-view")

    chart.click(position={"x": 300, "y": 120})
    expect(chart.locator(".chart-tip")).to_have_attribute("data-pinned", "")
    chart.click(position={"x": 300, "y": 120})

    expect(chart.locator(".chart-tip")).to_be_hidden()
    expect(shown.page).to_have_url(shown.origin + world.address())


def test_finger_moves_the_tooltip_and_marks_nothing(
    world: World, telephone: BrowserContext, origin: str
) -> None:
    with screen_in(telephone, origin, session=world.session) as shown:
        shown.open_whole(world.address())

        shown.page.evaluate(SWIPE)

        expect(shown.page.locator(".chart-tip")).to_be_visible()
        expect(shown.page.locator(".chart-band")).to_be_hidden()
        expect(shown.page).to_have_url(origin + world.address())
        assert (
            shown.page.locator("chart-view").evaluate("one => getComputedStyle(one).touchAction") == "pan-y"
        )


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_where_there_is_a_way_back(world: World, shown: Screen, theme: str) -> None:
    shown.page.context.add_cookies([{"name": "theme", "value": theme, "url": shown.origin}])
    shown.open(world.address())
    drag(shown, 3, 9)
    shown.page.mouse.up()
    arrive(shown, "?range=2026-10-25..2026-10-31")

    expect(shown.page.get_by_role("link", name="Zoom out")).to_be_visible()
    assert shown.axe() == []
