"""While the warehouse hangs: what asks it has places of its own, and all that needs no warehouse goes on."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import httpx
import pytest
from fastapi import Request
from starlette.concurrency import run_in_threadpool

from openpanel.analytics.flights import Caller, HungUp
from openpanel_dashboard import questions, volumes
from openpanel_dashboard.fragments import ClientGoneError, while_asked
from openpanel_dashboard.questions import BusyError, Questions
from tests.dashboard.browsers import ORIGIN
from tests.dashboard.conftest import NOW, World
from tests.dashboard.markup import parse
from tests.dashboard.test_fragments import Hanging, member_of

VIEWERS = 50  # more than the framework has threads
MOMENT_S = 0.05
WAIT_S = 100.0  # for what comes within a second on a machine that has time
BUSY = {
    "en": "Too much is being counted right now. Try again in a moment.",
    "ko": "지금 집계가 너무 많이 몰려 있습니다. 잠시 후 다시 시도하세요.",
}


async def happened(event: threading.Event) -> bool:
    return await asyncio.to_thread(event.wait, WAIT_S)


@asynccontextmanager
async def all_places_taken(given: Questions) -> AsyncIterator[None]:
    """While as many questions as may be asked at once are not answered."""
    begun, go_on = threading.Semaphore(0), threading.Event()

    def hang() -> None:
        begun.release()
        assert go_on.wait(timeout=250)

    asked = [asyncio.create_task(given.ask(hang)) for _ in range(questions.AT_ONCE)]
    try:
        for _ in asked:
            assert await asyncio.to_thread(begun.acquire, timeout=WAIT_S)
        yield
    finally:
        go_on.set()
        await asyncio.gather(*asked)


@pytest.mark.parametrize(
    ("path", "waiting"),
    [
        ("/overview/panel/kpis", volumes.AT_ONCE + questions.AT_ONCE),
        ("/overview/file/kpis.csv", volumes.AT_ONCE + questions.AT_ONCE),
        ("/figures", questions.AT_ONCE),
    ],
)
async def test_pages_that_need_no_warehouse_come_while_it_keeps_all_panels(
    world: World, path: str, waiting: int
) -> None:
    hanging = Hanging(world.warehouse, full=waiting)
    app = world.app(warehouse=hanging, waited_s=WAIT_S)
    stranger = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ORIGIN)
    async with member_of(world, app) as member, stranger:
        panels = [asyncio.create_task(member.get(world.address(path))) for _ in range(VIEWERS)]
        try:
            assert await happened(hanging.full)
            async with asyncio.timeout(WAIT_S):
                pages = [await stranger.get(each) for each in ("/sign-in", "/healthz/ready")]
                projects = await member.get("/")
            still = [panel.done() for panel in panels]
        finally:
            hanging.go_on.set()
            answers = await asyncio.gather(*panels)

    assert [page.status_code for page in (*pages, projects)] == [200, 200, 200]
    assert pages[1].json() == {"status": "degraded", "failures": {"clickhouse": "TimeoutError"}}
    assert set(still) == {False}
    assert {answer.status_code for answer in answers} == {200}


@pytest.mark.parametrize("language", ["en", "ko"])
async def test_panel_that_finds_no_place_says_so_and_is_asked_for_again(world: World, language: str) -> None:
    paths = (
        "/overview/panel/places",
        "/overview/file/places.csv",
        "/figures",
        "/overview/suggest?q=country+is+kr",
    )
    app = world.app(waited_s=MOMENT_S)
    async with all_places_taken(app.state.services.questions), member_of(world, app) as client:
        panel, file, figures, palette = [
            await client.get(world.address(path), headers={"accept-language": language}) for path in paths
        ]

    notice = parse(panel.text).one(class_="notice")
    assert (panel.status_code, notice.one("p").text) == (503, BUSY[language])
    assert "data-passing" in notice.attributes
    assert (file.status_code, parse(file.text).one("h1").text) == (503, BUSY[language])
    assert (figures.status_code, len(parse(figures.text).all(class_="hint"))) == (200, 1)
    assert [len(one["address"]) > 0 for one in palette.json()] == [True]


async def test_panel_that_finds_no_place_shows_what_it_last_knew(world: World) -> None:
    moments = [NOW]
    app = world.app(clock=lambda: moments[-1], waited_s=MOMENT_S)
    address = world.address("/overview/panel/kpis?range=today")
    async with member_of(world, app) as client:
        before = parse((await client.get(address)).text).one("a", id="kpi-visitors").text
        moments.append(NOW + timedelta(minutes=2))
        async with all_places_taken(app.state.services.questions):
            after = await client.get(address)

    assert after.status_code == 200
    assert parse(after.text).one("a", id="kpi-visitors").text == before
    assert parse(after.text).one("p", class_="stale").text == "As of 19:05"


async def test_whoever_finds_no_place_in_time_is_told() -> None:
    given = Questions(waited_s=MOMENT_S)
    async with all_places_taken(given):
        with pytest.raises(BusyError):
            await given.ask(lambda: "answer")


async def test_place_that_becomes_free_is_taken() -> None:
    given = Questions(waited_s=WAIT_S)
    async with all_places_taken(given):
        waiting = asyncio.create_task(given.ask(lambda: "answer"))
        await asyncio.sleep(0)

    assert await waiting == "answer"


async def test_stopping_what_nobody_waits_for_keeps_no_page_waiting() -> None:
    """To stop a question asks the warehouse too, which hangs."""
    begun, go_on = threading.Semaphore(0), threading.Event()
    left = asyncio.Event()

    async def leave() -> dict[str, str]:
        await left.wait()
        return {"type": "http.disconnect"}

    def hang() -> None:
        assert go_on.wait(timeout=250)

    def work(caller: Caller) -> str:
        with caller.waiting(hang):
            begun.release()
            hang()
        raise HungUp

    given = Questions(waited_s=WAIT_S)
    viewers = [
        asyncio.create_task(while_asked(Request({"type": "http"}, leave), given, work))
        for _ in range(VIEWERS)
    ]
    try:
        for _ in range(questions.AT_ONCE):
            assert await asyncio.to_thread(begun.acquire, timeout=WAIT_S)
        left.set()
        async with asyncio.timeout(WAIT_S):
            pages = await asyncio.gather(*(run_in_threadpool(lambda: "page") for _ in range(VIEWERS)))
    finally:
        go_on.set()
        ended = await asyncio.gather(*viewers, return_exceptions=True)

    assert pages == ["page"] * VIEWERS
    assert {type(error) for error in ended} == {ClientGoneError}


async def test_live_figures_stay_as_they_were_while_there_is_no_place(world: World) -> None:
    app = world.app(live_every_s=0, waited_s=MOMENT_S)
    known = await app.state.board.pulse(world.shop)
    async with all_places_taken(app.state.services.questions):
        told = await app.state.board.pulse(world.shop)

    assert told == known
    assert told.counted > 0
