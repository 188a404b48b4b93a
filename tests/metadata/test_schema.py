"""Migrations: the same as the models, safe twice, at once, and after a crash in the middle."""

import contextlib
import multiprocessing
from collections.abc import Callable, Iterator

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, create_engine, event, text

from openpanel.metadata import (
    Database,
    SchemaMissing,
    SchemaNewer,
    Unavailable,
    is_current,
    migrate,
    projects,
    schema,
)
from openpanel.metadata.models import Row

# What the comparison of Alembic leaves out: checks, predicates of indexes, actions of foreign keys.
DEFINITIONS = """
SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE connamespace = 'public'::regnamespace AND conrelid::regclass::text <> 'alembic_version'
UNION ALL
SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'alembic_version'
UNION ALL
SELECT table_name, column_name, data_type || ' ' || is_nullable || ' ' || coalesce(column_default, '')
FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> 'alembic_version'
ORDER BY 1, 2, 3
"""


def test_models_and_migrations_agree(postgres_url: str) -> None:
    migrate(postgres_url)

    with Database(postgres_url) as database, database.engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True}
        )
        assert compare_metadata(context, Row.metadata) == []


def test_migrations_make_the_same_constraints_as_the_models(postgres_database: Callable[[], str]) -> None:
    migrated, modelled = postgres_database(), postgres_database()
    migrate(migrated)
    with _connected(modelled) as connection:
        Row.metadata.create_all(connection)
        connection.commit()

    assert _definitions(migrated) == _definitions(modelled)


def test_migrating_twice_changes_nothing(postgres_url: str) -> None:
    migrate(postgres_url)
    before = _definitions(postgres_url)

    migrate(postgres_url)

    assert _definitions(postgres_url) == before


def test_tables_of_a_newer_version_are_left_alone(postgres_url: str) -> None:
    migrate(postgres_url)
    with _connected(postgres_url) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        connection.commit()

    with pytest.raises(SchemaNewer, match="newer version of the program"):
        migrate(postgres_url)


def test_processes_that_migrate_at_once_all_succeed(postgres_url: str) -> None:
    spawn = multiprocessing.get_context("spawn")
    started = [spawn.Process(target=migrate, args=(postgres_url,)) for _ in range(3)]
    for process in started:
        process.start()
    for process in started:
        process.join(200)

    assert [process.exitcode for process in started] == [0, 0, 0]
    with Database(postgres_url) as database:
        assert is_current(database)


@pytest.mark.parametrize("broken_at", [0, 3, 9, 20])
def test_a_crash_in_the_middle_leaves_nothing_half_done(postgres_url: str, broken_at: int) -> None:
    with contextlib.suppress(_Crash), _connected(postgres_url) as connection:
        _crash_after(connection, statements=broken_at)
        command.upgrade(schema.configuration(connection), "head")

    migrate(postgres_url)

    with Database(postgres_url) as database:
        assert is_current(database)
        assert projects.listed(database) == ()


def test_a_downgrade_leaves_an_empty_database(postgres_url: str) -> None:
    migrate(postgres_url)

    with _connected(postgres_url) as connection:
        command.downgrade(schema.configuration(connection), "base")

    assert _definitions(postgres_url) == []


def test_a_database_without_tables_is_not_current(postgres_url: str) -> None:
    with Database(postgres_url) as database:
        assert not is_current(database)
        with pytest.raises(SchemaMissing):
            projects.listed(database)


def test_migrating_a_database_that_is_away_says_so() -> None:
    with pytest.raises(Unavailable):
        migrate("postgresql://nobody:nothing@127.0.0.1:1/none")


class _Crash(BaseException):
    """The process ends here."""


def _crash_after(connection: Connection, *, statements: int) -> None:
    left = statements

    def count(*_: object) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            connection.invalidate()
            raise _Crash

    event.listen(connection, "before_cursor_execute", count)


@contextlib.contextmanager
def _connected(url: str) -> Iterator[Connection]:
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def _definitions(url: str) -> list[tuple[object, ...]]:
    with _connected(url) as connection:
        return [tuple(row) for row in connection.execute(text(DEFINITIONS))]
