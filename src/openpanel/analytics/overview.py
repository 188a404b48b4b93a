"""What the overview page shows: the scope that all its questions share, and the shape of their answers.

A question is a file of its own (`metrics`, `series`, `top_pages`, `top_referrers`, `top_places`, `top_devices`);
each takes an `Overview` and is asked by `asking.ask`. Definitions, of sessions that start in the period:

    visitors    different persons; who was identified counts once, also for what came before
    sessions    visits with at least one event of their own
    pageviews   `screen_view` events with a path
    bounce      share of sessions with at most one pageview
    duration    first to last event, mean over the sessions that lasted at all
    share       of all visitors (of all pageviews for pages)
    revenue     amounts of those sessions; without filters also those outside of any session, by their own time

Filters are about sessions. Property filters on path, origin or title are about pageviews: the session must have one
that meets them all, and only such views count as pageviews. All other property filters: the session must have one
event of the visitor that meets them all. So the numbers of a session stay those of the whole session.

What cannot be divided is `None`, never 0. Where a project is large, persons are counted by estimate: the answer
says `approximate`.
"""

from dataclasses import dataclass
from datetime import datetime

from openpanel.analytics.filters import Filter
from openpanel.analytics.periods import Interval, Period
from openpanel.analytics.property_filters import PropertyFilter
from openpanel.analytics.reading import Membership


@dataclass(frozen=True, slots=True)
class Overview:
    """One project, one period, what it is compared with, and the filters of every panel."""

    project: str
    timezone: str
    period: Period
    previous: Period | None = None
    interval: Interval = "day"
    filters: tuple[Filter, ...] = ()
    property_filters: tuple[PropertyFilter, ...] = ()
    cohorts: tuple[Membership, ...] = ()  # that filters may name

    @property
    def is_filtered(self) -> bool:
        """Whether not all sessions count."""
        return bool(self.filters or self.property_filters)


@dataclass(frozen=True, slots=True)
class Figures:
    """The seven numbers. Rates are between 0 and 1, revenue is in the smallest unit of the currency."""

    visitors: int
    sessions: int
    pageviews: int
    bounce_rate: float | None
    duration_s: float | None
    views_per_session: float | None
    revenue: int = 0


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

    `views` and `revenue` are `None` where the source does not know them. `prefix` is what the name belongs to, where
    that was asked for: the country of a city, the browser of a version.
    """

    name: str
    visitors: int
    sessions: int
    views: int | None
    share: float | None
    revenue: int | None = None
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class TopAnswer:
    """The first lines, and whether there are more."""

    rows: tuple[TopRow, ...]
    more: bool
    approximate: bool = False
