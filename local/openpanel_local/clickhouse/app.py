"""ClickHouse's HTTP interface as an ASGI application: its routes, and the edge where errors become answers."""

import logging
import uuid

from openpanel_local.clickhouse import bodies, errors, request
from openpanel_local.clickhouse.configuration import Config
from openpanel_local.clickhouse.engine import Engine
from openpanel_local.clickhouse.exchange import Answer, Body, Message, Receive, Send
from openpanel_local.clickhouse.execution import Execution
from openpanel_local.clickhouse.running import ClientGoneError, Slots, Threads

_log = logging.getLogger(__name__)

_OK = b"Ok.\n"
_ALIVE = frozenset({"/ping", "/replicas_status"})
_METHODS = frozenset({"GET", "HEAD", "POST"})
_HTML = {"Content-Type": "text/html; charset=UTF-8"}
_PLAIN = {"Content-Type": "text/plain; charset=UTF-8"}
_NO_HANDLE = "There is no handle {path}\n\nUse / or /ping for health checks.\n\nSend queries with POST to /\n"


class Front:
    """The application; whoever makes it closes `threads` and then the engine."""

    def __init__(self, config: Config, engine: Engine) -> None:
        self._config = config
        self._engine = engine
        self.threads = Threads(engine, limit=config.max_reads + config.max_inserts)
        self._reads = Slots(config.max_reads, wait_s=config.queue_wait_s)
        self._inserts = Slots(config.max_inserts, wait_s=config.queue_wait_s)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """One HTTP exchange."""
        mark = uuid.uuid4().hex
        timeout_s = self._config.io_timeout_s
        answer = Answer(send, version=self._engine.version, query_id=mark, timeout_s=timeout_s)
        try:
            await self._route(scope, receive, answer, mark)
        except ClientGoneError:
            pass
        except errors.Refusal as refusal:
            if not answer.begun:
                await answer.refuse(refusal)
        except Exception:  # noqa: BLE001 - the edge of the process: one broken request must not end the others
            _log.exception("request_failed")
            if not answer.begun:
                await answer.refuse(
                    errors.refusal(errors.STD_EXCEPTION, "the front failed; its log says how")
                )

    async def _route(self, scope: Message, receive: Receive, answer: Answer, mark: str) -> None:
        path, method = scope["path"], scope["method"]
        asked = request.parse(method=method, query_string=scope["query_string"], headers=scope["headers"])
        if path in _ALIVE:
            await answer.whole(_OK, headers=_HTML)
        elif path not in {"", "/"}:
            text = _NO_HANDLE.format(path=path[:200]).encode("utf-8", "replace")
            await answer.whole(text, headers=_PLAIN, status=404)
        elif method not in _METHODS:
            await answer.whole(b"Only GET and POST\n", headers={**_PLAIN, "Allow": "GET, POST"}, status=405)
        elif method != "POST" and not asked.query:
            await answer.whole(_OK, headers=_HTML)
        else:
            await self._execute(asked, receive, answer, mark)

    async def _execute(self, asked: request.Request, receive: Receive, answer: Answer, mark: str) -> None:
        request.authenticate(asked, user=self._config.user, password=self._config.password)
        answer.query_id = asked.field("query_id") or mark
        decoder = bodies.Decoder(asked.headers.get("content-encoding", ""))
        body = Body(receive, decoder, limit=self._config.max_body, timeout_s=self._config.io_timeout_s)
        execution = Execution(self._config, self._engine, self.threads, body=body, answer=answer, mark=mark)
        try:
            await execution.run(asked, reads=self._reads, inserts=self._inserts)
        except errors.Refusal:
            await body.discard()
            raise
