"""`python -m openpanel_worker.migrate` as a process: done, done again, done twice at once, refused, away."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import httpx
import pytest

from openpanel.metadata import Database, is_current
from openpanel.settings import Settings
from openpanel.warehouse import Warehouse, migrations, tables
from openpanel.warehouse.schema import Clustered, Single
from openpanel_worker.exits import Exit
from openpanel_worker.migrate import form_of, servers


@dataclass(frozen=True)
class Stores:
    """Stores that are empty, and how a migration is told of them."""

    postgres_url: str
    clickhouse_url: str
    clickhouse_database: str

    def begin(self, **settings: str) -> subprocess.Popen[str]:
        """Begin a migration."""
        told = {f"OPENPANEL_{name.upper()}": value for name, value in (asdict(self) | settings).items()}
        return subprocess.Popen(
            [sys.executable, "-m", "openpanel_worker.migrate"],
            env={**os.environ, **told},
            stderr=subprocess.PIPE,
            text=True,
        )


@pytest.fixture
def stores(postgres_url: str, clickhouse: Any, clickhouse_database: Callable[[], str]) -> Stores:
    return Stores(postgres_url, clickhouse.url, clickhouse_database())


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
