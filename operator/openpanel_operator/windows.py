"""Whether a maintenance window is open, until when, and when the next one opens. Pure: the spec and a time in.

A window opens at its start by the clock of its zone and is open for its duration by the clock that never jumps. A
start that the clocks skip is as much later as they jump; one that they have twice is the first.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from openpanel.tenancy.fields import span
from openpanel_operator.resources.maintenance import Maintenance, Window

DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
# Days before and after today whose windows can matter: one that is open began the day before yesterday at the
# earliest, and each opens again within a week.
_BEFORE: Final = 2
_AFTER: Final = 9


@dataclass(frozen=True, slots=True)
class Opening:
    """The windows at one moment."""

    is_open: bool
    changes_at: datetime
    """Open: when they close, at the latest looked for after nine days; else when the next one opens. UTC."""


def opening(maintenance: Maintenance, *, now: datetime) -> Opening | None:
    """How the windows are now; None: there are none, and nothing ever waits."""
    spans = _joined(sorted(_spans(maintenance, now.astimezone(ZoneInfo(maintenance.time_zone)).date())))
    for opens, closes in spans:
        if opens <= now < closes:
            return Opening(is_open=True, changes_at=closes)
        if now < opens:
            return Opening(is_open=False, changes_at=opens)
    return None


def _spans(maintenance: Maintenance, today: date) -> Iterator[tuple[datetime, datetime]]:
    """From when to when each window is open, in the days around today."""
    zone = ZoneInfo(maintenance.time_zone)
    for window in maintenance.windows:
        for day in range(-_BEFORE, _AFTER + 1):
            on = today + timedelta(days=day)
            if _opens_on(window, on):
                opens = datetime.combine(on, time.fromisoformat(window.start), zone).astimezone(UTC)
                yield opens, opens + span(window.duration)


def _opens_on(window: Window, day: date) -> bool:
    return not window.days or DAYS[day.weekday()] in window.days


def _joined(spans: Sequence[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    """The same without what overlaps or follows at once."""
    joined: list[tuple[datetime, datetime]] = []
    for opens, closes in spans:
        if joined and opens <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(joined[-1][1], closes)
        else:
            joined.append((opens, closes))
    return joined
