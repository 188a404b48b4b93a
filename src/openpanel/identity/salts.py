"""The daily salts behind anonymous device ids: which one is in force, and which one just went.

A salt belongs to one UTC day. Tomorrow's is made ahead of time, so that all processes change at 00:00 UTC without
talking to each other. Knows neither where salts are kept nor what time it is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

SALT_BYTES: Final = 32
DAY_MS: Final = 86_400_000


class NoSaltError(Exception):
    """No salt is known for this day or any day before it."""

    def __init__(self, day: date) -> None:
        super().__init__(f"no salt for {day.isoformat()} or before")
        self.day = day


@dataclass(frozen=True, slots=True)
class Salts:
    """The salt in force, and the one of the day before for visits that go on over midnight."""

    day: date
    """Whose salt is in force: today, or the newest day before it that has one."""
    current: bytes
    previous: bytes | None


def salts_at(day_salts: Mapping[date, bytes], at_ms: int) -> Salts:
    """The salts in force at this time.

    Where today's is missing the newest older one goes on: a late rotation is better than refused events.
    """
    today = utc_day(at_ms)
    day = max((known for known in day_salts if known <= today), default=None)
    if day is None:
        raise NoSaltError(today)
    return Salts(day, day_salts[day], day_salts.get(day - timedelta(days=1)))


def utc_day(at_ms: int) -> date:
    """The UTC day of a time."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).date()


def next_rotation_ms(at_ms: int) -> int:
    """When the salts that are in force at this time stop being so."""
    return (at_ms // DAY_MS + 1) * DAY_MS
