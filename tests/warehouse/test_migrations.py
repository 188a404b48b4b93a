"""Migrations: twice, two at once, cut off after each statement, and on databases they must not touch."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import Lock
from typing import Self

import pytest

from openpanel.warehouse import Warehouse, tables, views
from openpanel.warehouse.migrations import MIGRATIONS, Migration, SchemaRefused, migrate
from openpanel.warehouse.schema import Clustered, Single
from openpanel_local.engines.clickhouse import ClickHouse
from tests.warehouse import rows
from tests.warehouse.test_retention import expire

Empty = Callable[[], Warehouse]


class Cut(Exception):
    """The process died here."""


class CutOff(Warehouse):
    """A warehouse whose process dies when it has sent `statements` statements."""

    def __init__(self, url: str, *, database: str, statements: int) -> None:
        super().__init__(url, database=database)
        self._left = statements

    def __enter__(self) -> Self:
        return self

    def command(
        self,
        sql: str,
        *,
        parameters: Mapping[str, object] | None = None,
        settings: Mapping[str, object] | None = None,
    ) -> None:
        if self._left == 0:
            raise Cut
        self._left -= 1
        super().command(sql, parameters=parameters, settings=settings)


class Listening(Warehouse):
    """A warehouse that remembers what it was told."""

    def __init__(self, url: str, *, database: str) -> None:
        super().__init__(url, database=database)
        self.sent: list[str] = []

    def __enter__(self) -> Self:
        return self

    def command(
        self,
        sql: str,
        *,
        parameters: Mapping[str, object] | None = None,
        settings: Mapping[str, object] | None = None,
    ) -> None:
        self.sent.append(sql)
        super().command(sql, parameters=parameters, settings=settings)


def test_empty_database_gets_all_tables_and_views(empty_warehouse: Empty) -> None:
    warehouse = empty_warehouse()

    applied = migrate(warehouse, form=Single())

    assert applied == MIGRATIONS
    assert names(warehouse) >= {subject.name for subject in (*tables.ALL, *views.ALL)}


def test_second_run_changes_nothing(empty_warehouse: Empty) -> None:
    warehouse = empty_warehouse()
    migrate(warehouse, form=Single())
    before = definitions(warehouse)

    assert migrate(warehouse, form=Single()) == ()

    assert definitions(warehouse) == before
    assert warehouse.query("SELECT number, state FROM schema_migrations ORDER BY number, state DESC") == [
        (migration.number, state) for migration in MIGRATIONS for state in ("started", "finished")
    ]


def test_database_that_is_not_there_is_made(clickhouse: ClickHouse) -> None:
    with Warehouse(clickhouse.url, database="made by its migration") as warehouse:
        assert migrate(warehouse, form=Single()) == MIGRATIONS


def test_run_cut_off_after_any_statement_is_finished_by_the_next(
    clickhouse: ClickHouse, empty_warehouse: Empty
) -> None:
    whole = empty_warehouse()
    migrate(whole, form=Single())
    cut_off = empty_warehouse()
    statements = 0

    while dies(clickhouse, cut_off.database, statements):
        statements += 1

    assert statements > len(tables.ALL) + len(views.ALL)
    assert definitions(cut_off) == definitions(whole)
    assert migrate(cut_off, form=Single()) == ()


def test_two_at_once_without_a_lock_do_no_harm(empty_warehouse: Empty) -> None:
    warehouse = empty_warehouse()

    with ThreadPoolExecutor(4) as pool:
        runs = [pool.submit(migrate, warehouse, form=Single()) for _ in range(4)]
        for run in runs:
            run.result()

    assert migrate(warehouse, form=Single()) == ()


def test_lock_lets_one_do_the_work(empty_warehouse: Empty) -> None:
    warehouse = empty_warehouse()
    lock = Lock()

    with ThreadPoolExecutor(3) as pool:
        runs = [pool.submit(migrate, warehouse, form=Single(), lock=lock) for _ in range(3)]

    assert sorted(len(run.result()) for run in runs) == [0, 0, len(MIGRATIONS)]


def test_lock_is_held_from_the_first_statement_to_the_last(empty_warehouse: Empty) -> None:
    warehouse = empty_warehouse()
    seen: list[set[str]] = []

    @contextmanager
    def lock():  # type: ignore[no-untyped-def]
        seen.append(names(warehouse))
        yield
        seen.append(names(warehouse))

    migrate(warehouse, form=Single(), lock=lock())

    assert seen[0] == set()
    assert "events" in seen[1]


def test_later_migration_is_applied_once_and_in_order(empty_warehouse: Empty) -> None:
    warehouse = empty_warehouse()
    migrate(warehouse, form=Single())
    later = Migration(
        99, "a table of its own", lambda _form: ("CREATE TABLE IF NOT EXISTS own (n UInt8) ENGINE = Memory",)
    )

    assert migrate(warehouse, form=Single(), migrations=(*MIGRATIONS, later)) == (later,)

    assert "own" in names(warehouse)
    assert migrate(warehouse, form=Single(), migrations=(*MIGRATIONS, later)) == ()


def test_dead_letters_of_an_older_database_expire_by_the_limits_that_stand(empty_warehouse: Empty) -> None:
    warehouse = empty_warehouse()
    migrate(warehouse, form=Single(), migrations=MIGRATIONS[:4])
    warehouse.command("ALTER TABLE dead_letters REMOVE TTL")
    long_ago = round(datetime.now(UTC).timestamp() * 1000) - 45 * 86_400_000
    for project in ("", "archive"):
        rows.insert(
            warehouse, tables.DEAD_LETTERS, [{"project_id": project, "received_at": long_ago}], token=project
        )
    warehouse.command("INSERT INTO retention SELECT 'archive', 'deadLetters', 400, 2")

    assert migrate(warehouse, form=Single()) == MIGRATIONS[4:]

    expire(warehouse, tables.DEAD_LETTERS)
    assert warehouse.query("SELECT project_id FROM dead_letters") == [("archive",)]


def test_views_of_an_older_database_get_the_definition_of_today(empty_warehouse: Empty) -> None:
    warehouse, new = empty_warehouse(), empty_warehouse()
    migrate(warehouse, form=Single(), migrations=MIGRATIONS[:1])
    warehouse.command(f"DROP VIEW {views.SESSION_OPENINGS.name}")
    warehouse.command(
        f"ALTER TABLE {views.SESSIONS.name} MODIFY QUERY"
        " SELECT project_id, session_started_at, session_id, count() AS views FROM events"
        " GROUP BY project_id, session_started_at, session_id"
    )

    assert migrate(warehouse, form=Single()) == MIGRATIONS[1:]

    migrate(new, form=Single())
    assert definitions(warehouse) == definitions(new)


def test_profiles_of_an_older_database_get_the_column_of_their_person(empty_warehouse: Empty) -> None:
    warehouse, new = empty_warehouse(), empty_warehouse()
    migrate(warehouse, form=Single(), migrations=MIGRATIONS[:3])
    warehouse.command("ALTER TABLE profiles DROP COLUMN person")
    warehouse.command("INSERT INTO profiles (project_id, profile_id, version) VALUES ('p', 'ana', 1)")

    assert migrate(warehouse, form=Single()) == MIGRATIONS[3:]

    migrate(new, form=Single())
    assert definitions(warehouse) == definitions(new)
    assert warehouse.query("SELECT profile_id, person FROM profiles") == [("ana", 0)]


def test_what_is_inserted_is_on_disk_in_tables_of_an_older_database_too(empty_warehouse: Empty) -> None:
    warehouse, new = empty_warehouse(), empty_warehouse()
    migrate(warehouse, form=Single(), migrations=MIGRATIONS[:5])
    for table in tables.ALL:
        warehouse.command(
            f"ALTER TABLE `{table.name}` RESET SETTING fsync_after_insert, fsync_part_directory"
        )

    assert migrate(warehouse, form=Single()) == MIGRATIONS[5:]

    migrate(new, form=Single())
    assert durable(warehouse) >= {table.name for table in tables.ALL}
    assert durable(new) >= durable(warehouse)


def durable(warehouse: Warehouse) -> set[str]:
    """The tables whose inserts are answered when their parts, and the names of these, are on disk."""
    rows = warehouse.query(
        "SELECT name FROM system.tables WHERE database = currentDatabase()"
        " AND engine_full LIKE '%fsync_after_insert = 1%' AND engine_full LIKE '%fsync_part_directory = 1%'"
    )
    return {name for (name,) in rows}


def test_new_database_is_not_altered(clickhouse: ClickHouse, empty_warehouse: Empty) -> None:
    database = empty_warehouse().database
    with Listening(clickhouse.url, database=database) as warehouse:
        migrate(warehouse, form=Single())

        assert not [sql for sql in warehouse.sent if "ADD COLUMN" in sql or "MODIFY SETTING" in sql]
        assert [sql for sql in warehouse.sent if "CREATE TABLE" in sql]


def test_column_is_added_to_the_table_of_the_shard_and_to_the_one_before_it() -> None:
    assert MIGRATIONS[3].statements(Clustered()) == (
        "ALTER TABLE `profiles_local` ADD COLUMN IF NOT EXISTS `person` UInt64",
        "ALTER TABLE `profiles` ADD COLUMN IF NOT EXISTS `person` UInt64",
    )


def test_database_of_newer_code_is_refused(empty_warehouse: Empty) -> None:
    warehouse = empty_warehouse()
    later = Migration(99, "from the future", lambda _form: ())
    migrate(warehouse, form=Single(), migrations=(*MIGRATIONS, later))

    with pytest.raises(SchemaRefused, match="from the future"):
        migrate(warehouse, form=Single())


def test_changed_table_is_refused_and_named(empty_warehouse: Empty) -> None:
    warehouse = empty_warehouse()
    migrate(warehouse, form=Single())
    warehouse.command("ALTER TABLE bots ADD COLUMN note String")

    with pytest.raises(SchemaRefused, match="bots differs from its definition in note String"):
        migrate(warehouse, form=Single())


def dies(clickhouse: ClickHouse, database: str, statements: int) -> bool:
    """Migrate until so many statements were sent; whether there was more to do."""
    with CutOff(clickhouse.url, database=database, statements=statements) as dying:
        try:
            migrate(dying, form=Single())
        except Cut:
            return True
        return False


def names(warehouse: Warehouse) -> set[str]:
    return {
        name
        for (name,) in warehouse.query("SELECT name FROM system.tables WHERE database = currentDatabase()")
    }


def definitions(warehouse: Warehouse) -> list[tuple[str, ...]]:
    """What the engine says of every table, without the name of the database."""
    return warehouse.query(
        "SELECT name, engine_full, replaceAll(as_select, currentDatabase() || '.', ''),"
        " (SELECT groupArray((c.name, c.type, c.default_expression, c.compression_codec)) FROM system.columns AS c"
        "  WHERE c.database = currentDatabase() AND c.table = t.name)"
        " FROM system.tables AS t WHERE database = currentDatabase() ORDER BY name"
    )
