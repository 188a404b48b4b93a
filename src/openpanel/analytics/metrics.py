"""The seven numbers of a period, and of the one it is compared with. Asked by the overview's strip of numbers.

A session lies on one shard; what shards have counted is merged where the question was asked, persons once. Knows no
store and no clock: text and rows only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from openpanel.analytics.figures import NOTHING, OF_OUTSIDE, OF_ROLLUP, by_key, of_sessions
from openpanel.analytics.overview import MetricsAnswer, Overview
from openpanel.analytics.routing import Source, Span, rollup_rows
from openpanel.analytics.scoped import Scoped
from openpanel.analytics.spans import Compared, compared, days_of, outside_sessions
from openpanel.analytics.statements import Row, Statement, fill


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
        scoped = Scoped(self.scope)
        for item in compared(self.scope):
            found = _of_rollup(item) if source is Source.ROLLUP else _of_sessions(scoped, item)
            blocks.extend(found[0])
            parameters |= found[1]
        return Statement("\nUNION ALL\n".join(blocks), {**parameters, "project": self.project})

    def answer(self, rows: Sequence[Row], source: Source) -> MetricsAnswer:
        found = by_key((row[0], row[1:]) for row in rows)
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

_FROM_OUTSIDE: Final = """\
SELECT
    <<number>> AS period,
<<columns>>
<<events>>"""


def _of_rollup(item: Compared) -> tuple[list[str], dict[str, object]]:
    rows, parameters = rollup_rows(item.days, prefix=item.prefix)
    return [fill(_FROM_ROLLUP, number=str(item.number), columns=OF_ROLLUP, rows=rows)], dict(parameters)


def _of_sessions(scoped: Scoped, item: Compared) -> tuple[list[str], dict[str, object]]:
    number = str(item.number)
    source = scoped.visits(item.period, prefix=item.prefix)
    blocks = [fill(_FROM_SESSIONS, number=number, columns=of_sessions(source.views), visits=source.sql)]
    if not scoped.scope.is_filtered:
        events = outside_sessions(item.prefix)
        blocks.append(fill(_FROM_OUTSIDE, number=number, columns=OF_OUTSIDE, events=events))
    return blocks, dict(source.parameters)
