"""Health, metrics and the description of the API."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from httpx import AsyncClient
from redis.asyncio import Redis

from openpanel.metadata import Database
from openpanel.warehouse import Warehouse
from openpanel_api.public.services import Services
from openpanel_local.engines.clickhouse import ClickHouse
from tests.api.public.conftest import Clock, Place, talking_to


async def test_a_running_process_lives_and_is_ready(api: AsyncClient) -> None:
    assert (await api.get("/healthz/live")).json() == {"live": True}
    assert (await api.get("/healthz/ready")).json() == {"ready": True}


async def test_a_stopping_process_takes_no_more(place: Place) -> None:
    async with talking_to(Services(place.database, place.warehouse, stopping=lambda: True)) as api:
        answer = await api.get("/healthz/ready")
        live = await api.get("/healthz/live")

    assert (answer.status_code, answer.json()) == (503, {"ready": False, "reason": "shutting down"})
    assert live.status_code == 200


async def test_the_check_names_each_store(place: Place, redis: Redis) -> None:
    async with talking_to(Services(place.database, place.warehouse, redis=redis)) as api:
        answer = await api.get("/healthcheck")

    assert answer.status_code == 200
    assert answer.json() == {
        "ready": True, "redis": True, "db": True, "ch": True, "failedDependencies": [],
        "workingDependencies": ["redis", "db", "ch"],
    }  # fmt: skip


async def test_the_check_names_the_stores_that_are_away(place: Place) -> None:
    with (
        Database("postgresql://a:b@127.0.0.1:1/c") as database,
        Warehouse("http://a:b@127.0.0.1:1", database="c") as gone,
    ):
        async with (
            Redis.from_url("redis://127.0.0.1:1") as away,
            talking_to(Services(database, gone, redis=away)) as api,
        ):
            answer = await api.get("/healthcheck")

    assert answer.status_code == 503
    assert answer.json()["failedDependencies"] == ["redis", "db", "ch"]


class CountedDatabase(Database):
    """A database that counts how often it is asked whether it is there."""

    pings = 0

    def ping(self) -> None:
        self.pings += 1
        super().ping()


class CountedWarehouse(Warehouse):
    """The same of a warehouse."""

    asked = 0

    def query(
        self, sql: str, *, parameters: Mapping[str, object] | None = None, settings: Mapping[str, object] | None = None
    ) -> list[tuple[Any, ...]]:  # fmt: skip
        self.asked += 1
        return super().query(sql, parameters=parameters, settings=settings)


async def test_however_many_want_to_know_each_store_is_asked_once_a_second(
    postgres_database: Callable[[], str], clickhouse: ClickHouse, clock: Clock
) -> None:
    with (
        CountedDatabase(postgres_database()) as database,
        CountedWarehouse(clickhouse.url, database="default") as warehouse,
    ):
        async with talking_to(Services(database, warehouse, clock_ms=clock)) as api:
            answers = await asyncio.gather(*(api.get("/healthcheck") for _ in range(50)))
            at_once = (database.pings, warehouse.asked)
            clock.ms += 1_000
            await api.get("/healthcheck")
            later = (database.pings, warehouse.asked)

    assert {answer.status_code for answer in answers} == {200}
    assert (at_once, later) == ((1, 1), (2, 2))


async def test_metrics_count_by_route_and_not_by_path(api: AsyncClient) -> None:
    await api.get("/healthz/live")
    await api.get("/no/such/path/1")
    await api.get("/no/such/path/2")

    text = (await api.get("/metrics")).text

    assert 'openpanel_public_requests_total{route="/healthz/live",status="200"} 1.0' in text
    assert 'openpanel_public_requests_total{route="unmatched",status="404"} 2.0' in text
    assert "no/such" not in text


async def test_the_description_is_openapi_3_1_with_examples(api: AsyncClient) -> None:
    described = (await api.get("/openapi.json")).json()

    export = described["paths"]["/export/events"]["get"]
    assert described["openapi"].startswith("3.1")
    assert all(parameter.get("description") for parameter in export["parameters"])
    assert export["responses"]["200"]["content"]["application/json"]["example"]["data"]
    assert {"400", "401", "403", "404", "429", "503"} <= set(export["responses"])


async def test_a_page_of_another_origin_may_ask(api: AsyncClient, clock: Clock) -> None:
    asked = {
        "origin": "https://tool.example", "access-control-request-method": "GET",
        "access-control-request-headers": "openpanel-client-id,openpanel-client-secret",
    }  # fmt: skip

    answer = await api.options("/export/events", headers=asked)

    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "openpanel-client-secret" in answer.headers["access-control-allow-headers"]
