"""How much may be sent to the API, and how long that may take: a question or a report is short.

A body that grows or takes too long ends where it is read, in a refusal that says the bound. What still comes of a long
one is left to the server, which throws it away up to a bound of its own: a connection that is closed while somebody
sends is reset, and the refusal with it.
"""

import asyncio
from http import HTTPStatus
from typing import Final

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive

BODY_BYTES: Final = 1_000_000  # of a request; a report with a thousand filter values has a tenth of it
BODY_SECONDS: Final = 15.0  # from the first look at a body to its end
TOO_LONG: Final = f"The body is longer than {BODY_BYTES:,} bytes"


def check_length(headers: Headers) -> None:
    """Refuse a body that is said to be too long, before anything of it is read."""
    said = headers.get("content-length", "")
    if said.isdecimal() and int(said) > BODY_BYTES:
        raise _too_long()


class Body:
    """The body of one request, as far as it was read. What goes wrong is an `HTTPException`, the only kind that
    FastAPI does not take for a body that is no JSON."""

    def __init__(self, receive: Receive, *, seconds: float) -> None:
        self._receive = receive
        self._seconds = seconds
        self._deadline: float | None = None
        self._bytes = 0
        self._whole = False

    async def receive(self) -> Message:
        """The next piece; after the last of them whatever the server says."""
        if self._whole:
            return await self._receive()
        if self._deadline is None:
            self._deadline = asyncio.get_running_loop().time() + self._seconds
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._receive()
        except TimeoutError:
            reason = f"The body did not come whole within {self._seconds:g} seconds"
            raise HTTPException(HTTPStatus.REQUEST_TIMEOUT, reason, headers={"Connection": "close"}) from None
        self._bytes += len(message.get("body", b""))
        if self._bytes > BODY_BYTES:
            raise _too_long()
        self._whole = not message.get("more_body", False)
        return message


def _too_long() -> HTTPException:
    return HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, TOO_LONG)
