"""Events go into the pool of their project, and a process may serve one project alone."""

import asyncio
from pathlib import Path
from typing import Any

import redis.asyncio

from openpanel.stream.keys import Pool, keys_of
from openpanel.stream.spool import SUFFIX
from openpanel_api.ingest.lanes import Only
from openpanel_api.ingest.leftovers import spool_name, spooled_pools
from tests.api.ingest.rig import Ingest, an_event, an_ingest


async def length(store: redis.asyncio.Redis, pool: Pool) -> int:
    return sum([await store.xlen(keys.stream) for keys in keys_of(pool)])


async def test_events_follow_their_project_into_its_pool(ingest: Ingest) -> None:
    own = Pool(f"{ingest.pool.name}-own", 3)
    await ingest.track(n=1)
    ingest.change_project(pool=own.name, pool_shards=own.shards)
    ingest.clients.changed(f"project:{ingest.project}")

    answers = [await ingest.post("/track", an_event(__deviceId=f"d{n}")) for n in range(20)]
    batch = await ingest.post("/track/batch", [an_event(__deviceId=f"b{n}") for n in range(20)])

    assert {answer.status for answer in [*answers, batch]} == {200}
    assert await length(ingest.redis, ingest.pool) == 1
    assert all([await ingest.redis.xlen(keys.stream) for keys in keys_of(own)])


async def test_pool_of_the_settings_has_the_shards_of_the_settings(valkey_url: str, tmp_path: Path) -> None:
    async with an_ingest(valkey_url, tmp_path, shards=4, pool_shards=1) as ingest:
        for n in range(40):
            await ingest.track(__deviceId=f"d{n}")

        assert all([await ingest.redis.xlen(keys.stream) for keys in keys_of(ingest.pool)])


async def test_lane_is_opened_once(ingest: Ingest) -> None:
    ingest.change_project(pool=f"{ingest.pool.name}-own", pool_shards=2)
    project = ingest.source.records[next(iter(ingest.source.records))].project
    assert project is not None

    lanes = await asyncio.gather(*(ingest.parts.lanes.of(project) for _ in range(5)))

    assert len({id(lane) for lane in lanes}) == 1


async def test_other_projects_are_told_where_to_go(valkey_url: str, tmp_path: Path) -> None:
    only = Only("another", "https://in.example.com")
    async with an_ingest(valkey_url, tmp_path, only=only) as ingest:
        answers: list[Any] = [
            await ingest.track(),
            await ingest.post("/track/batch", [an_event()]),
            await ingest.post("/event", {"name": "a"}),
        ]

        assert [answer.status for answer in answers] == [421] * 3
        assert "https://in.example.com" in answers[0].json["message"]
        assert await ingest.kept() == []


async def test_the_project_itself_is_served(valkey_url: str, tmp_path: Path) -> None:
    async with an_ingest(valkey_url, tmp_path) as any_project:
        pass
    only = Only(any_project.project, "https://in.example.com")
    async with an_ingest(valkey_url, tmp_path, only=only) as ingest:
        for key, record in any_project.source.records.items():
            ingest.source.records[key] = record

        assert (await ingest.track()).status == 200


def test_spools_tell_their_pools(tmp_path: Path) -> None:
    pools = [Pool("shop", 4), Pool("shared_", 12), Pool("a-1", 1)]
    for pool in pools:
        (tmp_path / f"{spool_name(pool)}.00ff{SUFFIX}").touch()
    (tmp_path / f"shared.00ff{SUFFIX}").touch()
    (tmp_path / "shop_4.refused").touch()

    assert set(spooled_pools(tmp_path)) == set(pools)
    assert spooled_pools(tmp_path / "missing") == []
