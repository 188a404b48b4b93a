"""Whoever leaves stops what was asked for it: over HTTP, for every kind of question and of writing down its answer."""

import json
from collections.abc import AsyncIterator, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import anyio
import anyio.to_thread
import pytest
from fastapi import FastAPI

from openpanel.warehouse import Warehouse
from openpanel_api.public.errors import Disconnected
from openpanel_api.public.services import Services
from openpanel_local.engines.clickhouse import ClickHouse
from tests.api.public.asking import Json, managed
from tests.api.public.conftest import Clock, Place, an_app

Message = MutableMapping[str, Any]
PAYERS = {"kind": "events", "rules": [{"name": "revenue"}]}
SLEEP = "SELECT sleepEachRow(1) FROM numbers(200)"
RUNNING = "SELECT count() FROM system.processes WHERE startsWith(Settings['log_comment'], 'public-')"
SLEEPING = f"{RUNNING} AND startsWith(query, '{SLEEP}')"
PATIENCE_S = 120.0  # the warehouse looks every ten seconds for what it could not do at once
# How many questions these ask at once; the others ask one after the other.
AT_ONCE = {"/insights/shop/overview": 2, "/export/events": 2}


class Slow(Warehouse):
    """A warehouse in which everything that can be stopped takes minutes more."""

    def query(
        self, sql: str, *, parameters: Mapping[str, object] | None = None, settings: Mapping[str, object] | None = None
    ) -> list[tuple[Any, ...]]:  # fmt: skip
        self._sleep(settings)
        return super().query(sql, parameters=parameters, settings=settings)

    def command(
        self, sql: str, *, parameters: Mapping[str, object] | None = None, settings: Mapping[str, object] | None = None
    ) -> None:  # fmt: skip
        self._sleep(settings)
        super().command(sql, parameters=parameters, settings=settings)

    def _sleep(self, settings: Mapping[str, object] | None) -> None:
        if comment := (settings or {}).get("log_comment"):
            slow = {"log_comment": comment, "max_block_size": 1, "max_execution_time": 300}
            super().query(SLEEP, settings=slow)


@pytest.fixture
def slow(shop: Place, clickhouse: ClickHouse, clock: Clock) -> Iterator[FastAPI]:
    with Slow(clickhouse.url, database=shop.warehouse.database) as warehouse:
        yield an_app(Services(shop.database, warehouse, clock_ms=clock))


@pytest.fixture
async def cohorts(shop: Place) -> AsyncIterator[dict[str, str]]:
    """The ids of a cohort of each type."""
    made = {}
    for kind in ("static", "dynamic"):
        body = {"name": kind, "type": kind, "definition": PAYERS}
        made[kind] = str((await managed(shop, "POST", "projects/shop/cohorts", body))["id"])
    yield made
    for cohort in made.values():
        await managed(shop, "DELETE", f"projects/shop/cohorts/{cohort}")


COHORTS = "/manage/projects/shop/cohorts"
CASES: list[tuple[str, str, Json]] = [
    ("GET", "/insights/shop/overview", None),
    ("GET", "/insights/shop/overview?explain=true", None),
    ("POST", "/insights/shop/funnel", {"steps": [{"name": "screen_view"}, {"name": "signup"}]}),
    ("GET", "/export/events", None),
    ("GET", "/export/events?format=csv", None),
    ("GET", "/export/events?format=parquet&explain=true", None),
    ("POST", f"{COHORTS}/preview", {"definition": PAYERS}),
    ("POST", COHORTS, {"name": "new", "type": "dynamic", "definition": PAYERS}),
    ("POST", COHORTS, {"name": "new", "type": "static", "definition": PAYERS}),
    ("POST", f"{COHORTS}/{{static}}/refresh", None),
    ("POST", f"{COHORTS}/{{dynamic}}/refresh", None),
    ("PATCH", f"{COHORTS}/{{static}}", {"definition": PAYERS}),
    ("GET", f"{COHORTS}/{{dynamic}}/members", None),
    ("GET", f"{COHORTS}/{{dynamic}}/members/export", None),
]


@pytest.mark.parametrize(
    ("method", "path", "body"), CASES, ids=[f"{method} {path} {(body or {}).get('type', '')}" for method, path, body in CASES]
)  # fmt: skip
async def test_a_query_stops_when_who_asked_is_gone(
    shop: Place, slow: FastAPI, cohorts: dict[str, str], *, method: str, path: str, body: Json
) -> None:
    status = await asked_and_left(shop, slow, method, path.format(**cohorts), body)

    assert status == Disconnected.status
    await until_nothing_runs(shop)


async def test_a_stream_stops_when_who_reads_it_is_gone(
    shop: Place, slow: FastAPI, cohorts: dict[str, str]
) -> None:
    path = f"{COHORTS}/{cohorts['static']}/members/export"

    assert await asked_and_left(shop, slow, "GET", path, None) == 200
    await until_nothing_runs(shop)


class Told(Warehouse):
    """A warehouse that remembers with which settings it was asked."""

    settings: list[tuple[str, Mapping[str, object]]]

    def query(
        self, sql: str, *, parameters: Mapping[str, object] | None = None, settings: Mapping[str, object] | None = None
    ) -> list[tuple[Any, ...]]:  # fmt: skip
        self.settings.append((sql, settings or {}))
        return super().query(sql, parameters=parameters, settings=settings)

    def command(
        self, sql: str, *, parameters: Mapping[str, object] | None = None, settings: Mapping[str, object] | None = None
    ) -> None:  # fmt: skip
        if sql.startswith("INSERT"):
            self.settings.append((sql, settings or {}))
        super().command(sql, parameters=parameters, settings=settings)


@contextmanager
def told(shop: Place, clickhouse: ClickHouse) -> Iterator[Told]:
    with Told(clickhouse.url, database=shop.warehouse.database) as warehouse:
        warehouse.settings = []
        yield warehouse


async def test_every_statement_says_how_urgent_it_is(
    shop: Place, clickhouse: ClickHouse, clock: Clock, cohorts: dict[str, str]
) -> None:
    with told(shop, clickhouse) as warehouse:
        app = an_app(Services(shop.database, warehouse, clock_ms=clock))
        for method, path, body in CASES:
            made = await sent_to(shop, app, method, path.format(**cohorts), body)
            if method == "POST" and path == COHORTS:
                await managed(shop, "DELETE", f"projects/shop/cohorts/{made['data']['id']}")

    asked = [
        each for each in warehouse.settings if "FROM system.tables" not in each[0]
    ]  # what form tables have
    kinds = {sql.split(maxsplit=1)[0] for sql, _ in asked}
    assert kinds >= {"SELECT", "WITH", "EXPLAIN", "INSERT"}
    assert [sql for sql, settings in asked if not settings.get("priority")] == []


async def sent_to(shop: Place, app: FastAPI, method: str, path: str, body: Json) -> Json:
    """What is answered to somebody who stays; of a table nothing."""
    answer = await _asked(shop, app, method, path, body, left_when=None)
    assert answer[0]["status"] == 200, answer
    whole = b"".join(message.get("body", b"") for message in answer[1:])
    return json.loads(whole) if whole.startswith(b"{") else None


async def asked_and_left(shop: Place, app: FastAPI, method: str, path: str, body: Json) -> int:
    """The status that was answered to somebody who left as soon as all that takes minutes ran."""

    async def sleeps() -> bool:
        return await running(shop, SLEEPING) == AT_ONCE.get(path, 1)  # what came before is past

    with anyio.fail_after(PATIENCE_S):
        sent = await _asked(shop, app, method, path, body, left_when=sleeps)
    return int(sent[0]["status"])


async def _asked(
    shop: Place, app: FastAPI, method: str, path: str, body: Json, *, left_when: Any
) -> list[Message]:
    sent: list[Message] = []
    began = False

    async def receive() -> Message:
        nonlocal began
        if not began:
            began = True
            return {"type": "http.request", "body": json.dumps(body).encode(), "more_body": False}
        if left_when is None:
            await anyio.sleep_forever()
        while not await left_when():
            pass
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    address = urlsplit(path)
    headers = {**shop.headers("shop/admin"), "content-type": "application/json"}
    scope = {
        "type": "http", "method": method, "path": address.path, "raw_path": address.path.encode(),
        "query_string": address.query.encode(), "headers": [(name.encode(), text.encode()) for name, text in headers.items()],
        "client": ("127.0.0.1", 1), "server": ("api.example", 80), "scheme": "http", "root_path": "",
        "http_version": "1.1", "asgi": {"version": "3.0"},
    }  # fmt: skip
    await app(scope, receive, send)
    return sent


async def running(shop: Place, asking: str = RUNNING) -> int:
    """How many queries of the API are running now."""
    rows = await anyio.to_thread.run_sync(lambda: shop.warehouse.query(asking))
    return int(rows[0][0])


async def until_nothing_runs(shop: Place) -> None:
    """Returns long before the query would have ended by itself."""
    with anyio.fail_after(PATIENCE_S):
        while await running(shop):
            pass
