"""The seven numbers over time, in buckets of the project's calendar. Asked by the overview's main chart.

The edges of the buckets are computed here and sent along, so that the store never has to know a time zone and each day
of 23 or 25 hours is one bucket. A session lies on one shard; what shards have counted is merged where the question was
asked, persons once. Knows no store and no clock: text and rows only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final
from zoneinfo import ZoneInfo

from openpanel.analytics.figures import NOTHING, OF_OUTSIDE, OF_ROLLUP, by_key, of_sessions
from openpanel.analytics.overview import Figures, Overview, Point, SeriesAnswer
from openpanel.analytics.periods import Bucket, buckets
from openpanel.analytics.routing import Source, Span, rollup_rows
from openpanel.analytics.scoped import Scoped
from openpanel.analytics.spans import Compared, compared, days_of, outside_sessions
from openpanel.analytics.statements import Row, Statement, fill, milliseconds


@dataclass(frozen=True, slots=True)
class Series:
    """How did it go up and down?"""

    scope: Overview

    @property
    def project(self) -> str:
        return self.scope.project

    @property
    def exact(self) -> Source:
        return Source.SESSIONS

    @property
    def rolled_up(self) -> tuple[Span, ...]:
        return () if self.scope.interval in {"minute", "hour"} else days_of(self.scope)

    def statement(self, source: Source) -> Statement:
        blocks = []
        parameters: dict[str, object] = {"project": self.project}
        scoped = Scoped(self.scope)
        for item in compared(self.scope):
            found = _of_rollup(self.scope, item) if source is Source.ROLLUP else _of_sessions(scoped, item)
            blocks.extend(found[0])
            parameters |= found[1]
        return Statement("\nUNION ALL\n".join(blocks), parameters)

    def answer(self, rows: Sequence[Row], source: Source) -> SeriesAnswer:
        found = by_key(((row[0], row[1]), row[2:]) for row in rows)
        points = [_points(self.scope, item, found) for item in compared(self.scope)]
        return SeriesAnswer(
            points[0], points[1] if len(points) > 1 else (), approximate=source is Source.ROLLUP
        )


_EPOCH: Final = date(1970, 1, 1)

_FROM_ROLLUP: Final = """\
SELECT
    <<number>> AS period,
    indexOf({<<p>>edges:Array(UInt16)}, edge) AS bucket,
<<columns>>
FROM
(
<<rows>>
) AS rolled
GROUP BY roundDown(toUInt16(rolled.day), {<<p>>edges:Array(UInt16)}) AS edge"""

_FROM_SESSIONS: Final = """\
SELECT
    <<number>> AS period,
    indexOf({<<p>>edges:Array(Int64)}, edge) AS bucket,
<<columns>>
<<visits>>
GROUP BY roundDown(toUnixTimestamp64Milli(visit.session_started_at), {<<p>>edges:Array(Int64)}) AS edge"""

_FROM_OUTSIDE: Final = """\
SELECT
    <<number>> AS period,
    indexOf({<<p>>edges:Array(Int64)}, edge) AS bucket,
<<columns>>
<<events>>
GROUP BY roundDown(toUnixTimestamp64Milli(seen.created_at), {<<p>>edges:Array(Int64)}) AS edge"""


def _of_rollup(scope: Overview, item: Compared) -> tuple[list[str], dict[str, object]]:
    rows, parameters = rollup_rows(item.days, prefix=item.prefix)
    sql = fill(_FROM_ROLLUP, number=str(item.number), p=item.prefix, columns=OF_ROLLUP, rows=rows)
    zone = ZoneInfo(scope.timezone)
    edges = [(bucket.start.astimezone(zone).date() - _EPOCH).days for bucket in _buckets(scope, item)]
    return [sql], {**parameters, f"{item.prefix}edges": edges}


def _of_sessions(scoped: Scoped, item: Compared) -> tuple[list[str], dict[str, object]]:
    number = str(item.number)
    source = scoped.visits(item.period, prefix=item.prefix)
    columns = of_sessions(source.views)
    blocks = [fill(_FROM_SESSIONS, number=number, p=item.prefix, columns=columns, visits=source.sql)]
    if not scoped.scope.is_filtered:
        events = outside_sessions(item.prefix)
        blocks.append(fill(_FROM_OUTSIDE, number=number, p=item.prefix, columns=OF_OUTSIDE, events=events))
    edges = [milliseconds(bucket.start) for bucket in _buckets(scoped.scope, item)]
    return blocks, {**source.parameters, f"{item.prefix}edges": edges}


def _buckets(scope: Overview, item: Compared) -> tuple[Bucket, ...]:
    return buckets(item.period, timezone=scope.timezone, interval=scope.interval)


def _points(scope: Overview, item: Compared, found: dict[tuple[int, int], Figures]) -> tuple[Point, ...]:
    """Every bucket, whether something happened in it or not. The store counts positions from 1."""
    return tuple(
        Point(bucket.start, bucket.end, bucket.running, found.get((item.number, position), NOTHING))
        for position, bucket in enumerate(_buckets(scope, item), start=1)
    )
