"""`python -m openpanel_worker.restore` as a process: what it is told wrongly, and what a store refuses."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from openpanel.metadata import migrate
from openpanel.warehouse import Warehouse
from openpanel_worker.exits import Exit

URL = "https://s3.example.com/bucket/folder"
SECRET = "this is the secret"


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


def test_what_is_missing_is_named() -> None:
    done = restored({}, "shop")

    assert done.returncode == Exit.BAD_SETTINGS
    assert "--from" in done.stderr
