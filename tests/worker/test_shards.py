"""More than one shard: visits are found wherever they began."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from openpanel.warehouse import Warehouse
from openpanel_worker.drain import Outcome
from openpanel_worker.surroundings import Enrichers
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
