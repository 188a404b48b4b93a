"""The seven numbers of the overview as SQL, from sessions or from the daily rollup, and back from a row.

Both sources give the same columns, so that who reads them need not know which it was.
"""

from collections.abc import Hashable, Iterable
from typing import Final, TypeVar

from openpanel.analytics.overview import Figures
from openpanel.analytics.statements import Row, person_of

# Order of the columns: visitors, sessions, pageviews, bounced, ended, lasted, duration in ms, revenue.
COLUMNS: Final = 8

# Counted of rollup rows that stand in a sub-select of `routing.rollup_rows`.
OF_ROLLUP: Final = """\
    uniqHLL12MergeIf(persons, name = 'session_start') AS visitors,
    sumIf(rolled.events, name = 'session_start') AS sessions,
    sum(rolled.views) AS pageviews,
    sum(rolled.bounced) AS bounced,
    sumIf(rolled.events, name = 'session_end') AS ended,
    sum(rolled.lasted) AS lasted,
    sum(rolled.duration) AS duration_ms,
    sumIf(rolled.revenue, name = 'revenue') AS revenue"""

# Of amounts outside of sessions, which have no other number.
OF_OUTSIDE: Final = """\
    0 AS visitors,
    0 AS sessions,
    0 AS pageviews,
    0 AS bounced,
    0 AS ended,
    0 AS lasted,
    0 AS duration_ms,
    sum(seen.revenue) AS revenue"""

K = TypeVar("K", bound=Hashable)


def of_sessions(views: str) -> str:
    """The columns over `visits.visits`; `views` is its expression for a session's pageviews."""
    return f"""\
    uniqExact({person_of("visit.person")}) AS visitors,
    count() AS sessions,
    sum({views}) AS pageviews,
    countIf(visit.views <= 1) AS bounced,
    count() AS ended,
    countIf(visit.duration_ms > 0) AS lasted,
    sum(visit.duration_ms) AS duration_ms,
    sum(visit.revenue) AS revenue"""


def by_key(rows: Iterable[tuple[K, Row]]) -> dict[K, Figures]:
    """The numbers of each key; what sessions have and what lies outside of them are rows of their own."""
    added: dict[K, Row] = {}
    for key, columns in rows:
        added[key] = tuple(map(sum, zip(added.get(key, (0,) * COLUMNS), columns, strict=True)))
    return {key: figures(columns) for key, columns in added.items()}


def figures(columns: Row) -> Figures:
    """The numbers in those columns; what has nothing to be divided by is `None`."""
    visitors, sessions, pageviews, bounced, ended, lasted, duration_ms, revenue = columns
    return Figures(
        visitors=visitors,
        sessions=sessions,
        pageviews=pageviews,
        bounce_rate=bounced / ended if ended else None,
        duration_s=duration_ms / lasted / 1000 if lasted else None,
        views_per_session=pageviews / sessions if sessions else None,
        revenue=revenue,
    )


NOTHING: Final = figures((0,) * COLUMNS)
