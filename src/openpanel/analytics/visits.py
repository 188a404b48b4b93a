"""The sessions of a period that pass the filters, as the FROM and WHERE that several questions read.

Written for `scoped`, which knows all filters of a question; nothing else calls it.

A filter on place, device, source, entry or exit is about the session. One on `page` or `event` is about its
events: the session must have one event that meets all of them, and under a page filter only the matching views
count as pageviews.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from openpanel.analytics.filters import Filter, check, conditions
from openpanel.analytics.periods import Period
from openpanel.analytics.statements import KNOWN_PERSONS, and_all, day_before, day_of, fill, milliseconds

# Events of a session are looked for this far around the period; the table is ordered by their time.
LONGEST_SESSION: Final = timedelta(days=2)

_UTM: Final = ("source", "medium", "campaign", "term", "content")
SESSION_COLUMNS: Final[Mapping[str, str]] = {
    "entry": "visit.entry_path",
    "exit": "visit.exit_path",
    "referrer": "visit.referrer_name",
    "referrer_type": "visit.referrer_type",
    **{f"utm.{name}": f"visit.utm_{name}" for name in _UTM},
    "country": "visit.country",
    "region": "visit.region",
    "city": "visit.city",
    "browser": "visit.browser",
    "browser_version": "visit.browser_version",
    "os": "visit.os",
    "os_version": "visit.os_version",
    "device": "visit.device",
    "brand": "visit.brand",
    "model": "visit.model",
}
EVENT_COLUMNS: Final[Mapping[str, str]] = {"page": "path", "event": "name"}
DIMENSIONS: Final = (*EVENT_COLUMNS, *SESSION_COLUMNS)


@dataclass(frozen=True, slots=True)
class Narrowing:
    """More conditions: on the pageviews that count (over `seen`), and on sessions (over `visit`)."""

    views: tuple[str, ...] = ()
    sessions: tuple[str, ...] = ()


EVERY: Final = Narrowing()


@dataclass(frozen=True, slots=True)
class Visits:
    """SQL that stands after SELECT; `views` is the expression for a session's pageviews."""

    sql: str
    parameters: Mapping[str, object]
    views: str


def visits(
    *,
    project: str,
    period: Period,
    filters: Sequence[Filter],
    narrowing: Narrowing = EVERY,
    prefix: str = "",
) -> Visits:
    """Sessions as `visit`, joined with `known`, for `statements.person_of("visit.person")`.

    Raises `BadFilter`. `prefix` keeps the parameters of two periods in one statement apart.
    """
    check(filters)
    of_session, of_page, of_event = _by_kind(filters)
    where = conditions(of_session, columns=SESSION_COLUMNS, prefix=f"{prefix}s")
    seen = conditions(of_page, columns=EVENT_COLUMNS, prefix=f"{prefix}p")
    did = conditions(of_event, columns=EVENT_COLUMNS, prefix=f"{prefix}e")
    parts = [*where.sql, *narrowing.sessions]
    views = (*seen.sql, *narrowing.views)
    matching = fill(_MATCHING_VIEWS, events=_events(views, prefix, only_views=True)) if views else ""
    if did.sql:
        parts.append(fill(_DID_EVENT, events=_events(did.sql, prefix, only_views=False)))
    return Visits(
        sql=fill(_VISITS, p=prefix, known=KNOWN_PERSONS, matching=matching, conditions=and_all(tuple(parts))),
        parameters={
            "project": project,
            **bounds(period, prefix=prefix),
            **(where.parameters or {}),
            **(seen.parameters or {}),
            **(did.parameters or {}),
        },
        views="seen.matching" if views else "visit.views",
    )


def session_ids(
    *,
    project: str,
    period: Period,
    filters: Sequence[Filter],
    narrowing: Narrowing = EVERY,
    prefix: str = "",
) -> Visits | None:
    """A sub-select of the ids of sessions that pass filters on sessions and events; `None` when none is needed.

    Conditions on pageviews are left to who counts them.
    """
    others = [item for item in filters if item.dimension != "page"]
    if not others and not narrowing.sessions:
        return None
    inner = visits(
        project=project,
        period=period,
        filters=others,
        narrowing=Narrowing(sessions=narrowing.sessions),
        prefix=f"{prefix}in_",
    )
    return Visits(f"SELECT visit.session_id\n{inner.sql}", inner.parameters, inner.views)


def bounds(period: Period, *, prefix: str = "") -> dict[str, object]:
    """The parameters of a period."""
    return {
        f"{prefix}start": milliseconds(period.start),
        f"{prefix}until": milliseconds(period.until),
        f"{prefix}first_day": day_of(period.start),
        f"{prefix}last_day": day_before(period.until),
        f"{prefix}scan_first": day_of(period.start - LONGEST_SESSION),
        f"{prefix}scan_last": day_before(period.until + LONGEST_SESSION),
        f"{prefix}scan_from": milliseconds(period.start - LONGEST_SESSION),
        f"{prefix}scan_until": milliseconds(period.until + LONGEST_SESSION),
    }


def views_of_sessions(prefix: str = "") -> str:
    """The condition on `events` for pageviews within sessions that start in the period."""
    return fill(f"name = 'screen_view'\n    AND path != ''\n    AND {_IN_PERIOD}", p=prefix)


_IN_PERIOD: Final = """session_id != 0
        AND session_started_at >= fromUnixTimestamp64Milli({<<p>>start:Int64}, 'UTC')
        AND session_started_at < fromUnixTimestamp64Milli({<<p>>until:Int64}, 'UTC')
        AND toDate(created_at) >= {<<p>>scan_first:Date}
        AND toDate(created_at) <= {<<p>>scan_last:Date}
        AND created_at >= fromUnixTimestamp64Milli({<<p>>scan_from:Int64}, 'UTC')
        AND created_at < fromUnixTimestamp64Milli({<<p>>scan_until:Int64}, 'UTC')"""

_EVENTS: Final = """\
    FROM events AS seen
    WHERE project_id = {project:String}
        AND <<in_period>><<conditions>>"""

_MATCHING_VIEWS: Final = """
GLOBAL ANY INNER JOIN
(
    SELECT session_id, count() AS matching
<<events>>
    GROUP BY session_id
) AS seen ON visit.session_id = seen.session_id"""

_DID_EVENT: Final = """visit.session_id GLOBAL IN
    (
    SELECT session_id
<<events>>
    )"""

_VISITS: Final = """\
FROM sessions AS visit FINAL
GLOBAL ANY LEFT JOIN
(
<<known>>
) AS known ON visit.person = known.person<<matching>>
WHERE visit.project_id = {project:String}
    AND visit.session_started_at >= fromUnixTimestamp64Milli({<<p>>start:Int64}, 'UTC')
    AND visit.session_started_at < fromUnixTimestamp64Milli({<<p>>until:Int64}, 'UTC')
    AND visit.views + visit.events > 0<<conditions>>"""


def _by_kind(filters: Sequence[Filter]) -> tuple[list[Filter], list[Filter], list[Filter]]:
    of_session: list[Filter] = []
    of_page: list[Filter] = []
    of_event: list[Filter] = []
    for item in filters:
        {"page": of_page, "event": of_event}.get(item.dimension, of_session).append(item)
    return of_session, of_page, of_event


def _events(parts: tuple[str, ...], prefix: str, *, only_views: bool) -> str:
    if only_views:
        parts = ("name = 'screen_view'", "path != ''", *parts)
    conditions_text = and_all(parts, indent="        ")
    return fill(fill(_EVENTS, in_period=_IN_PERIOD, conditions=conditions_text), p=prefix)
