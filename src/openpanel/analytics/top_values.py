"""Sessions by one of their properties. Asked by the lists of the overview that have no question of their own.

Knows no store and no clock: text and rows only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from openpanel.analytics import top_rows
from openpanel.analytics.overview import Overview, TopAnswer
from openpanel.analytics.routing import Source, Span
from openpanel.analytics.spans import days_of
from openpanel.analytics.statements import Row, Statement
from openpanel.analytics.visits import SESSION_COLUMNS

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


@dataclass(frozen=True, slots=True)
class TopValues:
    """Which values of `dimension` had most visitors? It is a name of `visits.SESSION_COLUMNS`."""

    scope: Overview
    dimension: str
    limit: int = 10

    def __post_init__(self) -> None:
        top_rows.check_limit(self.limit)
        if self.dimension not in SESSION_COLUMNS:
            message = f"dimension {self.dimension!r}: expected one of {', '.join(SESSION_COLUMNS)}"
            raise ValueError(message)

    @property
    def project(self) -> str:
        return self.scope.project

    @property
    def exact(self) -> Source:
        return Source.SESSIONS

    @property
    def rolled_up(self) -> tuple[Span, ...]:
        return days_of(self.scope, only_current=True) if self.dimension in _ROLLED_UP else ()

    def statement(self, source: Source) -> Statement:
        if source is not Source.ROLLUP:
            return top_rows.of_sessions(self.scope, dimension=self.dimension, limit=self.limit)
        name, views_known = _ROLLED_UP[self.dimension]
        return top_rows.of_rollup(self.scope, dimension=name, limit=self.limit, views_known=views_known)

    def answer(self, rows: Sequence[Row], source: Source) -> TopAnswer:
        return top_rows.answer(rows, limit=self.limit, source=source)
