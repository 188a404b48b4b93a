"""When people come: by hour and weekday in the project's time zone, and a little more each week."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Final
from zoneinfo import ZoneInfo

HOUR_MS: Final = 3_600_000

# Share of a day's visits that begin in each hour.
WORKDAY: Final = (10, 6, 4, 3, 3, 5, 12, 24, 38, 48, 52, 50, 55, 52, 48, 47, 46, 45, 48, 56, 64, 62, 45, 24)
WEEKEND: Final = (16, 10, 6, 4, 3, 4, 6, 12, 22, 36, 46, 50, 50, 48, 48, 48, 47, 46, 48, 54, 58, 54, 40, 24)
# Monday to Sunday.
WEEKDAYS: Final = (1.08, 1.12, 1.06, 1.02, 0.9, 0.82, 1.0)
GROWTH_PER_WEEK: Final = 1.03


class Calendar:
    """The days that are to be filled, up to a moment."""

    def __init__(self, *, until_ms: int, days: int, zone: ZoneInfo) -> None:
        self.zone = zone
        self.until_ms = until_ms
        self.since_ms = until_ms - days * 24 * HOUR_MS
        first = _at(self.since_ms, zone).date()
        last = _at(until_ms, zone).date()
        self.days: Sequence[date] = [first + timedelta(n) for n in range((last - first).days + 1)]
        self._weights = [
            WEEKDAYS[day.weekday()] * GROWTH_PER_WEEK ** (n / 7) for n, day in enumerate(self.days)
        ]

    def moment(self, chance: Random, *, emphasis: Sequence[float] | None = None) -> int:
        """When somebody comes; `emphasis` makes days more likely. Always within the period."""
        weights = self._weights
        if emphasis is not None:
            weights = [weight * more for weight, more in zip(weights, emphasis, strict=True)]
        while True:
            at = self.within(chance.choices(self.days, weights=weights)[0], chance)
            if self.since_ms <= at < self.until_ms:
                return at

    def within(self, day: date, chance: Random) -> int:
        """A moment of that day."""
        hours = WEEKEND if day.weekday() >= 5 else WORKDAY
        hour = chance.choices(range(24), weights=hours)[0]
        begin = datetime.combine(day, time(hour), self.zone).astimezone(UTC)
        return int(begin.timestamp() * 1_000) + chance.randrange(HOUR_MS)

    def day_of(self, at_ms: int) -> date:
        """The day of a moment in the project's time zone."""
        return _at(at_ms, self.zone).date()

    def days_before_end(self, at_ms: int) -> int:
        """How many days before the last one."""
        return (self.days[-1] - self.day_of(at_ms)).days


def _at(at_ms: int, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(at_ms / 1_000, zone)
