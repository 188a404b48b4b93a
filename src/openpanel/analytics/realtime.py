"""The last 30 minutes: who is here, minute by minute, on which pages, from where, and the sessions that are active.

Read once from the events of the last 30 minutes and from the sessions that they belong to. The minutes are those of the
clock, so the first of them is whole and the last is running. Visitors "now" did something in the last five minutes.
Starts and ends of sessions are no doing of a visitor. Points of a map are put together in the finest grid in which
there are no more than `MAX_POINTS`. Persons may have devices on several shards: they are counted where the question was
asked. Knows no store, and no clock but the one it is given.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from openpanel.analytics.live_rows import (
    GRIDS,
    ActiveSession,
    LiveMinute,
    LivePath,
    LivePlace,
    LivePoint,
    LiveReferrer,
    active_session,
    live_path,
    live_place,
    live_point,
    live_referrer,
)
from openpanel.analytics.occurrences import named
from openpanel.analytics.periods import Bucket, Period, buckets, resolve
from openpanel.analytics.reading import ANY_EVENT, Reading
from openpanel.analytics.routing import Source, Span
from openpanel.analytics.statements import KNOWN_PERSONS, Row, Statement, fill, milliseconds, person_of
from openpanel.analytics.top_rows import check_limit
from openpanel.analytics.visits import LONGEST_SESSION

NOW: Final = timedelta(minutes=5)
MAX_POINTS: Final = 500


@dataclass(frozen=True, slots=True)
class RealtimeAnswer:
    """Lists have most visitors first, active sessions the last active first."""

    visitors_now: int
    visitors: int
    sessions: int
    views: int
    minutes: tuple[LiveMinute, ...]
    paths: tuple[LivePath, ...]
    referrers: tuple[LiveReferrer, ...]
    countries: tuple[LivePlace, ...]
    cities: tuple[LivePlace, ...]
    coordinates: tuple[LivePoint, ...]
    active: tuple[ActiveSession, ...]


@dataclass(frozen=True, slots=True)
class Realtime:
    """What is going on at `now`? `limit` is that of each list but the points."""

    project: str
    now: datetime
    limit: int = 10

    def __post_init__(self) -> None:
        check_limit(self.limit)

    @property
    def exact(self) -> Source:
        return Source.EVENTS

    @property
    def rolled_up(self) -> tuple[Span, ...]:
        return ()

    @property
    def period(self) -> Period:
        """Thirty minutes, the last of them running."""
        return resolve("30m", timezone="UTC", now=self.now)

    def statement(self, source: Source) -> Statement:
        assert source is Source.EVENTS
        reading = Reading(self.project, timezone="UTC")
        period = self.period
        done = (named(ANY_EVENT, column="seen.name", reading=reading),)
        ids = reading.beside().events(period, conditions=(*done, "seen.session_id != 0"))
        person = reading.person()
        parts = {
            "person": person,
            "recent": reading.moment(self.now - NOW),
            "edges": reading.value("Array(Int64)", [milliseconds(each.start) for each in self._minutes]),
            "events": reading.events(period, conditions=done),
            "points": reading.value("UInt32", MAX_POINTS + 1),
            "limit": reading.value("UInt32", self.limit),
            "visits": fill(
                _VISITS,
                known=KNOWN_PERSONS,
                start=reading.moment(period.start - LONGEST_SESSION),
                until=reading.moment(period.until + LONGEST_SESSION),
                ids=f"SELECT seen.session_id\n{ids}",
            ),
            "visitor": person_of("visit.person"),
            **_OF_GRIDS,
        }
        return Statement(fill(_LIVE, **parts), reading.parameters)

    def answer(self, rows: Sequence[Row], source: Source) -> RealtimeAnswer:
        assert source is Source.EVENTS
        found: dict[str, list[Row]] = {}
        for part, *columns in rows:
            found.setdefault(part, []).append(tuple(columns))
        _, (_, visitors, visitors_now, sessions, views, *_) = found.get("all", [_NOBODY])[0]
        return RealtimeAnswer(
            visitors_now=int(visitors_now),
            visitors=int(visitors),
            sessions=int(sessions),
            views=int(views),
            minutes=self._bars(found.get("minute", [])),
            paths=tuple(live_path(row) for row in found.get("path", [])[: self.limit]),
            referrers=tuple(live_referrer(row) for row in found.get("referrer", [])),
            countries=tuple(live_place(row) for row in found.get("country", [])[: self.limit]),
            cities=tuple(live_place(row) for row in found.get("city", [])[: self.limit]),
            coordinates=_points(found),
            active=tuple(active_session(row) for row in found.get("session", [])),
        )

    @property
    def _minutes(self) -> tuple[Bucket, ...]:
        return buckets(self.period, timezone="UTC", interval="minute")

    def _bars(self, rows: Sequence[Row]) -> tuple[LiveMinute, ...]:
        """Every minute, whether something happened in it or not. The store counts positions from 1."""
        known = {int(minute): tuple(map(int, numbers)) for _, (minute, *numbers) in rows}
        return tuple(
            LiveMinute(bucket.start, bucket.running, numbers[0], numbers[2], numbers[3])
            for place, bucket in enumerate(self._minutes, start=1)
            for numbers in (known.get(place, (0, 0, 0, 0)),)
        )


# The cells of each grid: how an event gets into one, how the rows of a grid are called, how they are grouped.
_OF_GRIDS: Final[Mapping[str, str]] = {
    "grids": ",\n            ".join(
        f"toInt32(floor(seen.latitude / {size})) AS row_{number}, "
        f"toInt32(floor(seen.longitude / {size})) AS column_{number}"
        for number, size in enumerate(GRIDS)
    ),
    "grid_parts": ",\n            ".join(
        f"grouping(row_{number}) = 0, 'point {number}'" for number in range(len(GRIDS))
    ),
    "grid_sets": ", ".join(f"(row_{number}, column_{number})" for number in range(len(GRIDS))),
}
_NOBODY: Final = ((), (0, 0, 0, 0, 0))


def _points(found: Mapping[str, Sequence[Row]]) -> tuple[LivePoint, ...]:
    """Of the finest grid that has few enough; of the coarsest the first."""
    every = [found.get(f"point {number}", ()) for number in range(len(GRIDS))]
    rows = next((rows for rows in every if len(rows) <= MAX_POINTS), every[-1][:MAX_POINTS])
    return tuple(live_point(row) for row in rows)


# Sessions that something was done in, as they are now.
_VISITS: Final = """\
    FROM sessions AS visit FINAL
    GLOBAL ANY LEFT JOIN
    (
<<known>>
    ) AS known ON visit.person = known.person
    WHERE visit.project_id = {project:String}
        AND visit.session_started_at >= <<start>>
        AND visit.session_started_at < <<until>>
        AND visit.session_id GLOBAL IN
        (
<<ids>>
        )"""

_LIVE: Final = """\
SELECT part, texts, numbers
FROM
(
    SELECT
        multiIf(
            grouping(minute) = 0, 'minute',
            <<grid_parts>>,
            grouping(page) = 0, 'path',
            grouping(town) = 0, 'city',
            grouping(land) = 0, 'country',
            'all') AS part,
        if(startsWith(part, 'point'),
            [if(uniqExact(at_land) = 1, any(at_land), ''), '', if(uniqExact(at_town) = 1, any(at_town), ''), '', ''],
            [land, area, town, site, page]) AS texts,
        arrayMap(number -> toFloat64(number), [
            toFloat64(minute),
            uniqExactIf(who, who != 0),
            uniqExactIf(who, who != 0 AND at >= <<recent>>),
            uniqExactIf(visited, visited != 0),
            countIf(is_view),
            uniqExactIf(who, who != 0 AND is_view),
            avg(latitude),
            avg(longitude)]) AS numbers,
        part = 'path' AND numbers[5] = 0 OR startsWith(part, 'point') AND countIf(is_located) = 0 AS is_nothing
    FROM
    (
        SELECT
            <<person>> AS who,
            seen.session_id AS visited,
            seen.created_at AS at,
            indexOf(<<edges>>, roundDown(toUnixTimestamp64Milli(seen.created_at), <<edges>>)) AS minute,
            seen.name = 'screen_view' AND seen.path != '' AS is_view,
            if(is_view, toString(seen.origin), '') AS site,
            if(is_view, seen.path, '') AS page,
            toString(seen.country) AS land,
            toString(seen.region) AS area,
            seen.city AS town,
            land AS at_land,
            town AS at_town,
            seen.latitude AS latitude,
            seen.longitude AS longitude,
            seen.latitude != 0 OR seen.longitude != 0 AS is_located,
            <<grids>>
        <<events>>
    )
    GROUP BY GROUPING SETS ((minute), (site, page), (land), (land, area, town), <<grid_sets>>, ())
    HAVING NOT is_nothing
    ORDER BY part, numbers[2] DESC, numbers[4] DESC, texts, numbers[1]
    LIMIT <<points>> BY part
    UNION ALL
    SELECT
        'referrer' AS part,
        [toString(visit.referrer_name), toString(visit.referrer_type)] AS texts,
        [toFloat64(uniqExact(<<visitor>>)), toFloat64(count())] AS numbers,
        0 AS is_nothing
    <<visits>>
    GROUP BY texts
    ORDER BY numbers[1] DESC, numbers[2] DESC, texts
    LIMIT <<limit>>
    UNION ALL
    SELECT
        'session' AS part,
        [
            toString(visit.session_id), toString(<<visitor>>), visit.profile_id, visit.entry_path, visit.exit_path,
            visit.referrer_name, visit.country, visit.city, visit.os, visit.browser, visit.device] AS texts,
        [
            toFloat64(toUnixTimestamp64Milli(visit.session_started_at)),
            toFloat64(toUnixTimestamp64Milli(visit.last_at)),
            toFloat64(visit.views),
            toFloat64(visit.events)] AS numbers,
        0 AS is_nothing
    <<visits>>
    ORDER BY visit.last_at DESC, visit.session_id
    LIMIT <<limit>>
)"""
