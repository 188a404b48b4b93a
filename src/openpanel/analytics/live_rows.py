"""The lines of the live page, and how they stand in the rows of `realtime`: texts and numbers of a kind."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from openpanel.analytics.statements import Row, from_milliseconds

GRIDS: Final = (0.1, 1.0, 10.0)  # degrees; the sides of the cells in which coordinates are put together


@dataclass(frozen=True, slots=True)
class LiveMinute:
    """One bar; the last is `running`."""

    start: datetime
    running: bool
    visitors: int
    sessions: int
    views: int


@dataclass(frozen=True, slots=True)
class LivePath:
    """A page that is looked at."""

    origin: str
    path: str
    visitors: int
    views: int


@dataclass(frozen=True, slots=True)
class LiveReferrer:
    """Where active sessions came from; `name` '' is a direct visit."""

    name: str
    type: str
    visitors: int
    sessions: int


@dataclass(frozen=True, slots=True)
class LivePlace:
    """A country, or a city in it."""

    country: str
    region: str
    city: str
    visitors: int
    sessions: int


@dataclass(frozen=True, slots=True)
class LivePoint:
    """Visitors who are near one another; country and city where all of them share it."""

    latitude: float
    longitude: float
    country: str
    city: str
    visitors: int
    sessions: int


@dataclass(frozen=True, slots=True)
class ActiveSession:
    """A session in which something was done; `path` is the page it is on."""

    session_id: int
    person: int
    profile_id: str
    started_at: datetime
    last_at: datetime
    views: int
    events: int
    entry_path: str
    path: str
    referrer: str
    country: str
    city: str
    os: str
    browser: str
    device: str


def live_path(row: Row) -> LivePath:
    (_, _, _, origin, path), (_, _, _, _, views, viewers, *_) = row
    return LivePath(origin, path, int(viewers), int(views))


def live_referrer(row: Row) -> LiveReferrer:
    (name, kind), (visitors, sessions) = row
    return LiveReferrer(name, kind, int(visitors), int(sessions))


def live_place(row: Row) -> LivePlace:
    (country, region, city, _, _), (_, visitors, _, sessions, *_) = row
    return LivePlace(country, region, city, int(visitors), int(sessions))


def live_point(row: Row) -> LivePoint:
    (country, _, city, _, _), (_, visitors, _, sessions, _, _, latitude, longitude) = row
    return LivePoint(latitude, longitude, country, city, int(visitors), int(sessions))


def active_session(row: Row) -> ActiveSession:
    (session, person, profile_id, entry, path, referrer, *context), (started, last, views, events) = row
    return ActiveSession(
        int(session),
        int(person),
        profile_id,
        from_milliseconds(int(started)),
        from_milliseconds(int(last)),
        int(views),
        int(events),
        entry,
        path,
        referrer,
        *context,
    )
