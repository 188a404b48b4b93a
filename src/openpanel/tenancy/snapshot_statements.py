"""How rows of one project go from a table to a place and back: statements, and nothing that runs them.

Rows that merge are read merged, so that their number says whether all were copied. States that count different ids
have no form but ClickHouse's own; everything else is Parquet, which anybody can read.
"""

import base64
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from openpanel.tenancy.snapshot_places import S3
from openpanel.warehouse import tables, views
from openpanel.warehouse.client import INSERTING
from openpanel.warehouse.schema import Table

TABLES: Final = tuple(table for table in tables.ALL if table.scope == "data")
DERIVED: Final = frozenset(view.target.name for view in views.ALL)  # inserting events makes rows of these

LONGEST_S: Final = 6 * 3_600  # that one statement over one table may take
_PATIENCE: Final[Mapping[str, object]] = {
    "max_execution_time": LONGEST_S,
    "max_memory_usage": 4_000_000_000,  # bytes
    "max_threads": 2,  # questions go on meanwhile
}
_CALLING: Final[Mapping[str, object]] = {
    "s3_connect_timeout_ms": 5_000,
    "s3_request_timeout_ms": 30_000,
    "s3_retry_attempts": 5,
}
WRITING: Final[Mapping[str, object]] = {
    **_PATIENCE,
    **_CALLING,
    "s3_truncate_on_insert": 1,  # what a call before this one left is written anew
    "output_format_parquet_row_group_size": 100_000,  # rows that are held until they are written
    "max_query_size": 67_108_864,  # bytes; the manifest is part of its statement
}
# Files may have been written anew a moment ago: what is remembered of them may be of the ones before.
READING: Final[Mapping[str, object]] = {
    **_PATIENCE,
    **_CALLING,
    "use_cache_for_count_from_files": 0,
    "schema_inference_use_cache_for_s3": 0,
}
# The same rows may be restored twice, with an erasure in between that no table remembers by its blocks.
RESTORING: Final[Mapping[str, object]] = {
    **INSERTING,
    **READING,
    "insert_deduplicate": 0,
    "deduplicate_blocks_in_dependent_materialized_views": 0,
}
COUNTING: Final = _PATIENCE

MANIFEST_FORMAT: Final = "RawBLOB"
MANIFEST_COLUMNS: Final = (("raw_blob", "String"),)


def format_of(table: Table) -> str:
    """The format that the table's rows have in a place."""
    return "Native" if table.engine == "AggregatingMergeTree" else "Parquet"


def file_of(table: Table) -> str:
    """The name of the file with the table's rows."""
    return f"{table.name}.{format_of(table).lower()}"


def count(table: Table) -> str:
    """How many rows the project has in the table."""
    return f"SELECT count() FROM {_rows_of(table)}"  # noqa: S608 - names of the schema


def copy(table: Table, *, place: S3, url: str) -> str:
    """Write the project's rows to the file `url`."""
    columns = [(column.name, column.type) for column in table.written]
    to = _file(place, url, format_of(table), columns)
    return f"INSERT INTO FUNCTION {to} SELECT {_names(columns)} FROM {_rows_of(table)}"  # noqa: S608


def count_of_file(place: S3, url: str, *, format_name: str, columns: Sequence[tuple[str, str]]) -> str:
    """How many rows the file `url` has."""
    return f"SELECT count() FROM {_file(place, url, format_name, columns)}"  # noqa: S608


def put_back(
    table: Table, *, place: S3, url: str, format_name: str, columns: Sequence[tuple[str, str]]
) -> str:
    """Insert the rows of the file `url`, as far as the table still has their columns."""
    there = set(table.column_names)
    names = _names([column for column in columns if column[0] in there])
    rows = _file(place, url, format_name, columns)
    return f"INSERT INTO `{table.name}` ({names}) SELECT {names} FROM {rows}"  # noqa: S608


def write(place: S3, url: str, *, content: bytes) -> str:
    """Write the file `url`."""
    to = _file(place, url, MANIFEST_FORMAT, MANIFEST_COLUMNS)
    return f"INSERT INTO FUNCTION {to} SELECT base64Decode('{base64.b64encode(content).decode()}')"


def read(place: S3, url: str) -> str:
    """Address within the store, and content in base 64, of the files that `url` means."""
    files = _file(place, url, MANIFEST_FORMAT, MANIFEST_COLUMNS)
    return f"SELECT _path, base64Encode(raw_blob) FROM {files} ORDER BY _path"  # noqa: S608


def _rows_of(table: Table) -> str:
    merged = "" if table.engine == "MergeTree" else " FINAL"
    return f"`{table.name}`{merged} WHERE project_id = {{project:String}}"


def _file(place: S3, url: str, format_name: str, columns: Iterable[tuple[str, str]]) -> str:
    structure = ", ".join(f"`{name}` {type_name}" for name, type_name in columns)
    own = (place.key, place.secret) if place.key else ()
    return f"s3({', '.join(_text(value) for value in (url, *own, format_name, structure))})"


def _names(columns: Iterable[tuple[str, str]]) -> str:
    return ", ".join(f"`{name}`" for name, _ in columns)


def _text(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
