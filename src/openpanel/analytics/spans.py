"""A period and the one it is compared with, as the sources want them: instants, and days of the rollups."""

from dataclasses import dataclass
from typing import Final

from openpanel.analytics.overview import Overview
from openpanel.analytics.periods import Period
from openpanel.analytics.routing import Span, whole_days
from openpanel.analytics.statements import fill


@dataclass(frozen=True, slots=True)
class Compared:
    """One of the two. `prefix` is that of its parameters."""

    number: int
    period: Period
    whole: Span | None

    @property
    def prefix(self) -> str:
        return f"p{self.number}_"

    @property
    def days(self) -> Span:
        if self.whole is None:
            message = "no whole days, so no rollup has them"
            raise ValueError(message)
        return self.whole


def compared(scope: Overview) -> tuple[Compared, ...]:
    """The period (number 0) and, when there is one, the compared one (number 1)."""
    periods = (scope.period,) if scope.previous is None else (scope.period, scope.previous)
    return tuple(
        Compared(number, period, whole_days(period, timezone=scope.timezone, running_now=number == 0))
        for number, period in enumerate(periods)
    )


def days_of(scope: Overview, *, only_current: bool = False) -> tuple[Span, ...]:
    """The days a rollup would be read for; none when it cannot answer: under filters, or for parts of days."""
    if scope.is_filtered:
        return ()
    spans = [item.whole for item in compared(scope)][: 1 if only_current else 2]
    whole = tuple(span for span in spans if span is not None)
    return whole if len(whole) == len(spans) else ()


def outside_sessions(prefix: str) -> str:
    """FROM and WHERE of the amounts of a period that belong to no session; the parameters are those of `visits`."""
    return fill(_OUTSIDE, p=prefix)


_OUTSIDE: Final = """\
FROM events AS seen
WHERE seen.project_id = {project:String}
    AND seen.name = 'revenue'
    AND seen.session_id = 0
    AND toDate(seen.created_at) >= {<<p>>first_day:Date}
    AND toDate(seen.created_at) <= {<<p>>last_day:Date}
    AND seen.created_at >= fromUnixTimestamp64Milli({<<p>>start:Int64}, 'UTC')
    AND seen.created_at < fromUnixTimestamp64Milli({<<p>>until:Int64}, 'UTC')"""
