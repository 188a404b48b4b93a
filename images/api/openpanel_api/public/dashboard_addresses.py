"""Where people look at a project: the addresses of the dashboard's pages, and of the whole lists behind its cards. Pure.

The dashboard is a service of its own, so what its addresses are made of stands here once more; a test compares them.
"""

from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import quote, urlencode

USUAL_RANGE: Final = "28d"  # what an address without a range shows
RANGES: Final = (
    *("30m", "1h", "24h", "today", "yesterday", "7d", "28d", "30d", "90d", "12m"),
    *("mtd", "qtd", "ytd", "last-week", "last-month", "last-year", "all"),
)
# The cards of the overview and their tabs; of each card the first is open.
LISTS: Final[Mapping[str, tuple[str, ...]]] = {
    "sources": ("referrer", "channel", "campaign", "source", "medium"),
    "pages": ("top", "entry", "exit"),
    "places": ("country", "region", "city"),
    "devices": ("browser", "os", "type"),
}
METRICS: Final = (
    "visitors",
    "sessions",
    "views",
    "views-per-session",
    "bounce",
    "duration",
)  # the usual one first


def project_pages(
    root: str, *, organization: str, project: str, span: str = USUAL_RANGE
) -> dict[str, object]:
    """The addresses by what they show. `root` is how browsers reach the dashboard, without a slash behind.

    `span` is one of `RANGES`, or two days or moments with `..` between them.
    """
    overview = f"{root}/o/{quote(organization, safe='')}/p/{quote(project, safe='')}/overview"

    def view(**state: str) -> str:
        return _with(overview, span, state)

    return {
        "projects": f"{root}/",
        "overview": view(),
        "realtime": _with(overview, "30m", {}),
        "table": view(view="table"),
        "charts": {metric: view(**({} if metric == METRICS[0] else {"m": metric})) for metric in METRICS},
        "lists": {card: dict(_tabs(overview, span, card)) for card in LISTS},
    }


def _tabs(overview: str, span: str, card: str) -> Iterator[tuple[str, str]]:
    first = LISTS[card][0]
    for tab in LISTS[card]:
        chosen = {} if tab == first else {f"tab.{card}": tab}
        yield tab, _with(overview, span, {**chosen, "show": card})


def _with(overview: str, span: str, state: Mapping[str, str]) -> str:
    """The page in this state: keys in the order in which the dashboard writes them, what is usual left out."""
    said = ({} if span == USUAL_RANGE else {"range": span}) | dict(state)
    return f"{overview}?{urlencode(said, safe=':')}" if said else overview
