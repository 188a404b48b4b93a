"""The connection's side of plain calls: bytes in, one function call, one write when the commit is in.

uvicorn makes a scope, a task, two events and a timer for each request, which costs more than all the rest of a plain
call together. This protocol looks at what comes first. A plain call (`ingest.plain`) is taken at once and answered
from the callback of its commit; any other bytes go on to uvicorn's parser as if nobody had looked at them. A plain
call only begins where the parser is between two requests and no answer is outstanding, so both ways take turns on one
connection. A call whose commit fails goes the ordinary way as well, to be told there what happened.
"""

import asyncio
from typing import Any, Final

from uvicorn.config import Config
from uvicorn.server import ServerState

from openpanel.stream.waiting import Answer
from openpanel_api.ingest import plain
from openpanel_api.ingest.app import IngestApp
from openpanel_api.ingest.plain import Ready
from openpanel_api.protocol import AcceptedHead, BoundedProtocol

_LINE_END: Final = b"\r\n"
_CLOSE: Final = b"connection: close\r\n\r\n"

_accepted_head: Final = AcceptedHead()


class DirectProtocol(BoundedProtocol):
    """A connection of the ingest port."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._ingest: IngestApp = config.loaded_app
        self._peer = b""
        self._in_hand: Ready | None = None  # the plain call that is being committed
        self._sent = b""  # the same as it came
        self._behind = b""  # what came after it
        self._ending = False
        self._answered_at = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._peer = self.client[0].encode() if self.client else b""

    def data_received(self, data: bytes) -> None:
        if self._in_hand is not None or self._behind:
            self._behind += data
            self.flow.pause_reading()
            return
        if not self._between_requests():
            super().data_received(data)
            return
        call = plain.whole_call(data, peer=self._peer)
        if call is None:
            super().data_received(data)
            return
        key, body = call
        known = self._ingest.plain_heads.get(key)
        if known is not None and not self.flow.write_paused:
            ready = self._ingest.ready(known, body)
            if ready is not None:
                self._begin(ready, data)
                return
        super().data_received(data)
        self._learn(key, body)

    def shutdown(self) -> None:
        """The process ends: what is in hand is answered first."""
        if self._in_hand is None:
            super().shutdown()
        else:
            self._ending = True

    def timeout_keep_alive_handler(self) -> None:
        """Plain calls leave the timer as it is; it is set again when they used the connection meanwhile."""
        idle_seconds = 0.0 if self._in_hand is not None else self.loop.time() - self._answered_at
        if idle_seconds < self.timeout_keep_alive and not self.transport.is_closing():
            self._await_next(self.timeout_keep_alive - idle_seconds)
        else:
            super().timeout_keep_alive_handler()

    def _between_requests(self) -> bool:
        """Whether the parser has read nothing of the next request and the last one is answered."""
        cycle: Any = self.cycle  # None before the first request, whatever uvicorn's annotation says
        if cycle is None:
            return self.scope is None
        return cycle.scope is self.scope and cycle.response_complete and not cycle.more_body

    def _begin(self, ready: Ready, data: bytes) -> None:
        self._in_hand, self._sent = ready, data
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
        if self.timeout_keep_alive_task is None:
            self._await_next(self.timeout_keep_alive)
        ready.commits.put(ready.append, answered=self._answer)

    def _answer(self, answer: Answer | Exception) -> None:
        """The committer's word on the call in hand; called from the event loop, maybe before `put` returns."""
        ready, self._in_hand = self._in_hand, None
        sent, self._sent = self._sent, b""
        assert ready is not None
        if isinstance(answer, Exception):
            self._answer_failure(answer, sent)
            return
        body = self._ingest.answer(ready, answer)
        if self.transport.is_closing():
            return
        head = _accepted_head.of(self.server_state.default_headers, length=len(body))
        self.server_state.total_requests += 1
        self._answered_at = self.loop.time()
        if self._ending:
            self.transport.write(head[: -len(_LINE_END)] + _CLOSE + body)
            self.transport.close()
            return
        self.transport.write(head + body)
        if self._behind:
            self.loop.call_soon(self._go_on)

    def _answer_failure(self, error: Exception, sent: bytes) -> None:
        """Let the parser read the call and the application answer what became of it."""
        told = self._ingest.failing(error)
        if self.transport.is_closing():
            return
        self.app = told
        try:
            super().data_received(sent)
        finally:
            self.app = self.config.loaded_app
        if self._ending:
            self.shutdown()
        if self._behind:
            self.loop.call_soon(self._go_on)

    def _go_on(self) -> None:
        """Take up what came while a call was in hand."""
        behind, self._behind = self._behind, b""
        if not self.transport.is_closing():
            self.flow.resume_reading()
            self.data_received(behind)

    def _learn(self, key: bytes, body: bytes) -> None:
        """Remember the head of the request that the parser has just read, where it is one of a plain call."""
        cycle: Any = self.cycle
        read_alike = cycle is not None and cycle.scope is self.scope and cycle.body == body
        if read_alike and not cycle.more_body and cycle.keep_alive:
            self._ingest.learn(key, cycle.scope)

    def _await_next(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(seconds, self.timeout_keep_alive_handler)
