"""What the palette is offered beside the commands of the page."""

from typing import Any

import pytest

from openpanel.warehouse import Unavailable, Warehouse
from tests.dashboard.browsers import Browser
from tests.dashboard.conftest import World
from tests.dashboard.markup import parse


def suggested(client: Browser, world: World, query: str) -> dict[str, str]:
    """The addresses by the sentences."""
    answer = client.get(world.address(f"/overview/suggest?{query}"))
    assert answer.status_code == 200, answer.text
    return {one["label"]: one["address"] for one in answer.json()}


def test_typed_filter_is_a_sentence_with_the_address_that_adds_it(world: World, client: Browser) -> None:
    found = suggested(client, world, "range=7d&f=country:is:JP&q=country+is+kr")

    assert found == {"Country is South Korea": world.address("/overview?range=7d&f=country:is:JP,KR")}


def test_pages_and_events_that_exist_are_offered(world: World, client: Browser) -> None:
    pages = suggested(client, world, "q=pric")
    events = suggested(client, world, "q=screen")

    assert pages == {"Page is /pricing": world.address("/overview?f=path:is:/pricing")}
    assert events == {"Event is screen_view": world.address("/overview?f=event:is:screen_view")}


def test_offered_address_is_one_that_the_page_takes(world: World, client: Browser) -> None:
    for address in suggested(client, world, "q=doc").values():
        page = parse(client.get(address).text)
        assert page.all(class_="banner") == []
        assert len(page.all("li", class_="chip")) == 1


def test_filter_that_is_there_already_changes_nothing(world: World, client: Browser) -> None:
    found = suggested(client, world, "f=country:is:KR&q=country+is+kr")

    assert list(found.values()) == [world.address("/overview?f=country:is:KR")]


@pytest.mark.parametrize("query", ["", "q=", "q=x", "q=%00", "q=%25_zzzz"])
def test_text_that_says_nothing_offers_nothing(world: World, client: Browser, query: str) -> None:
    assert suggested(client, world, query) == {}


def test_typed_filter_is_offered_while_the_store_is_away(world: World) -> None:
    class Away(Warehouse):
        def __init__(self, inner: Warehouse) -> None:
            self.database = inner.database

        def query(self, *_: object, **__: object) -> list[tuple[Any, ...]]:
            raise Unavailable("away", code=0)

    with Browser(world.app(warehouse=Away(world.warehouse))) as client:
        client.cookies.set("openpanel-session", world.session)

        assert list(suggested(client, world, "q=browser+is+firefox")) == ["Browser is firefox"]


def test_suggestions_are_for_members_only(world: World, client: Browser, stranger: Browser) -> None:
    assert client.get(world.address("/overview/suggest?q=doc", world.foreign)).status_code == 403
    assert stranger.get(world.address("/overview/suggest?q=doc")).status_code == 303
