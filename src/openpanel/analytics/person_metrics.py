"""The numbers of one person: how much it did, how often it came, how long it stayed.

Everything that the person did counts, under each of its ids. Its sessions are those that are its own, by whom was
identified in them first; they are found by the events of the person, so that few of them are read. A person's devices
may lie on several shards: what each shard has is put together where the question was asked. Knows no store and no
clock: text and rows only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from openpanel.analytics.filters import MAX_DECLARED, BadFilter
from openpanel.analytics.person_ids import is_one_of
from openpanel.analytics.reading import SYNTHETIC, Reading
from openpanel.analytics.routing import Source, Span
from openpanel.analytics.statements import Row, Statement, fill
from openpanel.identity.ids import person_of_profile


@dataclass(frozen=True, slots=True)
class PersonFigures:
    """The numbers. Durations are of sessions that lasted at all; what cannot be divided is `None`, never 0.

    `between_sessions_s` is the mean time from the start of one session to the start of the next.
    """

    first_seen: datetime
    last_seen: datetime
    sessions: int
    views: int
    events: int
    conversions: int
    days_active: int
    revenue: int
    bounce_rate: float | None
    duration_s: float | None
    p90_duration_s: float | None
    events_per_session: float | None
    between_sessions_s: float | None


@dataclass(frozen=True, slots=True)
class PersonMetrics:
    """How much was there of this person? `None` for one who never did anything.

    `profile` is a profile's id, an alias, or a device's id; `conversions` names the events that are conversions.
    """

    project: str
    timezone: str
    profile: str
    conversions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if len(self.conversions) > MAX_DECLARED:
            raise BadFilter("conversions", reason=f"at most {MAX_DECLARED} names")

    @property
    def exact(self) -> Source:
        return Source.EVENTS

    @property
    def rolled_up(self) -> tuple[Span, ...]:
        return ()

    def statement(self, source: Source) -> Statement:
        assert source is Source.EVENTS
        reading = Reading(self.project, timezone=self.timezone)
        persons = (person_of_profile(self.profile),)
        sql = fill(
            _METRICS,
            conversions=reading.texts(self.conversions),
            zone=reading.text(self.timezone),
            synthetic=str(SYNTHETIC),
            is_doer=is_one_of("seen.person", persons, reading),
            is_visitor=is_one_of("visit.person", persons, reading),
        )
        return Statement(sql, reading.parameters)

    def answer(self, rows: Sequence[Row], source: Source) -> PersonFigures | None:
        assert source is Source.EVENTS
        first, last, events, views, conversions, days, revenue, *of_sessions = rows[0]
        if not events:
            return None
        sessions, within, bounced, lasted, total_ms, p90_ms, from_first_to_last_ms = of_sessions
        return PersonFigures(
            first_seen=first.replace(tzinfo=UTC),
            last_seen=last.replace(tzinfo=UTC),
            sessions=sessions,
            views=views,
            events=events,
            conversions=conversions,
            days_active=days,
            revenue=revenue,
            bounce_rate=_divided(bounced, sessions),
            duration_s=_divided(total_ms / 1000, lasted),
            p90_duration_s=p90_ms / 1000 if lasted else None,
            events_per_session=_divided(within, sessions),
            between_sessions_s=_divided(from_first_to_last_ms / 1000, sessions - 1),
        )


_METRICS: Final = """\
SELECT *
FROM
(
    SELECT
        min(seen.created_at) AS first_seen,
        max(seen.created_at) AS last_seen,
        count() AS done,
        countIf(seen.name = 'screen_view' AND seen.path != '') AS views,
        countIf(has(<<conversions>>, seen.name)) AS conversions,
        uniqExact(toDate(seen.created_at, <<zone>>)) AS days,
        sum(seen.revenue) AS revenue
    FROM events AS seen
    WHERE seen.project_id = {project:String}
        AND seen.name NOT IN <<synthetic>>
        AND seen.person != 0
        AND <<is_doer>>
) AS done
CROSS JOIN
(
    SELECT
        count() AS sessions,
        sum(visit.views + visit.events) AS within,
        countIf(visit.views <= 1) AS bounced,
        countIf(visit.duration_ms > 0) AS lasted,
        sum(visit.duration_ms) AS total_ms,
        quantileExactInclusiveIf(0.9)(visit.duration_ms, visit.duration_ms > 0) AS p90_ms,
        toUnixTimestamp64Milli(max(visit.session_started_at))
            - toUnixTimestamp64Milli(min(visit.session_started_at)) AS from_first_to_last_ms
    FROM sessions AS visit FINAL
    WHERE visit.project_id = {project:String}
        AND visit.views + visit.events > 0
        AND (visit.session_started_at, visit.session_id) GLOBAL IN
        (
            SELECT seen.session_started_at, seen.session_id
            FROM events AS seen
            WHERE seen.project_id = {project:String}
                AND seen.session_id != 0
                AND seen.name NOT IN <<synthetic>>
                AND <<is_doer>>
        )
        AND <<is_visitor>>
) AS came"""


def _divided(number: float, by: int) -> float | None:
    return number / by if by > 0 else None
