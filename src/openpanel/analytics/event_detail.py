"""One event, with what was done before and after it in its session. Asked by an event's page.

An event is found by its id alone, or, which reads next to nothing, by its id and the time it happened at. A session
lies on one shard, so an event's neighbours lie with it; whoever asks need not know which one. Knows no store and no
clock: text and rows only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from openpanel.analytics.event_rows import EVENT, Event, event
from openpanel.analytics.reading import SYNTHETIC, Reading
from openpanel.analytics.routing import Source, Span
from openpanel.analytics.statements import Row, Statement, fill
from openpanel.analytics.visits import LONGEST_SESSION


@dataclass(frozen=True, slots=True)
class EventInSession:
    """The event, and the doings just before and after it in its session; `None` where there are none."""

    event: Event
    before: Event | None
    after: Event | None


@dataclass(frozen=True, slots=True)
class EventDetail:
    """Which event was this? `None` for one that is not there. `created_at` is when it happened, where that is known."""

    project: str
    event_id: int
    created_at: datetime | None = None

    @property
    def exact(self) -> Source:
        return Source.EVENTS

    @property
    def rolled_up(self) -> tuple[Span, ...]:
        return ()

    def statement(self, source: Source) -> Statement:
        assert source is Source.EVENTS
        reading = Reading(self.project, timezone="UTC")
        at = "" if self.created_at is None else f" AND seen.created_at = {reading.moment(self.created_at)}"
        sql = fill(
            _DETAIL,
            wanted=f"seen.event_id = {reading.value('UInt64', self.event_id)}{at}",
            columns=EVENT,
            synthetic=str(SYNTHETIC),
            longest=reading.value("UInt32", round(LONGEST_SESSION.total_seconds())),
        )
        return Statement(sql, reading.parameters)

    def answer(self, rows: Sequence[Row], source: Source) -> EventInSession | None:
        assert source is Source.EVENTS
        found = {row[0]: event(row[1:]) for row in rows}
        if "wanted" not in found:
            return None
        return EventInSession(found["wanted"], found.get("before"), found.get("after"))


# Events of a session of nobody (id 0) are no neighbours; nor is what the platform wrote itself.
_DETAIL: Final = """\
WITH
    (
        SELECT (any(found.session_id), any(found.created_at), any(found.event_id))
        FROM
        (
            SELECT seen.session_id AS session_id, seen.created_at AS created_at, seen.event_id AS event_id
            FROM events AS seen
            WHERE seen.project_id = {project:String} AND <<wanted>>
            LIMIT 1
        ) AS found
    ) AS place
SELECT *
FROM
(
    SELECT 'wanted' AS part, <<columns>>
    FROM events AS seen
    WHERE seen.project_id = {project:String} AND toDate(seen.created_at) = toDate(place.2)
        AND seen.created_at = place.2 AND <<wanted>>
    LIMIT 1
)
UNION ALL
SELECT *
FROM
(
    SELECT 'before' AS part, <<columns>>
    FROM events AS seen
    WHERE seen.project_id = {project:String}
        AND seen.session_id = place.1 AND seen.session_id != 0
        AND seen.name NOT IN <<synthetic>>
        AND toDate(seen.created_at) >= toDate(greatest(place.2 - toIntervalSecond(<<longest>>), toDateTime64(0, 3, 'UTC')))
        AND toDate(seen.created_at) <= toDate(place.2)
        AND seen.created_at >= place.2 - toIntervalSecond(<<longest>>)
        AND seen.created_at <= place.2
        AND (seen.created_at < place.2 OR seen.event_id < place.3)
    ORDER BY seen.created_at DESC, seen.event_id DESC
    LIMIT 1
)
UNION ALL
SELECT *
FROM
(
    SELECT 'after' AS part, <<columns>>
    FROM events AS seen
    WHERE seen.project_id = {project:String}
        AND seen.session_id = place.1 AND seen.session_id != 0
        AND seen.name NOT IN <<synthetic>>
        AND toDate(seen.created_at) >= toDate(place.2)
        AND toDate(seen.created_at) <= toDate(place.2 + toIntervalSecond(<<longest>>))
        AND seen.created_at <= place.2 + toIntervalSecond(<<longest>>)
        AND seen.created_at >= place.2
        AND (seen.created_at > place.2 OR seen.event_id > place.3)
    ORDER BY seen.created_at, seen.event_id
    LIMIT 1
)"""
