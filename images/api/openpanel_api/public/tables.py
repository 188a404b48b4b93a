"""The rows of an answer as a table: CSV or one JSON object a line. Pure.

Columns are the fields of the rows in their order; what lies deeper is named by its path (`previous.value`), and a list
is kept as JSON in its cell. A table without rows has the columns that its rows would have.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Literal, get_args, get_origin

import msgspec
from pydantic import BaseModel

Format = Literal["json", "csv", "ndjson"]
MEDIA_TYPES: Final[Mapping[Format, str]] = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "ndjson": "application/x-ndjson",
}


def as_csv(rows: Sequence[Mapping[str, Any]], *, columns: Sequence[str] = ()) -> bytes:
    """A header and a line for each row; lines end as RFC 4180 says. `columns` are the header where there is no row."""
    flat = [dict(_flat(row)) for row in rows]
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
    """The columns of rows of this model; of a list the ones of its rows. What has names of its own is not foreseen."""
    if get_origin(model) is list:
        return columns_of(get_args(model)[0])
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        return ()
    return tuple(_named(model))


def cell(value: Any) -> Any:
    """A value as it stands in a table: nothing for null, JSON for lists and objects."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return msgspec.json.encode(value).decode() if isinstance(value, list | dict) else value


def _named(model: type[BaseModel], path: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        shown = f"{path}{field.serialization_alias or field.alias or name}"
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from _named(kind, f"{shown}.")
        elif get_origin(kind) is not dict:
            yield shown


def _flat(row: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in row.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{path}{name}.")
        else:
            yield f"{path}{name}", value
