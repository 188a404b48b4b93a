"""The lists of the overview over time: the values with most visitors, each with its points.

A value's figures are those of the whole period: who came on two days is one visitor. Sessions are counted by the time
they began, the views of a page by the session they belong to. A session lies on one shard; what shards have counted is
merged where the question was asked, persons once. Knows no store and no clock: text and rows only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from openpanel.analytics.filters import BadFilter
from openpanel.analytics.overview import Overview
from openpanel.analytics.periods import Bucket, buckets
from openpanel.analytics.routing import Source, Span
from openpanel.analytics.scoped import Scoped
from openpanel.analytics.statements import Row, Statement, fill, milliseconds, person_of
from openpanel.analytics.top_values import BELONGS_TO, DIMENSIONS

MAX_ROWS: Final = 500
MAX_POINTS: Final = 200_000  # of all rows together
PAGE: Final = "page"


@dataclass(frozen=True, slots=True)
class TopSeriesPoint:
    """One bucket; `running` buckets are not over."""

    start: datetime
    end: datetime
    running: bool
    visitors: int
    sessions: int
    views: int
    revenue: int


@dataclass(frozen=True, slots=True)
class TopSeriesRow:
    """One value, and what it belongs to. Points oldest first, none missing. Pages have no revenue of their own."""

    prefix: str
    name: str
    visitors: int
    sessions: int
    views: int
    revenue: int
    points: tuple[TopSeriesPoint, ...]


@dataclass(frozen=True, slots=True)
class TopSeriesAnswer:
    """Those with most visitors first, and whether there are more."""

    rows: tuple[TopSeriesRow, ...]
    more: bool


@dataclass(frozen=True, slots=True)
class TopSeries:
    """How did the values of `dimension` go up and down? One of `top_values.DIMENSIONS`, or `page`."""

    scope: Overview
    dimension: str
    limit: int = 10

    def __post_init__(self) -> None:
        if self.dimension != PAGE and self.dimension not in DIMENSIONS:
            raise BadFilter(self.dimension, reason=f"expected one of {', '.join((PAGE, *DIMENSIONS))}")
        if not 1 <= self.limit <= MAX_ROWS:
            raise BadFilter(f"limit {self.limit}", reason=f"expected 1 to {MAX_ROWS}")
        if self.limit * len(self._buckets) > MAX_POINTS:
            points = self.limit * len(self._buckets)
            reason = f"{points:,} points, at most {MAX_POINTS:,}: take a longer interval or fewer values"
            raise BadFilter(self.scope.interval, reason=reason)

    @property
    def project(self) -> str:
        return self.scope.project

    @property
    def exact(self) -> Source:
        return Source.EVENTS if self.dimension == PAGE else Source.SESSIONS

    @property
    def rolled_up(self) -> tuple[Span, ...]:
        return ()

    def statement(self, source: Source) -> Statement:
        assert source is self.exact
        scoped = Scoped(self.scope)
        rows = self._of_pages(scoped) if source is Source.EVENTS else self._of_sessions(scoped)
        reading = scoped.reading
        sql = fill(
            _SERIES,
            rows=rows,
            edges=reading.value("Array(Int64)", [milliseconds(bucket.start) for bucket in self._buckets]),
            limit=reading.value("UInt32", self.limit + 1),
        )
        return Statement(sql, scoped.parameters)

    def answer(self, rows: Sequence[Row], source: Source) -> TopSeriesAnswer:
        assert source is self.exact
        return TopSeriesAnswer(
            tuple(self._row(row) for row in rows[: self.limit]), more=len(rows) > self.limit
        )

    @property
    def _buckets(self) -> tuple[Bucket, ...]:
        return buckets(self.scope.period, timezone=self.scope.timezone, interval=self.scope.interval)

    def _of_sessions(self, scoped: Scoped) -> str:
        visits = scoped.visits(self.scope.period)
        return fill(
            _SESSIONS,
            prefix=BELONGS_TO.get(self.dimension, "''"),
            value=DIMENSIONS[self.dimension],
            person=person_of("visit.person"),
            views=visits.views,
            visits=visits.sql,
        )

    def _of_pages(self, scoped: Scoped) -> str:
        person = scoped.reading.person()
        return fill(_VIEWS, person=person, views=scoped.pageviews(self.scope.period))

    def _row(self, row: Row) -> TopSeriesRow:
        """Every bucket, whether something happened in it or not. The store counts positions from 1."""
        prefix, name, cells = row
        known = {bucket: numbers for bucket, *numbers in cells}
        points = tuple(
            TopSeriesPoint(bucket.start, bucket.end, bucket.running, *known.get(number, (0, 0, 0, 0)))
            for number, bucket in enumerate(self._buckets, start=1)
        )
        visitors, sessions, views, revenue = known[0]
        return TopSeriesRow(prefix, name, visitors, sessions, views, revenue, points)


_SESSIONS: Final = """\
        SELECT
            toString(<<prefix>>) AS belongs_to,
            toString(<<value>>) AS value,
            toUnixTimestamp64Milli(visit.session_started_at) AS at,
            <<person>> AS who,
            visit.session_id AS session,
            toUInt64(<<views>>) AS shown,
            visit.revenue AS amount
        <<visits>>"""

_VIEWS: Final = """\
        SELECT
            toString(seen.origin) AS belongs_to,
            seen.path AS value,
            toUnixTimestamp64Milli(seen.session_started_at) AS at,
            <<person>> AS who,
            seen.session_id AS session,
            toUInt64(1) AS shown,
            toInt64(0) AS amount
        <<views>>"""

# Bucket 0 is the whole period.
_SERIES: Final = """\
SELECT
    belongs_to,
    value,
    groupArray((bucket, visitors, sessions, views, revenue)) AS cells
FROM
(
    SELECT
        belongs_to,
        value,
        if(grouping(edge) = 1, 0, indexOf(<<edges>>, edge)) AS bucket,
        uniqExact(who) AS visitors,
        uniqExact(session) AS sessions,
        sum(shown) AS views,
        sum(amount) AS revenue
    FROM
    (
        SELECT *, roundDown(at, <<edges>>) AS edge
        FROM
        (
<<rows>>
        )
    )
    GROUP BY GROUPING SETS ((belongs_to, value, edge), (belongs_to, value))
)
GROUP BY belongs_to, value
ORDER BY maxIf(visitors, bucket = 0) DESC, maxIf(sessions, bucket = 0) DESC, value, belongs_to
LIMIT <<limit>>"""
