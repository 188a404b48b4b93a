"""Lists of what sessions have in common: a referrer, a country, a device. Ranked by visitors, share of all visitors.

What `top_referrers`, `top_countries`, `top_devices` and `top_values` share; each of them names its column. A session lies
on one shard, and persons may have several: values are added up, ranked and cut where the question was asked.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from openpanel.analytics.overview import Overview, TopAnswer, TopRow
from openpanel.analytics.routing import Source
from openpanel.analytics.scoped import Scoped
from openpanel.analytics.spans import compared
from openpanel.analytics.statements import Row, Statement, fill, person_of
from openpanel.analytics.visits import SESSION_COLUMNS

MAX_ROWS: Final = 1_000  # more than this is an export
DIMENSIONS: Final[Mapping[str, str]] = {**SESSION_COLUMNS, "referrer_url": "visit.referrer"}


def check_limit(limit: int) -> None:
    """Refuse a list of another length than 1 to `MAX_ROWS`."""
    if not 1 <= limit <= MAX_ROWS:
        message = f"limit {limit}: expected 1 to {MAX_ROWS}"
        raise ValueError(message)


def of_sessions(scope: Overview, *, dimension: str, limit: int, prefix: str = "") -> Statement:
    """Exactly, from the sessions. The first row is the total. `prefix`: the column that names belong to."""
    source = Scoped(scope).visits(scope.period)
    sql = fill(
        _FROM_SESSIONS,
        value=DIMENSIONS[dimension],
        prefix=prefix or "''",
        key="prefix, value" if prefix else "value",
        person=person_of("visit.person"),
        views=source.views,
        visits=source.sql,
    )
    return Statement(sql, {**source.parameters, "limit": limit + 2})


def of_rollup(
    scope: Overview, *, dimension: str, limit: int, views_known: bool, few_values: bool = False
) -> Statement:
    """By estimate, from `r_dim`. The first row is the total. Of `few_values` all states are merged at once."""
    span = compared(scope)[0].days
    return Statement(
        fill(
            _FROM_ROLLUP,
            views="sum(r_dim.views)" if views_known else "NULL",
            nothing="CAST(NULL, 'Nullable(Int64)')",
            candidates="" if few_values else _CANDIDATES,
        ),
        {
            "project": scope.project,
            "dimension": dimension,
            "first": span.first,
            "end": span.end,
            "limit": limit + 2,
            "candidates": 4 * limit + 50,
        },
    )


def answer(rows: Sequence[Row], *, limit: int, source: Source) -> TopAnswer:
    """The list: the total's visitors are what the shares are of."""
    total = sum(row[2] for row in rows if row[0])
    lines = [row[1:] for row in rows if not row[0]]
    return TopAnswer(
        tuple(
            TopRow(name, visitors, sessions, views, visitors / total if total else None, revenue, prefix)
            for name, visitors, sessions, views, revenue, prefix in lines[:limit]
        ),
        more=len(lines) > limit,
        approximate=source is Source.ROLLUP,
    )


_FROM_SESSIONS: Final = """\
SELECT
    grouping(value) AS is_total,
    <<value>> AS value,
    uniqExact(<<person>>) AS visitors,
    count() AS sessions,
    sum(<<views>>) AS views,
    sum(visit.revenue) AS revenue,
    <<prefix>> AS prefix
<<visits>>
GROUP BY GROUPING SETS ((<<key>>), ())
ORDER BY is_total DESC, visitors DESC, sessions DESC, value, prefix
LIMIT {limit:UInt32}"""

# Candidates are found by their sessions, an exact sum; only their states are merged.
_CANDIDATES: Final = """
        AND value GLOBAL IN
        (
            SELECT value
            FROM r_dim
            WHERE project_id = {project:String} AND dimension = {dimension:String}
                AND day >= {first:Date} AND day < {end:Date}
            GROUP BY value
            ORDER BY sum(r_dim.sessions) DESC
            LIMIT {candidates:UInt32}
        )"""

_FROM_ROLLUP: Final = """\
SELECT is_total, value, visitors, sessions, views, <<nothing>> AS revenue, '' AS prefix
FROM
(
    SELECT
        1 AS is_total,
        '' AS value,
        uniqHLL12Merge(persons) AS visitors,
        sum(r_day.events) AS sessions,
        CAST(NULL, 'Nullable(UInt64)') AS views
    FROM r_day
    WHERE project_id = {project:String} AND day >= {first:Date} AND day < {end:Date} AND name = 'session_start'
    UNION ALL
    SELECT
        0 AS is_total,
        value,
        uniqHLL12Merge(persons) AS visitors,
        sum(r_dim.sessions) AS sessions,
        <<views>> AS views
    FROM r_dim
    WHERE project_id = {project:String} AND dimension = {dimension:String}
        AND day >= {first:Date} AND day < {end:Date}<<candidates>>
    GROUP BY value
)
ORDER BY is_total DESC, visitors DESC, sessions DESC, value
LIMIT {limit:UInt32}"""
