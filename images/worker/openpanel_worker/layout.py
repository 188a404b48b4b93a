"""How the row of a table stands in a tuple: a value per column, and what a visit's events share as one value.

Rows of events are made by the hundred thousand. Their columns about the source and the surroundings of a visit are
each one tuple that all events of the visit point to, taken apart only when a block is encoded.
"""

from collections.abc import Sequence
from typing import Any, Final

from openpanel.warehouse import tables
from openpanel.warehouse.schema import Table

ROWS_AT_ONCE: Final = 256  # what stays in a core's own cache

_EVENTS: Final = tables.EVENTS.column_names


def _between(first: str, last: str) -> tuple[str, ...]:
    return _EVENTS[_EVENTS.index(first) : _EVENTS.index(last) + 1]


SOURCES: Final = _between("referrer", "utm_content")
SURROUNDINGS: Final = _between("country", "model")

# Names in the order of an event's row; a tuple of names stands for a tuple of values.
EVENT_ROW: Final[tuple[str | tuple[str, ...], ...]] = (
    *_between("project_id", "title"),
    SOURCES,
    *_between("revenue", "duration"),
    SURROUNDINGS,
    *_between("sdk_name", "received_at"),
)


def value(row: Sequence[Any], column: str) -> Any:
    """What an event's row holds in a column."""
    for names, held in zip(EVENT_ROW, row, strict=True):
        if column == names:
            return held
        if column in names and type(names) is tuple:
            return held[names.index(column)]
    raise KeyError(column)


def columns(table: Table, rows: Sequence[Sequence[Any]]) -> dict[str, Sequence[Any]]:
    """The values of each column of these rows."""
    names = EVENT_ROW if table is tables.EVENTS else table.column_names
    found: dict[str, Sequence[Any]] = {}
    for name, values in zip(names, _turned(rows), strict=True):
        if isinstance(name, str):
            found[name] = values
        else:
            found.update(zip(name, _turned(values), strict=True))
    return found


def _turned(rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    """Rows as columns, a few rows at a time: for fifty thousand at once each value would be fetched from afar."""
    turned: list[list[Any]] = [[] for _ in rows[0]]
    for start in range(0, len(rows), ROWS_AT_ONCE):
        piece = zip(*rows[start : start + ROWS_AT_ONCE], strict=True)
        for column, values in zip(turned, piece, strict=True):
            column.extend(values)
    return turned
