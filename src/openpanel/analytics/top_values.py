"""Sessions by one of their properties. Asked by the lists of the overview that have no question of their own.

How shards are merged stands in `top_rows`. Knows no store and no clock: text and rows only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from openpanel.analytics import top_rows
from openpanel.analytics.overview import Overview, TopAnswer
from openpanel.analytics.routing import Source, Span
from openpanel.analytics.spans import days_of
from openpanel.analytics.statements import Row, Statement
from openpanel.analytics.top_rows import DIMENSIONS

__all__ = ["BELONGS_TO", "DIMENSIONS", "TopValues"]

# Those that a rollup knows, as it calls them, and whether it knows their pageviews.
_ROLLED_UP: Final[Mapping[str, tuple[str, bool]]] = {
    "country": ("country", True),
    "region": ("region", True),
    "city": ("city", True),
    "device": ("device", True),
    "browser": ("browser", True),
    "os": ("os", True),
    "referrer": ("referrer_name", False),
    "referrer_type": ("referrer_type", False),
    "utm.source": ("utm_source", False),
    "utm.medium": ("utm_medium", False),
    "utm.campaign": ("utm_campaign", False),
}


# What a value belongs to: names of places and versions alone do not tell which.
BELONGS_TO: Final[Mapping[str, str]] = {
    "region": "visit.country",
    "city": "visit.country",
    "browser_version": "visit.browser",
    "os_version": "visit.os",
    "entry": "visit.entry_origin",
    "exit": "visit.entry_origin",
}


@dataclass(frozen=True, slots=True)
class TopValues:
    """Which values of `dimension` had most visitors? It is one of `DIMENSIONS`.

    `detailed`: values that belong to different others (cities of one name in two countries, paths of two sites) are
    rows of their own and have a prefix, and views and revenue are known; no rollup knows that.
    """

    scope: Overview
    dimension: str
    limit: int = 10
    detailed: bool = False

    def __post_init__(self) -> None:
        top_rows.check_limit(self.limit)
        if self.dimension not in DIMENSIONS:
            message = f"dimension {self.dimension!r}: expected one of {', '.join(DIMENSIONS)}"
            raise ValueError(message)

    @property
    def project(self) -> str:
        return self.scope.project

    @property
    def exact(self) -> Source:
        return Source.SESSIONS

    @property
    def rolled_up(self) -> tuple[Span, ...]:
        if self.detailed or self.dimension not in _ROLLED_UP:
            return ()
        return days_of(self.scope, only_current=True)

    def statement(self, source: Source) -> Statement:
        if source is not Source.ROLLUP:
            prefix = BELONGS_TO.get(self.dimension, "") if self.detailed else ""
            return top_rows.of_sessions(self.scope, dimension=self.dimension, limit=self.limit, prefix=prefix)
        name, views_known = _ROLLED_UP[self.dimension]
        return top_rows.of_rollup(self.scope, dimension=name, limit=self.limit, views_known=views_known)

    def answer(self, rows: Sequence[Row], source: Source) -> TopAnswer:
        return top_rows.answer(rows, limit=self.limit, source=source)
