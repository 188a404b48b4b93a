"""Runs questions in threads, through the answers that are kept, and stops their queries when whoever asked has gone."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from functools import partial
from threading import Event
from typing import Any, TypeVar
from uuid import uuid4

import anyio.to_thread
from fastapi import Request

from openpanel.analytics.asking import Question
from openpanel.analytics.cache import NEVER, Cache, Found
from openpanel.analytics.flights import STOPPED_AGAIN_S, STOPPED_TIMES, Caller, HungUp
from openpanel.analytics.former_days import FormerDays
from openpanel.warehouse import WarehouseError
from openpanel_api.public.errors import Disconnected
from openpanel_api.public.services import Services

Answer = TypeVar("Answer")


def fresh_name() -> str:
    """A name for a query, by which it can be found and stopped."""
    return f"public-{uuid4().hex}"


def kept_answers(services: Services) -> Cache:
    """The answers that the processes of the API keep."""
    return Cache(
        services.warehouse,
        clock=services.now,
        fresh_name=fresh_name,
        background=services.background,
        store=services.shared,
    )


async def found(
    request: Request,
    services: Services,
    *questions: Question[Any],
    former: FormerDays | None,
    stale_for: timedelta = NEVER,
) -> tuple[Found[Any], ...]:
    """The answers, asked at once; when one fails the others are stopped. `Disconnected` when the caller leaves.

    `former`: the days of the project that rollups may know by another time zone.
    """
    answers: Cache = request.app.state.answers
    caller = Caller()

    def ask(question: Question[Any]) -> Found[Any]:
        if caller.has_gone:  # while it waited for its turn
            raise HungUp
        return answers.ask(question, former=former, caller=caller, stale_for=stale_for)

    try:
        async with leaving(request, partial(anyio.to_thread.run_sync, caller.hang_up)):
            return tuple(await asyncio.gather(*(services.asking(partial(ask, each)) for each in questions)))
    except HungUp as error:
        raise Disconnected("The client has gone") from error
    except BaseException:
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(caller.hang_up)
        raise


async def answered(request: Request, services: Services, ask: Callable[[str], Answer]) -> Answer:
    """What `ask(log_comment)` answers; its queries carry the comment, by which they can be found and stopped."""
    comment = fresh_name()
    begun, gone = Event(), Event()

    async def stop() -> None:
        gone.set()
        while begun.is_set():  # until the work has ended: between two queries there is nothing to stop
            await anyio.to_thread.run_sync(services.warehouse.cancel, comment)
            await anyio.sleep(STOPPED_AGAIN_S)

    def call() -> Answer:
        begun.set()
        if gone.is_set():  # while it waited for its turn
            raise HungUp
        return ask(comment)

    try:
        async with leaving(request, stop):
            return await services.asking(call)
    except HungUp as error:
        raise Disconnected("The client has gone") from error
    except WarehouseError as error:
        if gone.is_set():
            raise Disconnected("The client has gone") from error
        raise


async def answered_within(services: Services, ask: Callable[[str], Answer]) -> Answer:
    """The same within a stream, which is cancelled as a whole when the client leaves."""
    comment, begun, gone, ended = fresh_name(), Event(), Event(), Event()

    def call() -> Answer:
        begun.set()
        try:
            if gone.is_set():  # while it waited for its turn
                raise HungUp
            return ask(comment)
        finally:
            ended.set()

    try:
        return await services.asking(call, abandon_on_cancel=True)
    except anyio.get_cancelled_exc_class():
        gone.set()
        with anyio.CancelScope(shield=True):
            for _ in range(STOPPED_TIMES if begun.is_set() else 0):
                await anyio.to_thread.run_sync(services.warehouse.cancel, comment)
                if await anyio.to_thread.run_sync(ended.wait, STOPPED_AGAIN_S):
                    break
        raise


@asynccontextmanager
async def leaving(request: Request, stop: Callable[[], Any]) -> AsyncIterator[None]:
    """While something is asked for the client: `stop` is called when it leaves, and itself stopped when that has ended."""

    async def watch() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass
        await stop()

    watching = asyncio.create_task(watch(), name="watch a client")
    try:
        yield
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError, WarehouseError):
            await watching
