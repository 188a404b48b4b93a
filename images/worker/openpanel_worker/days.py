"""Calendar days of a project's time zone, as the warehouse counts them: days since 1970.

Pure: no clock. Every offset of a zone in use is a multiple of a quarter of an hour, so a quarter has one day.
"""

from datetime import UTC, date, datetime
from typing import Final
from zoneinfo import ZoneInfo

QUARTER_MS: Final = 900_000
MAX_QUARTERS: Final = 50_000  # of the cache: about a year and a half
LAST_DAY: Final = 65_535  # of the warehouse's Date
FIRST_MS: Final = 0
LAST_MS: Final = 4_102_444_800_000  # 2100; imports may claim anything

_EPOCH: Final = date(1970, 1, 1)


class Days(dict[int, int]):
    """The days of one time zone: `day(ms)`; the dictionary itself is the cache, by quarter of an hour."""

    def __init__(self, zone: str) -> None:
        """Take an IANA name; a name that is not known counts as UTC."""
        super().__init__()
        try:
            self._zone: ZoneInfo | None = ZoneInfo(zone)
        except (KeyError, ValueError, OSError):  # unknown, malformed, a folder of the zone data
            self._zone = None

    def day(self, at_ms: int) -> int:
        """The day that this moment belongs to in this zone."""
        return self[at_ms // QUARTER_MS]

    def __missing__(self, quarter: int) -> int:
        if len(self) >= MAX_QUARTERS:
            self.clear()
        moment = datetime.fromtimestamp(min(max(quarter * QUARTER_MS, FIRST_MS), LAST_MS) / 1000, tz=UTC)
        day = (moment.astimezone(self._zone or UTC).date() - _EPOCH).days
        self[quarter] = day = min(max(day, 0), LAST_DAY)
        return day
