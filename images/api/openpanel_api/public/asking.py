"""Runs a question in a thread, and stops its query when whoever asked has gone."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar
from uuid import uuid4

from fastapi import Request

from openpanel.warehouse import WarehouseError
from openpanel_api.public.errors import Disconnected
from openpanel_api.public.services import Services

Answer = TypeVar("Answer")


async def answered(request: Request, services: Services, ask: Callable[[str], Answer]) -> Answer:
    """What `ask(log_comment)` answers; its queries carry the comment, by which they can be found and stopped."""
    comment = f"public-{uuid4().hex}"
    gone = asyncio.Event()
    watching = asyncio.create_task(_stop_when_gone(request, services, comment, gone), name=f"watch {comment}")
    try:
        return await services.blocking(lambda: ask(comment))
    except WarehouseError as error:
        if gone.is_set():
            raise Disconnected("The client has gone") from error
        raise
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError, WarehouseError):
            await watching


async def _stop_when_gone(request: Request, services: Services, comment: str, gone: asyncio.Event) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
    gone.set()
    await services.blocking(lambda: services.warehouse.cancel(comment))
