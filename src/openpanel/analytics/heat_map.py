"""When people come: visits by the weekday and hour of the project's time zone in which they began, Monday first.

An hour that the clock passes twice is one cell. A session lies on one shard; what shards have counted is merged where
the question was asked, persons once. Knows no store and no clock: text and rows only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from openpanel.analytics.overview import Overview
from openpanel.analytics.routing import Source, Span
from openpanel.analytics.scoped import Scoped
from openpanel.analytics.statements import Row, Statement, fill, person_of

DAYS: Final = 7
HOURS: Final = 24


@dataclass(frozen=True, slots=True)
class HeatCell:
    """What was begun in one hour of a weekday, in all weeks of the period together."""

    visitors: int
    sessions: int
    views: int


@dataclass(frozen=True, slots=True)
class HeatMapAnswer:
    """Seven days from Monday, each with 24 hours."""

    days: tuple[tuple[HeatCell, ...], ...]


@dataclass(frozen=True, slots=True)
class HeatMap:
    """At what hours of which weekdays do people come?"""

    scope: Overview

    @property
    def project(self) -> str:
        return self.scope.project

    @property
    def exact(self) -> Source:
        return Source.SESSIONS

    @property
    def rolled_up(self) -> tuple[Span, ...]:
        return ()

    def statement(self, source: Source) -> Statement:
        assert source is Source.SESSIONS
        scoped = Scoped(self.scope)
        visits = scoped.visits(self.scope.period)
        sql = fill(
            _HEAT,
            person=person_of("visit.person"),
            views=visits.views,
            visits=visits.sql,
            zone=scoped.reading.text(self.scope.timezone),
        )
        return Statement(sql, scoped.parameters)

    def answer(self, rows: Sequence[Row], source: Source) -> HeatMapAnswer:
        """All cells, whether something happened in them or not."""
        assert source is Source.SESSIONS
        found = {(weekday, hour): HeatCell(*numbers) for weekday, hour, *numbers in rows}
        nothing = HeatCell(0, 0, 0)
        return HeatMapAnswer(
            tuple(
                tuple(found.get((weekday, hour), nothing) for hour in range(HOURS))
                for weekday in range(1, DAYS + 1)
            )
        )


_HEAT: Final = """\
SELECT
    toDayOfWeek(visit.session_started_at, 0, <<zone>>) AS weekday,
    toHour(visit.session_started_at, <<zone>>) AS hour,
    uniqExact(<<person>>) AS visitors,
    count() AS sessions,
    sum(<<views>>) AS views
<<visits>>
GROUP BY weekday, hour
ORDER BY weekday, hour"""
