"""The pages seen most, by pageviews. Asked by the overview's list of pages.

A person is counted by the page's own views, so one who became known later counts once. From the rollup the candidates
are found by their views first, and only their states are merged: that is 7 times faster than merging all. Persons may
have devices on several shards: they are counted where the question was asked. Knows no store and no clock: text and
rows only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from openpanel.analytics.overview import Overview, TopAnswer, TopRow
from openpanel.analytics.routing import Source, Span
from openpanel.analytics.scoped import Scoped
from openpanel.analytics.spans import compared, days_of
from openpanel.analytics.statements import KNOWN_PERSONS, Row, Statement, and_all, fill, person_of
from openpanel.analytics.top_rows import MAX_ROWS, check_limit
from openpanel.analytics.visits import bounds, views_of_sessions

__all__ = ["MAX_ROWS", "TopPages"]


@dataclass(frozen=True, slots=True)
class TopPages:
    """Which paths were seen most? `share` is of all pageviews."""

    scope: Overview
    limit: int = 10

    def __post_init__(self) -> None:
        check_limit(self.limit)

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

    def answer(self, rows: Sequence[Row], source: Source) -> TopAnswer:
        pages = tuple(
            TopRow(name, visitors, sessions, views, views / total if total else None)
            for name, visitors, sessions, views, total in rows[: self.limit]
        )
        return TopAnswer(pages, more=len(rows) > self.limit, approximate=source is Source.ROLLUP)


_FROM_EVENTS: Final = """\
SELECT
    path AS page,
    uniqExact(<<person>>) AS visitors,
    uniqExact(seen.session_id) AS sessions,
    count() AS views,
    sum(count()) OVER () AS total
FROM events AS seen
GLOBAL ANY LEFT JOIN
(
<<known>>
) AS known ON seen.person = known.person
WHERE seen.project_id = {project:String}
    AND <<views>><<conditions>>
GROUP BY page
ORDER BY views DESC, page
LIMIT {limit:UInt32}"""

_FROM_ROLLUP: Final = """\
SELECT
    path AS page,
    uniqHLL12Merge(persons) AS visitors,
    uniqHLL12Merge(r_path.sessions) AS sessions,
    sum(r_path.views) AS views,
    (
        SELECT sum(r_day.views)
        FROM r_day
        WHERE project_id = {project:String} AND day >= {first:Date} AND day < {end:Date}
    ) AS total
FROM r_path
WHERE project_id = {project:String} AND day >= {first:Date} AND day < {end:Date}
    AND path GLOBAL IN
    (
        SELECT path
        FROM r_path
        WHERE project_id = {project:String} AND day >= {first:Date} AND day < {end:Date}
        GROUP BY path
        ORDER BY sum(r_path.views) DESC, path
        LIMIT {limit:UInt32}
    )
GROUP BY page
ORDER BY views DESC, page"""


def _of_events(question: TopPages) -> Statement:
    scope = question.scope
    scoped = Scoped(scope)
    parts = (*scoped.are_counted(), *scoped.passing(scope.period))
    sql = fill(
        _FROM_EVENTS,
        person=person_of("seen.person"),
        known=KNOWN_PERSONS,
        views=views_of_sessions(),
        conditions=and_all(parts),
    )
    parameters = {**bounds(scope.period), **scoped.parameters, "limit": question.limit + 1}
    return Statement(sql, parameters)


def _of_rollup(question: TopPages) -> Statement:
    span = compared(question.scope)[0].days
    parameters = {
        "project": question.project,
        "first": span.first,
        "end": span.end,
        "limit": question.limit + 1,
    }
    return Statement(_FROM_ROLLUP, parameters)
