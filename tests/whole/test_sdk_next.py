"""A server-rendered page with the published `@openpanel/nextjs`, unmodified: its visits come out."""

import contextlib
import hashlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.whole.browsing import PATIENCE_MS, chromium
from tests.whole.installation import Credentials, Platform

SDK = Path(__file__).parents[1] / "sdk"
BUILT = SDK / "next/.next"
CHROME = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/141.0.0.0 Safari/537.36"
)

pytestmark = [pytest.mark.node, pytest.mark.browser, pytest.mark.timeout(600)]


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
    _build(environment)
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
        server.wait(timeout=60)


def _build(environment: Mapping[str, str]) -> None:
    """Build the shop, or take what was built of the same files before: the addresses are asked for when it runs."""
    kept = Path.home() / ".cache/openpanel/next" / _hash_of_inputs()
    shutil.rmtree(BUILT, ignore_errors=True)
    if kept.exists():
        shutil.copytree(kept, BUILT)
        return
    built = subprocess.run(
        ["node", "../node_modules/next/dist/bin/next", "build"],
        cwd=SDK / "next",
        env={name: value for name, value in environment.items() if name not in {"INGEST_URL", "CLIENT_ID"}},
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    kept.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=kept.parent) as beside:
        shutil.copytree(BUILT, Path(beside) / "built", ignore=shutil.ignore_patterns("cache"))
        with contextlib.suppress(OSError):  # another run has kept the same in the meantime
            (Path(beside) / "built").rename(kept)


def _hash_of_inputs() -> str:
    """Of everything that a build is made of: the pages, the published packages, the folder and Node.js."""
    node = subprocess.run(["node", "--version"], capture_output=True, check=True).stdout
    found = hashlib.sha256(node + str(SDK).encode())
    pages = [
        file
        for file in (SDK / "next").rglob("*")
        if file.is_file()
        and not {".next", "node_modules", "next-env.d.ts"} & set(file.relative_to(SDK).parts)
    ]
    for file in (SDK / "package-lock.json", *sorted(pages)):
        content = file.read_bytes()
        found.update(f"{file.relative_to(SDK)} {len(content)}\n".encode() + content)
    return found.hexdigest()[:32]


def test_server_rendered_page_sends_its_views_and_profile(
    platform: Platform, clients: Mapping[str, Credentials], shop: str
) -> None:
    with chromium() as browser:
        page = browser.new_page(user_agent=CHROME)
        page.set_default_timeout(PATIENCE_MS)
        with page.expect_response(lambda answer: "screen_view" in (answer.request.post_data or "")):
            page.goto(shop)
        with page.expect_response(lambda answer: "/products" in (answer.request.post_data or "")):
            page.click("text=Products")

    rows = platform.until(clients["reader"], lambda rows: any(row["path"] == "/products" for row in rows))

    views = {row["path"]: row for row in rows if row["name"] == "screen_view"}
    assert set(views) == {"/", "/products"}
    assert views["/products"]["profileId"] == "next-user"
    assert views["/products"]["sdkName"] == "nextjs"
    assert views["/"]["os"] == "macOS" or views["/"]["os"] == "Mac OS"
