"""The way of one statement from its text to its answer.

One connection to the engine, every call of it in a thread. A result is held back until it is whole or too large
to wait for: a whole answer has the right status and a summary, a streamed one tells a late error in a trailer.
"""

import time

from openpanel_local.clickhouse import bodies, errors, request, statements
from openpanel_local.clickhouse.configuration import CLOSED_DATABASE, DATABASE_INSTEAD, Config
from openpanel_local.clickhouse.engine import MARK, Connection, Engine, Figures, identifier, setting
from openpanel_local.clickhouse.exchange import Answer, Body, Gone, result_headers, summary_header, watched
from openpanel_local.clickhouse.request import Request
from openpanel_local.clickhouse.running import Slots, Threads
from openpanel_local.clickhouse.statements import Action, Statement

_HOLD_BACK = 256 * 1024  # a result up to this is sent whole
_HOLD_BACK_FOR_STATUS = 8 * 1024 * 1024  # the same for a client that asked to wait for the end
_STREAM_PIECE = 256 * 1024
_WORTH_PACKING = 1_400  # one packet
_UNPACK_INLINE = 64 * 1024
_LONGEST_PLAIN_SETUP = 200_000  # the engine takes 262,144 unless it is told otherwise
_READONLY_BUT_SETTINGS = "2"


class Execution:
    """One statement; used once."""

    def __init__(
        self, config: Config, engine: Engine, threads: Threads, *, body: Body, answer: Answer, mark: str
    ) -> None:
        self._config = config
        self._engine = engine
        self._threads = threads
        self._body = body
        self._answer = answer
        self._mark = mark
        self._connection: Connection | None = None
        self._figures = Figures()
        self._began_ns = time.monotonic_ns()

    async def run(self, asked: Request, *, reads: Slots, inserts: Slots) -> None:
        """Read the statement, run it, answer."""
        if asked.is_form:
            asked = request.with_form(asked, await self._rest())
        statement, text = await self._statement(asked)
        setup = _setup(asked, statement, mark=self._mark, config=self._config)
        try:
            if statement.action is Action.INSERT:
                async with inserts.one():
                    await self._insert(statement, setup, text[statement.data_at :])
            else:
                async with reads.one(), watched(self._body) as gone:
                    await self._ask(asked, statement, setup, gone)
        finally:
            if self._connection is not None:
                await self._threads.call(self._close)

    async def _statement(self, asked: Request) -> tuple[Statement, bytes]:
        """The statement, and the text read for it, which may hold the first data of an insert."""
        text = asked.query + b"\n" if asked.query else b""
        if asked.method != "POST":
            self._body.ended = True
        output = asked.default_format or statements.DEFAULT_FORMAT
        while True:
            found = statements.read(text, complete=self._body.ended, default_format=output)
            if found is not None:
                return found, text
            if len(text) > self._config.max_statement:
                message = f"the statement is larger than {self._config.max_statement} bytes"
                raise errors.refusal(errors.QUERY_IS_TOO_LARGE, message)
            text += await self._more()

    async def _more(self) -> bytes:
        packed = await self._body.packed()
        if len(packed) <= _UNPACK_INLINE:
            return b"".join(self._body.unpack(packed))
        return b"".join(await self._threads.call(self._body.unpack, packed))

    async def _rest(self) -> bytes:
        text = b""
        while not self._body.ended and len(text) <= self._config.max_statement:
            text += await self._more()
        return text

    async def _insert(self, statement: Statement, setup: list[str], first: bytes) -> None:
        whole = self._body.ended
        await self._threads.call(self._begin_insert, statement, setup, first, whole)
        while not self._body.ended:
            packed = await self._body.packed()
            await self._threads.call(self._append, statement, packed)
        await self._answer.whole(b"", headers=self._summary())

    def _begin_insert(self, statement: Statement, setup: list[str], first: bytes, whole: bool) -> None:
        self._connection = self._engine.connect(setup)
        self._connection.append(first)
        if whole:
            self._finish_insert(statement)

    def _append(self, statement: Statement, packed: bytes) -> None:
        assert self._connection is not None
        for piece in self._body.unpack(packed):
            self._connection.append(piece)
        if self._body.ended:
            self._finish_insert(statement)

    def _finish_insert(self, statement: Statement) -> None:
        assert self._connection is not None
        target, settings = statement.text[: statement.target_end], statement.text[statement.target_end :]
        self._connection.insert(target, settings, statement.format)
        self._close()

    async def _ask(self, asked: Request, statement: Statement, setup: list[str], gone: Gone) -> None:
        encoding = bodies.accepted(asked.accept_encoding)
        hold_back = _HOLD_BACK_FOR_STATUS if asked.waits_for_end else _HOLD_BACK
        if statement.reads_only:
            begin = self._threads.call_for(gone, self._mark, self._begin, statement, setup, hold_back)
        else:  # half a change is worse than one that nobody waits for
            begin = self._threads.call(self._begin, statement, setup, hold_back)
        first, ended = await begin
        if not ended:
            await self._stream(first, result_headers(statement.format, encoding=encoding), encoding, gone)
            return
        if len(first) < _WORTH_PACKING:
            encoding = ""
        headers = result_headers(statement.format, encoding=encoding) if statement.format else {}
        encoder = bodies.encoder(encoding)
        packed = (
            await self._threads.call(lambda: encoder.pack(first) + encoder.finish()) if encoding else first
        )
        await self._answer.whole(packed, headers={**headers, **self._summary()})

    def _begin(self, statement: Statement, setup: list[str], hold_back: int) -> tuple[bytes, bool]:
        """The result as far as it is held back, and whether that is all of it."""
        self._connection = connection = self._engine.connect(setup)
        result, ended = b"", True
        if statement.action is Action.RUN:
            connection.run(statement.text)
        elif statement.action is Action.RETURN:
            result = connection.whole(statement.text, statement.format)
        else:
            connection.begin_stream(statement.text, statement.format)
            result, ended = _fetch(connection, hold_back)
        if ended:
            self._close()  # here, which saves another hop to a thread
        return result, ended

    async def _stream(self, first: bytes, headers: dict[str, str], encoding: str, gone: Gone) -> None:
        tag = errors.new_tag()
        encoder = bodies.encoder(encoding)
        await self._answer.begin(headers={**headers, "X-ClickHouse-Exception-Tag": tag})
        await self._answer.piece(await self._threads.call(encoder.pack, first))
        ended = False
        while not ended:
            piece, ended = await self._threads.call_for(gone, self._mark, self._next, encoder, tag)
            await self._answer.piece(piece, last=ended)

    def _next(self, encoder: bodies.Encoder, tag: str) -> tuple[bytes, bool]:
        """More of a streamed answer, packed, and whether it is over; an error is the end of it."""
        assert self._connection is not None
        try:
            data, ended = _fetch(self._connection, _STREAM_PIECE)
        except errors.Refusal as refusal:
            data, ended = errors.trailer(refusal, tag=tag, version=self._engine.version), True
        return encoder.pack(data) + (encoder.finish() if ended else b""), ended

    def _summary(self) -> dict[str, str]:
        return summary_header(self._figures, elapsed_ns=time.monotonic_ns() - self._began_ns)

    def _close(self) -> None:
        """Blocks; harmless when it is closed already."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            self._figures = connection.figures
            connection.close()


def _fetch(connection: Connection, at_least: int) -> tuple[bytes, bool]:
    """The next pieces of a result, and whether they are the last."""
    pieces: list[bytes] = []
    size = 0
    while size < at_least:
        piece = connection.fetch()
        if piece is None:
            return b"".join(pieces), True
        pieces.append(piece)
        size += len(piece)
    return b"".join(pieces), False


def _setup(asked: Request, statement: Statement, *, mark: str, config: Config) -> list[str]:
    """What the connection runs before the statement: database, settings, parameters; `readonly` comes last."""
    settings = dict(asked.settings)
    readonly = settings.pop("readonly", "0")
    if asked.method != "POST" and readonly == "0":
        readonly = _READONLY_BUT_SETTINGS
    if statement.action is Action.RETURN:
        settings.setdefault("max_result_bytes", str(config.max_whole_result))
    assignments = [*(setting(name, value) for name, value in settings.items())]
    assignments += [setting(f"param_{name}", value) for name, value in asked.parameters]
    assignments.append(setting(MARK, mark))
    lines = [f"SET {', '.join(assignments)}"]
    if len(lines[0]) > _LONGEST_PLAIN_SETUP:  # long parameters do not count as statement on a server either
        lines.insert(0, f"SET max_query_size = {4 * len(lines[0])}")
    closed = asked.database in {"", CLOSED_DATABASE}
    lines.append(f"USE {identifier(DATABASE_INSTEAD if closed else asked.database)}")
    if readonly != "0":
        lines.append(f"SET {setting('readonly', readonly)}")
    return lines
