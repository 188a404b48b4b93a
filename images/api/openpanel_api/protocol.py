"""uvicorn's HTTP protocol with what it lacks in front of the open internet: bounds on headers, in bytes and time.

httptools keeps a header line in memory until it is complete, and uvicorn waits for it for ever; it keeps the header
lines that may come after a chunked body as well. Nothing is added to requests that come in one piece but a few
comparisons.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from openpanel.wire import answers
from openpanel.wire.limits import BODY_BYTES, HEADER_BYTES
from openpanel.wire.refusals import HeadersTooLarge
from openpanel_api.ingest.asgi import ANY_ORIGIN, JSON, Send, send_accepted

HEAD_SECONDS: Final = (
    15.0  # from the first byte of a request, or of the connection, to the end of the headers
)
REST_BYTES: Final = 2 * BODY_BYTES  # of a request after its headers: the body, and what it is wrapped in

_NOWHERE: Final[deque[tuple[bytes, bytes]]] = deque(maxlen=0)
_SINGLE: Final = len(answers.accepted(0, 0))  # of the commonest answer, whatever its ids
_BODY: Final = answers.error(HeadersTooLarge())
_TOO_LARGE: Final = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: application/json\r\n"
    b"connection: close\r\ncontent-length: %d\r\n\r\n%b" % (len(_BODY), _BODY)
)


class BoundedProtocol(HttpToolsProtocol):
    """Closes connections whose headers grow or take too long, those that send nothing at all, and those that go on
    without end about a request that needs no more."""

    head_seconds = HEAD_SECONDS
    _head_scope: Any = None  # the request whose headers are incomplete; None: not even begun
    _head_bytes = 0
    _head_timer: asyncio.TimerHandle | None = None
    _rest_scope: Any = None  # the request of which more came after its headers
    _rest_bytes = 0
    _idle_bytes = 0  # of these, how many brought nothing of the body since something last did
    _brought_body = False
    _answered_scope: Any = None  # the request of which more came after its answer
    _answered_ends = 0.0  # by the loop's clock

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._head_timer = self.loop.call_later(self.head_seconds, self._head_late, None)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        cycle: Any = self.cycle  # None before the first request, whatever uvicorn's annotation says
        if cycle is None or cycle.scope is not self.scope:
            self._head_grew(len(data))
        elif cycle.response_complete:
            self._rest_grew(len(data))
            self._stay_idle()
        elif cycle.more_body:
            self._rest_grew(len(data))

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        cycle: Any = self.cycle
        if cycle is not None and cycle.scope is self.scope:
            # Nobody asks for trailers. A request that becomes a websocket has no cycle and is looked at again.
            self.headers = _NOWHERE  # type: ignore[assignment]  # uvicorn only appends to it

    def on_body(self, body: bytes) -> None:
        self._brought_body = True
        super().on_body(body)

    def _rest_grew(self, size: int) -> None:
        if self._rest_scope is not self.scope:
            self._rest_scope, self._rest_bytes, self._idle_bytes = self.scope, 0, 0
        self._rest_bytes += size
        self._idle_bytes = 0 if self._brought_body else self._idle_bytes + size
        self._brought_body = False
        if self._rest_bytes > REST_BYTES or self._idle_bytes > HEADER_BYTES:
            self.transport.close()

    def _stay_idle(self) -> None:
        """The rest of a request that was answered before its end, or blank lines: they stopped the timer of the idle
        connection and begin nothing, so they get the time of one idle connection and no more."""
        if self._answered_scope is not self.scope:
            self._answered_scope = self.scope
            self._answered_ends = self.loop.time() + self.timeout_keep_alive
        if self.timeout_keep_alive_task is None:
            self.timeout_keep_alive_task = self.loop.call_at(
                self._answered_ends, self.timeout_keep_alive_handler
            )

    def _head_grew(self, size: int) -> None:
        if self._head_scope is not self.scope:
            self._head_scope, self._head_bytes = self.scope, 0
        self._head_bytes += size
        if self._head_bytes > HEADER_BYTES and not self.transport.is_closing():
            self.transport.write(_TOO_LARGE)
            self.transport.close()
        elif self._head_timer is None:
            self._head_timer = self.loop.call_later(self.head_seconds, self._head_late, self.scope)

    def _head_late(self, scope: Any) -> None:
        self._head_timer = None
        cycle: Any = self.cycle
        if cycle is not None and cycle.scope is self.scope:
            return
        if scope is self.scope or cycle is None:
            self.transport.close()
        else:  # another request has begun since: it has its own time
            self._head_timer = self.loop.call_later(self.head_seconds, self._head_late, self.scope)


class AcceptedHead:
    """The head of an accepted call's answer, made once a second: uvicorn's date is in it."""

    def __init__(self) -> None:
        self._default_headers: object = None
        self._lines = b""
        self._single = b""

    def of(self, default_headers: Sequence[tuple[bytes, bytes]], *, length: int) -> bytes:
        """The head with these headers before its own, up to and with the blank line."""
        if default_headers is not self._default_headers:
            self._renew(default_headers)
        return self._single if length == _SINGLE else self._with(length)

    def _with(self, length: int) -> bytes:
        return b"%bcontent-length: %d\r\n\r\n" % (self._lines, length)

    def _renew(self, default_headers: Sequence[tuple[bytes, bytes]]) -> None:
        self._default_headers = default_headers
        lines = [b"%b: %b\r\n" % pair for pair in (*default_headers, JSON, ANY_ORIGIN)]
        self._lines = b"HTTP/1.1 200 OK\r\n%b" % b"".join(lines)
        self._single = self._with(_SINGLE)


class DirectAnswers:
    """Sends the commonest answer as one write with headers made once a second.

    The ASGI way costs two calls, a copy of the headers and a check of each by regular expressions: a tenth of what a
    whole call of ingest costs. Where anything is out of the ordinary the ASGI way is taken.
    """

    def __init__(self) -> None:
        self._head = AcceptedHead()

    async def send_accepted(self, send: Send, body: bytes) -> None:
        """Answer 200 with this JSON."""
        cycle = getattr(send, "__self__", None)
        if type(cycle) is not RequestResponseCycle or not _ordinary(cycle):
            await send_accepted(send, body)
            return
        cycle.response_started = cycle.response_complete = True
        cycle.transport.write(self._head.of(cycle.default_headers, length=len(body)) + body)
        cycle.message_event.set()
        cycle.on_response()


def _ordinary(cycle: RequestResponseCycle) -> bool:
    return (
        cycle.keep_alive
        and not cycle.response_started
        and not cycle.disconnected
        and not cycle.flow.write_paused
        and not cycle.waiting_for_100_continue
    )
