"""Made-up histories of visitors: every column a question may name, around midnights and changes of the clock.

Late events and others of one millisecond, blocks that come twice (`conftest`), persons who became known or are others,
server events of nobody, names with quotes and emoji, properties that are numbers, dates, yes-or-no, or none of these.
"""

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, Final
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from openpanel.warehouse import tables
from openpanel.warehouse.schema import Table
from tests.analytics.worlds import MOMENTS, ZONES
from tests.warehouse.rows import Rows

NAMES: Final = ("screen_view", "screen_view", "click", 'sign "up"', "it's 👩‍👩‍👧", "revenue", "link_out")
PATHS: Final = ("/", "/a", "/한국", "")
SITES: Final = ("https://a.example", "https://o'neil.example")
TITLES: Final = ("", "Home", "한국 🏠")
LINKS: Final = ("https://elsewhere.example/?q='x'", "https://b.example/", "")
# Region, city and coordinates by country; two cities of one name, and one without a place.
TOWNS: Final = {
    "KR": (("11", "Seoul", 37.5, 127.0), ("11", "Seoul", 37.625, 127.125), ("41", "Springfield", 0.0, 0.0)),
    "DE": (("BE", "Berlin", 52.5, 13.375), ("BY", "Springfield", 48.125, 11.5)),
    "": (("", "", 0.0, 0.0),),
}
PLANS: Final = ("pro", "Free", "", 'o\'neil \\ "x"', "🦊")
PRICES: Final = ("9.5", "10", "-3", "", "many", "1e3", "0", "NaN", "inf")
# A midnight that Beirut skips, a time that New York does, and one between two milliseconds.
DUE: Final = (
    *("2026-10-31", "2026-11-01T00:30:00", "2026-10-31T23:59:59Z", "soon", "", "20261101"),
    *("2026-03-29", "2026-03-08T02:30:00", "2026-10-31T23:59:59.1236Z"),
)
PAID: Final = ("true", "false", "TRUE", "0", "1", "perhaps", "")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC).toordinal()


@dataclass(frozen=True, slots=True)
class History:
    """Rows of four tables, without their project."""

    timezone: str
    now: datetime
    # Too long to be read; a failure is told by how it is drawn.
    events: list[dict[str, Any]] = field(repr=False)
    overrides: list[dict[str, Any]] = field(repr=False)
    profiles: list[dict[str, Any]] = field(repr=False)
    groups: list[dict[str, Any]] = field(repr=False)

    def tables(self) -> tuple[tuple[Table, Rows], ...]:
        """What is loaded of it."""
        return (
            (tables.EVENTS, self.events),
            (tables.PERSON_OVERRIDES, self.overrides),
            (tables.PROFILES, self.profiles),
            (tables.GROUPS, self.groups),
        )


@st.composite
def histories(draw: st.DrawFn, *, sessions: int = 14, days: int = 12) -> History:
    """A random history of up to so many sessions within so many days."""
    return a_history(
        random.Random(draw(st.integers(0, 2**32))),
        sessions=draw(st.integers(0, sessions)),
        days=days,
        timezone=draw(st.sampled_from(ZONES)),
        now=draw(st.sampled_from(MOMENTS)),
    )


def a_history(dice: random.Random, *, sessions: int, days: int, timezone: str, now: datetime) -> History:
    events = [row for _ in range(sessions) for row in _session(dice, timezone, now, days)]
    events += [_of_server(dice, timezone, now, days) for _ in range(sessions // 4)]
    people = sorted({row["person"] for row in events} - {0})
    overrides = _overrides(dice, people)
    profiles = [_profile(dice, known) for known in (107, 108, 109) if dice.random() < 0.8]
    groups = [_group(dice, name) for name in ("acme", "o'neil", "🏢") if dice.random() < 0.8]
    return History(timezone, now, events, overrides, profiles, groups)


def _overrides(dice: random.Random, people: Sequence[int]) -> list[dict[str, Any]]:
    """Who is said to be whom: at times in a row, of which the last may be the first."""
    # A version stands for a place in the stream: no two changes share it.
    versions = dice.sample(range(99), dice.randrange(4) if people else 0)
    told = [(dice.choice(people), dice.choice([*people, 107, 108])) for _ in versions]
    if people and dice.random() < 0.4:
        row = dice.sample([*people, 105, 106, 110], dice.randrange(2, len(people) + 3))
        row += dice.choice([[], row[:1]])
        told += pairwise(row)
        versions = dice.sample(range(99), len(told))
    return [
        {"person": person, "into": into, "version": version}
        for (person, into), version in zip(told, versions, strict=True)
    ]


def _session(dice: random.Random, timezone: str, now: datetime, days: int) -> Iterable[dict[str, Any]]:
    start = _moment_near(dice, timezone, now, days)
    device = dice.randrange(1, 6)
    session = dice.randrange(1, 2**63)
    known = dice.choice([0, 0, 107, 108, 109])
    last = _last_instant(now)  # what lies ahead is clamped when it is received, so that no history knows it
    times = [
        min(start + dice.choice([0, 0, 1, 999, 60_000, dice.randrange(5_400_000)]), last)
        for _ in range(dice.randrange(1, 7))
    ]
    if dice.random() < 0.1:
        times.append(start - 1_000)  # came late and belongs to the session all the same
    rows = [_event(dice, at, device=device, known=known if dice.random() < 0.5 else 0) for at in times]
    rows += [
        {**_event(dice, at, device=device, known=0), "name": name}
        for name, at in (("session_start", start - 100), ("session_end", min(max(times) + 1, last)))
        if dice.random() < 0.7
    ]
    country = dice.choice(["", "KR", "DE"])
    region, city, latitude, longitude = dice.choice(TOWNS[country])
    shared = {
        "session_id": session,
        "session_started_at": start,
        "country": country,
        "region": region,
        "city": city,
        "latitude": latitude,
        "longitude": longitude,
        "referrer": dice.choice(["", "https://www.google.com/"]),
        "referrer_name": dice.choice(["", "Google"]),
        "referrer_type": dice.choice(["", "search"]),
        "browser": dice.choice(["Firefox", "Safari"]),
        "browser_version": dice.choice(["1", "2"]),
        "os": dice.choice(["", "Linux"]),
        "device": dice.choice(["mobile", "desktop"]),
    }
    zone = ZoneInfo(timezone)
    return [{**row, **shared, "day": _day(row["created_at"], zone)} for row in rows]


def _of_server(dice: random.Random, timezone: str, now: datetime, days: int) -> dict[str, Any]:
    """An event outside of sessions, of a profile or of nobody."""
    at = _moment_near(dice, timezone, now, days)
    row = _event(dice, at, device=0, known=dice.choice([0, 107, 109]))
    return {**row, "country": "", "referrer_name": "", "day": _day(at, ZoneInfo(timezone))}


def _event(dice: random.Random, at: int, *, device: int, known: int) -> dict[str, Any]:
    properties = {
        "plan": dice.choice(PLANS),
        "price": dice.choice(PRICES),
        "due": dice.choice(DUE),
        "paid": dice.choice(PAID),
        'it\'s "a" key': dice.choice(PLANS),
        "href": dice.choice(LINKS),
        "text": dice.choice(TITLES),
        **{f"items.{place}.sku": dice.choice(PLANS) for place in range(dice.randrange(3))},
    }
    name = dice.choice(NAMES)
    return {
        "name": name,
        "created_at": at,
        "event_id": dice.randrange(1, 2**64),
        "device_id": device,
        "person": known or device,
        "profile_id": profile_id(known) if known else "",
        "path": dice.choice(PATHS),
        "origin": dice.choice(SITES),
        "title": dice.choice(TITLES),
        "revenue": dice.choice([0, 5, 100, -7]) if name == "revenue" else 0,
        "groups": tuple(dice.sample(["acme", "o'neil", "🏢", "gone"], dice.choice([0, 0, 1, 2]))),
        "properties": {key: value for key, value in properties.items() if value},
    }


def profile_id(known: int) -> str:
    """The profile of a person of these histories."""
    return f"profile {known}"


def _profile(dice: random.Random, known: int) -> dict[str, Any]:
    plan = dice.choice(PLANS)
    return {
        "profile_id": profile_id(known),
        "first_name": dice.choice(["Ana", "Ben", ""]),
        "email": dice.choice(["ana@example.com", ""]),
        "properties": {"plan": plan} if plan else {},
        "created_at": 1_700_000_000_000,
        "version": 1,
        "deleted": int(dice.random() < 0.1),
        "person": dice.choice([known, 0]),
    }


def _group(dice: random.Random, name: str) -> dict[str, Any]:
    return {
        "group_id": name,
        "type": dice.choice(["company", "team"]),
        "name": name.upper(),
        "properties": {"size": dice.choice(["5", "50"])},
        "version": 1,
    }


def _day(at: int, zone: ZoneInfo) -> int:
    return datetime.fromtimestamp(at / 1000, tz=zone).date().toordinal() - _EPOCH


def _moment_near(dice: random.Random, timezone: str, now: datetime, days: int) -> int:
    """Somewhere in the last days, often within a second of a midnight, an hour or a change of the clock."""
    moment = now - timedelta(seconds=dice.randrange(1, days * 86_400))
    if dice.random() < 0.5:
        local = moment.astimezone(ZoneInfo(timezone))
        edge = local.replace(
            hour=dice.choice([0, 0, 1, 2, 23]), minute=dice.choice([0, 30]), second=0, microsecond=0
        )
        moment = edge.astimezone(UTC) + timedelta(milliseconds=dice.choice([-1, 0, 1]))
    return min(round(moment.timestamp() * 1000), _last_instant(now))


def _last_instant(now: datetime) -> int:
    return round(now.timestamp() * 1000) - 1


Pick = Callable[[dict[str, Any]], bool]
