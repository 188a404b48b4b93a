"""Where a question is read: exactly from sessions or events, or from rollups where a project has become large.

Rollups hold HyperLogLog states: they are off by about 1.6 % and cannot know that two ids are one person. So they
are taken only where scanning would be slow, where that is within their error, and for whole days. Knows facts,
no store.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from openpanel.analytics.periods import Period
from openpanel.analytics.statements import Row, Statement, day_before, day_of, fill, milliseconds

ROLLUP_FROM_EVENTS: Final = 2_000_000  # in the asked days; fewer are scanned in about 0.1 s
MERGED_SHARE: Final = (
    0.01  # of visitors that overrides may merge before a rollup would count them visibly twice
)
MISSING_SHARE: Final = 0.05  # of sessions without start or end row before a rollup would miss them visibly


class Source(StrEnum):
    """What is read."""

    SESSIONS = "sessions"
    EVENTS = "events"
    ROLLUP = "rollup"


@dataclass(frozen=True, slots=True)
class Span:
    """Whole days, without `end`, and what is left of the last one when it is cut at a time."""

    first: date
    end: date
    cut_from: datetime | None = None
    cut_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of the asked days."""

    events: int
    visitors: int
    sessions: int
    starts: int
    ends: int
    overrides: int


@dataclass(frozen=True, slots=True)
class Choice:
    """The source and, for people, why."""

    source: Source
    reason: str


def source_for(exact: Source, *, facts: Sequence[Facts]) -> Choice:
    """The rollup where it is needed and right for every span, else `exact`. No facts: no rollup can answer."""
    events = sum(each.events for each in facts)
    if not facts:
        return Choice(exact, "filters, parts of days and hours are in no rollup")
    if events < ROLLUP_FROM_EVENTS:
        return Choice(exact, f"{events:,} events are quick to read")
    for each in facts:
        if flaw := _flaw(each):
            return Choice(exact, flaw)
    return Choice(Source.ROLLUP, f"{events:,} events, counts of persons are estimates")


def without_rollup(exact: Source, *, until: date) -> Choice:
    """Where to read what a rollup knows by the days of another time zone."""
    source = Source.EVENTS if exact is Source.ROLLUP else exact
    return Choice(source, f"the time zone was another one, rollups have its days from {until} on")


def whole_days(period: Period, *, timezone: str, running_now: bool) -> Span | None:
    """The period as days of the rollups, or `None` when it does not begin and end with a day.

    `running_now`: nothing has happened after `running_until`, so its day counts as whole; otherwise that day is
    left out of the days and stands beside them as a cut.
    """
    zone = ZoneInfo(timezone)
    first, end = period.start.astimezone(zone), period.end.astimezone(zone)
    if not (_is_midnight(first) and _is_midnight(end)):
        return None
    if period.running_until is None or running_now:
        return Span(first.date(), end.date())
    cut = period.running_until.astimezone(zone)
    midnight = datetime.combine(cut.date(), time(), tzinfo=zone)
    if cut == midnight:
        return Span(first.date(), cut.date())
    return Span(first.date(), cut.date(), cut_from=midnight, cut_until=cut)


def facts_statement(project: str, span: Span) -> Statement:
    """What `source_for` wants to know of these days."""
    return Statement(_FACTS, {"project": project, "first": span.first, "end": span.end})


def facts_of(rows: Sequence[Row]) -> Facts:
    """The facts in the answer to `facts_statement`."""
    return Facts(*rows[0])


def rollup_rows(span: Span, *, prefix: str) -> tuple[str, Mapping[str, object]]:
    """The rows of `r_day` for the span, those of a cut day made from events, and the parameters."""
    parameters: dict[str, object] = {f"{prefix}first": span.first, f"{prefix}end": span.end}
    if span.cut_from is None or span.cut_until is None:
        return fill(_DAYS, p=prefix), parameters
    parameters |= {
        f"{prefix}cut_first": day_of(span.cut_from),
        f"{prefix}cut_last": day_before(span.cut_until),
        f"{prefix}cut_from": milliseconds(span.cut_from),
        f"{prefix}cut_until": milliseconds(span.cut_until),
        f"{prefix}cut_day": span.end,
    }
    within = fill(_WITHIN_CUT, p=prefix)
    return fill(f"{_DAYS}\n    UNION ALL\n{_CUT_DAY}", p=prefix, within=within), parameters


_FACTS: Final = """\
SELECT
    sum(r_day.events) AS events,
    uniqHLL12MergeIf(persons, name = 'session_start') AS visitors,
    uniqHLL12Merge(r_day.sessions) AS sessions,
    sumIf(r_day.events, name = 'session_start') AS starts,
    sumIf(r_day.events, name = 'session_end') AS ends,
    (SELECT uniqExact(person) FROM person_overrides WHERE project_id = {project:String}) AS overrides
FROM r_day
WHERE project_id = {project:String} AND day >= {first:Date} AND day < {end:Date}"""

_DAYS: Final = """\
    SELECT day, name, events, views, duration, lasted, bounced, revenue, persons
    FROM r_day
    WHERE project_id = {project:String} AND day >= {<<p>>first:Date} AND day < {<<p>>end:Date}"""

# Each kind of row is read for what is counted of it, and the properties of none but the ends of sessions.
_CUT_DAY: Final = """\
    SELECT
        {<<p>>cut_day:Date} AS day, 'session_start' AS name, count() AS events, 0 AS views,
        0 AS duration, 0 AS lasted, 0 AS bounced, 0 AS revenue, uniqHLL12StateIf(person, person != 0) AS persons
    FROM events AS row
    WHERE row.name = 'session_start' AND <<within>>
    UNION ALL
    SELECT
        {<<p>>cut_day:Date} AS day, 'session_end' AS name, count() AS events, 0 AS views,
        sum(row.duration) AS duration, countIf(row.duration > 0) AS lasted,
        countIf(properties['__bounce'] = 'true') AS bounced, 0 AS revenue, uniqHLL12StateIf(person, 0) AS persons
    FROM events AS row
    WHERE row.name = 'session_end' AND <<within>>
    UNION ALL
    SELECT
        {<<p>>cut_day:Date} AS day, 'screen_view' AS name, count() AS events,
        countIf(path != '' AND session_id != 0) AS views,
        0 AS duration, 0 AS lasted, 0 AS bounced, 0 AS revenue, uniqHLL12StateIf(person, 0) AS persons
    FROM events AS row
    WHERE row.name = 'screen_view' AND <<within>>
    UNION ALL
    SELECT
        {<<p>>cut_day:Date} AS day, 'revenue' AS name, count() AS events, 0 AS views,
        0 AS duration, 0 AS lasted, 0 AS bounced, sum(row.revenue) AS revenue, uniqHLL12StateIf(person, 0) AS persons
    FROM events AS row
    WHERE row.name = 'revenue' AND <<within>>"""
_WITHIN_CUT: Final = """project_id = {project:String}
        AND toDate(created_at) >= {<<p>>cut_first:Date}
        AND toDate(created_at) <= {<<p>>cut_last:Date}
        AND created_at >= fromUnixTimestamp64Milli({<<p>>cut_from:Int64}, 'UTC')
        AND created_at < fromUnixTimestamp64Milli({<<p>>cut_until:Int64}, 'UTC')"""


def _flaw(facts: Facts) -> str:
    """Why a rollup would answer visibly wrong, '' when it would not."""
    if facts.overrides > facts.visitors * MERGED_SHARE:
        return f"{facts.overrides:,} ids belong to other persons, a rollup counts them twice"
    if abs(facts.starts - facts.sessions) > facts.sessions * MISSING_SHARE:
        return f"{facts.starts:,} of {facts.sessions:,} sessions have a start row"
    if facts.ends < facts.starts * (1 - MISSING_SHARE):
        return f"{facts.ends:,} of {facts.starts:,} sessions have ended"
    return ""


def _is_midnight(moment_of_zone: datetime) -> bool:
    first_of_day = datetime.combine(moment_of_zone.date(), time(), tzinfo=moment_of_zone.tzinfo)
    return milliseconds(first_of_day) == milliseconds(moment_of_zone)
