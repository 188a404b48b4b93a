"""Sessions by one of their properties, for the tabs that have no question of their own in `analytics`.

Says which column and how many; the statement and its reading are `analytics.top_rows`'.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from openpanel.analytics import top_rows
from openpanel.analytics.overview import Overview, TopAnswer
from openpanel.analytics.routing import Source, Span
from openpanel.analytics.statements import Row, Statement


@dataclass(frozen=True, slots=True)
class TopValues:
    """Which values of `dimension` had most visitors?"""

    scope: Overview
    dimension: str
    limit: int

    @property
    def project(self) -> str:
        return self.scope.project

    @property
    def exact(self) -> Source:
        return Source.SESSIONS

    @property
    def rolled_up(self) -> tuple[Span, ...]:
        return ()

    def statement(self, _source: Source) -> Statement:
        return top_rows.of_sessions(self.scope, dimension=self.dimension, limit=self.limit)

    def answer(self, rows: Sequence[Row], source: Source) -> TopAnswer:
        return top_rows.answer(rows, limit=self.limit, source=source)
