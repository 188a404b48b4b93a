"""Rows as dictionaries, put into a table the way the worker does: one Native block with a token."""

from collections.abc import Mapping, Sequence
from typing import Any

from openpanel.warehouse import Warehouse
from openpanel.warehouse.native import Column, encode_block, string_fragment
from openpanel.warehouse.schema import Table

Rows = Sequence[Mapping[str, Any]]


def insert(warehouse: Warehouse, table: Table, rows: Rows, *, token: str) -> None:
    """Insert `rows`; a column that a row leaves out has its empty value."""
    warehouse.insert_native(
        table.name, columns=table.column_names, block=block_of(table.written, rows), token=token
    )


def block_of(columns: Sequence[Column], rows: Rows) -> bytes:
    """The rows as a Native block, from plain Python values: texts, tuples of texts, dictionaries, numbers."""
    return encode_block(
        columns, {column.name: [written(column, row.get(column.name)) for row in rows] for column in columns}
    )


def written(column: Column, value: Any) -> object:
    """A plain value in the form that `encode_block` takes for the column's type."""
    match column.type.partition("(")[0]:
        case "String":
            return string_fragment(value or "")
        case "LowCardinality":
            return value or ""
        case "Array":
            return tuple(map(string_fragment, value or ()))
        case "Map":
            return tuple(value or ()), tuple(map(string_fragment, (value or {}).values()))
        case _:
            return 0 if value is None else value
