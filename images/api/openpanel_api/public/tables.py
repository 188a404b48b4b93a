"""The rows of an answer as a table: CSV or one JSON object a line. Pure.

Columns are the fields of the rows in their order; what lies deeper is named by its path (`previous.value`). A list,
and an object whose keys are anybody's, is kept as JSON in its cell: so all pages of a list have the same columns. A
table without rows has the columns that its rows would have.

In CSV a text that a spreadsheet would compute has an apostrophe in front; one object a line is exact.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Literal, get_args, get_origin

import msgspec
from pydantic import BaseModel

from openpanel.analytics.spreadsheets import inert

Format = Literal["json", "csv", "ndjson"]
MEDIA_TYPES: Final[Mapping[Format, str]] = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "ndjson": "application/x-ndjson",
}
COMPUTED: Final = (
    "In `csv` a text that begins with `=`, `+`, `-`, `@`, a tab or a carriage return has a `'` in front, so that no "
    "spreadsheet computes it; all other formats are exact."
)


def as_csv(rows: Sequence[Mapping[str, Any]], *, columns: Sequence[str] = ()) -> bytes:
    """A header and a line for each row; lines end as RFC 4180 says.

    `columns` are the header where there is no row, and an object that is one of them is a cell.
    """
    flat = [dict(_flat(row, frozenset(columns))) for row in rows]
    found = list(dict.fromkeys(name for row in flat for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, found or columns, restval="", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows({name: cell(value) for name, value in row.items()} for row in flat)
    return text.getvalue().encode(errors="replace")


def as_ndjson(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """An object a line."""
    return b"".join(msgspec.json.encode(row) + b"\n" for row in rows)


def columns_of(model: Any) -> tuple[str, ...]:
    """The columns of rows of this model; of a list the ones of its rows."""
    if get_origin(model) is list:
        return columns_of(get_args(model)[0])
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        return ()
    return tuple(_named(model))


def cell(value: Any) -> Any:
    """A value as it stands in a table: nothing for null, JSON for lists and objects, and no text that is computed."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return inert(value)
    return msgspec.json.encode(value).decode() if isinstance(value, list | dict) else value


def _named(model: type[BaseModel], path: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        shown = f"{path}{field.serialization_alias or field.alias or name}"
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from _named(kind, f"{shown}.")
        else:
            yield shown


def _flat(row: Mapping[str, Any], columns: frozenset[str], path: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in row.items():
        column = f"{path}{name}"
        if isinstance(value, Mapping) and column not in columns:
            yield from _flat(value, columns, f"{column}.")
        else:
            yield column, value
