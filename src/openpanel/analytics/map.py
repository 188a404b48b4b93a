"""Where visitors are, with coordinates: countries, regions and cities of the sessions.

A place's coordinates are the median of those that its sessions' starts and views have; a place of which no event is
located has none. A session lies on one shard; what shards have counted is merged where the question was asked, persons
once. Knows no store and no clock: text and rows only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from openpanel.analytics.overview import Overview
from openpanel.analytics.routing import Source, Span
from openpanel.analytics.scoped import Scoped
from openpanel.analytics.statements import Row, Statement, fill, person_of
from openpanel.analytics.top_rows import check_limit


@dataclass(frozen=True, slots=True)
class MapPlace:
    """One city, or one region or country where nothing narrower is known; all empty: unknown."""

    country: str
    region: str
    city: str
    visitors: int
    sessions: int
    views: int
    latitude: float | None
    longitude: float | None


@dataclass(frozen=True, slots=True)
class MapAnswer:
    """The places with most visitors first, and whether there are more."""

    places: tuple[MapPlace, ...]
    more: bool


@dataclass(frozen=True, slots=True)
class Map:
    """From where did they come?"""

    scope: Overview
    limit: int = 500

    def __post_init__(self) -> None:
        check_limit(self.limit)

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
        located = scoped.events_of_sessions(self.scope.period, wanted=(_IS_LOCATED,))
        sql = fill(
            _MAP,
            person=person_of("visit.person"),
            views=visits.views,
            visits=visits.sql,
            located=located,
            limit=scoped.reading.value("UInt32", self.limit + 1),
        )
        return Statement(sql, scoped.parameters)

    def answer(self, rows: Sequence[Row], source: Source) -> MapAnswer:
        assert source is Source.SESSIONS
        places = tuple(_place(row) for row in rows[: self.limit])
        return MapAnswer(places, more=len(rows) > self.limit)


_IS_LOCATED: Final = (
    "seen.name IN ('session_start', 'screen_view') AND (seen.latitude != 0 OR seen.longitude != 0)"
)

_MAP: Final = """\
SELECT
    place.of_country, place.of_region, place.of_city, place.visitors, place.sessions, place.shown,
    located.events, located.latitude, located.longitude
FROM
(
    SELECT
        toString(visit.country) AS of_country,
        toString(visit.region) AS of_region,
        visit.city AS of_city,
        uniqExact(<<person>>) AS visitors,
        count() AS sessions,
        sum(<<views>>) AS shown
    <<visits>>
    GROUP BY of_country, of_region, of_city
    ORDER BY visitors DESC, sessions DESC, of_country, of_region, of_city
    LIMIT <<limit>>
) AS place
GLOBAL ANY LEFT JOIN
(
    SELECT
        toString(seen.country) AS of_country,
        toString(seen.region) AS of_region,
        seen.city AS of_city,
        count() AS events,
        toFloat64(quantileExactLow(0.5)(seen.latitude)) AS latitude,
        toFloat64(quantileExactLow(0.5)(seen.longitude)) AS longitude
    <<located>>
    GROUP BY of_country, of_region, of_city
) AS located
ON place.of_country = located.of_country AND place.of_region = located.of_region AND place.of_city = located.of_city
ORDER BY place.visitors DESC, place.sessions DESC, place.of_country, place.of_region, place.of_city"""


def _place(row: Row) -> MapPlace:
    *names_and_numbers, events, latitude, longitude = row
    return MapPlace(*names_and_numbers, *((latitude, longitude) if events else (None, None)))
