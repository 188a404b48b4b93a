"""A project brought back from a snapshot: every question gets the answers that it got before.

Nothing is changed before all files are found to be whole. Inserted events make rows of sessions and rollups; those
are deleted again and the kept ones put in their place, for they may tell of events that were no longer kept. A call
that died is repeated with `replace`, which begins by deleting what there is.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from openpanel.metadata import Database, lock, project_copies, projects
from openpanel.tenancy import snapshot_errors as errors
from openpanel.tenancy import snapshot_statements as statements
from openpanel.tenancy import stored
from openpanel.tenancy.provisioning import lock_name
from openpanel.tenancy.snapshot_places import MANIFEST, S3, folder
from openpanel.tenancy.snapshots import (
    FORM,
    SCHEMA,
    Snapshot,
    TableCopy,
    asked,
    count,
    count_of_file,
    listed,
    read,
)
from openpanel.warehouse import Warehouse, tables
from openpanel.warehouse.schema import Form


@dataclass(frozen=True, slots=True)
class Restored:
    """What was brought back."""

    project: str
    name: str
    rows: Mapping[str, int]  # by table
    made: bool  # the project was not there, and has its settings from the snapshot; it has no clients


def restore(
    project: str,
    *,
    database: Database,
    warehouse: Warehouse,
    place: S3,
    name: str,
    form: Form | None = None,
    replace: bool = False,
) -> Restored:
    """Bring the project's rows back, and the project where it is missing.

    A project with rows is left alone unless `replace` says that they may go. `form` is that of the warehouse's
    tables, which say it themselves if it is left out.
    """
    with lock(database, lock_name(project)):
        snapshot = opened(project, warehouse=warehouse, place=place, name=name)
        _check_zone(snapshot, database)
        _make_room(project, warehouse, form or stored.form_of(warehouse), replace=replace)
        _put_back(snapshot, warehouse, place, form or stored.form_of(warehouse))
        made = project_copies.put_back(database, copy=snapshot.metadata)
    return Restored(project, name, {copy.table: copy.rows for copy in snapshot.tables}, made)


def opened(project: str, *, warehouse: Warehouse, place: S3, name: str) -> Snapshot:
    """The snapshot of that name, all of whose files are there with all their rows."""
    there = listed(project, warehouse=warehouse, place=place)
    where = folder(place, project=project, name=name)
    if name not in there:
        message = f"{place.url} has no snapshot {name} of {project}; it has {', '.join(there) or 'none'}"
        raise errors.error("NotFound", message)
    snapshot = _decoded(read(f"{where}/{MANIFEST}", warehouse=warehouse, place=place)[0][1], where)
    for copy in snapshot.tables:
        found = count_of_file(copy, where, warehouse=warehouse, place=place)
        if found != copy.rows:
            message = f"{where}/{copy.file} has {found} rows and not {copy.rows}; restore another snapshot"
            raise errors.error("Damaged", message)
    return snapshot


def _decoded(content: bytes, where: str) -> Snapshot:
    try:
        snapshot = msgspec.json.decode(content, type=Snapshot)
    except msgspec.MsgspecError as error:
        raise errors.error("Damaged", f"{where}/{MANIFEST} is no manifest of a snapshot: {error}") from error
    if snapshot.form != FORM or snapshot.schema > SCHEMA:
        message = f"{where} was written by a newer version of the program; restore it with that one"
        raise errors.error("OtherVersion", message)
    return snapshot


def _check_zone(snapshot: Snapshot, database: Database) -> None:
    record = projects.load(database, project=snapshot.project)
    kept = project_copies.time_zone(snapshot.metadata)
    if record is not None and record.timezone != kept:
        message = (
            f"the days of {snapshot.project} begin in {record.timezone} and those of the snapshot in {kept};"
            f" set its time zone to {kept} and repeat"
        )
        raise errors.error("OtherTimeZone", message)


def _make_room(project: str, warehouse: Warehouse, form: Form, *, replace: bool) -> None:
    held = [table.name for table in stored.holding(warehouse, project=project, among=statements.TABLES)]
    if held and not replace:
        message = f"{project} has rows in {', '.join(held)}; repeat with replace to have them deleted first"
        raise errors.error("HasRows", message)
    if held:
        stored.erase(warehouse, project=project, form=form, among=statements.TABLES)


def _put_back(snapshot: Snapshot, warehouse: Warehouse, place: S3, form: Form) -> None:
    where = folder(place, project=snapshot.project, name=snapshot.name)
    copies = {copy.table: copy for copy in snapshot.tables}
    events = copies.pop(tables.EVENTS.name, None)
    if events is not None:
        _insert(events, where, warehouse, place)
        derived = [table for table in statements.TABLES if table.name in statements.DERIVED]
        stored.erase(warehouse, project=snapshot.project, form=form, among=derived)
    for copy in copies.values():
        _insert(copy, where, warehouse, place)
    _check_nothing_doubled(snapshot, warehouse)


def _check_nothing_doubled(snapshot: Snapshot, warehouse: Warehouse) -> None:
    """An insert that somebody gave up, or that was sent twice, may have gone on. Fewer rows may have expired."""
    expected = {copy.table: copy.rows for copy in snapshot.tables}
    for table in statements.TABLES:
        found = count(table, snapshot.project, warehouse)
        if found > expected.get(table.name, 0):
            message = (
                f"{snapshot.project} has {found} rows in {table.name} and the snapshot {expected.get(table.name, 0)};"
                " repeat with replace"
            )
            raise errors.error("Changing", message)


def _insert(copy: TableCopy, where: str, warehouse: Warehouse, place: S3) -> None:
    [table] = [table for table in statements.TABLES if table.name == copy.table]
    sql = statements.put_back(
        table, place=place, url=f"{where}/{copy.file}", format_name=copy.format, columns=copy.columns
    )
    asked(
        lambda: warehouse.command(sql, settings=statements.RESTORING),
        place=place,
    )
