"""From the first start to the first number: what `openpanel up` prints is pasted, opened and seen on the overview."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.whole.browsing import PATIENCE_MS, chromium, served
from tests.whole.installation import Platform

VISITOR = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"
)

pytestmark = [pytest.mark.node, pytest.mark.browser]


@pytest.fixture
def browser() -> Iterator[Browser]:
    with chromium() as launched:
        yield launched


@pytest.fixture
def site(platform: Platform, tmp_path: Path) -> Iterator[str]:
    """A page with the printed snippet in its head."""
    tag = re.search(
        r"<head> of a page:\n(<script>.*?</script>\n<script .*?</script>)", platform.printed, re.DOTALL
    )
    assert tag, platform.printed
    (tmp_path / "first.html").write_text(f"<head><title>First</title>{tag[1]}</head><h1>Hello</h1>")
    with served(tmp_path) as address:
        yield address


def test_page_with_the_printed_snippet_is_on_the_overview(
    platform: Platform, browser: Browser, site: str
) -> None:
    link = platform.run("sign-in").stdout.strip()
    person, visitor = browser.new_context(locale="en-US"), browser.new_context(user_agent=VISITOR)
    for each in (person, visitor):
        each.set_default_timeout(PATIENCE_MS)
    overview, page = person.new_page(), visitor.new_page()

    overview.goto(link)
    overview.locator("form:has(input[name=token]) button").click()
    overview.wait_for_url(lambda address: "/sign-in" not in address)
    origin = link.partition("/sign-in")[0]
    overview.goto(f"{origin}/o/{_organization(overview.content())}/p/demo/overview")
    with page.expect_response(lambda answer: answer.url.endswith("/track")) as sent:
        page.goto(f"{site}/first.html")

    assert sent.value.status == 200
    expect(overview.locator("#panel-pages")).to_contain_text("/first.html", timeout=PATIENCE_MS)
    expect(overview.locator("#kpi-visitors .kpi-value")).to_have_text(
        re.compile("^[1-9]"), timeout=PATIENCE_MS
    )


def _organization(page: str) -> str:
    """Of the project `demo`, as a link of the page names it."""
    found = re.search(r"/o/([^/\"]+)/p/demo", page)
    assert found, page
    return found[1]
