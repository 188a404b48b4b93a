"""The addresses of the dashboard that the API gives are those which the dashboard itself would write."""

from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from openpanel_api.public.dashboard_addresses import LISTS, METRICS, RANGES, USUAL_RANGE, project_pages
from openpanel_dashboard import address
from openpanel_dashboard.app import ROUTERS
from openpanel_dashboard.pages.overview import metrics, wording

SPANS = (*RANGES, "2026-03-01..2026-03-31", "2026-03-01T10:00..2026-03-01T12:30")


def every(pages: object) -> Iterator[str]:
    """All addresses."""
    if isinstance(pages, dict):
        for inner in pages.values():
            yield from every(inner)
    else:
        yield str(pages)


def test_ranges_charts_and_lists_are_those_of_the_dashboard() -> None:
    assert (RANGES, USUAL_RANGE) == (address.PRESETS, address.DEFAULT_RANGE)
    assert METRICS[0] == address.DEFAULT_METRIC
    assert tuple(metric.key for metric in metrics.METRICS) == METRICS
    assert {card.name: tuple(tab.key for tab in card.tabs) for card in wording.CARDS} == LISTS


@pytest.mark.parametrize("span", SPANS)
def test_each_address_is_the_shortest_of_its_view(span: str) -> None:
    pages = project_pages("https://panel.example", organization="ours", project="mine", span=span)

    for found in every(pages):
        parts = urlsplit(found)
        view = address.parse(parts.query)
        assert (view.ignored, address.query(view)) == ((), parts.query)
        assert parts.path in ("/", "/o/ours/p/mine/overview")


def test_each_list_opens_the_whole_of_its_tab() -> None:
    lists = project_pages("", organization="ours", project="mine")["lists"]

    assert isinstance(lists, dict)
    for card in wording.CARDS:
        for tab in card.tabs:
            view = address.parse(urlsplit(lists[card.name][tab.key]).query)
            assert replace(view, tabs=()) == address.View(show=card.name)
            assert card.tab(view.tab(card.name)) == tab


def test_no_page_of_a_project_is_left_out() -> None:
    """A page has no further parameter in its path and no part below it."""
    paths = {route.path for router in ROUTERS for route in router.routes if hasattr(route, "path")}
    of_project = {path for path in paths if path.startswith("/o/{org}/p/{project}")}
    behind = ("/live", "/figures", "/overview/")  # what pages load

    pages = {path for path in of_project if not any(part in path for part in behind)}

    assert pages == {"/o/{org}/p/{project}", "/o/{org}/p/{project}/overview"}
