"""What may be sent to the dashboard: short forms, within seconds.

Plain ASGI. A body that grows or takes too long ends where it is read, in a refusal that says the bound, before a
framework collects it in memory or in a file; what nobody reads is left to the server, which stops receiving.
"""

import asyncio
from typing import Final

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

BODY_BYTES: Final = 64 * 1024  # forms have a few short fields
BODY_SECONDS: Final = 15.0  # from the first look at a body to its end

_CLOSE: Final = {"Connection": "close"}  # the rest of the body is not waited for


class BoundedBodies:
    """Refuses to read bodies that are too long (413) or too slow (408)."""

    def __init__(self, app: ASGIApp, *, seconds: float = BODY_SECONDS) -> None:
        self._app = app
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        bounded = _Body(receive, seconds=self._seconds).receive if scope["type"] == "http" else receive
        await self._app(scope, bounded, send)


class _Body:
    """The body of one request, as far as it was read."""

    def __init__(self, receive: Receive, *, seconds: float) -> None:
        self._receive = receive
        self._seconds = seconds
        self._deadline: float | None = None
        self._bytes = 0
        self._whole = False

    async def receive(self) -> Message:
        if self._whole:
            return await self._receive()
        if self._deadline is None:
            self._deadline = asyncio.get_running_loop().time() + self._seconds
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._receive()
        except TimeoutError:
            reason = f"The form did not come whole within {self._seconds:g} seconds."
            raise HTTPException(408, reason, headers=_CLOSE) from None
        self._bytes += len(message.get("body", b""))
        if self._bytes > BODY_BYTES:
            raise HTTPException(413, f"A form may have {BODY_BYTES} bytes.", headers=_CLOSE)
        self._whole = not message.get("more_body", False)
        return message
