"""How much was ever counted in a project, and since when. Tells a page that waits from one that has numbers.

Also the version of everything counted: an event that arrives late changes it too. Shards are added up where the
question was asked. Knows no store and no clock: text and rows only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Final
from zoneinfo import ZoneInfo

from openpanel.analytics.former_days import ALL_TIME
from openpanel.analytics.routing import Source, Span
from openpanel.analytics.statements import Row, Statement


@dataclass(frozen=True, slots=True)
class VolumeAnswer:
    """Events ever counted, and the first day with one."""

    events: int
    since: date | None

    def earliest(self, timezone: str) -> datetime | None:
        """The beginning of the first day in the project's zone."""
        return datetime.combine(self.since, time(), ZoneInfo(timezone)) if self.since else None


@dataclass(frozen=True, slots=True)
class Volume:
    """How many events were there, ever? Starts and ends of sessions are none."""

    project: str
    timezone: str = "UTC"  # of the first day, where the rollup does not know it

    @property
    def exact(self) -> Source:
        return Source.ROLLUP

    @property
    def rolled_up(self) -> tuple[Span, ...]:
        return ()

    @property
    def oldest_day(self) -> date:
        """The first day read of the rollup."""
        return ALL_TIME

    def statement(self, source: Source) -> Statement:
        if source is Source.ROLLUP:
            return Statement(_COUNTED, {"project": self.project})
        return Statement(_SINCE_ANEW, {"project": self.project, "zone": self.timezone})

    def answer(self, rows: Sequence[Row], source: Source) -> VolumeAnswer:
        assert source in {Source.EVENTS, Source.ROLLUP}
        events, since = rows[0]
        return VolumeAnswer(events=events, since=since if events else None)


_COUNTED: Final = """\
SELECT sum(r_day.events) AS events, min(day) AS since
FROM r_day
WHERE project_id = {project:String} AND name NOT IN ('session_start', 'session_end')"""

# Of the events around the first day that the rollup has, the first one says which day that is in the zone.
_SINCE_ANEW: Final = """\
SELECT
    sum(r_day.events) AS events,
    ifNull(
        (
            SELECT toDate(minOrNull(seen.created_at), {zone:String})
            FROM events AS seen
            WHERE seen.project_id = {project:String}
                AND seen.name NOT IN ('session_start', 'session_end')
                AND toDate(seen.created_at) <=
                (
                    SELECT min(day) + 2
                    FROM r_day
                    WHERE project_id = {project:String} AND name NOT IN ('session_start', 'session_end')
                )
        ),
        min(day)) AS since
FROM r_day
WHERE project_id = {project:String} AND name NOT IN ('session_start', 'session_end')"""
