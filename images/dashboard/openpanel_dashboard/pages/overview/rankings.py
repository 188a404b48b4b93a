"""The cards: which sources, pages, places and devices, one list at a time, each row a filter."""

from collections.abc import Sequence
from dataclasses import replace
from hashlib import blake2b
from typing import Any, Final, cast
from urllib.parse import quote

from openpanel.analytics.asking import Question
from openpanel.analytics.limits import LIMITS
from openpanel.analytics.overview import TopAnswer, TopRow
from openpanel.analytics.top_countries import TopCountries
from openpanel.analytics.top_devices import TopDevices
from openpanel.analytics.top_pages import TopPages
from openpanel.analytics.top_referrers import TopReferrers
from openpanel.analytics.top_values import TopValues
from openpanel_dashboard.address import Condition, View
from openpanel_dashboard.assets import Assets
from openpanel_dashboard.components import Link, Notice, Ranking, Row
from openpanel_dashboard.languages import Language
from openpanel_dashboard.pages.overview import addresses, wording
from openpanel_dashboard.pages.overview.icons import icon
from openpanel_dashboard.pages.overview.kpis import estimate
from openpanel_dashboard.pages.overview.scope import DIMENSIONS, Scope
from openpanel_dashboard.pages.overview.wording import Card, Tab

ROWS: Final = 10
ALL_ROWS: Final = 100  # of the opened card
MOST_ROWS: Final = cast("int", LIMITS["max_result_rows"])  # of a file


class AllPages(TopPages):
    """Every page there is, for a file: where there are more than one answer may have, the store refuses."""

    def __post_init__(self) -> None:
        """No list on a page is as long, so its bound is not this one's."""


class AllValues(TopValues):
    """The same of the values of a dimension."""

    def __post_init__(self) -> None:
        """As above; dimensions come from the tabs."""


def whole(scope: Scope, card: Card) -> Question[TopAnswer]:
    """What a file of the card's open tab asks."""
    tab, overview = card.tab(scope.view.tab(card.name)), scope.overview(compared=False)
    if tab.dimension == "path":
        return AllPages(overview, limit=MOST_ROWS)
    return AllValues(overview, dimension=DIMENSIONS[tab.dimension], limit=MOST_ROWS)


def question(scope: Scope, card: Card) -> Question[TopAnswer]:
    """What the card's open tab asks."""
    tab, overview = card.tab(scope.view.tab(card.name)), scope.overview(compared=False)
    limit = ALL_ROWS if scope.view.show == card.name else ROWS
    if tab.dimension == "path":
        return TopPages(overview, limit=limit)
    if tab.dimension == "referrer":
        return TopReferrers(overview, limit=limit)
    if tab.dimension == "country":
        return TopCountries(overview, limit=limit)
    if tab.dimension in {"device", "browser", "os"}:
        kinds: dict[str, Any] = {"device": "device", "browser": "browser", "os": "os"}
        return TopDevices(overview, kind=kinds[tab.dimension], limit=limit)
    return TopValues(overview, dimension=DIMENSIONS[tab.dimension], limit=limit)


def context(scope: Scope, card: Card, answer: TopAnswer, *, language: Language, assets: Assets) -> Ranking:
    """The card as this reader gets it."""
    say, tab = language.say, card.tab(scope.view.tab(card.name))
    by_views = tab.dimension == "path"
    longest = max((_size(row, by_views=by_views) for row in answer.rows), default=0)
    return Ranking(
        panel=card.name,
        title=say(card.title),
        tabs=tuple(_tab(scope, card, one, language) for one in card.tabs),
        name_heading=say(tab.heading),
        value_heading=say("Pageviews") if by_views else say("Visitors"),
        share_heading=say("Share"),
        rows=tuple(
            _row(row, scope, tab, longest=longest, by_views=by_views, language=language, assets=assets)
            for row in answer.rows
        ),
        notice=None if answer.rows else _empty(scope, language),
        estimate=estimate(language) if answer.approximate else "",
        opened=scope.view.show == card.name,
        more=_more(scope, card, language) if answer.more and scope.view.show != card.name else None,
    )


def _row(
    row: TopRow,
    scope: Scope,
    tab: Tab,
    *,
    longest: int,
    by_views: bool,
    language: Language,
    assets: Assets,
) -> Row:
    write, size = language.write, _size(row, by_views=by_views)
    return Row(
        id=f"{tab.key}-{blake2b(row.name.encode('utf-8', 'surrogatepass'), digest_size=6).hexdigest()}",
        label=wording.value_name(tab.dimension, row.name, language),
        value=write.count(size),
        title=_title(row, tab, language),
        share=write.share(row.share),
        width=100 * size / longest if longest else 0.0,
        toggle=addresses.page(scope.project, scope.view.toggled(tab.dimension, row.name)),
        active=_chosen(scope.view.conditions, tab.dimension, row.name),
        exclude=addresses.page(scope.project, scope.view.toggled(tab.dimension, row.name, operator="not")),
        opens=_site(scope, tab, row.name),
        icon=icon(tab.dimension, row.name, assets=assets),
        nameless=not row.name,
    )


def _size(row: TopRow, *, by_views: bool) -> int:
    return (row.views or 0) if by_views else row.visitors


def _title(row: TopRow, tab: Tab, language: Language) -> str:
    write = language.write
    return language.say(
        "%(name)s: %(visitors)s visitors, %(sessions)s sessions, %(views)s pageviews",
        name=wording.value_name(tab.dimension, row.name, language),
        visitors=write.exact(row.visitors),
        sessions=write.exact(row.sessions),
        views=write.exact(row.views),
    )


def _chosen(conditions: Sequence[Condition], dimension: str, value: str) -> bool:
    return any(
        (one.dimension, one.operator) == (dimension, "is") and value in one.values for one in conditions
    )


def _site(scope: Scope, tab: Tab, path: str) -> str:
    """The page itself, where the project names one site and not a pattern of sites."""
    if tab.dimension not in {"path", "entry", "exit"} or not path.startswith("/"):
        return ""
    origin = next((one for one in scope.project.cors if one.startswith("http") and "*" not in one), "")
    return f"{origin.rstrip('/')}{quote(path, safe='/%?=&;+,:@!$()*')}" if origin else ""


def _tab(scope: Scope, card: Card, tab: Tab, language: Language) -> Link:
    first = tab is card.tabs[0]
    view = scope.view.with_tab(card.name, "" if first else tab.key)
    return Link(
        label=language.say(tab.label),
        address=addresses.page(scope.project, view),
        selected=tab is card.tab(scope.view.tab(card.name)),
    )


def _more(scope: Scope, card: Card, language: Language) -> Link:
    return Link(
        label=language.say("Show all"),
        address=addresses.page(scope.project, replace(scope.view, show=card.name)),
    )


def _empty(scope: Scope, language: Language) -> Notice:
    if scope.view.conditions:
        cleared: View = replace(scope.view, conditions=())
        return Notice(
            state="filtered",
            text=language.say("Nothing in this range matches the filters."),
            action=Link(label=language.say("Clear filters"), address=addresses.page(scope.project, cleared)),
        )
    everything = replace(scope.view, range="all", interval="", compare="")
    return Notice(
        state="empty",
        text=language.say("Nothing was counted in this range."),
        action=Link(label=language.say("Show all time"), address=addresses.page(scope.project, everything)),
    )
