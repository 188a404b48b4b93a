"""What visitors did most, by the name of the event; or how often certain things were done, such as conversions.

Views of pages and the starts and ends of sessions are not among them unless they are named. Persons may have devices on
several shards: they are counted where the question was asked. Knows no store and no clock: text and rows only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from openpanel.analytics.filters import MAX_VALUES, BadFilter
from openpanel.analytics.overview import Overview
from openpanel.analytics.routing import Source, Span
from openpanel.analytics.scoped import Scoped
from openpanel.analytics.spans import compared, days_of
from openpanel.analytics.statements import Row, Statement, fill
from openpanel.analytics.top_rows import check_limit


@dataclass(frozen=True, slots=True)
class TopEvent:
    """One name; `share` is of all events that were counted."""

    name: str
    events: int
    visitors: int
    sessions: int
    share: float | None


@dataclass(frozen=True, slots=True)
class TopEventsAnswer:
    """The most frequent first, and whether there are more."""

    events: tuple[TopEvent, ...]
    more: bool
    approximate: bool = False


@dataclass(frozen=True, slots=True)
class TopEvents:
    """Which events were there most? With `names` only these, and also those that were not there at all."""

    scope: Overview
    names: tuple[str, ...] = ()
    limit: int = 10

    def __post_init__(self) -> None:
        check_limit(self.limit)
        if len(self.names) > MAX_VALUES:
            raise BadFilter(f"{len(self.names)} names", reason=f"at most {MAX_VALUES}")

    @property
    def project(self) -> str:
        return self.scope.project

    @property
    def exact(self) -> Source:
        return Source.EVENTS

    @property
    def rolled_up(self) -> tuple[Span, ...]:
        return days_of(self.scope, only_current=True)

    def statement(self, source: Source) -> Statement:
        return _of_rollup(self) if source is Source.ROLLUP else _of_events(self)

    def answer(self, rows: Sequence[Row], source: Source) -> TopEventsAnswer:
        events = [
            TopEvent(name, times, visitors, sessions, times / total if total else None)
            for name, times, visitors, sessions, total in rows
        ]
        known = {event.name for event in events}
        share = 0.0 if events else None
        events += [TopEvent(name, 0, 0, 0, share) for name in dict.fromkeys(self.names) if name not in known]
        return TopEventsAnswer(
            tuple(events[: self.limit]), len(events) > self.limit, approximate=source is Source.ROLLUP
        )


_NOT_ASKED_FOR: Final = "('session_start', 'session_end', 'screen_view')"

_FROM_EVENTS: Final = """\
SELECT
    toString(seen.name) AS event,
    count() AS times,
    uniqExactIf(<<person>>, <<person>> != 0) AS visitors,
    uniqExactIf(seen.session_id, seen.session_id != 0) AS sessions,
    sum(count()) OVER () AS total
<<events>>
GROUP BY event
ORDER BY times DESC, event
LIMIT <<limit>>"""

_FROM_ROLLUP: Final = """\
SELECT
    toString(rolled.name) AS event,
    sum(rolled.events) AS times,
    uniqHLL12Merge(rolled.persons) AS visitors,
    uniqHLL12Merge(rolled.sessions) AS visits,
    sum(sum(rolled.events)) OVER () AS total
FROM r_day AS rolled
WHERE project_id = {project:String} AND day >= <<first>> AND day < <<end>> AND <<wanted>>
GROUP BY event
ORDER BY times DESC, event
LIMIT <<limit>>"""


def _of_events(question: TopEvents) -> Statement:
    scoped = Scoped(question.scope)
    person = scoped.reading.person()
    sql = fill(
        _FROM_EVENTS,
        person=person,
        events=scoped.events(question.scope.period, wanted=(_wanted(question, scoped, "seen.name"),)),
        limit=scoped.reading.value("UInt32", question.limit + 1),
    )
    return Statement(sql, scoped.parameters)


def _of_rollup(question: TopEvents) -> Statement:
    scoped = Scoped(question.scope)
    span = compared(question.scope)[0].days
    sql = fill(
        _FROM_ROLLUP,
        first=scoped.reading.value("Date", span.first),
        end=scoped.reading.value("Date", span.end),
        wanted=_wanted(question, scoped, "rolled.name"),
        limit=scoped.reading.value("UInt32", question.limit + 1),
    )
    return Statement(sql, scoped.parameters)


def _wanted(question: TopEvents, scoped: Scoped, column: str) -> str:
    if not question.names:
        return f"{column} NOT IN {_NOT_ASKED_FOR}"
    return f"{column} IN {scoped.reading.texts(question.names)}"
