"""The parts of the live streams one by one: what is news, who does not read, what is seen while Redis fails."""

import asyncio
from collections.abc import AsyncGenerator

from redis.asyncio import Redis
from starlette.types import Message

from openpanel.metadata import ProjectRecord
from openpanel.metadata.records import SHARED_POOL
from openpanel.stream import Pool
from openpanel_api.public.live_counts import Looks, Pulse
from openpanel_api.public.live_messages import Teller
from openpanel_api.public.live_stream import EventStream, event
from tests.api.public.conftest import Clock
from tests.api.public.live.conftest import KEYS, WAIT_S

POOL = Pool(SHARED_POOL, 1)
PROJECT = ProjectRecord("shop", "Shop", "acme")


def test_only_news_are_told() -> None:
    teller = Teller(("visitors", "events"))

    told = [teller.news(Pulse(*figures)) for figures in ((2, 0), (2, 0), (2, 5), (1, 5), (1, 9))]

    assert told == [
        [("visitors", "2"), ("events", '{"count": 0}')],
        [],
        [("events", '{"count": 5}')],
        [("visitors", "1")],
        [("events", '{"count": 4}')],
    ]


async def test_who_does_not_read_is_dropped() -> None:
    sent: list[Message] = []
    ended = asyncio.Event()

    async def endless() -> AsyncGenerator[bytes, None]:
        try:
            while True:
                yield event("visitors", "1")
        finally:
            ended.set()

    async def send(message: Message) -> None:
        sent.append(message)
        if len(sent) > 3:
            await asyncio.Event().wait()  # the socket takes no more

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    async with asyncio.timeout(WAIT_S):
        await EventStream(endless(), send_s=0.01)({"type": "http"}, receive, send)

    assert [message["type"] for message in sent] == ["http.response.start", *["http.response.body"] * 3]
    await asyncio.wait_for(ended.wait(), WAIT_S)


async def test_the_last_figures_stand_while_redis_refuses(redis: Redis, clock: Clock) -> None:
    looks = Looks(redis, clock_ms=clock, stopping=lambda: False, every_s=0.01)
    await redis.zadd(KEYS.live("shop"), {"a": clock.ms, "b": clock.ms})

    async with looks.watching(PROJECT, pool=POOL) as pulses, asyncio.timeout(WAIT_S):
        first = await anext(pulses)
        await redis.set(KEYS.live("shop"), "no set of visitors")
        during = [await anext(pulses) for _ in range(3)]
        await redis.delete(KEYS.live("shop"))
        after = await anext(pulses)
        while after.online:
            after = await anext(pulses)

    assert {first, *during} == {Pulse(2, 0)}
    assert after == Pulse(0, 0)


async def test_nobody_watching_asks_nothing(redis: Redis, clock: Clock) -> None:
    looks = Looks(redis, clock_ms=clock, stopping=lambda: False, every_s=0.001)
    before = len(asyncio.all_tasks())
    async with looks.watching(PROJECT, pool=POOL) as pulses, asyncio.timeout(WAIT_S):
        await anext(pulses)
        await anext(pulses)
        assert len(asyncio.all_tasks()) == before + 1

    assert len(asyncio.all_tasks()) == before


async def test_several_watchers_of_a_project_share_its_figures(redis: Redis, clock: Clock) -> None:
    looks = Looks(redis, clock_ms=clock, stopping=lambda: False, every_s=0.01)
    async with (
        looks.watching(PROJECT, pool=POOL) as first,
        looks.watching(PROJECT, pool=POOL) as second,
        asyncio.timeout(WAIT_S),
    ):
        await redis.zadd(KEYS.live("shop"), {"a": clock.ms})
        seen = []
        for pulses in (first, second):
            pulse = await anext(pulses)
            while not pulse.online:
                pulse = await anext(pulses)
            seen.append(pulse)

    assert seen == [Pulse(1, 0), Pulse(1, 0)]
