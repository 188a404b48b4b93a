"""Money: how much came in, over time, per visitor and per session, and from which source.

Amounts are those of `revenue` events, in the smallest unit of the currency, of the sessions that start in the period,
by the time of that start; without filters also those outside of any session (such as a server's), by their own time.
Those have no source. A session lies on one shard; what shards have counted is merged where the question was asked,
persons once. Knows no store and no clock: text and rows only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from openpanel.analytics.overview import Overview
from openpanel.analytics.periods import Bucket, buckets
from openpanel.analytics.routing import Source, Span
from openpanel.analytics.scoped import Scoped
from openpanel.analytics.spans import Compared, compared
from openpanel.analytics.statements import Row, Statement, fill, milliseconds, person_of
from openpanel.analytics.top_rows import DIMENSIONS, check_limit


@dataclass(frozen=True, slots=True)
class RevenueFigures:
    """Of a period. `payments` are `revenue` events with an amount, `payers` the different persons who made them.

    `outside` is what of the revenue belongs to no session.
    """

    revenue: int
    payments: int
    payers: int
    outside: int
    visitors: int
    sessions: int

    @property
    def per_visitor(self) -> float | None:
        return self.revenue / self.visitors if self.visitors else None

    @property
    def per_session(self) -> float | None:
        return self.revenue / self.sessions if self.sessions else None

    @property
    def per_payer(self) -> float | None:
        return self.revenue / self.payers if self.payers else None


@dataclass(frozen=True, slots=True)
class RevenuePoint:
    """The revenue of one bucket; `running` buckets are not over."""

    start: datetime
    end: datetime
    running: bool
    revenue: int
    payments: int


@dataclass(frozen=True, slots=True)
class RevenueSource:
    """The revenue of the sessions that have this value in common; '' when they have none."""

    name: str
    revenue: int
    visitors: int
    sessions: int

    @property
    def per_visitor(self) -> float | None:
        return self.revenue / self.visitors if self.visitors else None


@dataclass(frozen=True, slots=True)
class RevenueAnswer:
    """Points oldest first, none missing; sources with most revenue first."""

    current: RevenueFigures
    previous: RevenueFigures | None
    points: tuple[RevenuePoint, ...]
    previous_points: tuple[RevenuePoint, ...]
    sources: tuple[RevenueSource, ...]
    more: bool


@dataclass(frozen=True, slots=True)
class Revenue:
    """What was earned? `dimension` is that of the sources, one of `top_values.DIMENSIONS`."""

    scope: Overview
    dimension: str = "referrer"
    limit: int = 10

    def __post_init__(self) -> None:
        check_limit(self.limit)
        if self.dimension not in DIMENSIONS:
            message = f"dimension {self.dimension!r}: expected one of {', '.join(DIMENSIONS)}"
            raise ValueError(message)
        for item in compared(self.scope):
            self._buckets(item)

    @property
    def project(self) -> str:
        return self.scope.project

    @property
    def exact(self) -> Source:
        return Source.EVENTS

    @property
    def rolled_up(self) -> tuple[Span, ...]:
        return ()

    def statement(self, source: Source) -> Statement:
        assert source is Source.EVENTS
        scoped = Scoped(self.scope)
        blocks = [block for item in compared(self.scope) for block in self._blocks(scoped, item)]
        blocks.append(self._sources(scoped))
        return Statement("\nUNION ALL\n".join(blocks), scoped.parameters)

    def answer(self, rows: Sequence[Row], source: Source) -> RevenueAnswer:
        assert source is Source.EVENTS
        found = {tuple(row[:3]): row[4:] for row in rows if row[0] != "source"}
        sources = [RevenueSource(*row[3:5], *row[7:9]) for row in rows if row[0] == "source"]
        figures = [self._figures(item, found) for item in compared(self.scope)]
        points = [self._points(item, found) for item in compared(self.scope)]
        return RevenueAnswer(
            current=figures[0],
            previous=figures[1] if len(figures) > 1 else None,
            points=points[0],
            previous_points=points[1] if len(points) > 1 else (),
            sources=tuple(sources[: self.limit]),
            more=len(sources) > self.limit,
        )

    def _buckets(self, item: Compared) -> tuple[Bucket, ...]:
        return buckets(item.period, timezone=self.scope.timezone, interval=self.scope.interval)

    def _blocks(self, scoped: Scoped, item: Compared) -> list[str]:
        visits = scoped.visits(item.period, prefix=item.prefix)
        starts = [milliseconds(bucket.start) for bucket in self._buckets(item)]
        person = scoped.reading.person()
        return [
            fill(_VISITED, number=str(item.number), person=person_of("visit.person"), visits=visits.sql),
            fill(
                _PAID,
                number=str(item.number),
                person=person,
                edges=scoped.reading.value("Array(Int64)", starts),
                events=scoped.events(item.period, wanted=_IS_PAYMENT, prefix=item.prefix),
            ),
        ]

    def _sources(self, scoped: Scoped) -> str:
        return fill(
            _SOURCES,
            value=DIMENSIONS[self.dimension],
            person=person_of("visit.person"),
            visits=scoped.visits(self.scope.period, prefix="p0_").sql,
            limit=scoped.reading.value("UInt32", self.limit + 1),
        )

    def _figures(self, item: Compared, found: Mapping[tuple[object, ...], Row]) -> RevenueFigures:
        revenue, payments, payers, _, _, outside = found.get(("paid", item.number, 0), _NOTHING)
        visitors, sessions = found.get(("visited", item.number, 0), _NOTHING)[3:5]
        return RevenueFigures(revenue, payments, payers, outside, visitors, sessions)

    def _points(self, item: Compared, found: Mapping[tuple[object, ...], Row]) -> tuple[RevenuePoint, ...]:
        """Every bucket, whether something was paid in it or not. The store counts positions from 1."""
        return tuple(
            RevenuePoint(
                bucket.start,
                bucket.end,
                bucket.running,
                *found.get(("paid", item.number, position), _NOTHING)[:2],
            )
            for position, bucket in enumerate(self._buckets(item), start=1)
        )


_NOTHING: Final[Row] = (0, 0, 0, 0, 0, 0)
_IS_PAYMENT: Final = ("seen.name = 'revenue'", "seen.revenue != 0")

# Columns: part, period, bucket, source, revenue, payments, payers, visitors, sessions, outside.
_VISITED: Final = """\
SELECT
    'visited' AS part, <<number>> AS period, 0 AS bucket, '' AS source,
    0 AS revenue, 0 AS payments, 0 AS payers, uniqExact(<<person>>) AS visitors, count() AS sessions, 0 AS outside
<<visits>>"""

# Bucket 0 is the whole period.
_PAID: Final = """\
SELECT
    'paid' AS part, <<number>> AS period, indexOf(<<edges>>, edge) AS bucket, '' AS source,
    sum(amount) AS revenue, count() AS payments, uniqExactIf(payer, payer != 0) AS payers,
    0 AS visitors, 0 AS sessions, sumIf(amount, is_outside) AS outside
FROM
(
    SELECT
        seen.revenue AS amount,
        <<person>> AS payer,
        seen.session_id = 0 AS is_outside,
        toUnixTimestamp64Milli(if(is_outside, seen.created_at, seen.session_started_at)) AS at,
        roundDown(at, <<edges>>) AS edge
    <<events>>
)
GROUP BY GROUPING SETS ((edge), ())"""

_SOURCES: Final = """\
SELECT part, period, bucket, source, revenue, payments, payers, visitors, sessions, outside
FROM
(
    SELECT
        'source' AS part, 0 AS period, 0 AS bucket, toString(<<value>>) AS source,
        sum(visit.revenue) AS revenue, 0 AS payments, 0 AS payers,
        uniqExact(<<person>>) AS visitors, count() AS sessions, 0 AS outside
    <<visits>>
    GROUP BY source
    ORDER BY revenue DESC, visitors DESC, sessions DESC, source
    LIMIT <<limit>>
)"""
