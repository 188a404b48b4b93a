"""What a question would read, before it is asked: the source and why, the statement, and the parts the key leads to.

The figures are the store's own plan, so that they are the same on every machine.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from openpanel.analytics.asking import LIMITS, Question, choose
from openpanel.analytics.former_days import FormerDays
from openpanel.analytics.limits import Priority
from openpanel.analytics.routing import Source
from openpanel.warehouse import Warehouse


@dataclass(frozen=True, slots=True)
class TableRead:
    """What is read of a table: granules are blocks of some thousand rows, of all those in it."""

    table: str
    granules: int
    of_granules: int


@dataclass(frozen=True, slots=True)
class Explanation:
    """How a question would be answered."""

    source: Source
    reason: str
    sql: str
    parameters: Mapping[str, object]
    reads: tuple[TableRead, ...]


def explain(
    warehouse: Warehouse,
    question: Question[Any],
    *,
    source: Source | None = None,
    former: FormerDays | None = None,
    log_comment: str = "",
) -> Explanation:
    """How the question would be answered now; `source` overrules where it would be read. The others: as for `ask`."""
    choice = choose(warehouse, question, former=former)
    chosen = source or choice.source
    statement = question.statement(chosen)
    # A plan takes its time where a statement looks something up before it begins.
    settings = {**LIMITS, "priority": Priority.PAGE.value, "log_comment": log_comment}
    rows = warehouse.query(f"{_EXPLAIN}{statement.sql}", parameters=statement.parameters, settings=settings)
    plan = json.loads("\n".join(line for (line,) in rows))
    return Explanation(
        source=chosen,
        reason=choice.reason if source is None else "asked for",
        sql=statement.sql,
        parameters=statement.parameters,
        reads=tuple(read for each in plan for read in _reads(each["Plan"])),
    )


_EXPLAIN: Final = "EXPLAIN json = 1, indexes = 1\n"
_READING: Final = "ReadFromMergeTree"


def _reads(node: Mapping[str, Any]) -> Iterator[TableRead]:
    """The tables in a plan, each as often as it is read."""
    if node.get("Node Type") == _READING:
        indexes = node.get("Indexes", ())
        yield TableRead(
            table=str(node.get("Description", "")).rpartition(".")[2],
            granules=indexes[-1].get("Selected Granules", 0) if indexes else 0,
            of_granules=indexes[0].get("Initial Granules", 0) if indexes else 0,
        )
    for child in node.get("Plans", ()):
        yield from _reads(child)
