"""What the overview page shows: the scope that all its questions share, and the shape of their answers.

A question is a file of its own (`metrics`, `series`, `top_pages`, `top_referrers`, `top_places`, `top_devices`);
each takes an `Overview` and is asked by `asking.ask`. Definitions, of sessions that start in the period:

    visitors    different persons; who was identified counts once, also for what came before
    sessions    visits with at least one event of their own
    pageviews   `screen_view` events with a path
    bounce      share of sessions with at most one pageview
    duration    first to last event, mean over the sessions that lasted at all
    share       of all visitors (of all pageviews for pages)

What cannot be divided is `None`, never 0. Where a project is large, persons are counted by estimate: the answer
says `approximate`.
"""

from dataclasses import dataclass
from datetime import datetime

from openpanel.analytics.filters import Filter
from openpanel.analytics.periods import Interval, Period


@dataclass(frozen=True, slots=True)
class Overview:
    """One project, one period, what it is compared with, and the filters of every panel."""

    project: str
    timezone: str
    period: Period
    previous: Period | None = None
    interval: Interval = "day"
    filters: tuple[Filter, ...] = ()


@dataclass(frozen=True, slots=True)
class Figures:
    """The six numbers. Rates are between 0 and 1."""

    visitors: int
    sessions: int
    pageviews: int
    bounce_rate: float | None
    duration_s: float | None
    views_per_session: float | None


@dataclass(frozen=True, slots=True)
class MetricsAnswer:
    """The numbers of the period and of the compared one."""

    current: Figures
    previous: Figures | None
    approximate: bool = False


@dataclass(frozen=True, slots=True)
class Point:
    """The numbers of one bucket; `running` buckets are not over."""

    start: datetime
    end: datetime
    running: bool
    figures: Figures


@dataclass(frozen=True, slots=True)
class SeriesAnswer:
    """Points oldest first, none missing and none in the future; the compared ones likewise."""

    points: tuple[Point, ...]
    previous: tuple[Point, ...] = ()
    approximate: bool = False


@dataclass(frozen=True, slots=True)
class TopRow:
    """One line of a list; `name` is as stored, '' when there is none (a direct visit, an unknown country).

    `views` is `None` where the source does not know them.
    """

    name: str
    visitors: int
    sessions: int
    views: int | None
    share: float | None


@dataclass(frozen=True, slots=True)
class TopAnswer:
    """The first lines, and whether there are more."""

    rows: tuple[TopRow, ...]
    more: bool
    approximate: bool = False
