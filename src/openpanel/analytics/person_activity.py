"""What one person did: on which days, which events most, and which pages most.

Everything that the person did counts, under each of its ids. Events of one person are found by the index on persons. A
person's devices may lie on several shards: what each shard has is put together where the question was asked. Knows no
store and no clock: text and rows only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from openpanel.analytics.filters import BadFilter
from openpanel.analytics.periods import Period
from openpanel.analytics.person_ids import is_one_of
from openpanel.analytics.reading import SYNTHETIC, Reading
from openpanel.analytics.routing import Source, Span
from openpanel.analytics.statements import Row, Statement, and_all, fill
from openpanel.identity.ids import person_of_profile

MAX_DAYS: Final = 10_000  # of a calendar; days without an event take no place
MAX_ROWS: Final = 1_000


@dataclass(frozen=True, slots=True)
class DayOfEvents:
    """A day of the project's calendar on which the person did something."""

    day: date
    events: int


@dataclass(frozen=True, slots=True)
class PersonActivity:
    """On which days did this person do how much? Oldest first, days without events left out."""

    project: str
    timezone: str
    profile: str
    period: Period | None = None

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
            _DAYS,
            zone=reading.text(self.timezone),
            did=_did(self.profile, self.period, reading),
            limit=reading.value("UInt32", MAX_DAYS),
        )
        return Statement(sql, reading.parameters)

    def answer(self, rows: Sequence[Row], source: Source) -> tuple[DayOfEvents, ...]:
        assert source is Source.EVENTS
        return tuple(DayOfEvents(day, events) for day, events in reversed(rows))


@dataclass(frozen=True, slots=True)
class EventOfPerson:
    """How often the person did this."""

    name: str
    events: int


@dataclass(frozen=True, slots=True)
class PersonTopEvents:
    """Which events did this person do most?"""

    project: str
    profile: str
    period: Period | None = None
    limit: int = 10

    def __post_init__(self) -> None:
        _check_limit(self.limit)

    @property
    def exact(self) -> Source:
        return Source.EVENTS

    @property
    def rolled_up(self) -> tuple[Span, ...]:
        return ()

    def statement(self, source: Source) -> Statement:
        assert source is Source.EVENTS
        reading = Reading(self.project, timezone="UTC")
        sql = fill(
            _EVENTS,
            did=_did(self.profile, self.period, reading),
            limit=reading.value("UInt32", self.limit),
        )
        return Statement(sql, reading.parameters)

    def answer(self, rows: Sequence[Row], source: Source) -> tuple[EventOfPerson, ...]:
        assert source is Source.EVENTS
        return tuple(EventOfPerson(name, events) for name, events in rows)


@dataclass(frozen=True, slots=True)
class PathOfPerson:
    """How often the person saw this page."""

    origin: str
    path: str
    views: int


@dataclass(frozen=True, slots=True)
class PersonTopPaths:
    """Which pages did this person see most?"""

    project: str
    profile: str
    period: Period | None = None
    limit: int = 10

    def __post_init__(self) -> None:
        _check_limit(self.limit)

    @property
    def exact(self) -> Source:
        return Source.EVENTS

    @property
    def rolled_up(self) -> tuple[Span, ...]:
        return ()

    def statement(self, source: Source) -> Statement:
        assert source is Source.EVENTS
        reading = Reading(self.project, timezone="UTC")
        sql = fill(
            _PATHS,
            did=_did(self.profile, self.period, reading),
            limit=reading.value("UInt32", self.limit),
        )
        return Statement(sql, reading.parameters)

    def answer(self, rows: Sequence[Row], source: Source) -> tuple[PathOfPerson, ...]:
        assert source is Source.EVENTS
        return tuple(PathOfPerson(origin, path, views) for origin, path, views in rows)


_DAYS: Final = """\
SELECT toDate(seen.created_at, <<zone>>) AS active_on, count() AS done
<<did>>
GROUP BY active_on
ORDER BY active_on DESC
LIMIT <<limit>>"""

_EVENTS: Final = """\
SELECT seen.name AS name, count() AS done
<<did>>
GROUP BY name
ORDER BY done DESC, name
LIMIT <<limit>>"""

_PATHS: Final = """\
SELECT seen.origin AS origin, seen.path AS path, count() AS views
<<did>>
    AND seen.name = 'screen_view'
    AND seen.path != ''
GROUP BY origin, path
ORDER BY views DESC, origin, path
LIMIT <<limit>>"""

_DID: Final = """\
FROM events AS seen
WHERE seen.project_id = {project:String}
    AND seen.name NOT IN <<synthetic>>
    AND seen.person != 0
    AND <<is_doer>><<bounds>>"""


def _did(profile: str, period: Period | None, reading: Reading) -> str:
    bounds: tuple[str, ...] = ()
    if period is not None:
        bounds = reading.within(period)
    is_doer = is_one_of("seen.person", (person_of_profile(profile),), reading)
    return fill(_DID, synthetic=str(SYNTHETIC), is_doer=is_doer, bounds=and_all(bounds))


def _check_limit(limit: int) -> None:
    if not 1 <= limit <= MAX_ROWS:
        raise BadFilter("limit", reason=f"expected 1 to {MAX_ROWS}")
