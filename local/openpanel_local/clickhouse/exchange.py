"""The two ends of one HTTP exchange on ASGI: a body that is read in pieces, and an answer that is sent in pieces.

Both give up on a client that neither sends nor reads.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any

from openpanel_local.clickhouse import errors
from openpanel_local.clickhouse.bodies import Decoder
from openpanel_local.clickhouse.engine import Figures
from openpanel_local.clickhouse.running import ClientGoneError

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Gone = asyncio.Future[None]

_PIECE = 1024 * 1024  # a hop to another thread per mebibyte, not per network packet
_DISCARD = 64 * 1024 * 1024  # read and thrown away, so that a client that still sends gets its error
_HEADERS = {"X-ClickHouse-Server-Display-Name": "openpanel", "X-ClickHouse-Timezone": "UTC"}
_CONTENT_TYPES = {
    "json": "application/json; charset=UTF-8",
    "csv": "text/csv; charset=UTF-8",
    "tabseparated": "text/tab-separated-values; charset=UTF-8",
    "tsv": "text/tab-separated-values; charset=UTF-8",
    "jsoneachrow": "application/x-ndjson; charset=UTF-8",
    "ndjson": "application/x-ndjson; charset=UTF-8",
}


class Body:
    """A request's body: packed pieces as they come, or all of it unpacked."""

    def __init__(self, receive: Receive, decoder: Decoder, *, limit: int, timeout_s: float) -> None:
        self._receive = receive
        self._decoder = decoder
        self._limit = limit
        self._timeout_s = timeout_s
        self._unpacked = 0
        self.ended = False

    async def packed(self, *, at_least: int = _PIECE) -> bytes:
        """More of the body as it was sent; less than `at_least` only at its end."""
        pieces: list[bytes] = []
        size = 0
        while not self.ended and size < at_least:
            message = await self._next()
            pieces.append(message.get("body", b""))
            size += len(pieces[-1])
            self.ended = not message.get("more_body", False)
        return b"".join(pieces)

    def unpack(self, packed: bytes) -> list[bytes]:
        """What a piece of the body holds; refused when the body grows past its limit."""
        pieces = []
        for piece in self._decoder.feed(packed):
            self._unpacked += len(piece)
            if self._unpacked > self._limit:
                message = f"the request body is larger than {self._limit} bytes"
                raise errors.refusal(errors.QUERY_IS_TOO_LARGE, message)
            pieces.append(piece)
        if self.ended:
            self._decoder.finish()
        return pieces

    async def discard(self) -> None:
        """Read what the client still sends, within limits."""
        size = 0
        while not self.ended and size < _DISCARD:
            size += len(await self.packed())

    async def gone(self) -> None:
        """Ends when the client goes away. Only after the body has ended."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def _next(self) -> Message:
        try:
            async with asyncio.timeout(self._timeout_s):
                message = await self._receive()
        except TimeoutError as error:
            text = f"Timeout exceeded while reading the request body ({self._timeout_s:g} s)"
            raise errors.refusal(errors.SOCKET_TIMEOUT, text) from error
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        return message


class Answer:
    """A response: `whole`, or `begin` and then `piece`s and a `piece` that is the last."""

    def __init__(self, send: Send, *, version: str, query_id: str, timeout_s: float) -> None:
        self._send = send
        self._version = version
        self.query_id = query_id
        self._timeout_s = timeout_s
        self.begun = False

    async def whole(self, body: bytes, *, headers: dict[str, str], status: int = 200) -> None:
        """Everything at once."""
        await self._start(status, {**headers, "Content-Length": str(len(body))})
        await self.piece(body, last=True)

    async def begin(self, *, headers: dict[str, str]) -> None:
        """The status and headers of an answer that comes in pieces."""
        await self._start(200, headers)

    async def piece(self, body: bytes, *, last: bool = False) -> None:
        """More of the answer."""
        if body or last:
            await self._out({"type": "http.response.body", "body": body, "more_body": not last})

    async def refuse(self, refusal: errors.Refusal) -> None:
        """The error as ClickHouse words it."""
        headers = {
            "X-ClickHouse-Exception-Code": str(refusal.code),
            "Content-Type": "text/plain; charset=UTF-8",
        }
        await self.whole(errors.body(refusal, version=self._version), headers=headers, status=refusal.status)

    async def _start(self, status: int, headers: dict[str, str]) -> None:
        self.begun = True
        merged = {**_HEADERS, "X-ClickHouse-Query-Id": self.query_id, **headers}
        pairs = [
            (name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in merged.items()
        ]
        await self._out({"type": "http.response.start", "status": status, "headers": pairs})

    async def _out(self, message: Message) -> None:
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._send(message)
        except TimeoutError as error:
            raise ClientGoneError from error


def result_headers(output: str, *, encoding: str) -> dict[str, str]:
    """The headers of an answer that has a result in a format."""
    headers = {"X-ClickHouse-Format": output}
    headers["Content-Type"] = _CONTENT_TYPES.get(output.lower(), "application/octet-stream")
    if encoding:
        headers["Content-Encoding"] = encoding
    return headers


def summary_header(figures: Figures, *, elapsed_ns: int) -> dict[str, str]:
    """What was read and written, as strings of digits in JSON."""
    values = {
        "read_rows": figures.read_rows,
        "read_bytes": figures.read_bytes,
        "written_rows": figures.written_rows,
        "written_bytes": figures.written_bytes,
        "total_rows_to_read": figures.read_rows,
        "result_rows": figures.result_rows,
        "result_bytes": figures.result_bytes,
        "elapsed_ns": elapsed_ns,
    }
    return {"X-ClickHouse-Summary": json.dumps({name: str(value) for name, value in values.items()})}


@contextlib.asynccontextmanager
async def watched(body: Body) -> AsyncIterator[Gone]:
    """A future that is done when the client goes away; for the time after the body has ended."""
    watch = asyncio.ensure_future(body.gone())
    try:
        yield watch
    finally:
        watch.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watch
