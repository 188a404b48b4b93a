"""The pages in Chromium for everybody: what an accessibility checker finds, and on a phone."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext

from tests.dashboard.conftest import World
from tests.dashboard.screens import Screen, screen_in, window

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
