"""The calls of the public API in the menus of panels: the API itself gives the numbers that the panel has."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from openpanel.metadata import NewClient, clients
from openpanel_api.public.app import create_app
from openpanel_api.public.services import Services
from tests.dashboard.browsers import Browser
from tests.dashboard.conftest import NOW, SECRET, SECRET_HASH, World
from tests.dashboard.markup import parse

ORIGIN = "http://api.example:3002"
FILTERS = ("", "&f=country:is:KR,JP&f=os:not:iOS", "&f=path:has:docs", "&f=referrer:is:&f=entry:starts:/")


@dataclass(frozen=True)
class Api:
    """The public API, asked by whoever pastes a command."""

    browser: Browser
    client: str

    def run(self, command: str) -> Any:
        """What the command is answered."""
        words = shlex.split(command.replace("\\\n", " "))
        filled = [
            word.replace("$OPENPANEL_CLIENT_ID", self.client).replace("$OPENPANEL_CLIENT_SECRET", SECRET)
            for word in words
        ]
        headers = dict(word.split(": ", 1) for before, word in pairwise(filled) if before == "-H")
        parts = urlsplit(words[1])
        assert (words[0], f"{parts.scheme}://{parts.netloc}") == ("curl", ORIGIN)
        answer = self.browser.get(f"{parts.path}?{parts.query}", headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture(scope="module")
def api(world: World) -> Iterator[Api]:
    reader = NewClient(
        id=str(uuid4()), name="reader", organization="acme", project="shop", type="read", secret_hash=SECRET_HASH
    )  # fmt: skip
    clients.create(world.database, client=reader, at=NOW)
    services = Services(world.database, world.warehouse, clock_ms=lambda: int(NOW.timestamp() * 1000))
    with Browser(create_app(services), origin=ORIGIN) as browser:
        yield Api(browser, reader.id)


def command(client: Browser, world: World, name: str, query: str) -> str:
    """The call in the menu of a panel; empty where there is none."""
    panel = parse(client.get(world.address(f"/overview/panel/{name}{query}")).text)
    found = panel.all("pre", id=f"menu-{name}-call")
    return "".join(str(child) for child in found[0].children) if found else ""


def rows(client: Browser, world: World, name: str, query: str) -> list[dict[str, Any]]:
    """Those of the panel's file."""
    found: list[dict[str, Any]] = client.get(world.address(f"/overview/file/{name}.json{query}")).json()[
        "rows"
    ]
    return found


@pytest.mark.parametrize("filters", FILTERS)
@pytest.mark.parametrize(
    "tab",
    [
        *(f"sources={tab}" for tab in ("referrer", "channel", "campaign", "source", "medium")),
        "places=country",
        *(f"devices={tab}" for tab in ("browser", "os", "type")),
    ],
)
def test_list_of_the_api_is_that_of_the_panel(
    world: World, client: Browser, api: Api, tab: str, filters: str
) -> None:
    query, card = f"?range=7d{filters}&tab.{tab}", tab.partition("=")[0]

    answered = api.run(command(client, world, card, query))

    assert [(one["name"], one["visitors"], one["sessions"], one["pageviews"]) for one in answered] == [
        (one["value"], one["visitors"], one["sessions"], one["pageviews"])
        for one in rows(client, world, card, query)
    ]


@pytest.mark.parametrize("tab", ["region", "city"])
def test_places_of_the_api_are_told_apart_by_country(
    world: World, client: Browser, api: Api, tab: str
) -> None:
    query = f"?range=7d&tab.places={tab}"
    answered = api.run(command(client, world, "places", query))

    totals: dict[str, int] = {}
    for one in answered:
        totals[one["name"]] = totals.get(one["name"], 0) + one["sessions"]
    assert totals == {one["value"]: one["sessions"] for one in rows(client, world, "places", query)}


@pytest.mark.parametrize("tab", ["top", "entry", "exit"])
@pytest.mark.parametrize("filters", FILTERS)
def test_pages_of_the_api_are_those_of_the_panel(
    world: World, client: Browser, api: Api, tab: str, filters: str
) -> None:
    query, number = f"?range=7d{filters}&tab.pages={tab}", "pageviews" if tab == "top" else "sessions"
    answered = api.run(command(client, world, "pages", query))

    assert {one["path"]: one[number] for one in answered} == {
        one["value"]: one[number] for one in rows(client, world, "pages", query)
    }


@pytest.mark.parametrize(
    "query",
    ["", "?range=7d", "?range=2026-11-01..2026-11-07&cmp=year", "?range=2026-11-17T10:00..2026-11-17T13:59"],
)
def test_figures_of_the_api_are_those_of_the_panel(
    world: World, client: Browser, api: Api, query: str
) -> None:
    answered = api.run(command(client, world, "kpis", query))

    shown, *before = rows(client, world, "kpis", query)
    pairs = [(answered["summary"], shown)]
    pairs += [(answered["previous"]["summary"], row) for row in before]
    for summary, row in pairs:
        assert (summary["unique_visitors"], summary["total_sessions"], summary["total_screen_views"]) == (
            row["visitors"],
            row["sessions"],
            row["pageviews"],
        )
    assert answered["startDate"] == shown["from"]


@pytest.mark.parametrize(
    "query", ["?range=7d", "?range=7d&by=hour&m=views&cmp=prev-weekday", "?range=today&f=path:is:/pricing"]
)
def test_series_of_the_api_is_that_of_the_chart(world: World, client: Browser, api: Api, query: str) -> None:
    answered = api.run(command(client, world, "chart", query))

    number, key = (
        ("total_screen_views", "pageviews") if "m=views" in query else ("unique_visitors", "visitors")
    )
    shown = rows(client, world, "chart", query)
    assert [(one["date"], one[number]) for one in answered["series"]] == [
        (one["from"], one[key]) for one in shown
    ]
    if "cmp" in query:
        assert [one[number] for one in answered["previous"]["series"]] == [one["compared"] for one in shown]


@pytest.mark.parametrize(
    ("name", "query"),
    [("kpis", "?range=7d&cmp=2026-10-01..2026-10-07"), ("chart", "?range=7d&cmp=2026-10-01..2026-10-07")],
)
def test_comparison_with_chosen_days_has_no_call(
    world: World, client: Browser, name: str, query: str
) -> None:
    assert command(client, world, name, query) == ""


def test_value_of_a_visitor_cannot_leave_its_quotes(world: World, client: Browser, api: Api) -> None:
    hostile = "?range=7d&f=path:is:/%27;%20rm%20-rf%20~;%20%22$(id)%60id%60"

    words = shlex.split(command(client, world, "places", hostile).replace("\\\n", " "))

    assert len(words) == 6
    assert "$(" not in words[1]
    assert "`" not in words[1]
    assert api.run(command(client, world, "places", hostile)) == []
