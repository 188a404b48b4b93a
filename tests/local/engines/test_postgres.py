"""PostgreSQL as a prepared command: unprivileged, closed, crash-safe from the first second."""

import contextlib
import os
import signal
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from openpanel_local.engines import postgres
from openpanel_local.engines.postgres import Postgres


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prepared folder: making a cluster takes most of a second."""
    folder = tmp_path_factory.mktemp("postgres") / "data"
    postgres.prepare(folder, port=1)
    return folder


def test_commits_survive_kill_9(folder: Path) -> None:
    with postgres.running(folder) as engine:
        _run(engine, "CREATE TABLE kept (n int)")
        for n in range(20):
            _run(engine, f"INSERT INTO kept VALUES ({n})")
        os.kill(engine.pid, signal.SIGKILL)

    with postgres.running(folder) as engine:
        assert _run(engine, "SELECT count(*) FROM kept") == 20


def test_stop_does_not_wait_for_clients(folder: Path) -> None:
    with contextlib.ExitStack() as stack:
        engine = stack.enter_context(postgres.running(folder))
        idle = postgres.connect(engine.url)

        stack.close()

        with pytest.raises(psycopg.OperationalError):
            idle.execute("SELECT 1")
        idle.close()
    assert not postgres.ready(engine.url)
    assert "fast shutdown" in (folder / "postgres.log").read_text()


def test_server_runs_unprivileged_under_folders_that_are_closed(folder: Path) -> None:
    """Pytest's folders are closed to everyone else, like a home folder."""
    with postgres.running(folder) as engine:
        status = dict(
            line.split(":\t")
            for line in Path(f"/proc/{engine.pid}/status").read_text().splitlines()
            if ":\t" in line
        )

    owner = str((folder / "cluster").stat().st_uid)
    assert set(status["Uid"].split("\t")) == {owner}
    assert owner != "0"
    # Walking and reading (or the override, where a container has no other), and nothing else.
    assert int(status["CapEff"], 16) in {0, 1 << 1, 1 << 2}


def test_role_is_no_superuser_and_owns_its_database(folder: Path) -> None:
    with postgres.running(folder) as engine:
        assert _run(engine, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") is False
        assert _run(engine, "SELECT current_setting('server_encoding')") == "UTF8"
        assert _run(engine, "SELECT current_setting('TimeZone')") == "UTC"
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            _run(engine, "SELECT pg_read_file('/etc/hostname')")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            _run(engine, "COPY (SELECT 1) TO PROGRAM 'cat'")


@pytest.mark.parametrize("who", ["openpanel:wrong", "openpanel:", "postgres:"])
def test_nobody_else_is_let_in(folder: Path, who: str) -> None:
    with postgres.running(folder) as engine, pytest.raises(psycopg.OperationalError):
        postgres.connect(f"postgresql://{who}@127.0.0.1:{engine.port}/openpanel")


def test_half_made_cluster_is_made_anew(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    (folder / "cluster.partial" / "base").mkdir(parents=True)
    (folder / "cluster.partial" / "PG_VERSION").write_text("half")

    with postgres.running(folder) as engine:
        assert _run(engine, "SELECT 1") == 1
    assert not (folder / "cluster.partial").exists()


def test_preparing_again_keeps_password_and_data_and_takes_the_new_port(folder: Path) -> None:
    before = (folder / "password").read_text()

    postgres.prepare(folder, port=7777)

    assert (folder / "password").read_text() == before
    assert "port = 7777" in (folder / "postgresql.conf").read_text()
    assert before.strip() not in (folder / "postgresql.conf").read_text()


def test_each_test_gets_an_empty_database(postgres_database: Callable[[], str]) -> None:
    first, second = sa.create_engine(postgres_database()), sa.create_engine(postgres_database())

    with first.begin() as connection:
        connection.execute(sa.text("CREATE TABLE t (n int)"))

    assert sa.inspect(first).get_table_names() == ["t"]
    assert sa.inspect(second).get_table_names() == []
    first.dispose()
    second.dispose()


def _run(engine: Postgres, statement: str) -> object:
    with postgres.connect(engine.url) as connection:
        cursor = connection.execute(statement.encode())
        row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None
