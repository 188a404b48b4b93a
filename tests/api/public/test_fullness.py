"""What an answer is not, it says: not all rows, not exact, not of every event."""

from typing import Any

import pytest

from openpanel.analytics import routing
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


async def test_pickers_say_it_in_the_answer(shop: Place) -> None:
    cut = await asked(shop, "/insights/shop/events/names", {"limit": 1})
    whole = await asked(shop, "/insights/shop/events/names")

    assert [each.json()["more"] for each in (cut, whole)] == [True, False]


async def test_values_of_one_event_say_that_only_the_newest_were_looked_at(shop: Place) -> None:
    of_event = {"propertyKey": "plan", "eventName": "signup"}
    answer = await asked(shop, "/insights/shop/events/property_values", of_event)
    of_all = await asked(shop, "/insights/shop/events/property_values", {"propertyKey": "plan"})

    assert (told(answer), answer.json()["newest"]) == ({"openpanel-newest": "500000"}, 500_000)
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
