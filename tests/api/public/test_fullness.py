"""What an answer is not, it says: not all rows, not exact, not of every event."""

import csv
import io
import json
from typing import Any

import pytest

from openpanel.analytics import property_values, routing
from tests.api.public.asking import Json, asked
from tests.api.public.conftest import Place

DAYS = {"startDate": "2026-02-27", "endDate": "2026-02-28"}
TOLD = ("openpanel-more", "openpanel-approximate", "openpanel-newest")

MORE: list[tuple[str, int, Json]] = [
    # path, how many rows there are, what is asked beside
    ("country", 2, None),
    ("browser", 3, None),
    ("pages", 2, None),
    ("pages/top", 2, None),
    ("pages/entry_exit", 2, None),
    ("pages/conversions", 2, None),
    ("traffic/series", 2, {"dimension": "country"}),
    ("events/top", 3, None),
    ("events/stats", 4, None),
    ("events/names", 6, None),
    ("map", 3, None),
    ("revenue", 3, None),
]


@pytest.mark.parametrize(("path", "rows", "beside"), MORE, ids=[path for path, *_ in MORE])
async def test_a_list_that_is_cut_says_that_there_is_more(
    shop: Place, path: str, rows: int, beside: Json
) -> None:
    cut = await asked(shop, f"/insights/shop/{path}", {"limit": rows - 1, **(beside or {})})
    whole = await asked(shop, f"/insights/shop/{path}", {"limit": rows, **(beside or {})})

    assert told(cut) == {"openpanel-more": "true"}, cut.text
    assert told(whole) == {}, whole.text


async def test_a_table_says_it_too(shop: Place) -> None:
    answer = await asked(shop, "/insights/shop/country", {"limit": 1, "format": "csv"})

    assert told(answer) == {"openpanel-more": "true"}


BEHIND: list[tuple[str, Json]] = [
    ("funnel/people", {"steps": [{"name": "screen_view"}, {"name": "*"}], "step": 1, **DAYS}),
    ("chart/people", {"series": {"name": "screen_view"}, **DAYS}),
]


@pytest.mark.parametrize(("path", "body"), BEHIND, ids=[path for path, _ in BEHIND])
@pytest.mark.parametrize("output", ["json", "csv", "ndjson"])
async def test_who_is_behind_a_number_is_read_to_its_end_by_the_headers(
    shop: Place, path: str, body: Json, output: str
) -> None:
    following = f"/insights/shop/{path}?limit=1&format={output}"
    found, more = [], []
    while following:
        page = await asked(shop, following, body=body)
        assert page.status_code == 200, page.text
        found += [row["id"] for row in people(page)]
        more.append(told(page))
        following = page.links["next"]["url"] if "next" in page.links else ""

    assert found == ["0000000000000002", "ada"]
    assert more[0] == {"openpanel-more": "true"}
    assert more[-1] == {}


@pytest.mark.parametrize("output", ["json", "csv", "ndjson"])
async def test_pages_that_are_cut_by_limit_and_offset_say_that_there_are_more(
    shop: Place, output: str
) -> None:
    async def page(limit: int, offset: int) -> dict[str, str]:
        where = {"format": output, "limit": limit, "offset": offset}
        return told(await asked(shop, "/insights/shop/pages/performance", where))

    assert await page(1, 0) == {"openpanel-more": "true"}
    assert [await page(*part) for part in ((2, 0), (1, 1), (2, 1), (1, 2))] == [{}, {}, {}, {}]


async def test_pickers_say_it_in_the_answer(shop: Place) -> None:
    cut = await asked(shop, "/insights/shop/events/names", {"limit": 1})
    whole = await asked(shop, "/insights/shop/events/names")

    assert [each.json()["more"] for each in (cut, whole)] == [True, False]


async def test_values_say_that_only_the_newest_events_were_looked_at_where_there_are_more(
    shop: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_event = {"propertyKey": "plan", "eventName": "signup"}
    whole = await asked(shop, "/insights/shop/events/property_values", of_event)
    monkeypatch.setattr(property_values, "NEWEST", 1)  # there are two
    cut = await asked(shop, "/insights/shop/events/property_values", of_event)
    of_all = await asked(shop, "/insights/shop/events/property_values", {"propertyKey": "plan"})

    assert (told(whole), whole.json()["newest"], whole.json()["values"]) == ({}, None, ["free", "pro"])
    assert (told(cut), cut.json()["newest"]) == ({"openpanel-newest": "1"}, 1)
    assert (told(of_all), of_all.json()["newest"]) == ({}, None)


@pytest.mark.parametrize("path", ["events/top", "overview"])
async def test_what_is_counted_of_totals_says_that_it_is_approximate(
    shop: Place, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    exact = await asked(shop, f"/insights/shop/{path}", {**DAYS, "startDate": "2026-02-28"})
    monkeypatch.setattr(routing, "ROLLUP_FROM_EVENTS", 0)
    rough = await asked(shop, f"/insights/shop/{path}", DAYS)

    assert (told(exact), told(rough)) == ({}, {"openpanel-approximate": "true"})


def told(answer: Any) -> dict[str, str]:
    """The headers that say what is missing."""
    return {name: answer.headers[name] for name in TOLD if name in answer.headers}


def people(page: Any) -> list[dict[str, Any]]:
    """The people of a page, in whichever format it is."""
    kind = page.headers["content-type"]
    if kind.startswith("text/csv"):
        return list(csv.DictReader(io.StringIO(page.text)))
    if kind == "application/x-ndjson":
        return [json.loads(line) for line in page.text.splitlines()]
    return list(page.json()["people"])
