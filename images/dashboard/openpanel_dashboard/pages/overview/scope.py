"""From an address to what is asked: the period in the project's zone, what it is compared with, the filters.

Knows the grammar of addresses and the words of analytics, and nothing of pages. What analytics cannot filter by
is named, never left out silently.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
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
        """The range before or after this one, as in an address; empty when it has not begun, or no text names it."""
        whole = replace(self.period, running_until=None)
        months = whole.shift.months if whole.shift else 0
        if not back and whole.end > self.now:
            return ""
        if back and months:
            before = periods.previous(whole, timezone=self.timezone)
            return spans.address(before.start, before.end, timezone=self.timezone)
        if days := spans.whole_days(whole.start, whole.end, timezone=self.timezone):
            first, last = _before(days) if back else _after(days, months=months)
            return f"{first}..{last}"
        length = whole.end - whole.start
        start = whole.start - length if back else whole.end
        return spans.address(start, start + length, timezone=self.timezone)


def scope(view: View, *, project: ProjectRecord, now: datetime, earliest: datetime | None) -> Scope:
    """What `view` asks of the project. What cannot be is replaced by its default and named as ignored."""
    view, period = _period(view, project=project, now=now, earliest=earliest)
    view, compared = _compared(view, period, project=project, now=now)
    intervals = _intervals(period)
    if view.interval and view.interval not in intervals:
        view = _without(view, f"by={view.interval}", interval="")
    wanted = cast("Interval", view.interval)
    automatic = periods.default_interval(period)
    usable = tuple(one for one in view.conditions if _usable(one))
    return Scope(
        view=view,
        project=project,
        now=now,
        period=period,
        compared=compared,
        interval=wanted or automatic,
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
        period = periods.resolve(DEFAULT_RANGE, timezone=project.timezone, now=now)
        return _without(view, f"range={view.range}", range=DEFAULT_RANGE), period


def _compared(
    view: View, period: Period, *, project: ProjectRecord, now: datetime
) -> tuple[View, Period | None]:
    if view.compare and view.compare not in COMPARISONS:
        try:
            return view, periods.resolve(view.compare, timezone=project.timezone, now=now)
        except BadRange:
            view = _without(view, f"cmp={view.compare}", compare="")
    if view.compare == "off" or (view.range == "all" and not view.compare):
        return view, None
    comparison = cast("Comparison", view.compare or "prev")
    return view, periods.previous(period, timezone=project.timezone, comparison=comparison)


def _without(view: View, part: str, **default: str) -> View:
    """The view with the default instead of a part of its address, which is named as ignored."""
    return replace(view, ignored=(*view.ignored, part), **default)  # type: ignore[arg-type]  # fields of text


def _before(days: tuple[date, date]) -> tuple[date, date]:
    first, last = days
    return first - (last - first) - _DAY, first - _DAY


def _after(days: tuple[date, date], *, months: int) -> tuple[date, date]:
    """As many days; after months of the calendar as many of them."""
    first, last = days
    start = last + _DAY
    if not months:
        return start, start + (last - first)
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    return start, date(year, month + 1, 1) - _DAY


def _intervals(period: Period) -> tuple[Interval, ...]:
    length = period.end - period.start
    fitting = (one for one in periods.allowed_intervals(period) if _points(length, one) <= MOST_POINTS)
    automatic = periods.default_interval(period)
    return tuple(one for one in fitting if one == automatic or _points(length, one) >= 2)


def _points(length: timedelta, interval: Interval) -> float:
    return length / _SIZES[interval]


def _usable(condition: Condition) -> bool:
    return condition.dimension in DIMENSIONS and condition.operator in OPERATORS


_DAY: Final = timedelta(days=1)
_SIZES: Final[dict[Interval, timedelta]] = {
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(days=7),
    "month": timedelta(days=30),
}
