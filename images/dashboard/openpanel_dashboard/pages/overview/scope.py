"""From an address to what is asked: the period in the project's zone, what it is compared with, the filters.

Knows the grammar of addresses and the words of analytics, and nothing of pages. What analytics cannot filter by
is named, never left out silently.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, cast, get_args

from openpanel.analytics import periods, visits
from openpanel.analytics.filters import Filter, Operator
from openpanel.analytics.former_days import FormerDays, former_days
from openpanel.analytics.overview import Overview
from openpanel.analytics.periods import BadRange, Comparison, Interval, Period
from openpanel.metadata.records import ProjectRecord
from openpanel_dashboard.address import COMPARISONS, DEFAULT_RANGE, Condition, View
from openpanel_dashboard.pages.overview import spans

# What an address calls a dimension, and what analytics calls it.
DIMENSIONS: Final[Mapping[str, str]] = {
    "path": "page",
    "channel": "referrer_type",
    **{name: name for name in visits.DIMENSIONS if name not in {"page", "referrer_type"}},
}
OPERATORS: Final[frozenset[str]] = frozenset(get_args(Operator))
MOST_POINTS: Final = 400  # of a chart; a finer interval is not offered
_NAMED: Final = frozenset(COMPARISONS) - {"off"}


@dataclass(frozen=True, slots=True)
class Scope:
    """What one view of a project asks."""

    view: View
    project: ProjectRecord
    now: datetime
    period: Period
    compared: Period | None  # what the change of a number is measured against
    interval: Interval
    intervals: tuple[Interval, ...]
    filters: tuple[Filter, ...]
    unusable: tuple[Condition, ...]
    since: datetime | None = None  # of the first event: before it there is nothing, not zero

    @property
    def timezone(self) -> str:
        return self.project.timezone

    @property
    def former_days(self) -> FormerDays | None:
        """The days that were counted in another time zone."""
        return former_days(self.project, now=self.now)

    @property
    def draws_compared(self) -> bool:
        """Whether the compared period is drawn too; without a choice only the change is told."""
        return self.compared is not None and bool(self.view.compare)

    @property
    def measures_change(self) -> bool:
        """Whether everything in the compared period could be counted: less of it would look like growth."""
        return self.compared is not None and (self.since is None or self.since <= self.compared.start)

    def overview(self, *, compared: bool) -> Overview:
        """The scope of every question of the page."""
        return Overview(
            project=self.project.id,
            timezone=self.timezone,
            period=self.period,
            previous=self.compared if compared else None,
            interval=self.interval,
            filters=self.filters,
        )

    def shifted(self, *, back: bool) -> str:
        """The address of the range before or after this one; empty when that has not begun."""
        whole = replace(self.period, running_until=None)
        if back:
            before = periods.previous(whole, timezone=self.timezone)
            return spans.address(before.start, before.end, timezone=self.timezone)
        end = whole.end + (whole.end - whole.start)
        return "" if whole.end > self.now else spans.address(whole.end, end, timezone=self.timezone)


def scope(view: View, *, project: ProjectRecord, now: datetime, earliest: datetime | None) -> Scope:
    """What `view` asks of the project. A range that cannot be is replaced by the default and named as ignored."""
    view, period = _period(view, project=project, now=now, earliest=earliest)
    intervals = _intervals(period)
    wanted = cast("Interval", view.interval)
    automatic = periods.default_interval(period)
    usable = tuple(one for one in view.conditions if _usable(one))
    return Scope(
        view=view,
        project=project,
        now=now,
        period=period,
        compared=_compared(view, period, project=project, now=now),
        interval=wanted if wanted in intervals else automatic,
        intervals=intervals,
        filters=tuple(
            Filter(DIMENSIONS[one.dimension], cast("Operator", one.operator), one.values) for one in usable
        ),
        unusable=tuple(one for one in view.conditions if one not in usable),
        since=earliest,
    )


def _period(
    view: View, *, project: ProjectRecord, now: datetime, earliest: datetime | None
) -> tuple[View, Period]:
    try:
        return view, periods.resolve(view.range, timezone=project.timezone, now=now, earliest=earliest)
    except BadRange:
        ignored = (*view.ignored, f"range={view.range}")
        period = periods.resolve(DEFAULT_RANGE, timezone=project.timezone, now=now)
        return replace(view, range=DEFAULT_RANGE, ignored=ignored), period


def _compared(view: View, period: Period, *, project: ProjectRecord, now: datetime) -> Period | None:
    if view.compare == "off" or (view.range == "all" and not view.compare):
        return None
    if view.compare and view.compare not in _NAMED:
        try:
            return periods.resolve(view.compare, timezone=project.timezone, now=now)
        except BadRange:
            return None
    comparison = cast("Comparison", view.compare or "prev")
    return periods.previous(period, timezone=project.timezone, comparison=comparison)


def _intervals(period: Period) -> tuple[Interval, ...]:
    length = period.end - period.start
    fitting = (one for one in periods.allowed_intervals(period) if _points(length, one) <= MOST_POINTS)
    automatic = periods.default_interval(period)
    return tuple(one for one in fitting if one == automatic or _points(length, one) >= 2)


def _points(length: timedelta, interval: Interval) -> float:
    return length / _SIZES[interval]


def _usable(condition: Condition) -> bool:
    return condition.dimension in DIMENSIONS and condition.operator in OPERATORS


_SIZES: Final[dict[Interval, timedelta]] = {
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(days=7),
    "month": timedelta(days=30),
}
