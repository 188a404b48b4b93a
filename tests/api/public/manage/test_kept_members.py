"""Members that were kept, and that nothing names in the end, are not left behind, whatever came in between."""

from collections.abc import AsyncIterator, Iterator, Mapping
from threading import Event
from typing import Any

import anyio
import anyio.to_thread
import pytest
from fastapi import FastAPI
from starlette.requests import ClientDisconnect

from openpanel.metadata import Unavailable as MetadataUnavailable
from openpanel.metadata import cohorts as saved
from openpanel.warehouse import Warehouse
from openpanel_api.public.errors import Disconnected
from openpanel_api.public.manage.cohort_people import MembersGoneError
from openpanel_api.public.services import Services
from openpanel_local.engines.clickhouse import ClickHouse
from tests.api.public.asking import Json, asked, managed
from tests.api.public.conftest import Clock, Place, an_app
from tests.api.public.test_leaving import PATIENCE_S, PAYERS, SLEEP, Message, asked_and_left

COHORTS = "/manage/projects/shop/cohorts"
COUNTING = "count() AS persons"  # of the members that were just kept
PAGE = "LIMIT"  # of them that is sent
KEPT = "SELECT DISTINCT cohort_id, generation FROM cohort_members WHERE project_id = 'shop'"
VISITORS = {"kind": "events", "rules": [{"name": "screen_view"}]}
MAKE = {"name": "new", "type": "static", "definition": PAYERS}


class Slow(Warehouse):
    """A warehouse that keeps members at once, and takes minutes to read them."""

    part = COUNTING

    def query(
        self, sql: str, *, parameters: Mapping[str, object] | None = None, settings: Mapping[str, object] | None = None
    ) -> list[tuple[Any, ...]]:  # fmt: skip
        comment = (settings or {}).get("log_comment")
        if comment and self.part in sql and "cohort_members" in sql:
            slow = {"log_comment": comment, "max_block_size": 1, "max_execution_time": 300}
            super().query(SLEEP, settings=slow)
        return super().query(sql, parameters=parameters, settings=settings)


@pytest.fixture
def slow(shop: Place, clickhouse: ClickHouse) -> Iterator[Slow]:
    with Slow(clickhouse.url, database=shop.warehouse.database) as warehouse:
        yield warehouse


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


def app_over(shop: Place, warehouse: Warehouse, clock: Clock) -> FastAPI:
    """An API that sees a later moment, so that generations have other numbers."""
    clock.ms += 1_000
    return an_app(Services(shop.database, warehouse, clock_ms=clock))


async def until_only_named_members_are_kept(shop: Place) -> None:
    """The warehouse deletes in its own time."""
    named = {
        (each.id, each.generation)
        for each in saved.listed(shop.database, project="shop")
        if each.generation is not None
    }
    with anyio.fail_after(PATIENCE_S):
        while {*await anyio.to_thread.run_sync(shop.warehouse.query, KEPT)} != named:
            pass


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", COHORTS, MAKE),
        ("POST", f"{COHORTS}/{{static}}/refresh", None),
        ("PATCH", f"{COHORTS}/{{static}}", {"definition": VISITORS}),
        ("GET", f"{COHORTS}/{{dynamic}}/members/export", None),
    ],
    ids=["make", "refresh", "redefine", "export"],
)
async def test_members_that_nobody_waited_for_go(
    shop: Place, slow: Slow, clock: Clock, cohorts: dict[str, str], *, method: str, path: str, body: Json
) -> None:
    status = await asked_and_left(shop, app_over(shop, slow, clock), method, path.format(**cohorts), body)

    assert status == Disconnected.status
    await until_only_named_members_are_kept(shop)


async def test_members_of_an_export_go_with_who_reads_it(
    shop: Place, slow: Slow, clock: Clock, cohorts: dict[str, str]
) -> None:
    slow.part = PAGE
    path = f"{COHORTS}/{cohorts['dynamic']}/members/export"

    assert await asked_and_left(shop, app_over(shop, slow, clock), "GET", path, None) == 200
    await until_only_named_members_are_kept(shop)


async def test_members_of_an_export_go_when_it_is_whole(shop: Place, cohorts: dict[str, str]) -> None:
    path = f"{COHORTS}/{cohorts['dynamic']}/members/export"
    answer = await asked(shop, path, who="shop/admin")

    assert len(answer.text.splitlines()) == 2
    await until_only_named_members_are_kept(shop)


class Told(Warehouse):
    """A warehouse that tells when a page of kept members is asked for, and reads it after that."""

    def __init__(self, url: str, *, database: str) -> None:
        super().__init__(url, database=database)
        self.asked, self.go_on = Event(), Event()

    def query(
        self, sql: str, *, parameters: Mapping[str, object] | None = None, settings: Mapping[str, object] | None = None
    ) -> list[tuple[Any, ...]]:  # fmt: skip
        if PAGE in sql and "cohort_members" in sql:
            self.asked.set()
            assert self.go_on.wait(PATIENCE_S)
        return super().query(sql, parameters=parameters, settings=settings)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/refresh", None),
        ("PATCH", "", {"definition": VISITORS}),
        ("DELETE", "", None),
    ],
    ids=["refresh", "redefine", "delete"],
)
async def test_an_export_whose_members_go_meanwhile_breaks_off(
    shop: Place, clickhouse: ClickHouse, clock: Clock, *, method: str, path: str, body: Json
) -> None:
    cohort = f"{COHORTS}/{(await managed(shop, 'POST', 'projects/shop/cohorts', MAKE))['id']}"
    sent: list[Message] = []
    with Told(clickhouse.url, database=shop.warehouse.database) as told:
        app = app_over(shop, told, clock)

        async def export() -> None:
            with pytest.raises((MembersGoneError, RuntimeError)):
                await sending(shop, app, f"{cohort}/members/export", sent)

        async with anyio.create_task_group() as both:
            both.start_soon(export)
            assert await anyio.to_thread.run_sync(told.asked.wait, PATIENCE_S)
            clock.ms += 1_000
            changed = await asked(
                shop, f"{cohort}{path}", body=body, method=method, who="shop/admin", app=app
            )
            await until_only_named_members_are_kept(shop)
            told.go_on.set()

    await asked(shop, cohort, method="DELETE", who="shop/admin")
    assert changed.status_code == 200
    assert sent[0]["status"] == 200
    assert all(message.get("more_body") for message in sent[1:])


async def sending(shop: Place, app: FastAPI, path: str, sent: list[Message]) -> None:
    """What is sent to somebody who stays, and what comes in between is raised."""
    bodies = iter([{"type": "http.request", "body": b"", "more_body": False}])

    async def receive() -> Message:
        for body in bodies:
            return body
        await anyio.sleep_forever()
        raise AssertionError

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope_of(shop, path), receive, send)


def scope_of(shop: Place, path: str) -> Message:
    return {
        "type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "query_string": b"",
        "headers": [(name.encode(), text.encode()) for name, text in shop.headers("shop/admin").items()],
        "client": ("127.0.0.1", 1), "server": ("api.example", 80), "scheme": "http", "root_path": "",
        "http_version": "1.1", "asgi": {"version": "3.0", "spec_version": "2.4"},
    }  # fmt: skip


async def test_members_of_an_export_go_when_nobody_reads_a_line(
    shop: Place, clock: Clock, cohorts: dict[str, str]
) -> None:
    bodies = iter([{"type": "http.request", "body": b"", "more_body": False}])

    async def receive() -> Message:
        for body in bodies:
            return body
        await anyio.sleep_forever()
        raise AssertionError

    async def send(_: Message) -> None:
        raise OSError("the connection is gone")

    path = f"{COHORTS}/{cohorts['dynamic']}/members/export"
    with pytest.raises((OSError, ClientDisconnect)):
        await app_over(shop, shop.warehouse, clock)(scope_of(shop, path), receive, send)

    await until_only_named_members_are_kept(shop)


async def test_members_that_could_not_be_named_go(
    shop: Place, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise MetadataUnavailable("away")

    app = app_over(shop, shop.warehouse, clock)
    with monkeypatch.context() as patch:
        patch.setattr(saved, "create", away)
        answer = await asked(shop, COHORTS, body=MAKE, who="shop/admin", app=app)

    assert answer.status_code == 503
    await until_only_named_members_are_kept(shop)


async def test_members_for_a_change_of_another_version_go(
    shop: Place, clock: Clock, cohorts: dict[str, str]
) -> None:
    path, app = f"{COHORTS}/{cohorts['static']}", app_over(shop, shop.warehouse, clock)
    refused = await asked(
        shop, path, body={"definition": VISITORS}, method="PATCH", who="shop/admin",
        headers={"if-match": '"7"'}, app=app,
    )  # fmt: skip

    assert refused.status_code == 412
    await until_only_named_members_are_kept(shop)
    assert len((await asked(shop, f"{path}/members", who="shop/admin")).json()["data"]) == 1
