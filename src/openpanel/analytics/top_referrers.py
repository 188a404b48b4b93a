"""What brought visitors here. Asked by the overview's list of sources.

How shards are merged stands in `top_rows`. Knows no store and no clock: text and rows only.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from openpanel.analytics import top_rows
from openpanel.analytics.overview import Overview, TopAnswer
from openpanel.analytics.routing import Source, Span
from openpanel.analytics.spans import days_of
from openpanel.analytics.statements import Row, Statement


@dataclass(frozen=True, slots=True)
class TopReferrers:
    """Which sites and campaigns did they come from? `name` '' is a direct visit."""

    scope: Overview
    limit: int = 10

    def __post_init__(self) -> None:
        top_rows.check_limit(self.limit)

    @property
    def project(self) -> str:
        return self.scope.project

    @property
    def exact(self) -> Source:
        return Source.SESSIONS

    @property
    def rolled_up(self) -> tuple[Span, ...]:
        return days_of(self.scope, only_current=True)

    def statement(self, source: Source) -> Statement:
        if source is Source.ROLLUP:
            return top_rows.of_rollup(
                self.scope, dimension="referrer_name", limit=self.limit, views_known=False
            )
        return top_rows.of_sessions(self.scope, dimension="referrer", limit=self.limit)

    def answer(self, rows: Sequence[Row], source: Source) -> TopAnswer:
        return top_rows.answer(rows, limit=self.limit, source=source)
