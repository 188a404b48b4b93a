"""The numbers of groups: how much was done in them, by how many, and since when.

Events that name the group count, each person once; members are also those whose profile is assigned to it. Asked for
one group, and beside a page of groups. Persons may have devices on several shards: they are counted where the question
was asked. Knows no store and no clock: text and rows only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from openpanel.analytics.filters import BadFilter
from openpanel.analytics.group_members import members_of
from openpanel.analytics.reading import SYNTHETIC, Reading
from openpanel.analytics.routing import Source, Span
from openpanel.analytics.statements import Row, Statement, fill, from_milliseconds

MAX_GROUPS: Final = 1_000


@dataclass(frozen=True, slots=True)
class GroupFigures:
    """The numbers of one group, of all time. A group that no event names was never seen."""

    members: int
    events: int
    views: int
    sessions: int
    days_active: int
    revenue: int
    first_seen: datetime | None
    last_seen: datetime | None


NOTHING: Final = GroupFigures(0, 0, 0, 0, 0, 0, None, None)


@dataclass(frozen=True, slots=True)
class GroupsMetrics:
    """How much was there of these groups up to `now`? Every asked group is in the answer."""

    project: str
    timezone: str
    groups: tuple[str, ...]
    now: datetime

    def __post_init__(self) -> None:
        if len(self.groups) > MAX_GROUPS:
            raise BadFilter(f"{len(self.groups)} groups", reason=f"at most {MAX_GROUPS}")

    @property
    def exact(self) -> Source:
        return Source.EVENTS

    @property
    def rolled_up(self) -> tuple[Span, ...]:
        return ()

    def statement(self, source: Source) -> Statement:
        assert source is Source.EVENTS
        reading = Reading(self.project, timezone=self.timezone)
        sql = fill(
            _METRICS,
            members=members_of(self.groups, reading, as_of=self.now),
            groups=reading.texts(self.groups),
            now=reading.moment(self.now),
            zone=reading.text(self.timezone),
            synthetic=str(SYNTHETIC),
        )
        return Statement(sql, reading.parameters)

    def answer(self, rows: Sequence[Row], source: Source) -> Mapping[str, GroupFigures]:
        assert source is Source.EVENTS
        found = {row[0]: _figures(row[1:]) for row in rows}
        return {group: found.get(group, NOTHING) for group in self.groups}


@dataclass(frozen=True, slots=True)
class GroupMetrics:
    """How much was there of this group up to `now`?"""

    project: str
    timezone: str
    group_id: str
    now: datetime

    @property
    def exact(self) -> Source:
        return Source.EVENTS

    @property
    def rolled_up(self) -> tuple[Span, ...]:
        return ()

    def statement(self, source: Source) -> Statement:
        return self._of_all.statement(source)

    def answer(self, rows: Sequence[Row], source: Source) -> GroupFigures:
        return self._of_all.answer(rows, source)[self.group_id]

    @property
    def _of_all(self) -> GroupsMetrics:
        return GroupsMetrics(self.project, self.timezone, (self.group_id,), self.now)


_METRICS: Final = """\
SELECT
    group_id,
    sum(members) AS members,
    sum(done) AS done,
    sum(views) AS views,
    sum(sessions) AS sessions,
    sum(days) AS days,
    sum(revenue) AS revenue,
    max(first_ms) AS first_ms,
    max(last_ms) AS last_ms
FROM
(
    SELECT
        group_id, count() AS members, toUInt64(0) AS done, toUInt64(0) AS views, toUInt64(0) AS sessions,
        toUInt64(0) AS days, toInt64(0) AS revenue, toInt64(0) AS first_ms, toInt64(0) AS last_ms
    FROM
    (
<<members>>
    )
    GROUP BY group_id
    UNION ALL
    SELECT
        arrayJoin(arrayIntersect(seen.groups, <<groups>>)) AS group_id,
        toUInt64(0) AS members,
        count() AS done,
        countIf(seen.name = 'screen_view' AND seen.path != '') AS views,
        uniqExactIf(seen.session_id, seen.session_id != 0) AS sessions,
        uniqExact(toDate(seen.created_at, <<zone>>)) AS days,
        sum(seen.revenue) AS revenue,
        min(toUnixTimestamp64Milli(seen.created_at)) AS first_ms,
        max(toUnixTimestamp64Milli(seen.created_at)) AS last_ms
    FROM events AS seen
    WHERE seen.project_id = {project:String}
        AND seen.created_at < <<now>>
        AND seen.name NOT IN <<synthetic>>
        AND hasAny(seen.groups, <<groups>>)
    GROUP BY group_id
)
GROUP BY group_id"""


def _figures(row: Row) -> GroupFigures:
    members, events, views, sessions, days, revenue, first_ms, last_ms = row
    return GroupFigures(
        members=members,
        events=events,
        views=views,
        sessions=sessions,
        days_active=days,
        revenue=revenue,
        first_seen=from_milliseconds(first_ms) if events else None,
        last_seen=from_milliseconds(last_ms) if events else None,
    )
