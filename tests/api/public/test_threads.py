"""Nobody's calls keep those of others waiting: a few threads for each who asks, and questions apart from the rest."""

import asyncio
from collections.abc import Iterator, Mapping
from threading import Event
from typing import Any

import pytest
from httpx import Response

from openpanel.warehouse import Warehouse
from openpanel_api.public.app import create_app
from openpanel_api.public.services import QUESTIONS, Services
from openpanel_api.public.threads import CrowdedError, Threads
from openpanel_local.engines.clickhouse import ClickHouse
from tests.api.public.asking import asked
from tests.api.public.conftest import Clock, Place

WAIT_S = 100.0  # for what comes at once on a machine that has time


class Hanging(Warehouse):
    """A warehouse that answers nothing about the shop until it is let go."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.let_go = Event()
        self.is_asked = Event()

    def query(
        self, sql: str, *, parameters: Mapping[str, object] | None = None, settings: Mapping[str, object] | None = None
    ) -> list[tuple[Any, ...]]:  # fmt: skip
        if (parameters or {}).get("project") == "shop" and "FROM sessions" in sql:
            self.is_asked.set()
            assert self.let_go.wait(WAIT_S)
        return super().query(sql, parameters=parameters, settings=settings)


@pytest.fixture
def hanging(shop: Place, clickhouse: ClickHouse) -> Iterator[Hanging]:
    with Hanging(clickhouse.url, database=shop.warehouse.database) as opened:
        yield opened
        opened.let_go.set()


DIFFERENT = [{"range": f"{days}d"} for days in range(1, 2 * QUESTIONS)]
EQUAL = [{"range": "7d"}] * (2 * QUESTIONS)


@pytest.mark.parametrize("questions", [DIFFERENT, EQUAL], ids=["different", "equal"])
async def test_questions_of_one_organization_keep_no_other_waiting(
    shop: Place, hanging: Hanging, clock: Clock, questions: list[dict[str, str]]
) -> None:
    app = create_app(Services(shop.database, hanging, clock_ms=clock))

    async def ask(question: dict[str, str]) -> Response:
        return await asked(shop, "/insights/shop/country", question, app=app)

    waiting = [asyncio.create_task(ask(question)) for question in questions]
    try:
        async with asyncio.timeout(WAIT_S):
            await asyncio.to_thread(hanging.is_asked.wait, WAIT_S)
            other = await asked(shop, "/insights/mine/country", who="mine/reader", app=app)
            own = await asked(shop, "/manage/projects/shop", who="shop/admin", app=app)
    finally:
        hanging.let_go.set()
    answers = await asyncio.gather(*waiting)

    assert (other.status_code, own.status_code) == (200, 200)
    assert {answer.status_code for answer in answers} == {200}


async def test_each_who_asks_has_so_many_at_once_and_the_others_wait_in_order() -> None:
    threads = Threads(10, each=2)
    let_go, begun = asyncio.Event(), list[str]()

    async def take(whose: str, name: str) -> None:
        async with threads.turn(whose):
            begun.append(name)
            await let_go.wait()

    tasks = [asyncio.create_task(take("one", name)) for name in "abcd"]
    tasks.append(asyncio.create_task(take("other", "x")))
    await asyncio.sleep(0)
    at_once = list(begun)
    let_go.set()
    await asyncio.gather(*tasks)

    assert at_once == ["a", "b", "x"]
    assert begun == ["a", "b", "x", "c", "d"]


async def test_so_many_wait_and_no_more() -> None:
    threads = Threads(1, each=1, waiting=1)
    let_go = asyncio.Event()

    async def take() -> None:
        async with threads.turn("one"):
            await let_go.wait()

    tasks = [asyncio.create_task(take()) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(CrowdedError):
        await take()
    tasks[1].cancel()
    await asyncio.wait(tasks[1:])
    let_go.set()
    await take()  # whoever has left leaves a place

    await tasks[0]
