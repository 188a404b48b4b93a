"""The published `@openpanel/web` and the script tag, unmodified, in Chromium: what a visitor does comes out."""

import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.whole.browsing import PATIENCE_MS, chromium, served
from tests.whole.installation import Credentials, Platform

SDK = Path(__file__).parents[1] / "sdk"
CHROME = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"
)
SNIPPET = """\
window.op = window.op || function () {{
  var n = []; return new Proxy(function () {{ arguments.length && n.push([].slice.call(arguments)) }},
  {{ get: function (t, r) {{ return "q" === r ? n : function () {{ n.push([r].concat([].slice.call(arguments))) }} }},
     has: function (t, r) {{ return "q" === r }} }}) }}();
window.op('init', {{
  apiUrl: '{ingest}', clientId: '{client}', trackScreenViews: true, trackOutgoingLinks: true,
  trackAttributes: true, sessionReplay: {{ enabled: {replay}, flushIntervalMs: 300 }}
}});
"""
BODY = """\
<h1>Shop</h1>
<a id="out" href="http://elsewhere.example/offer" target="none">Offer</a>
<button id="buy" data-track="buy_clicked" data-product-id="42" data-price="9.90">Buy</button>
"""

pytestmark = [pytest.mark.node, pytest.mark.browser]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as launched:
        yield launched


@pytest.fixture(scope="module")
def clients(platform: Platform) -> Mapping[str, Credentials]:
    return platform.project("sdk-web", unsafe_revenue=True)


@pytest.fixture(scope="module")
def site(
    platform: Platform, clients: Mapping[str, Credentials], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """A small shop's pages, one with the script tag, one with the package in its own bundle."""
    folder = tmp_path_factory.mktemp("site")
    bundled = subprocess.run(
        ["node", "site/bundle.mjs", str(folder / "bundle.js")],
        cwd=SDK,
        capture_output=True,
        text=True,
        check=False,
    )
    assert bundled.returncode == 0, bundled.stderr
    for name, replay in (("tag", "false"), ("replay", "true")):
        script = SNIPPET.format(ingest=platform.ingest_url, client=clients["web"].client_id, replay=replay)
        (folder / f"{name}.html").write_text(
            f"<title>Shop by {name}</title><script>{script}</script>"
            f'<script src="{platform.ingest_url}/op1.js" defer async></script>{BODY}'
        )
    (folder / "package.html").write_text(
        f"<title>Shop by package</title><script src=bundle.js></script>{BODY}"
    )
    with served(folder) as address:
        yield address


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(user_agent=CHROME, locale="en-GB", viewport={"width": 1280, "height": 800})
    context.set_default_timeout(PATIENCE_MS)
    opened = context.new_page()
    yield opened
    context.close()


def test_script_tag_counts_screen_views_through_history_changes(
    platform: Platform, clients: Mapping[str, Credentials], site: str, page: Page
) -> None:
    with page.expect_response(lambda answer: answer.url.endswith("/track")) as first:
        page.goto(f"{site}/tag.html?utm_source=news&utm_campaign=autumn")
    assert first.value.status == 200
    assert set(first.value.json()) == {"deviceId", "sessionId"}
    with page.expect_response(lambda answer: answer.url.endswith("/track")):
        page.evaluate("history.pushState({}, '', '/products/42')")

    rows = _views(platform, clients, lambda paths: "/products/42" in paths)

    assert {row["path"] for row in rows} >= {"/tag.html", "/products/42"}
    assert {row["deviceId"] for row in rows} == {first.value.json()["deviceId"]}
    assert {row["sessionId"] for row in rows} == {first.value.json()["sessionId"]}
    landing = next(row for row in rows if row["path"] == "/tag.html")
    assert landing["origin"] == site
    assert landing["browser"] == "Chrome"
    assert landing["device"] == "desktop"
    assert landing["properties"]["__title"] == "Shop by tag"
    assert landing["properties"]["__query.utm_source"] == "news"


def test_outgoing_links_and_data_attributes_become_events(
    platform: Platform, clients: Mapping[str, Credentials], site: str, page: Page
) -> None:
    with page.expect_response(lambda answer: answer.url.endswith("/track")):
        page.goto(f"{site}/tag.html")
    with page.expect_response(lambda answer: answer.url.endswith("/track")):
        page.click("#buy")
    page.evaluate("document.addEventListener('click', event => event.preventDefault())")
    with page.expect_response(lambda answer: answer.url.endswith("/track")):
        page.click("#out")

    rows = platform.until(clients["reader"], lambda rows: any(row["name"] == "link_out" for row in rows))

    bought = next(row for row in rows if row["name"] == "buy_clicked")
    assert bought["properties"]["productId"] == "42"
    assert bought["properties"]["price"] == "9.90"
    left = next(row for row in rows if row["name"] == "link_out")
    assert left["properties"]["href"] == "http://elsewhere.example/offer"
    assert left["properties"]["text"] == "Offer"


def test_package_in_a_bundle_tracks_and_identifies(
    platform: Platform, clients: Mapping[str, Credentials], site: str, page: Page
) -> None:
    page.goto(f"{site}/package.html")
    page.evaluate(
        """async ([apiUrl, clientId]) => {
          const op = new OpenPanel({ apiUrl, clientId, trackScreenViews: false });
          op.screenView('/checkout', { step: 1 });
          await op.track('package_used', { colour: 'blue' });
          await op.identify({ profileId: 'visitor-7', firstName: 'Grace' });
          await op.track('package_identified', {});
        }""",
        [platform.ingest_url, clients["web"].client_id],
    )

    rows = platform.until(
        clients["reader"], lambda rows: any(row["name"] == "package_identified" for row in rows)
    )

    used = next(row for row in rows if row["name"] == "package_used")
    assert used["path"] == "/checkout"
    assert used["properties"]["colour"] == "blue"
    identified = next(row for row in rows if row["name"] == "package_identified")
    assert identified["profileId"] == "visitor-7"
    assert identified["sessionId"] == used["sessionId"]


def test_package_in_a_bundle_sends_revenue_that_was_pending_over_a_page_change(
    platform: Platform, clients: Mapping[str, Credentials], site: str, page: Page
) -> None:
    options = {"apiUrl": platform.ingest_url, "clientId": clients["web"].client_id}
    page.goto(f"{site}/package.html")
    page.evaluate(
        """(options) => {
          const op = new OpenPanel(options);
          op.pendingRevenue(4900, { product: 'book' });
          op.pendingRevenue(150, { product: 'stamp' });
        }""",
        options,
    )
    page.reload()
    page.evaluate("(options) => new OpenPanel(options).flushRevenue()", options)

    rows = platform.until(
        clients["reader"], lambda rows: len([row for row in rows if row["name"] == "revenue"]) >= 2
    )

    paid = {row["properties"]["product"]: row["revenue"] for row in rows if row["name"] == "revenue"}
    assert paid == {"book": 4900, "stamp": 150}
    assert page.evaluate("sessionStorage.getItem('openpanel-pending-revenues')") is None


def test_replay_chunks_are_kept_for_the_session(
    platform: Platform, clients: Mapping[str, Credentials], site: str, page: Page
) -> None:
    with page.expect_response(_is_replay) as replay:
        page.goto(f"{site}/replay.html")

    assert replay.value.status == 200
    session = replay.value.json()["sessionId"]
    found = platform.insight(clients["reader"], f"/sessions/{session}", lambda found: found["hasReplay"])
    assert found["id"] == session


def _is_replay(answer: Any) -> bool:
    return answer.url.endswith("/track") and '"type":"replay"' in (answer.request.post_data or "")


def _views(platform: Platform, clients: Mapping[str, Credentials], enough: Any) -> list[dict[str, Any]]:
    rows = platform.until(
        clients["reader"],
        lambda rows: enough({row["path"] for row in rows if row["name"] == "screen_view"}),
    )
    return [row for row in rows if row["name"] == "screen_view"]
