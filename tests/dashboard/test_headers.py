"""What every answer carries, and what no other site may ask for."""

import re

import pytest

from tests.dashboard.browsers import Browser
from tests.dashboard.conftest import World

PAGES = ["/", "/sign-in", "/stories", "/nothing", "/o/acme/p/shop/overview", "/o/acme/p/shop/overview/main"]
INLINE = re.compile(r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)|javascript:", re.IGNORECASE)


@pytest.mark.parametrize("path", PAGES)
def test_policy_names_this_host_only(client: Browser, path: str) -> None:
    answer = client.get(path)

    policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["frame-ancestors"] == "'none'"
    assert {value for name, value in policy.items() if name.endswith("-src") and name != "default-src"} == {
        "'self'"
    }
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "strict-transport-security" not in answer.headers


@pytest.mark.parametrize("path", PAGES)
def test_nothing_is_inline_and_nothing_is_on_another_host(world: World, path: str) -> None:
    with Browser(world.app(show_stories=True)) as client:
        client.cookies.set("openpanel-session", world.session)
        html = re.sub(r"<pre.*?</pre>", "", client.get(path).text, flags=re.DOTALL)

    assert INLINE.findall(re.sub(r"&lt;.*?&gt;|&#34;|title=\"[^\"]*\"|data-chart=\"[^\"]*\"", "", html)) == []
    # A link that a person follows is no request; it tells the other host nothing of the page it stands on.
    html = re.sub(r"<a href=\"[^\"]*\" target=\"_blank\" rel=\"noreferrer\">", "", html)
    assert re.findall(r"(?:src|href)=\"(?:https?:)?//(?!shop\.example|example\.com)[^\"]*", html) == []


def test_https_is_remembered_by_browsers(world: World) -> None:
    with Browser(world.app(dashboard_url="https://stats.example.com")) as client:
        assert client.get("/healthz/live").headers["strict-transport-security"] == "max-age=31536000"


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
    ],
)
def test_change_asked_for_by_another_site_is_refused(client: Browser, headers: dict[str, str]) -> None:
    answer = client.post("/preferences", data={"theme": "dark"}, headers=headers)

    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("headers", [{"sec-fetch-site": "same-origin"}, {"origin": "http://testserver"}, {}])
def test_change_asked_for_by_our_page_is_done(client: Browser, headers: dict[str, str]) -> None:
    answer = client.post(
        "/preferences", data={"theme": "dark", "back": "/o/acme/p/shop/overview"}, headers=headers
    )

    assert (answer.status_code, answer.headers["location"]) == (303, "/o/acme/p/shop/overview")
    assert answer.headers["set-cookie"].startswith("theme=dark;")


def test_built_files_are_kept_for_ever_and_sent_small(client: Browser) -> None:
    page = client.get("/").text
    sheet = re.search(r'href="(/static/app-[0-9A-F]+\.css)"', page)
    assert sheet is not None

    zipped = client.get(sheet[1], headers={"accept-encoding": "gzip"})
    plain = client.get(sheet[1], headers={"accept-encoding": "identity"})

    assert zipped.headers["content-encoding"] == "gzip"
    assert zipped.text == plain.text
    assert zipped.headers["content-type"] == "text/css; charset=utf-8"
    assert "immutable" in plain.headers["cache-control"]
    assert int(zipped.headers["content-length"]) < 15_000


def test_missing_file_is_not_found(client: Browser) -> None:
    assert client.get("/static/../app.py").status_code == 404
    assert client.get("/static/missing.js").status_code == 404
