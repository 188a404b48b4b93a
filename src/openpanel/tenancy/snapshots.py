"""A project's rows and settings copied to an S3-compatible place: taken, listed, tried.

ClickHouse copies, table by table. What it wrote is counted where it lies and compared with the table; only when all
agree is the manifest written, and without it there is no snapshot. A call that dies is repeated: it writes the same
files anew. Rows that arrive meanwhile are noticed by their number; whoever wants an exact copy stops them first.
"""

import base64
from collections.abc import Callable
from datetime import datetime
from typing import Final, TypeVar

import msgspec

from openpanel.metadata import Database, project_copies
from openpanel.tenancy import snapshot_errors as errors
from openpanel.tenancy import snapshot_statements as statements
from openpanel.tenancy.snapshot_places import MANIFEST, S3, folder, manifests
from openpanel.warehouse import Warehouse, WarehouseError
from openpanel.warehouse.migrations import MIGRATIONS
from openpanel.warehouse.schema import Table

FORM: Final = 1  # of the manifest and of what it stands for
SCHEMA: Final = MIGRATIONS[-1].number
_ROUNDS: Final = 3  # for tables that get rows while they are copied
_TRIAL: Final = "trial"  # beside the folders of projects

T = TypeVar("T")


class TableCopy(msgspec.Struct, frozen=True, rename="camel"):
    """The rows of one table."""

    table: str
    file: str
    format: str
    rows: int
    columns: tuple[tuple[str, str], ...]  # names and types


class Snapshot(msgspec.Struct, frozen=True, rename="camel"):
    """What belongs together in a place; written as `manifest.json`."""

    form: int
    project: str
    name: str
    taken_at: datetime
    schema: int  # number of the warehouse's last migration
    tables: tuple[TableCopy, ...]  # without those that had no rows
    metadata: project_copies.Copy  # settings and saved work, without credentials


def take(
    project: str, *, database: Database, warehouse: Warehouse, place: S3, name: str, at: datetime
) -> Snapshot:
    """Copy all there is of the project, count it there, and write the manifest. The caller lets nobody else do so."""
    where = folder(place, project=project, name=name)
    counts: dict[str, int] = {}
    pending = list(statements.TABLES)
    for _ in range(_ROUNDS):
        for table in pending:
            counts[table.name] = _copied(table, project, where, warehouse=warehouse, place=place)
        pending = [
            table for table in statements.TABLES if count(table, project, warehouse) != counts[table.name]
        ]
        if not pending:
            break
    else:
        names = ", ".join(table.name for table in pending)
        message = (
            f"rows of {project} arrive while they are copied ({names}); stop what sends them, or repeat later"
        )
        raise errors.error("Changing", message)
    copies = tuple(_described(table, counts[table.name]) for table in statements.TABLES if counts[table.name])
    metadata = project_copies.copied(database, project=project)
    taken = Snapshot(FORM, project, name, at, SCHEMA, copies, metadata)
    _write(warehouse, place, f"{where}/{MANIFEST}", content=msgspec.json.encode(taken))
    return taken


def listed(project: str, *, warehouse: Warehouse, place: S3) -> tuple[str, ...]:
    """The names of the project's complete snapshots, oldest first where they are named after moments."""
    found = read(manifests(place, project=project), warehouse=warehouse, place=place)
    return tuple(sorted(path.split("/")[-2] for path, _ in found))


def check(*, warehouse: Warehouse, place: S3) -> None:
    """Write, read and list something small; `SnapshotError` says what a snapshot would fail with."""
    trial = f"{place.url.rstrip('/')}/{_TRIAL}"
    _write(warehouse, place, f"{trial}/{MANIFEST}", content=b"{}")
    if not read(f"{trial}*/{MANIFEST}", warehouse=warehouse, place=place):
        raise errors.error("Failed", f"what is written at {place.url} is not listed there")


def read(url: str, *, warehouse: Warehouse, place: S3) -> list[tuple[str, bytes]]:
    """Address within the store, and content, of the files that `url` means; of a pattern there may be none."""
    rows = asked(
        lambda: warehouse.query(statements.read(place, url), settings=statements.READING),
        place=place,
    )
    return [(str(path), base64.b64decode(content)) for path, content in rows]


def asked(call: Callable[[], T], *, place: S3) -> T:
    """What ClickHouse answers; an error that concerns the place is a `SnapshotError`, and none names its credentials.

    The error is made anew rather than passed on: what it came from may have the whole statement in it.
    """
    fault: Exception
    try:
        return call()
    except WarehouseError as error:
        fault = errors.of_place(error, place=place.url, secrets=place.secrets) or errors.cleaned(
            error, secrets=place.secrets
        )
    raise fault


def _copied(table: Table, project: str, where: str, *, warehouse: Warehouse, place: S3) -> int:
    """How many rows of the table lie in the place now."""
    if not count(table, project, warehouse):
        return 0
    url = f"{where}/{statements.file_of(table)}"
    asked(
        lambda: warehouse.command(
            statements.copy(table, place=place, url=url),
            parameters={"project": project},
            settings=statements.WRITING,
        ),
        place=place,
    )
    return count_of_file(_described(table, 0), where, warehouse=warehouse, place=place)


def count_of_file(copy: TableCopy, where: str, *, warehouse: Warehouse, place: S3) -> int:
    """How many rows a file has, as it lies there."""
    sql = statements.count_of_file(
        place, f"{where}/{copy.file}", format_name=copy.format, columns=copy.columns
    )
    [(rows,)] = asked(lambda: warehouse.query(sql, settings=statements.READING), place=place)
    return int(rows)


def count(table: Table, project: str, warehouse: Warehouse) -> int:
    """How many rows the project has in a table, those that merge as one."""
    [(rows,)] = warehouse.query(
        statements.count(table), parameters={"project": project}, settings=statements.COUNTING
    )
    return int(rows)


def _described(table: Table, rows: int) -> TableCopy:
    columns = tuple((column.name, column.type) for column in table.written)
    return TableCopy(table.name, statements.file_of(table), statements.format_of(table), rows, columns)


def _write(warehouse: Warehouse, place: S3, url: str, *, content: bytes) -> None:
    asked(
        lambda: warehouse.command(statements.write(place, url, content=content), settings=statements.WRITING),
        place=place,
    )
