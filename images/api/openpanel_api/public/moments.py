"""The bounds of a stretch of time as programs write them: a day of the project's zone, or a moment.

`2026-03-01` is the whole day in the project's time zone. `2026-03-01T10:00:00Z` is that moment; without an offset
it is a time of the project's zone. Both bounds are included, an end as a whole: `23:59:59` is all of that second and
`23:59` all of that minute, so that the day that they end is a whole one. Pure.
"""

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from openpanel_api.public.errors import BadRequest

EXPECTED: Final = "expected a date (2026-03-01) or a time (2026-03-01T10:00:00, 2026-03-01T10:00:00Z)"
RESOLUTION: Final = timedelta(milliseconds=1)  # of stored times
FIRST: Final = datetime(1970, 1, 1, tzinfo=UTC)
LAST: Final = datetime(2200, 1, 1, tzinfo=UTC)

DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
MOMENT: Final = re.compile(
    r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?P<seconds>:\d{2}(?P<parts>\.\d{1,6})?)?(Z|[+-]\d{2}:?\d{2})?"
)


def beginning(text: str, *, name: str, timezone: str) -> datetime:
    """The first moment that belongs to a stretch that begins with `text`."""
    return _read(text, name=name, timezone=timezone, whole=False)


def ending(text: str, *, name: str, timezone: str) -> datetime:
    """The first moment that does not belong to a stretch that ends with `text` any more."""
    return _read(text, name=name, timezone=timezone, whole=True)


def fault_of(text: object) -> str | None:
    """Why this is no bound, in whichever time zone; `None` for one that is."""
    try:
        if not isinstance(text, str) or not (DAY.fullmatch(text.strip()) or MOMENT.fullmatch(text.strip())):
            return EXPECTED
        if not FIRST.year <= int(text.strip()[:4]) < LAST.year:
            return f"expected a time from {FIRST.year} to {LAST.year}"
        beginning(text, name="", timezone="UTC")
    except BadRequest:
        return EXPECTED
    return None


def moment_text(moment: datetime) -> str:
    """`2026-03-01T10:00:00.250Z`"""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment_json(moment: datetime | None) -> str | None:
    """The same of what may not be known; null for none, for which tables keep the first moment of 1970."""
    return None if moment is None or moment.timestamp() == 0 else moment_text(moment)


def local(moment: datetime, *, timezone: str) -> str:
    """A moment as the project's clock shows it, with its offset: `2026-03-01T00:00:00+09:00`."""
    return moment.astimezone(ZoneInfo(timezone)).isoformat(timespec="seconds")


def _read(text: str, *, name: str, timezone: str, whole: bool) -> datetime:
    """Its first moment; `whole`: the first one after it."""
    zone = ZoneInfo(timezone)
    text = text.strip()
    try:
        if DAY.fullmatch(text):
            day = date.fromisoformat(text) + timedelta(days=whole)
            moment = datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)
        elif written := MOMENT.fullmatch(text):
            given = datetime.fromisoformat(text)
            moment = (given if given.tzinfo else given.replace(tzinfo=zone)).astimezone(UTC)
            moment += _length(written) if whole else timedelta()
        else:
            raise BadRequest(f"{name}: {EXPECTED}")
    except (ValueError, OverflowError) as error:
        raise BadRequest(f"{name}: {EXPECTED}") from error
    return min(max(moment, FIRST), LAST)


def _length(written: re.Match[str]) -> timedelta:
    """How long that lasts which was written so."""
    if written["parts"]:
        return RESOLUTION
    return timedelta(seconds=1) if written["seconds"] else timedelta(minutes=1)
