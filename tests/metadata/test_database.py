"""The connection: errors of the room only, locks that exclude, connections given back."""

import threading

import pytest
from sqlalchemy import exc, text

from openpanel.metadata import (
    Conflict,
    Database,
    Invalid,
    MetadataError,
    NotFound,
    SchemaMissing,
    Unavailable,
    clients,
    lock,
    organizations,
    projects,
)
from openpanel.metadata.database import driver_url
from openpanel.metadata.errors import translated
from tests.metadata.builders import NOON, a_client, a_project

PATIENCE_S = 60.0
AWAY = "postgresql+psycopg://nobody:nothing@127.0.0.1:1/none"


def test_a_database_that_is_away_is_unavailable() -> None:
    with Database(AWAY) as database, pytest.raises(Unavailable):
        database.ping()


def test_a_server_that_is_gone_is_noticed_within_seconds(postgres_url: str) -> None:
    with Database(postgres_url) as database, database.engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        told = driver.info.get_parameters()

    assert told["tcp_user_timeout"] == "5000"
    assert (
        int(told["keepalives_idle"]) + int(told["keepalives_interval"]) * int(told["keepalives_count"]) == 30
    )


def test_what_the_address_says_of_its_connection_holds() -> None:
    url = driver_url("postgres://a@b/c?tcp_user_timeout=60000&application_name=d")

    assert url.query["tcp_user_timeout"] == "60000"
    assert url.query["application_name"] == "d"
    assert url.query["keepalives_idle"] == "15"


def test_a_lost_connection_is_replaced_unseen(postgres_url: str) -> None:
    with Database(postgres_url) as database, Database(postgres_url) as other:
        with database.session() as session:
            kept = session.scalar(text("SELECT pg_backend_pid()"))
        with other.session() as session:
            # It ends a moment later, and a connection that breaks in the middle of a statement is another matter.
            session.execute(text("SET LOCAL statement_timeout = 0"))
            ended = session.scalar(text("SELECT pg_terminate_backend(:kept, 60000)"), {"kept": kept})

        database.ping()

    assert ended


def test_a_statement_that_takes_too_long_is_unavailable(database: Database) -> None:
    with pytest.raises(Unavailable):
        _run(database, "SET LOCAL statement_timeout = 1", "SELECT pg_sleep(5)")


def test_text_with_a_nul_is_invalid(database: Database) -> None:
    with pytest.raises(Invalid):
        organizations.ensure(database, organization="a\0b", name="x")


def test_a_repeated_client_name_is_a_conflict(database: Database) -> None:
    project = a_project(database)
    a_client(database, project=project, name="web")

    with pytest.raises(Conflict):
        a_client(database, project=project, name="web")


def test_an_unknown_client_cannot_be_revoked(database: Database) -> None:
    with pytest.raises(NotFound):
        clients.revoke(database, client_id="00000000-0000-4000-8000-000000000000", at=NOON)


@pytest.mark.parametrize(
    "theirs",
    [error for error in vars(exc).values() if isinstance(error, type) and issubclass(error, exc.DBAPIError)],
    ids=lambda error: error.__name__,
)
def test_every_error_of_the_driver_becomes_one_of_ours(theirs: type[exc.DBAPIError]) -> None:
    with pytest.raises(MetadataError), translated():
        raise theirs("SELECT 1", None, Exception("cause"))


def test_a_failed_transaction_leaves_nothing(database: Database) -> None:
    project = a_project(database)

    with pytest.raises(SchemaMissing):
        _run(database, "UPDATE projects SET name = 'changed'", "SELECT * FROM no_such_table")

    assert projects.load(database, project=project.id) == project


def test_a_lock_excludes_others(database: Database) -> None:
    with (
        lock(database, "test-excludes"),
        pytest.raises(Unavailable),
        lock(database, "test-excludes", wait_s=0.05),
    ):
        pytest.fail("two held it at once")


def test_a_lock_is_free_after_its_block(database: Database) -> None:
    with lock(database, "test-free"):
        pass
    with lock(database, "test-free", wait_s=PATIENCE_S):
        pass


def test_a_lock_is_free_after_an_error(database: Database) -> None:
    with pytest.raises(RuntimeError), lock(database, "test-error"):
        raise RuntimeError

    with lock(database, "test-error", wait_s=PATIENCE_S):
        pass


def test_waiting_for_a_lock_ends_when_it_is_freed(database: Database) -> None:
    taken, order = threading.Event(), []

    def second() -> None:
        taken.wait(PATIENCE_S)
        with lock(database, "test-order"):
            order.append("second")

    waiting = threading.Thread(target=second)
    waiting.start()
    with lock(database, "test-order"):
        taken.set()
        order.append("first")
    waiting.join(PATIENCE_S)

    assert order == ["first", "second"]


def test_names_of_locks_are_independent(database: Database) -> None:
    with lock(database, "test-one"), lock(database, "test-two", wait_s=PATIENCE_S):
        pass


def test_ordinary_connections_keep_their_limits_after_a_lock(database: Database) -> None:
    with lock(database, "test-limits"):
        pass
    with database.session() as session:
        assert session.scalar(text("SELECT current_setting('statement_timeout')")) == "10s"


def _run(database: Database, *statements: str) -> None:
    with database.session() as session:
        for statement in statements:
            session.execute(text(statement))
