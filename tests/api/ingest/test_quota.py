"""A project's quota of a month: what is answered past it, when it is free again, and what is counted."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
import redis
import redis.asyncio

from openpanel.metadata.records import ProjectRecord
from openpanel.stream import usage
from openpanel.stream.drain import Shard
from openpanel.stream.keys import Pool
from openpanel_api.ingest.quota import LONGEST_WAIT_S, QuotaExceeded, Quotas
from tests.api.ingest.rig import NOON, Clock, an_event, an_ingest

POOL = Pool("shared", 1)


class Meter:
    """What projects have used, by month."""

    def __init__(self) -> None:
        self.months: dict[str, Mapping[str, int]] = {}
        self.asked: list[Sequence[str]] = []

    async def used(self, _pool: Pool, projects: Sequence[str], month: str) -> dict[str, int]:
        self.asked.append(projects)
        return {project: self.months.get(month, {}).get(project, 0) for project in projects}


def a_project(quota: int | None) -> ProjectRecord:
    return ProjectRecord(id="shop", name="Shop", organization="acme", quota_events=quota)


async def checked(quotas: Quotas, project: ProjectRecord, *, at: int = NOON) -> bool:
    """Whether a call is taken."""
    try:
        quotas.check(project, pool=POOL, now_ms=at)
    except QuotaExceeded:
        return False
    return True


@pytest.mark.parametrize(
    ("quota", "used", "taken"), [(None, 10**12, True), (100, 99, True), (100, 100, False), (100, 101, False)]
)
async def test_call_is_taken_below_the_quota(quota: int | None, used: int, *, taken: bool) -> None:
    month = usage.month_of(NOON)
    meter = Meter()
    meter.months[month] = {"shop": used}
    quotas = Quotas(used=meter.used, now_ms=Clock())
    await checked(quotas, a_project(quota))
    await quotas.refresh()

    assert await checked(quotas, a_project(quota)) is taken


async def test_projects_without_a_quota_are_not_asked_about() -> None:
    meter = Meter()
    quotas = Quotas(used=meter.used, now_ms=Clock())

    await checked(quotas, a_project(None))
    await quotas.refresh()

    assert meter.asked == []


async def test_new_month_is_a_new_quota() -> None:
    meter, clock = Meter(), Clock()
    meter.months[usage.month_of(NOON)] = {"shop": 100}
    quotas = Quotas(used=meter.used, now_ms=clock)
    await checked(quotas, a_project(100))
    await quotas.refresh()
    end = usage.month_ends_ms(NOON)

    assert not await checked(quotas, a_project(100), at=end - 1)
    assert await checked(quotas, a_project(100), at=end)
    clock.now_ms = end
    await quotas.refresh()
    assert await checked(quotas, a_project(100), at=end)


async def test_raised_quota_counts_at_once() -> None:
    meter = Meter()
    meter.months[usage.month_of(NOON)] = {"shop": 100}
    quotas = Quotas(used=meter.used, now_ms=Clock())
    await checked(quotas, a_project(100))
    await quotas.refresh()

    assert await checked(quotas, a_project(101))


async def test_what_a_project_sent_before_it_changed_its_pool_counts() -> None:
    month, own = usage.month_of(NOON), Pool("shop", 2)
    counts = {POOL: 70, own: 30}

    async def used(pool: Pool, projects: Sequence[str], asked: str) -> dict[str, int]:
        assert asked == month
        return dict.fromkeys(projects, counts[pool])

    quotas = Quotas(used=used, now_ms=Clock(), shared=POOL)
    quotas.check(a_project(100), pool=own, now_ms=NOON)
    await quotas.refresh()

    with pytest.raises(QuotaExceeded):
        quotas.check(a_project(100), pool=own, now_ms=NOON)
    quotas.check(a_project(101), pool=own, now_ms=NOON)


async def test_project_that_stays_in_the_shared_pool_is_counted_once() -> None:
    meter = Meter()
    meter.months[usage.month_of(NOON)] = {"shop": 60}
    quotas = Quotas(used=meter.used, now_ms=Clock(), shared=POOL)
    await checked(quotas, a_project(100))
    await quotas.refresh()

    assert await checked(quotas, a_project(100))
    assert meter.asked == [["shop"]]


async def test_past_the_quota_every_call_is_told_so_and_nothing_is_kept(
    valkey_url: str, tmp_path: Path
) -> None:
    async with redis.asyncio.Redis.from_url(valkey_url) as client:

        async def used(pool: Pool, projects: Sequence[str], _month: str) -> dict[str, int]:
            month = usage.month_of(written_ms)
            return await usage.used_soon(client, pools=[pool], projects=projects, month=month)

        quotas = Quotas(used=used, now_ms=Clock())
        async with an_ingest(valkey_url, tmp_path, quotas=quotas, quota_events=2) as ingest:
            taken = [await ingest.track(n=n) for n in range(2)]
            written_ms = _write(valkey_url, ingest.pool)
            await quotas.refresh()
            single = await ingest.track(n=3)
            batch = await ingest.post("/track/batch", [an_event()])
            kept = await ingest.kept()
            counted = ingest.parts.counts.refused["quota_exceeded"]

    assert [answer.status for answer in taken] == [200, 200]
    assert (single.status, batch.status) == (429, 429)
    assert single.json["message"].startswith("The project has used its quota of 2 events of ")
    assert 0 < int(single.headers["retry-after"]) <= LONGEST_WAIT_S
    assert kept == []
    assert counted == 2


def _write(url: str, pool: Pool) -> int:
    """Take everything off the stream as a worker does; when the first of it came in."""
    with redis.Redis.from_url(url) as client:
        shard = Shard(client, pool=pool, index=0, owner="worker", clock=Clock())
        assert shard.acquire()
        block = shard.next_block(max_events=100)
        assert block is not None
        shard.acknowledge(block)
    return int(block.first.partition("-")[0])
