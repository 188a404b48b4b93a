"""The six numbers of the overview as SQL, from sessions or from the daily rollup, and back from a row.

Both sources give the same six columns, so that who reads them need not know which it was.
"""

from typing import Final

from openpanel.analytics.overview import Figures
from openpanel.analytics.statements import Row, person_of

# Order of the columns: visitors, sessions, pageviews, bounced, ended, lasted, duration in ms.
COLUMNS: Final = 7

# Counted of rollup rows that stand in a sub-select of `routing.rollup_rows`.
OF_ROLLUP: Final = """\
    uniqHLL12MergeIf(persons, name = 'session_start') AS visitors,
    sumIf(rolled.events, name = 'session_start') AS sessions,
    sum(rolled.views) AS pageviews,
    sum(rolled.bounced) AS bounced,
    sumIf(rolled.events, name = 'session_end') AS ended,
    sum(rolled.lasted) AS lasted,
    sum(rolled.duration) AS duration_ms"""


def of_sessions(views: str) -> str:
    """The columns over `visits.visits`; `views` is its expression for a session's pageviews."""
    return f"""\
    uniqExact({person_of("visit.person")}) AS visitors,
    count() AS sessions,
    sum({views}) AS pageviews,
    countIf(visit.views <= 1) AS bounced,
    count() AS ended,
    countIf(visit.duration_ms > 0) AS lasted,
    sum(visit.duration_ms) AS duration_ms"""


def figures(columns: Row) -> Figures:
    """The numbers in those seven columns; what has nothing to be divided by is `None`."""
    visitors, sessions, pageviews, bounced, ended, lasted, duration_ms = columns
    return Figures(
        visitors=visitors,
        sessions=sessions,
        pageviews=pageviews,
        bounce_rate=bounced / ended if ended else None,
        duration_s=duration_ms / lasted / 1000 if lasted else None,
        views_per_session=pageviews / sessions if sessions else None,
    )


NOTHING: Final = figures((0, 0, 0, 0, 0, 0, 0))
