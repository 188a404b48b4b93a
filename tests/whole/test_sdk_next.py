"""A server-rendered page with the published `@openpanel/nextjs`, unmodified: its visits come out."""

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from tests.whole.installation import Credentials, Platform

SDK = Path(__file__).parents[1] / "sdk"
CHROME = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/141.0.0.0 Safari/537.36"
)

pytestmark = [pytest.mark.node, pytest.mark.browser, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def clients(platform: Platform) -> Mapping[str, Credentials]:
    return platform.project("sdk-next")


@pytest.fixture(scope="module")
def shop(platform: Platform, clients: Mapping[str, Credentials]) -> Iterator[str]:
    """The address of the built and started Next.js shop."""
    environment = {
        **os.environ,
        "INGEST_URL": platform.ingest_url,
        "CLIENT_ID": clients["web"].client_id,
        "NEXT_TELEMETRY_DISABLED": "1",
    }
    built = subprocess.run(
        ["node", "../node_modules/next/dist/bin/next", "build"],
        cwd=SDK / "next",
        env=environment,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    server = subprocess.Popen(
        ["node", "../node_modules/next/dist/bin/next", "start", "--hostname", "127.0.0.1", "--port", "0"],
        cwd=SDK / "next",
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert server.stdout is not None
    try:
        yield next(line.split("Local:")[1].strip() for line in server.stdout if "Local:" in line)
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.stdout.close()
        server.wait(timeout=20)


def test_server_rendered_page_sends_its_views_and_profile(
    platform: Platform, clients: Mapping[str, Credentials], shop: str
) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(user_agent=CHROME)
        with page.expect_response(lambda answer: "screen_view" in (answer.request.post_data or "")):
            page.goto(shop)
        with page.expect_response(lambda answer: "/products" in (answer.request.post_data or "")):
            page.click("text=Products")
        browser.close()

    rows = platform.until(clients["reader"], lambda rows: any(row["path"] == "/products" for row in rows))

    views = {row["path"]: row for row in rows if row["name"] == "screen_view"}
    assert set(views) == {"/", "/products"}
    assert views["/products"]["profileId"] == "next-user"
    assert views["/products"]["sdkName"] == "nextjs"
    assert views["/"]["os"] == "macOS" or views["/"]["os"] == "Mac OS"
