"""Questions about sites that cannot be asked are refused, each with what would be right. No store."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import cast

import pytest

from openpanel.analytics.engagement import MAX_WEEKS, WeeklyRetention
from openpanel.analytics.filters import MAX_FILTERS, Filter
from openpanel.analytics.heat_map import HeatMap
from openpanel.analytics.map import Map
from openpanel.analytics.metrics import Metrics
from openpanel.analytics.outgoing import OutgoingLinks
from openpanel.analytics.page_conversions import MAX_HOURS, PageConversions
from openpanel.analytics.pages import MAX_OFFSET, MAX_SEARCH, Pages, PageSort
from openpanel.analytics.periods import resolve
from openpanel.analytics.property_filters import PropertyFilter
from openpanel.analytics.realtime import Realtime
from openpanel.analytics.revenue import Revenue
from openpanel.analytics.top_events import TopEvents
from openpanel.analytics.top_rows import MAX_ROWS
from openpanel.analytics.top_series import TopSeries
from openpanel.analytics.top_values import DIMENSIONS, TopValues
from tests.analytics.questions import NOW, scope

SCOPE = scope("p")
YEARS = replace(SCOPE, period=resolve("2020-01-01..2026-11-01", timezone="UTC", now=NOW), previous=None)
MONTHS = replace(SCOPE, period=resolve("2025-01-01..2026-11-01", timezone="UTC", now=NOW), previous=None)
PLAIN = Filter("country", "is", ("KR",))


def narrowed(item: PropertyFilter) -> Metrics:
    return Metrics(replace(SCOPE, property_filters=(item,)))


REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    "list without a row": (lambda: TopValues(SCOPE, "country", 0), f"expected 1 to {MAX_ROWS}"),
    "list of what is not known": (lambda: TopValues(SCOPE, "weather"), "expected one of entry"),
    "too long a list of pages": (lambda: Pages(SCOPE, limit=MAX_ROWS + 1), f"expected 1 to {MAX_ROWS}"),
    "pages in an unknown order": (lambda: Pages(SCOPE, sort=cast("PageSort", "weight")), "one of pageviews"),
    "pages before the first": (lambda: Pages(SCOPE, offset=-1), "expected 0 to"),
    "pages far behind": (lambda: Pages(SCOPE, offset=MAX_OFFSET + 1), "expected 0 to"),
    "search for a novel": (lambda: Pages(SCOPE, search="x" * (MAX_SEARCH + 1)), "at most 1,000 characters"),
    "conversions without a name": (lambda: PageConversions(SCOPE, ()), "names of events"),
    "no time to convert": (lambda: PageConversions(SCOPE, ("a",), 0), "expected 1 to"),
    "too much time": (lambda: PageConversions(SCOPE, ("a",), MAX_HOURS + 1), "expected 1 to"),
    "live list without a row": (lambda: Realtime("p", NOW, 0), f"expected 1 to {MAX_ROWS}"),
    "map without a place": (lambda: Map(SCOPE, 0), f"expected 1 to {MAX_ROWS}"),
    "links without a row": (lambda: OutgoingLinks(SCOPE, 0), f"expected 1 to {MAX_ROWS}"),
    "too many names": (lambda: TopEvents(SCOPE, ("a",) * 101), "at most 100"),
    "revenue by what is not known": (lambda: Revenue(SCOPE, "weather"), "expected one of entry"),
    "revenue by the minute of years": (
        lambda: Revenue(replace(YEARS, interval="minute")),
        "take a longer interval",
    ),
    "series of what is not known": (lambda: TopSeries(SCOPE, "weather"), "expected one of page, entry"),
    "series of too many values": (lambda: TopSeries(SCOPE, "country", 501), "expected 1 to 500"),
    "series with too many points": (lambda: TopSeries(MONTHS, "country", 500), "fewer values"),
    "no weeks": (lambda: WeeklyRetention("p", "UTC", date(2026, 11, 22), 0), "expected 1 to"),
    "centuries of weeks": (
        lambda: WeeklyRetention("p", "UTC", date(2026, 11, 22), MAX_WEEKS + 1),
        "expected 1 to",
    ),
    "too many filters": (
        lambda: HeatMap(replace(SCOPE, filters=(PLAIN,) * (MAX_FILTERS + 1))).statement(HeatMap(SCOPE).exact),
        f"at most {MAX_FILTERS}",
    ),
    "filter on an unknown field": (
        lambda: narrowed(PropertyFilter("weather", "is", ("rain",))).statement(Metrics(SCOPE).exact),
        "no such field",
    ),
    "filter on a cohort that is not carried": (
        lambda: narrowed(PropertyFilter("cohort", "inCohort", ("1",))).statement(Metrics(SCOPE).exact),
        "no cohort of this project",
    ),
    "path compared as a number that is none": (
        lambda: narrowed(PropertyFilter("path", "gt", ("/",))).statement(Metrics(SCOPE).exact),
        "expected a number",
    ),
}


@pytest.mark.parametrize(("make", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_asked_is_refused_with_what_would_be_right(
    make: Callable[[], object], reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        make()


def test_scope_under_any_filter_is_read_from_no_rollup() -> None:
    whole = replace(
        SCOPE, period=resolve("2026-11-01..2026-11-21", timezone="Asia/Seoul", now=NOW), previous=None
    )

    assert Metrics(whole).rolled_up
    assert TopEvents(whole).rolled_up
    assert not Metrics(replace(whole, filters=(PLAIN,))).rolled_up
    assert not TopEvents(replace(whole, property_filters=(PropertyFilter("path", "is", ("/",)),))).rolled_up


def test_every_list_that_is_known_by_name_can_be_asked_in_detail() -> None:
    """The eighteen lists of sessions, and entry and exit pages."""
    names = (
        *(
            "referrer_url",
            "referrer",
            "referrer_type",
            "utm.source",
            "utm.medium",
            "utm.campaign",
            "utm.term",
        ),
        *(
            "utm.content",
            "region",
            "country",
            "city",
            "device",
            "brand",
            "model",
            "browser",
            "browser_version",
        ),
        *("os", "os_version", "entry", "exit"),
    )

    assert set(names) == set(DIMENSIONS)
    for name in names:
        question = TopValues(SCOPE, name, detailed=True)
        assert not question.rolled_up
        assert "visit.revenue" in question.statement(question.exact).sql
