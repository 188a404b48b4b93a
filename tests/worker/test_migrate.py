"""`python -m openpanel_worker.migrate` as a process: done, done again, done twice at once, refused, away."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import partial
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread
from typing import Any
from urllib.parse import SplitResult, urlsplit

import httpx
import pytest
from structlog.testing import capture_logs

from openpanel.metadata import Database, is_current
from openpanel.settings import Settings
from openpanel.warehouse import Warehouse, migrations, tables
from openpanel.warehouse.schema import Clustered, Single
from openpanel_worker.exits import Exit
from openpanel_worker.migrate import PAUSE_S, _until_they_answer, form_of, migrate, servers


@dataclass(frozen=True)
class Stores:
    """Stores that are empty, and how a migration is told of them."""

    postgres_url: str
    clickhouse_url: str
    clickhouse_database: str

    def begin(self, *arguments: str, **settings: str) -> subprocess.Popen[str]:
        """Begin a migration."""
        told = {f"OPENPANEL_{name.upper()}": value for name, value in (asdict(self) | settings).items()}
        return subprocess.Popen(
            [sys.executable, "-m", "openpanel_worker.migrate", *arguments],
            env={**os.environ, **told},
            stderr=subprocess.PIPE,
            text=True,
        )


@pytest.fixture
def stores(postgres_url: str, clickhouse: Any, clickhouse_database: Callable[[], str]) -> Stores:
    return Stores(postgres_url, clickhouse.url, clickhouse_database())


@contextmanager
def later(store: SplitResult) -> Iterator[tuple[int, Callable[[], None]]]:
    """A port that refuses connections until it is opened; then it leads to the store."""

    class Leading(StreamRequestHandler):
        def handle(self) -> None:
            with socket.create_connection((store.hostname or "", store.port or 0)) as onward:
                back = Thread(target=copy, args=(onward, self.connection), daemon=True)
                back.start()
                copy(self.connection, onward)
                back.join()

    with ThreadingTCPServer(("127.0.0.1", 0), Leading, bind_and_activate=False) as server:
        server.daemon_threads = True
        server.server_bind()
        serving = Thread(target=server.serve_forever, daemon=True)

        def open_it() -> None:
            server.server_activate()
            serving.start()

        yield server.server_address[1], open_it
        if serving.is_alive():
            server.shutdown()


def copy(one: socket.socket, other: socket.socket) -> None:
    """Everything that comes from one, to the other."""
    with suppress(OSError):
        while piece := one.recv(65_536):
            other.sendall(piece)
        other.shutdown(socket.SHUT_WR)


def ended(process: subprocess.Popen[str]) -> tuple[int, list[dict[str, Any]]]:
    """Exit code and log lines."""
    _, lines = process.communicate(timeout=120)
    return process.returncode, [json.loads(line) for line in lines.splitlines()]


def test_empty_stores_are_furnished_and_a_second_run_finds_nothing_to_do(stores: Stores) -> None:
    first, lines = ended(stores.begin())
    second, again = ended(stores.begin())

    assert (first, second) == (Exit.DONE, Exit.DONE)
    assert [line["event"] for line in lines] == ["postgres is migrated", "clickhouse is migrated"]
    assert lines[-1]["done"] != []
    assert again[-1]["done"] == []
    with Database(stores.postgres_url) as database:
        assert is_current(database)
    with Warehouse(stores.clickhouse_url, database=stores.clickhouse_database) as warehouse:
        assert warehouse.query(f"SELECT count() FROM `{tables.EVENTS.name}`") == [(0,)]


def test_two_at_once_end_well(stores: Stores) -> None:
    processes = [stores.begin(), stores.begin()]

    assert [ended(process)[0] for process in processes] == [Exit.DONE, Exit.DONE]


def test_store_that_does_not_answer_is_to_be_tried_again(stores: Stores) -> None:
    code, lines = ended(stores.begin(clickhouse_url="http://openpanel:secret@127.0.0.1:9"))

    assert code == Exit.AWAY
    assert lines[-1]["event"] == "a store does not answer"
    assert "secret" not in str(lines)


def test_store_that_answers_late_is_waited_for(stores: Stores) -> None:
    store = urlsplit(stores.clickhouse_url)
    with later(store) as (port, open_it):
        not_yet = store._replace(netloc=f"{store.username}:{store.password}@127.0.0.1:{port}")
        process = stores.begin("--wait", "100", clickhouse_url=not_yet.geturl())
        assert process.stderr is not None
        while json.loads(process.stderr.readline())["event"] != "a store does not answer":
            assert process.poll() is None
        open_it()
        code, lines = ended(process)

    assert code == Exit.DONE
    assert lines[-1]["event"] == "clickhouse is migrated"


def test_store_that_never_answers_is_not_waited_for_for_ever(stores: Stores) -> None:
    code, lines = ended(stores.begin("--wait", "3", clickhouse_url="http://127.0.0.1:9"))

    assert code == Exit.AWAY
    assert lines[-1]["event"] == "a store does not answer"


class Time:
    """Passes when somebody waits, and else stands still: how long a try takes depends on the machine."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_store_that_never_answers_is_not_waited_for_longer_than_was_said(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    time = Time()
    monkeypatch.setattr("openpanel_worker.migrate.time", time)
    once = partial(
        migrate,
        stores.postgres_url,
        ["http://127.0.0.1:9"],
        database=stores.clickhouse_database,
        form=Single(),
    )

    with capture_logs() as logs:
        ended_with = _until_they_answer(once, wait_s=2.5 * PAUSE_S)

    assert ended_with is Exit.AWAY
    assert [log["event"] for log in logs].count("a store does not answer") == 3
    assert time.now == 2 * PAUSE_S


def test_database_that_somebody_changed_is_refused(stores: Stores) -> None:
    with Warehouse(stores.clickhouse_url, database=stores.clickhouse_database) as warehouse:
        migrations.migrate(warehouse, form=Single())
    change = f"ALTER TABLE {stores.clickhouse_database}.bots ADD COLUMN mine String"
    httpx.post(stores.clickhouse_url, content=change).raise_for_status()

    code, lines = ended(stores.begin())

    assert code == Exit.REFUSED
    assert "bots differs from its definition" in lines[-1]["error"]


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"clickhouse_url": "clickhouse:9000"}, "address 1 of ClickHouse"),
        ({"shards": "none"}, "shards: "),
        ({"clickhouse_cluster": "nowhere"}, "system.clusters has no 'nowhere'"),
    ],
)
def test_settings_that_cannot_be_right_are_told(
    stores: Stores, settings: dict[str, str], reason: str
) -> None:
    code, lines = ended(stores.begin(**settings))

    assert code == Exit.BAD_SETTINGS
    assert reason in lines[-1]["error"]


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        (Settings(clickhouse_url="clickhouse:9000"), "address 1 of ClickHouse"),
        (Settings(clickhouse_shards="http://a:1"), "OPENPANEL_CLICKHOUSE_CLUSTER"),
        (Settings(clickhouse_cluster="main", clickhouse_shards="http://a:1, b"), "address 2 of ClickHouse"),
    ],
)
def test_servers_that_cannot_be_right_are_named_by_their_place(settings: Settings, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        servers(settings)


def test_every_server_of_a_cluster_is_migrated_once() -> None:
    told = Settings(clickhouse_cluster="main", clickhouse_shards="http://a:1,http://b:1, http://a:1,")

    assert servers(told) == ["http://a:1", "http://b:1"]
    assert form_of(told) == Clustered(cluster="main")
    assert servers(Settings(clickhouse_cluster="main", clickhouse_url="http://c:1")) == ["http://c:1"]
    assert form_of(Settings()) == Single()
