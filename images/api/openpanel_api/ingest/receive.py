"""The body of a request: read within a time and a size, unpacked, and nothing of it ever logged."""

import asyncio
from typing import Any, Final

from openpanel.wire import limits
from openpanel.wire.refusals import BodyTooLarge, SlowBody, TryLater
from openpanel_api.ingest.asgi import Receive
from openpanel_api.ingest.encodings import unpack

BODY_SECONDS: Final = 30.0  # for the whole body; a recording of 2 MiB over a slow uplink takes 20
SWEEP_SECONDS: Final = 1.0
HELD_BYTES: Final = 256 * 1024 * 1024  # of bodies that are still arriving, all connections together


class ClientGoneError(Exception):
    """The connection closed before the body was there; nobody waits for an answer."""


class Bodies:
    """Reads bodies and ends the slow ones: one sweep a second instead of a timer per request."""

    def __init__(self, *, seconds: float = BODY_SECONDS, sweep_seconds: float = SWEEP_SECONDS) -> None:
        self._seconds = seconds
        self._sweep_seconds = sweep_seconds
        self._reading: dict[asyncio.Task[Any], float] = {}  # in the order in which they began
        self._late: set[asyncio.Task[Any]] = set()
        self._held = 0

    async def read(self, receive: Receive, *, encoding: str) -> bytes:
        """The whole body, unpacked; raises a refusal when it is too large, too slow or wrongly packed."""
        task = asyncio.current_task()
        assert task is not None
        self._reading[task] = asyncio.get_running_loop().time()
        try:
            message = await receive()
            if message["type"] != "http.request":
                raise ClientGoneError
            body: bytes = message.get("body", b"")
            if message.get("more_body", False):
                body = await self._rest(body, receive)
            elif len(body) > limits.BODY_BYTES:
                raise BodyTooLarge
        except asyncio.CancelledError:
            if task not in self._late:
                raise
            task.uncancel()
            raise SlowBody from None
        finally:
            del self._reading[task]
            self._late.discard(task)
        return unpack(encoding, body, limit=limits.BODY_BYTES) if encoding else body

    async def sweep(self) -> None:
        """End what takes too long, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self._sweep_seconds)
            oldest = loop.time() - self._seconds
            for task, since in tuple(self._reading.items()):
                if since > oldest:
                    break
                if task not in self._late:
                    self._late.add(task)
                    task.cancel()

    async def _rest(self, first: bytes, receive: Receive) -> bytes:
        chunks, size = [first], len(first)
        self._held += size
        try:
            while True:
                message = await receive()
                if message["type"] != "http.request":
                    raise ClientGoneError
                chunk = message.get("body", b"")
                chunks.append(chunk)
                size += len(chunk)
                self._held += len(chunk)
                if size > limits.BODY_BYTES:
                    raise BodyTooLarge
                if self._held > HELD_BYTES:
                    raise TryLater("Too many large bodies are arriving at once", retry_after_s=1)
                if not message.get("more_body", False):
                    return b"".join(chunks)
        finally:
            self._held -= size
