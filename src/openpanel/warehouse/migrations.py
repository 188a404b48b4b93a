"""Bringing a database to what `tables` and `views` say: numbered steps, each recorded when begun and when done.

Every statement may run twice. So a migration that a crash cut in half is simply run again from its start, two
processes that migrate at once do each other no harm, and a lock (which a ClickHouse table cannot be) only
spares them the work; the caller brings one from a store that can. In a cluster it runs once per server.

A server that has lost its volume comes back empty, while Keeper still has the replica that it was. That one is taken
out of Keeper before the table is made again, and the other replicas give it their rows.
"""

import re
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Final

from openpanel.warehouse import retention, tables, views
from openpanel.warehouse.client import Warehouse
from openpanel.warehouse.errors import (
    REPLICA_ALREADY_EXISTS,
    TABLE_WAS_NOT_DROPPED,
    Refused,
    Unavailable,
    WarehouseError,
)
from openpanel.warehouse.schema import DURABLE, Form, Table, column_definition, local_name, redefine, render

_IN_KEEPER: Final = re.compile(r"ENGINE = Replicated\w*MergeTree\('(?P<path>[^']+)', '\{replica\}'")


class SchemaRefused(WarehouseError):
    """The database is not one that this code may write to; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One step. Its statements must each be safe to repeat: `IF NOT EXISTS`, `IF EXISTS`, `MODIFY`.

    `column`: what it is all about, where that is one column. They are not sent where it is there already: even a
    change of nothing makes all replicas of a table agree on it.
    `then`: what goes by what the database holds, and finds nothing to do where it was done before.
    """

    number: int
    name: str
    statements: Callable[[Form], tuple[str, ...]]
    column: tuple[Table, str] | None = None
    then: Callable[[Warehouse, Form], None] | None = None


def _everything(form: Form) -> tuple[str, ...]:
    subjects = (*tables.ALL, *views.ALL)
    return tuple(statement for subject in subjects for statement in render(subject, form=form))


def _cheaper_views(form: Form) -> tuple[str, ...]:
    """What a session has in common is taken from its opening rows, by a view that is there before the other stops."""
    return (
        *render(views.SESSION_OPENINGS, form=form),
        redefine(views.SESSIONS, form=form),
        redefine(views.PROPERTY_NAMES, form=form),
        redefine(views.PROPERTY_VALUES, form=form),
    )


def _add_column(table: Table, name: str, form: Form) -> tuple[str, ...]:
    """A column of today's definition where it is not there yet, also of the Distributed table before it."""
    column = next(column for column in table.columns if column.name == name)
    return tuple(
        f"ALTER TABLE `{known_as}` ADD COLUMN IF NOT EXISTS {column_definition(column)}"
        for known_as in dict.fromkeys((local_name(table, form=form), table.name))
    )


def _make_durable(warehouse: Warehouse, form: Form) -> None:
    """The settings that put an insert on disk, for tables of before."""
    rows = warehouse.query("SELECT name, engine_full FROM system.tables WHERE database = currentDatabase()")
    engines = dict(rows)
    settings = [f"{name} = {value}" for name, value in DURABLE.items()]
    for known_as in (local_name(table, form=form) for table in tables.ALL):
        if not all(setting in engines[known_as] for setting in settings):
            warehouse.command(f"ALTER TABLE `{known_as}` MODIFY SETTING {', '.join(settings)}")


# A changed table gets its new definition in `tables` and, for databases that have the old one, a migration
# here (`ALTER TABLE … ADD COLUMN IF NOT EXISTS …`); on a new database that migration finds nothing to do.
MIGRATIONS: Final = (
    Migration(1, "tables and views", _everything),
    Migration(2, "cheaper views", _cheaper_views),
    Migration(3, "members of static cohorts", lambda form: render(tables.COHORT_MEMBERS, form=form)),
    Migration(
        4,
        "persons of profiles",
        lambda form: _add_column(tables.PROFILES, "person", form),
        column=(tables.PROFILES, "person"),
    ),
    Migration(
        5,
        "dead letters expire",
        lambda _form: (),
        then=lambda warehouse, form: retention.bring(warehouse, "deadLetters", form=form),
    ),
    Migration(6, "inserts are on disk when they are answered", lambda _form: (), then=_make_durable),
)


def migrate(
    warehouse: Warehouse,
    *,
    form: Form,
    lock: AbstractContextManager[object] | None = None,
    migrations: Sequence[Migration] = MIGRATIONS,
) -> tuple[Migration, ...]:
    """Apply what is missing, in order, and return it; then check that the tables are what `tables` says.

    Raises `SchemaRefused` for a database that newer code has migrated, or whose tables someone changed.
    """
    with lock or nullcontext():
        warehouse.create_database()
        for statement in render(tables.SCHEMA_MIGRATIONS, form=form):
            warehouse.command(statement)
        finished = _finished(warehouse, migrations)
        missing = tuple(migration for migration in migrations if migration.number not in finished)
        for migration in missing:
            _apply(warehouse, migration, form)
        _check_columns(warehouse, form)
        return missing


def _finished(warehouse: Warehouse, migrations: Sequence[Migration]) -> frozenset[int]:
    """Numbers of the migrations that ran to their end."""
    known = {migration.number: migration.name for migration in migrations}
    rows = warehouse.query(
        "SELECT number, any(name), countIf(state = 'finished') FROM schema_migrations GROUP BY number"
    )
    for number, name, _ in rows:
        if known.get(number) != name:
            message = f"migration {number} of the database is {name!r}, this code knows {known.get(number)!r}"
            raise SchemaRefused(message)
    return frozenset(number for number, _, finished in rows if finished)


def _apply(warehouse: Warehouse, migration: Migration, form: Form) -> None:
    _record(warehouse, migration, "started")
    if migration.column is None or not _is_there(warehouse, *migration.column, form=form):
        for statement in migration.statements(form):
            _run(warehouse, statement)
    if migration.then is not None:
        migration.then(warehouse, form)
    _record(warehouse, migration, "finished")


def _run(warehouse: Warehouse, statement: str) -> None:
    try:
        warehouse.command(statement)
    except Refused as refusal:
        replicated = _IN_KEEPER.search(statement)
        if refusal.code != REPLICA_ALREADY_EXISTS or replicated is None:
            raise
        _forget_replica(warehouse, replicated["path"])
        warehouse.command(statement)


def _forget_replica(warehouse: Warehouse, path: str) -> None:
    """Take out of Keeper what this server was before it lost the table; whoever is alive under that name stays."""
    ((shard, replica),) = warehouse.query("SELECT getMacro('shard'), getMacro('replica')")
    place = path.replace("{shard}", shard).replace("{database}", warehouse.database)
    try:
        warehouse.command(f"SYSTEM DROP REPLICA {_text(replica)} FROM ZKPATH {_text(place)}")
    except Refused as refusal:
        if refusal.code != TABLE_WAS_NOT_DROPPED:
            raise
        # Its session in Keeper ends some time after the server that had it.
        raise Unavailable(refusal.message, code=refusal.code) from refusal


def _text(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _record(warehouse: Warehouse, migration: Migration, state: str) -> None:
    warehouse.command(
        "INSERT INTO schema_migrations SELECT {number:UInt32}, {name:String}, {state:String}, now64(3)",
        parameters={"number": migration.number, "name": migration.name, "state": state},
    )


def _is_there(warehouse: Warehouse, table: Table, column: str, *, form: Form) -> bool:
    """Whether the table has the column, in the shard's own form and in the one before it."""
    names = {local_name(table, form=form), table.name}
    rows = warehouse.query(
        "SELECT table FROM system.columns"
        " WHERE database = currentDatabase() AND table IN {tables:Array(String)} AND name = {column:String}",
        parameters={"tables": sorted(names), "column": column},
    )
    return {name for (name,) in rows} == names


def _check_columns(warehouse: Warehouse, form: Form) -> None:
    rows = warehouse.query(
        "SELECT table, name, type FROM system.columns WHERE database = currentDatabase() ORDER BY table, position"
    )
    found: dict[str, list[tuple[str, str]]] = {}
    for table, name, type_name in rows:
        found.setdefault(table, []).append((name, type_name))
    for table in tables.ALL:
        for name in {table.name, local_name(table, form=form)}:
            _check_table(table, name, found.get(name, []))


def _check_table(table: Table, name: str, found: list[tuple[str, str]]) -> None:
    wanted = [(column.name, column.type) for column in table.columns]
    if sorted(found) == sorted(wanted):
        return
    differing = sorted(set(found) ^ set(wanted))
    message = f"table {name} differs from its definition in {', '.join(' '.join(pair) for pair in differing)}"
    raise SchemaRefused(message)
