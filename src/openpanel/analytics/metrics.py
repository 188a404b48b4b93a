"""The six numbers of a period, and of the one it is compared with. Asked by the overview's strip of numbers.

Knows no store and no clock: text and rows only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from openpanel.analytics.figures import NOTHING, OF_ROLLUP, figures, of_sessions
from openpanel.analytics.overview import MetricsAnswer, Overview
from openpanel.analytics.routing import Source, Span, rollup_rows
from openpanel.analytics.spans import Compared, compared, days_of
from openpanel.analytics.statements import Row, Statement, fill
from openpanel.analytics.visits import visits


@dataclass(frozen=True, slots=True)
class Metrics:
    """How much was there?"""

    scope: Overview

    @property
    def project(self) -> str:
        return self.scope.project

    @property
    def exact(self) -> Source:
        return Source.SESSIONS

    @property
    def rolled_up(self) -> tuple[Span, ...]:
        return days_of(self.scope)

    def statement(self, source: Source) -> Statement:
        blocks = []
        parameters: dict[str, object] = {}
        for item in compared(self.scope):
            sql, given = _of_rollup(item) if source is Source.ROLLUP else _of_sessions(self.scope, item)
            blocks.append(sql)
            parameters |= given
        return Statement("\nUNION ALL\n".join(blocks), {**parameters, "project": self.project})

    def answer(self, rows: Sequence[Row], source: Source) -> MetricsAnswer:
        found = {row[0]: figures(row[1:]) for row in rows}
        return MetricsAnswer(
            current=found.get(0, NOTHING),
            previous=found.get(1, NOTHING) if self.scope.previous else None,
            approximate=source is Source.ROLLUP,
        )


_FROM_ROLLUP: Final = """\
SELECT
    <<number>> AS period,
<<columns>>
FROM
(
<<rows>>
) AS rolled"""

_FROM_SESSIONS: Final = """\
SELECT
    <<number>> AS period,
<<columns>>
<<visits>>"""


def _of_rollup(item: Compared) -> tuple[str, dict[str, object]]:
    rows, parameters = rollup_rows(item.days, prefix=item.prefix)
    return fill(_FROM_ROLLUP, number=str(item.number), columns=OF_ROLLUP, rows=rows), dict(parameters)


def _of_sessions(scope: Overview, item: Compared) -> tuple[str, dict[str, object]]:
    source = visits(project=scope.project, period=item.period, filters=scope.filters, prefix=item.prefix)
    sql = fill(_FROM_SESSIONS, number=str(item.number), columns=of_sessions(source.views), visits=source.sql)
    return sql, dict(source.parameters)
