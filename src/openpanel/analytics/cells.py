"""What every broken-down answer is made of: cells of `period`, `labels`, `bucket` and states, and what is kept of them.

The labels with the largest sizes in the asked period (number 0) are kept; the states of all others are merged into
one row, `other`. Knows no store and no question: SQL text only.
"""

from collections.abc import Sequence
from typing import Final

from openpanel.analytics.segments import State, merged_state
from openpanel.analytics.statements import fill


def column(number: int) -> str:
    """The name of a state's column."""
    return f"state_{number}"


def together(
    parts: Sequence[str], *, states: Sequence[State], sizes: Sequence[str], limit: str | None
) -> str:
    """All cells, with `other` and their `place`. `limit` labels are kept, all without one.

    A label's place is its best one by any of the `sizes`, which are aggregates over its cells.
    """
    names = ", ".join(column(number) for number in range(len(states)))
    cells = "\nUNION ALL\n".join(parts)
    if limit is None:
        return fill(_ALL, cells=cells, names=names)
    places = [f"row_number() OVER (ORDER BY size_{number} DESC, labels)" for number in range(len(sizes))]
    merged = [
        f"{merged_state(state, f'cell.{number + 3}')} AS {column(number)}"
        for number, state in enumerate(states)
    ]
    return fill(
        _KEPT,
        names=names,
        sizes=",\n        ".join(f"ifNull({sql}, 0) AS size_{number}" for number, sql in enumerate(sizes)),
        best=f"least({', '.join(places)})" if len(places) > 1 else places[0],
        limit=limit,
        cells=cells,
        states=",\n    ".join(merged),
    )


_ALL: Final = """\
SELECT 0 AS other, 1 AS place, labels, period, bucket, <<names>>
FROM
(
<<cells>>
)"""

_KEPT: Final = """\
SELECT
    if(rank > <<limit>>, 1, 0) AS other,
    min(rank) AS place,
    if(other, emptyArrayString(), ranked.labels) AS labels,
    cell.1 AS period,
    cell.2 AS bucket,
    <<states>>
FROM
(
    SELECT labels, cells, row_number() OVER (ORDER BY best, labels) AS rank
    FROM
    (
        SELECT labels, cells, <<best>> AS best
        FROM
        (
        SELECT
        labels,
        groupArray((period, bucket, <<names>>)) AS cells,
        <<sizes>>
        FROM
        (
<<cells>>
        )
        GROUP BY labels
        )
    )
) AS ranked
ARRAY JOIN cells AS cell
GROUP BY other, labels, period, bucket"""
