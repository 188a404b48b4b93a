"""Rates: a hundred in ten seconds per client, for all processes together, told in headers."""

import pytest
from httpx import AsyncClient, Response
from redis.asyncio import Redis

from openpanel_api.public.rates import REQUESTS, WINDOW_MS, Rates
from openpanel_api.public.services import Services
from tests.api.public.conftest import Clock, Place, talking_to

ASKED = {"limit": 1}


async def test_the_answer_tells_what_is_left(api: AsyncClient, place: Place, clock: Clock) -> None:
    clock.ms = 5 * WINDOW_MS + 2_500

    answer = await api.get("/export/events", params=ASKED, headers=place.headers("mine/reader"))

    assert answer.headers["ratelimit-policy"] == '"client";q=100;w=10'
    assert answer.headers["ratelimit"] == '"client";r=99;t=8'


@pytest.mark.parametrize("shared", [True, False], ids=["redis", "own"])
async def test_one_more_than_the_rate_waits_for_the_next_window(
    place: Place, clock: Clock, redis: Redis, shared: bool
) -> None:
    services = Services(place.database, place.warehouse, redis=redis if shared else None, clock_ms=clock)
    clock.ms = 5 * WINDOW_MS + 4_000
    rates = Rates(services)

    left = [(await rates.count("a")).left for _ in range(REQUESTS + 1)]
    other = await rates.count("b")
    clock.ms += 6_000
    later = await rates.count("a")

    assert left == list(range(REQUESTS - 1, -2, -1))
    assert (other.left, later.left) == (REQUESTS - 1, REQUESTS - 1)


async def test_processes_count_together(place: Place, clock: Clock, redis: Redis) -> None:
    one, two = (
        Rates(Services(place.database, place.warehouse, redis=redis, clock_ms=clock)) for _ in range(2)
    )

    await one.count("a")

    assert (await two.count("a")).left == REQUESTS - 2


async def test_counters_leave_redis_by_themselves(place: Place, clock: Clock, redis: Redis) -> None:
    await Rates(Services(place.database, place.warehouse, redis=redis, clock_ms=clock)).count("a")

    (key,) = await redis.keys("op:rate:public:*")
    assert 0 < await redis.pttl(key) <= 2 * WINDOW_MS


async def test_too_much_is_refused_with_the_time_to_wait(place: Place, clock: Clock, redis: Redis) -> None:
    clock.ms = 5 * WINDOW_MS + 9_500
    services = Services(place.database, place.warehouse, redis=redis, clock_ms=clock)
    headers = place.headers("mine/reader")
    client_id = headers["openpanel-client-id"]
    async with talking_to(services) as api:
        await redis.set(f"op:rate:public:{client_id}:5", REQUESTS)

        refused = await api.get("/export/events", params=ASKED, headers=headers)
        clock.ms += 500
        later = await api.get("/export/events", params=ASKED, headers=headers)

    assert refused.status_code == 429
    assert refused.json() == {
        "status": 429, "error": "Too Many Requests", "message": "You have exceeded the rate limit for this endpoint.",
    }  # fmt: skip
    assert (refused.headers["retry-after"], refused.headers["ratelimit"]) == ("1", '"client";r=0;t=1')
    assert later.status_code == 200


async def test_asking_goes_on_while_redis_is_away(place: Place, clock: Clock) -> None:
    async with Redis.from_url("redis://127.0.0.1:1") as away:
        services = Services(place.database, place.warehouse, redis=away, clock_ms=clock)
        async with talking_to(services) as api:
            answers: list[Response] = [
                await api.get("/export/events", params=ASKED, headers=place.headers("mine/reader"))
                for _ in range(2)
            ]

    assert [answer.headers["ratelimit"][:12] for answer in answers] == ['"client";r=9', '"client";r=9']
    assert [answer.status_code for answer in answers] == [200, 200]
