"""Who may see what: nothing without signing in, nothing of other organizations, and a page that says whom to ask."""

from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
from starlette.routing import Route

from openpanel.metadata import UserRecord, dashboard_sessions, organizations, users
from openpanel_dashboard.app import ROUTERS
from tests.dashboard.browsers import Browser
from tests.dashboard.conftest import NOW, World, add_project
from tests.dashboard.markup import parse

OPEN = {"/sign-in", "/sign-out", "/preferences", "/healthz/live", "/healthz/ready"}
PATHS = [route.path for router in ROUTERS for route in router.routes if isinstance(route, Route)]


@pytest.mark.parametrize("path", sorted(set(PATHS) - OPEN))
def test_every_page_sends_strangers_to_sign_in(stranger: Browser, path: str) -> None:
    answer = stranger.get(
        path.replace("{org}", "acme").replace("{project}", "shop").replace("{name}", "kpis")
    )

    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/sign-in")


def test_project_whose_name_no_project_can_have_does_not_exist(client: Browser) -> None:
    answer = client.get("/o/acme/p/shop%00/overview")

    assert answer.status_code == 404
    assert "There is no such project" in answer.text


def test_page_is_found_again_after_signing_in(stranger: Browser, world: World) -> None:
    answer = stranger.get(world.address() + "?range=7d&f=country:is:KR")

    assert (
        answer.headers["location"] == f"/sign-in?next={world.address()}%3Frange%3D7d%26f%3Dcountry%3Ais%3AKR"
    )


def test_page_of_any_name_is_found_again_after_signing_in(stranger: Browser) -> None:
    answer = stranger.get("/o/acme/p/%ED%95%9C%3F/overview?range=7d")
    (sought,) = parse_qs(urlsplit(answer.headers["location"]).query)["next"]

    assert sought == "/o/acme/p/%ED%95%9C%3F/overview?range=7d"


def test_panels_of_a_project_that_is_not_there_send_the_browser_to_its_page(client: Browser) -> None:
    answer = client.get("/o/acme/p/%ED%95%9C%3E/overview/main?range=7d", headers={"hx-request": "true"})

    assert (answer.status_code, answer.headers["hx-redirect"]) == (
        404,
        "/o/acme/p/%ED%95%9C%3E/overview?range=7d",
    )


def test_panel_of_a_stranger_sends_the_whole_page_to_sign_in(world: World, stranger: Browser) -> None:
    answer = stranger.get(world.address("/overview/panel/kpis"), headers={"hx-request": "true"})

    assert (answer.status_code, answer.headers["hx-redirect"]) == (401, "/sign-in")


@pytest.mark.parametrize(
    ("shown", "target"),
    [
        ("http://testserver/o/acme/p/shop/overview?range=7d", "/o/acme/p/shop/overview?range=7d"),
        ("http://testserver/", ""),
        ("http://rival.example//rival.example/x", ""),
        ("no address", ""),
        ("http://[", ""),
    ],
)
def test_page_of_a_stranger_is_come_back_to(world: World, stranger: Browser, shown: str, target: str) -> None:
    answer = stranger.get(
        world.address("/overview/main"), headers={"hx-request": "true", "hx-current-url": shown}
    )

    sent = urlsplit(answer.headers["hx-redirect"])
    assert sent.path == "/sign-in"
    assert parse_qs(sent.query).get("next", [""]) == [target]


def test_stream_of_a_stranger_is_refused(world: World, stranger: Browser) -> None:
    answer = stranger.get(world.address("/live"), headers={"accept": "text/event-stream"})

    assert answer.status_code == 401


@pytest.mark.parametrize(
    "rest", ["", "/overview", "/overview/main", "/overview/panel/kpis", "/live", "/figures"]
)
def test_project_of_another_organization_is_forbidden_and_says_whom_to_ask(
    world: World, client: Browser, rest: str
) -> None:
    answer = client.get(world.address(rest, world.foreign))

    assert answer.status_code == 403
    assert "owner@example.com" in answer.text
    assert "Rival &lt;b&gt;Ltd&lt;/b&gt;" in answer.text


def test_owner_of_the_installation_sees_every_project(world: World) -> None:
    token = "session-of-owner"
    dashboard_sessions.begin(
        world.database, user=world.owner.id, token=token, at=NOW, expires_at=NOW.replace(year=2027)
    )

    with Browser(world.app()) as opened:
        opened.cookies.set("openpanel-session", token)

        assert opened.get(world.address(project=world.foreign)).status_code == 200


@pytest.mark.parametrize(
    "path",
    ["/o/acme/p/missing/overview", "/o/rival/p/shop/overview", "/o/acme/p/foreign/overview", "/nothing/here"],
)
def test_unknown_addresses_are_not_found(client: Browser, path: str) -> None:
    answer = client.get(path)

    assert answer.status_code == 404
    assert parse(answer.text).one("a", class_="button")["href"] == "/"


def test_projects_page_lists_what_the_member_may_see(world: World, stranger: Browser) -> None:
    organizations.ensure(world.database, organization="listed", name="Listed")
    for name in ("zebra", "apple"):
        add_project(world.database, name=name, organization="listed")
    reader = users.ensure(world.database, wanted=UserRecord(str(uuid4()), "grace@example.com"))
    users.join(world.database, user=reader.id, organization="listed", role="member")
    token = "session-of-grace"
    dashboard_sessions.begin(
        world.database, user=reader.id, token=token, at=NOW, expires_at=NOW.replace(year=2027)
    )
    stranger.cookies.set("openpanel-session", token)

    page = parse(stranger.get("/").text)

    assert [link.text for link in page.all(class_="project-name")] == ["Apple", "Zebra"]
    assert [title.text for title in page.all("h2", class_="group-title")] == ["Listed"]


def test_projects_numbers_load_by_themselves(world: World, client: Browser) -> None:
    text = parse(client.get(world.address("/figures")).text).text

    assert "online" in text
    assert "visitors, 24 h" in text
