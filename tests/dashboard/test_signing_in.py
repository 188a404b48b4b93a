"""Signing in by a one-time link, staying signed in, signing out."""

from datetime import timedelta
from http.cookies import SimpleCookie
from uuid import uuid4

import pytest

from openpanel.metadata import UserRecord, dashboard_sessions, sign_in_links, users
from tests.dashboard.browsers import Browser
from tests.dashboard.conftest import NOW, World
from tests.dashboard.markup import parse

HTTPS = "https://stats.example.com"
MONTH = str(30 * 86_400)  # seconds


def a_link(world: World, *, expires_in: timedelta | None = None) -> str:
    user = users.ensure(world.database, wanted=UserRecord(str(uuid4()), f"{uuid4()}@example.com"))
    token = str(uuid4())
    end = NOW + expires_in if expires_in else None
    sign_in_links.issue(world.database, user=user.id, token=token, at=NOW, expires_at=end)
    return token


def test_link_shows_a_button_and_is_not_used_up_by_looking(world: World, stranger: Browser) -> None:
    token = a_link(world)

    pages = [parse(stranger.get(f"/sign-in?token={token}").text) for _ in range(3)]

    page = pages[-1]
    assert page.one("form")["method"] == "post"
    assert page.one("input", name="token")["value"] == token
    assert stranger.post("/sign-in", data={"token": token}).status_code == 303


def test_button_signs_in_once(world: World, stranger: Browser) -> None:
    token = a_link(world)

    first = stranger.post("/sign-in", data={"token": token, "next": world.address()})
    second = stranger.post("/sign-in", data={"token": token})

    assert (first.status_code, first.headers["location"]) == (303, world.address())
    assert stranger.get("/").status_code == 200
    assert second.status_code == 410
    assert "openpanel sign-in" in second.text
    assert "set-cookie" not in second.headers


def test_link_that_is_over_says_what_to_do(world: World, stranger: Browser) -> None:
    token = a_link(world, expires_in=timedelta(seconds=-1))

    answer = stranger.post("/sign-in", data={"token": token})

    assert answer.status_code == 410
    assert parse(answer.text).one("h1").text == "This link does not work any more"


@pytest.mark.parametrize("token", ["", "nonsense", "\udcff", "a" * 5_000])
def test_made_up_tokens_sign_nobody_in(stranger: Browser, token: str) -> None:
    body = b"token=" + token.encode("utf-8", "surrogateescape")

    answer = stranger.post(
        "/sign-in", content=body, headers={"content-type": "application/x-www-form-urlencoded"}
    )

    assert answer.status_code == 410


def test_cookie_cannot_be_read_or_sent_by_others(world: World, stranger: Browser) -> None:
    plain = stranger.post("/sign-in", data={"token": a_link(world)})
    with Browser(world.app(dashboard_url=HTTPS), origin=HTTPS) as https:
        secure = https.post("/sign-in", data={"token": a_link(world)})

    assert "HttpOnly" in plain.headers["set-cookie"]
    assert "SameSite=lax" in plain.headers["set-cookie"]
    assert "Secure" not in plain.headers["set-cookie"]
    assert secure.headers["set-cookie"].startswith("__Host-openpanel-session=")
    assert "Secure" in secure.headers["set-cookie"]


def test_signing_out_ends_the_session_everywhere(world: World, stranger: Browser) -> None:
    stranger.post("/sign-in", data={"token": a_link(world)})
    token = stranger.cookies["openpanel-session"]

    answer = stranger.post("/sign-out")

    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    assert dashboard_sessions.load(world.database, token=token, at=NOW) is None
    assert stranger.get("/").headers["location"] == "/sign-in"


def test_session_in_use_is_moved_on_and_an_old_one_ends(world: World, stranger: Browser) -> None:
    stranger.post("/sign-in", data={"token": a_link(world)})
    token = stranger.cookies["openpanel-session"]
    with (
        Browser(world.app(clock=lambda: NOW + timedelta(days=29))) as later,
        Browser(world.app(clock=lambda: NOW + timedelta(days=60))) as much_later,
    ):
        later.cookies.set("openpanel-session", token)
        much_later.cookies.set("openpanel-session", token)
        answers = [later.get("/"), much_later.get("/")]

    session = dashboard_sessions.load(world.database, token=token, at=NOW)
    assert session is not None
    assert session.expires_at == NOW + timedelta(days=59)
    assert answers[0].status_code == 200
    assert answers[1].headers["location"] == "/sign-in"


def days_later(world: World, stranger: Browser, *days: int) -> list[str]:
    """For how many seconds browsers with one session are to keep its cookie, so many days after signing in."""
    stranger.post("/sign-in", data={"token": a_link(world)})
    token = stranger.cookies["openpanel-session"]
    told: list[str] = []
    for day in days:
        with Browser(world.app(clock=lambda day=day: NOW + timedelta(days=day))) as browser:
            browser.cookies.set("openpanel-session", token)
            answer = browser.get("/")
        assert answer.status_code == 200
        cookie = SimpleCookie(answer.headers.get("set-cookie", "")).get("openpanel-session")
        assert cookie is None or (cookie.value, cookie["path"], cookie["httponly"]) == (token, "/", True)
        told.append(cookie["max-age"] if cookie else "")
    return told


def test_cookie_of_a_session_in_use_is_moved_on_with_it(world: World, stranger: Browser) -> None:
    assert days_later(world, stranger, 0, 20, 20, 45) == ["", MONTH, "", MONTH]


def test_session_ends_90_days_after_signing_in_however_much_it_is_used(
    world: World, stranger: Browser
) -> None:
    told = days_later(world, stranger, 25, 50, 70, 89)
    token = stranger.cookies["openpanel-session"]

    assert told == [MONTH, MONTH, str(20 * 86_400), ""]
    assert dashboard_sessions.load(world.database, token=token, at=NOW + timedelta(days=90)) is None


@pytest.mark.parametrize(
    "elsewhere",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/a\nb", ""],
)
def test_signing_in_never_leads_to_another_host(world: World, stranger: Browser, elsewhere: str) -> None:
    answer = stranger.post("/sign-in", data={"token": a_link(world), "next": elsewhere})

    assert answer.headers["location"] == "/"
