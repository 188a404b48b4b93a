"""More than one shard, of the stream or of the warehouse."""

import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from openpanel.stream.drain import DeadFrame
from openpanel.warehouse import Warehouse, tables
from openpanel.warehouse.schema import Single, render
from openpanel_worker.batch import Rows
from openpanel_worker.deps import Values, opened
from openpanel_worker.drain import Outcome
from openpanel_worker.surroundings import Enrichers
from openpanel_worker.writing import write
from tests.stream.builders import a_pool
from tests.worker.builders import PROJECT, SERVER, Flag, RunMode, World, a_world, track


@pytest.fixture
async def wide(
    valkey_url: str, tmp_path: Path, warehouse: Warehouse, enrichers: Enrichers
) -> AsyncIterator[World]:
    async with a_world(valkey_url, tmp_path, warehouse=warehouse, enrichers=enrichers, shards=4) as made:
        yield made


def drain_all(world: World) -> None:
    for index in range(4):
        assert world.new_drain(shard=world.shard(index), index=index).run() is Outcome.EMPTY


async def test_server_event_finds_the_visit_in_another_shard(wide: World) -> None:
    pool = wide.stream.pool
    device = next(
        one for one in range(1, 100) if pool.shard_of(f"{PROJECT}|{one}") != pool.shard_of(f"{PROJECT}|0")
    )
    await wide.send(track(__path="/pay", __referrer="https://t.co/x", profile="42"), device=device)
    await wide.send(
        track("renewed", profile="42"),
        minute=1,
        device=0,
        agent=SERVER,
        flags=int(Flag.SERVER),
        mode=RunMode.JOIN,
    )
    drain_all(wide)
    wide.transform = wide.new_transform()
    await wide.send(
        track("paid", profile="42"),
        minute=2,
        device=0,
        agent=SERVER,
        flags=int(Flag.SERVER),
        mode=RunMode.JOIN,
    )

    drain_all(wide)

    rows = wide.rows("name, device_id, browser", where="name = 'paid'")
    assert rows == [("paid", device, "Chrome")]


async def test_every_visitor_is_counted_once(wide: World) -> None:
    for device in range(1, 40):
        await wide.send(track(__path="/"), device=device)
        await wide.send(track(__path="/b"), device=device, minute=1)

    drain_all(wide)

    assert wide.rows("uniqExact(device_id), count()", where="name = 'session_start'", order="1") == [(39, 39)]
    assert wide.rows("count()", where="name = 'screen_view'", order="1") == [(78,)]


def test_worker_of_a_cluster_inserts_into_the_table_that_knows_the_shards(
    valkey_url: str, clickhouse: Any, clickhouse_database: Callable[[], str]
) -> None:
    values = Values(
        valkey_url,
        "postgresql+psycopg://nobody@127.0.0.1:9/none",
        clickhouse.url,
        clickhouse_database(),
        a_pool(),
        clickhouse_cluster="openpanel",
    )
    table = tables.PERSON_OVERRIDES
    local = replace(table, name=f"{table.name}_local")
    rows = Rows(table)
    rows.add(("shop", 1, 2, 3), DeadFrame("1-1", "", b"", 1, 1))

    with opened(values, stopping=threading.Event()) as deps:
        deps.warehouse.create_database()
        for statement in (*render(table, form=Single()), *render(local, form=Single())):
            deps.warehouse.command(statement)
        write(
            deps.warehouse, rows, token="one", refuse=lambda _source, detail: pytest.fail(detail), cuts=set()
        )

        assert deps.warehouse.query(f"SELECT person, into FROM {table.name}") == [(1, 2)]
        assert deps.warehouse.query(f"SELECT count() FROM {local.name}") == [(0,)]
