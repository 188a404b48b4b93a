"""`python -m openpanel_worker.restore` as a process: what it is told wrongly, and what a store refuses."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import redis

from openpanel.metadata import Database, announcements, migrate
from openpanel.warehouse import Warehouse
from openpanel_worker import restore
from openpanel_worker.changes import CHANNEL
from openpanel_worker.exits import Exit

URL = "https://s3.example.com/bucket/folder"
SECRET = "this is the secret"
PATIENCE_S = 60.0


@pytest.fixture
def stores(postgres_url: str, clickhouse: Any, warehouse: Warehouse) -> dict[str, str]:
    migrate(postgres_url)
    return {
        "OPENPANEL_POSTGRES_URL": postgres_url,
        "OPENPANEL_CLICKHOUSE_URL": clickhouse.url,
        "OPENPANEL_CLICKHOUSE_DATABASE": warehouse.database,
    }


def restored(settings: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    keys = {"AWS_ACCESS_KEY_ID": "AKIAKEY", "AWS_SECRET_ACCESS_KEY": SECRET}
    return subprocess.run(
        [sys.executable, "-m", "openpanel_worker.restore", *arguments],
        env={**os.environ, **keys, **settings},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


def error_of(done: subprocess.CompletedProcess[str]) -> str:
    return str(json.loads(done.stderr.splitlines()[-1])["error"])


def test_an_engine_that_calls_nobody_refuses_and_tells_no_secret(stores: dict[str, str]) -> None:
    done = restored(stores, "shop", "--from", URL, "--name", "20261122T220800Z")

    assert done.returncode == Exit.REFUSED
    assert "may not use S3" in error_of(done)
    assert SECRET not in done.stdout + done.stderr


def test_an_address_that_is_no_place_is_told() -> None:
    done = restored({}, "shop", "--from", "s3://bucket/folder")

    assert done.returncode == Exit.BAD_SETTINGS
    assert "no address of http" in error_of(done)


def test_a_store_that_is_away_may_be_asked_again(stores: dict[str, str]) -> None:
    away = {**stores, "OPENPANEL_CLICKHOUSE_URL": "http://127.0.0.1:1"}

    assert restored(away, "shop", "--from", URL).returncode == Exit.AWAY


def test_workers_hear_of_a_project_that_was_brought_back(
    stores: dict[str, str], valkey_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = run_beside(stores, valkey_url, monkeypatch)

    with redis.Redis.from_url(valkey_url) as client, a_channel(client) as channel:
        assert said() is Exit.DONE
        heard: set[object] = set()
        while b"project:shop" not in heard:
            news = channel.get_message(timeout=PATIENCE_S)
            assert news is not None
            heard.add(news["data"])


def test_what_was_brought_back_is_told_later_where_redis_is_away(
    stores: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run_beside(stores, "redis://127.0.0.1:1/0", monkeypatch)() is Exit.DONE

    with Database(stores["OPENPANEL_POSTGRES_URL"]) as database:
        assert [topic for _, topic in announcements.pending(database)] == ["project:shop"]


def run_beside(stores: dict[str, str], redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """The command in this process, with a place from which everything comes back at once."""

    def bring_back(_wanted: object, database: Database, *_stores: object) -> Exit:
        with database.session() as session:
            announcements.project(session, "shop")
        return Exit.DONE

    for name, value in {**stores, "OPENPANEL_REDIS_URL": redis_url}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(restore, "bring_back", bring_back)
    return lambda: restore.main(["shop", "--from", URL, "--name", "20261122T220800Z"], keys={})


@contextmanager
def a_channel(client: redis.Redis) -> Iterator[redis.client.PubSub]:
    channel: redis.client.PubSub
    with client.pubsub() as channel:  # type: ignore[no-untyped-call]  # redis-py
        channel.subscribe(CHANNEL)
        assert channel.get_message(timeout=PATIENCE_S) is not None
        yield channel


def test_what_is_missing_is_named() -> None:
    done = restored({}, "shop")

    assert done.returncode == Exit.BAD_SETTINGS
    assert "--from" in done.stderr
