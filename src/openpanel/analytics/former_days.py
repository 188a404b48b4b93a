"""Which days of the rollups may be those of a time zone that the project had before.

A rollup's day is the one that the zone of that time gave an event when it was counted; nothing counts it anew. So
what begins before the first day that can only be one of the present zone is read from sessions or events, whose times
are instants, as far back as the project keeps those. Knows no clock and no store.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from typing import Final
from zoneinfo import ZoneInfo

from openpanel.metadata.records import ProjectRecord, RetentionKind

ALL_TIME: Final = date.min
LEARNT_WITHIN: Final = timedelta(days=1)  # by every worker: one that cannot ask keeps to the zone it knows
_EARLIEST: Final = timezone(timedelta(hours=14))  # no zone has a day sooner
_EXACT: Final[tuple[RetentionKind, ...]] = ("events", "sessions")


@dataclass(frozen=True, slots=True)
class FormerDays:
    """The days before `until`. What was before `kept_from` is in rollups alone."""

    until: date
    kept_from: date = ALL_TIME

    def __contains__(self, first: date) -> bool:
        """Whether what begins with this day of the rollups is to be read elsewhere."""
        return self.kept_from <= first < self.until


def former_days(project: ProjectRecord, *, now: datetime) -> FormerDays | None:
    """The days that may not be the project's; `None` where its zone was never another."""
    if project.timezone_since is None:
        return None
    learnt = project.timezone_since + LEARNT_WITHIN
    until = learnt.astimezone(_EARLIEST).date() + timedelta(days=1)
    return FormerDays(until, _kept_from(project.retention_days, timezone=project.timezone, now=now))


def _kept_from(kept: Mapping[RetentionKind, int | None], *, timezone: str, now: datetime) -> date:
    """The first day of which all events and sessions are still there."""
    days = [number for kind in _EXACT if (number := kept.get(kind)) is not None]
    if not days:
        return ALL_TIME
    oldest = now - timedelta(days=min(days))
    return oldest.astimezone(ZoneInfo(timezone)).date() + timedelta(days=1)
