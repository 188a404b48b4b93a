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
from openpanel.analytics.statements import Row, Statement, fill, milliseconds

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


EMPTY: Final = Facts(events=0, visitors=0, sessions=0, starts=0, ends=0, overrides=0)


@dataclass(frozen=True, slots=True)
class Choice:
    """The source and, for people, why."""

    source: Source
    reason: str


def source_for(exact: Source, *, rolled_up: Sequence[Span], facts: Facts) -> Choice:
    """The rollup where it is needed and right, else `exact`."""
    if not rolled_up:
        return Choice(exact, "filters, parts of days or hours are in no rollup")
    if facts.events < ROLLUP_FROM_EVENTS:
        return Choice(exact, f"{facts.events:,} events are quick to read")
    if facts.overrides > facts.visitors * MERGED_SHARE:
        return Choice(exact, f"{facts.overrides:,} ids belong to other persons, a rollup counts them twice")
    if abs(facts.starts - facts.sessions) > facts.sessions * MISSING_SHARE:
        return Choice(exact, f"{facts.starts:,} of {facts.sessions:,} sessions have a start row")
    if facts.ends < facts.starts * (1 - MISSING_SHARE):
        return Choice(exact, f"{facts.ends:,} of {facts.starts:,} sessions have ended")
    return Choice(Source.ROLLUP, f"{facts.events:,} events, counts of persons are estimates")


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


def facts_statement(project: str, spans: Sequence[Span]) -> Statement:
    """What `source_for` wants to know, of all spans together."""
    parameters: dict[str, object] = {"project": project}
    days = []
    for number, span in enumerate(spans):
        days.append(f"(day >= {{first_{number}:Date}} AND day < {{end_{number}:Date}})")
        parameters |= {f"first_{number}": span.first, f"end_{number}": span.end}
    return Statement(fill(_FACTS, days=" OR ".join(days)), parameters)


def facts_of(rows: Sequence[Row]) -> Facts:
    """The facts in the answer to `facts_statement`."""
    return Facts(*rows[0])


def rollup_rows(span: Span, *, prefix: str) -> tuple[str, Mapping[str, object]]:
    """The rows of `r_day` for the span, those of a cut day made from events, and the parameters."""
    parameters: dict[str, object] = {f"{prefix}first": span.first, f"{prefix}end": span.end}
    if span.cut_from is None or span.cut_until is None:
        return fill(_DAYS, p=prefix), parameters
    parameters |= {
        f"{prefix}cut_from": milliseconds(span.cut_from),
        f"{prefix}cut_until": milliseconds(span.cut_until),
        f"{prefix}cut_day": span.end,
    }
    return fill(f"{_DAYS}\n    UNION ALL\n{_CUT_DAY}", p=prefix), parameters


_FACTS: Final = """\
SELECT
    sum(r_day.events) AS events,
    uniqHLL12MergeIf(persons, name = 'session_start') AS visitors,
    uniqHLL12Merge(r_day.sessions) AS sessions,
    sumIf(r_day.events, name = 'session_start') AS starts,
    sumIf(r_day.events, name = 'session_end') AS ends,
    (SELECT uniqExact(person) FROM person_overrides WHERE project_id = {project:String}) AS overrides
FROM r_day
WHERE project_id = {project:String} AND (<<days>>)"""

_DAYS: Final = """\
    SELECT day, name, events, views, duration, lasted, bounced, persons
    FROM r_day
    WHERE project_id = {project:String} AND day >= {<<p>>first:Date} AND day < {<<p>>end:Date}"""

_CUT_DAY: Final = """\
    SELECT
        {<<p>>cut_day:Date} AS day,
        name,
        count() AS events,
        countIf(name = 'screen_view' AND path != '' AND session_id != 0) AS views,
        sumIf(row.duration, name = 'session_end') AS duration,
        countIf(name = 'session_end' AND row.duration > 0) AS lasted,
        countIf(name = 'session_end' AND properties['__bounce'] = 'true') AS bounced,
        uniqHLL12StateIf(person, person != 0) AS persons
    FROM events AS row
    WHERE project_id = {project:String}
        AND created_at >= fromUnixTimestamp64Milli({<<p>>cut_from:Int64}, 'UTC')
        AND created_at < fromUnixTimestamp64Milli({<<p>>cut_until:Int64}, 'UTC')
        AND (name IN ('session_start', 'session_end') OR name = 'screen_view')
    GROUP BY name"""


def _is_midnight(moment_of_zone: datetime) -> bool:
    first_of_day = datetime.combine(moment_of_zone.date(), time(), tzinfo=moment_of_zone.tzinfo)
    return milliseconds(first_of_day) == milliseconds(moment_of_zone)
