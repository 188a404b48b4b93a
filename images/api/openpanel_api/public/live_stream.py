"""Server-sent events, sent so that nobody who does not read holds anything up."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, suppress
from typing import Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

SEND_S: Final = 10.0  # for what was sent to leave this process; who reads slower is dropped
RETRY_MS: Final = 2_000  # after which a browser connects again
BEAT: Final = b": still here\n\n"


def event(name: str, data: str) -> bytes:
    """One event of the stream."""
    return f"event: {name}\ndata: {data}\n\n".encode()


class EventStream(Response):
    """Sends events until they end, the client leaves, or it does not read."""

    media_type = "text/event-stream"

    def __init__(
        self,
        events: AsyncGenerator[bytes, None],
        *,
        headers: Mapping[str, str] | None = None,
        send_s: float = SEND_S,
    ) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no", **(headers or {})})
        del self.headers["content-length"]
        self._events = events
        self._send_s = send_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - as ASGI has it
        sending = asyncio.create_task(self._send(send), name="live events")
        leaving = asyncio.create_task(_left(receive), name="live client leaves")
        try:
            await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sending, leaving):
                task.cancel()
            with suppress(asyncio.CancelledError, TimeoutError):
                await sending
            with suppress(asyncio.CancelledError):
                await leaving

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        async with aclosing(self._events):
            async for part in self._events:
                async with asyncio.timeout(self._send_s):
                    await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
