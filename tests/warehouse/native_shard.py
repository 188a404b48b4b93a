"""Another shard of a cluster, as far as inserts go: it listens to ClickHouse's native protocol and inserts elsewhere.

The embedded engine listens to nothing, so it can be no shard but its own. What a Distributed table has for another shard
it sends by this protocol, the same to whoever listens: the statement, the settings that came with it, and the rows.
"""

import re
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

# Settings are texts since 54429; until 54441 nothing secret is sent, and blocks are written as HTTP has them.
REVISION: Final = 54440

HELLO, QUERY, DATA, PING, TABLES = 0, 1, 2, 4, 5  # what comes
HEADER, EXCEPTION, PONG, END, STATUS = 1, 2, 4, 5, 9  # what is answered
OVER_TCP, OVER_HTTP = 1, 2  # how the first of all asked

_DATA: Final = bytes.fromhex("02 00 01 00 02 ff ff ff ff 00")  # before a block: a packet without a name
_NO_ROWS: Final = _DATA + bytes(2)
_INSERT: Final = re.compile(r"INSERT INTO (?P<database>\S+)\.(?P<table>\S+) \((?P<columns>.*)\) VALUES")
_NETWORK: Final = 210  # code of an error that may pass


@dataclass(frozen=True)
class Sent:
    """One insert as it came."""

    table: str
    columns: tuple[str, ...]
    settings: Mapping[str, str]
    block: bytes


@dataclass(frozen=True)
class Inserting:
    """What stands behind the shard."""

    types: Callable[[str], Mapping[str, str]]  # of a table's columns, by name
    insert: Callable[[Sent], None]  # raises ConnectionError: the shard goes away; another error is told


@contextmanager
def listening(inserting: Inserting) -> Iterator[int]:
    """A shard, and the port of this machine that it listens on."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            _Conversation(self.request, inserting).run()

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield int(server.socket.getsockname()[1])
        finally:
            server.shutdown()
            thread.join()


class _Conversation:
    """One connection."""

    def __init__(self, connection: socket.socket, inserting: Inserting) -> None:
        self._connection = connection
        self._inserting = inserting

    def run(self) -> None:
        """Answer until one of both goes."""
        answers = {HELLO: self._hello, QUERY: self._query, PING: self._ping, TABLES: self._tables}
        try:
            while True:
                answers[self._number()]()
        except (EOFError, ConnectionError):
            self._connection.close()

    def _hello(self) -> None:
        for skip in (self._text, self._number, self._number, self._number, *[self._text] * 3):
            skip()
        version = (_number(23), _number(8), _number(REVISION))
        self._send(_number(HELLO), _text("shard"), *version, _text("UTC"), _text("shard"), _number(0))

    def _ping(self) -> None:
        self._send(_number(PONG))

    def _tables(self) -> None:
        asked = [(self._text(), self._text()) for _ in range(self._number())]
        states = [_text(database) + _text(table) + bytes(1) for database, table in asked]
        self._send(_number(STATUS), _number(len(states)), *states)

    def _query(self) -> None:
        self._text()
        self._skip_client()
        settings = self._settings()
        self._number(), self._number()
        insert = _INSERT.match(self._text())
        assert insert is not None
        assert self._bytes(len(_NO_ROWS)) == _NO_ROWS  # no tables beside the statement
        table, columns = insert["table"], tuple(re.findall(r"`?(\w+)`?", insert["columns"]))
        types = self._inserting.types(table)
        header = [_text(name) + _text(types[name]) for name in columns]
        self._send(_number(HEADER), _DATA[1:], _number(len(header)), _number(0), *header)
        sent = Sent(table, columns, settings, self._block())
        try:
            self._inserting.insert(sent)
        except ConnectionError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the other side is told
            self._send(_number(EXCEPTION), _refusal(str(error)))
        else:
            self._send(_number(END))

    def _block(self) -> bytes:
        """All rows, as one block: the other side sends no more until it is answered."""
        found = b""
        while not found.endswith(_NO_ROWS):
            found += self._connection.recv(1 << 16) or _gone()
        return found[len(_DATA) : -len(_NO_ROWS)]

    def _skip_client(self) -> None:
        self._bytes(1)
        for _ in range(3):
            self._text()
        (interface,) = self._bytes(1)
        if interface == OVER_TCP:
            for skip in (*[self._text] * 3, *[self._number] * 3):
                skip()
        elif interface == OVER_HTTP:
            self._bytes(1), self._text()
        self._text()
        if interface == OVER_TCP:
            self._number()

    def _settings(self) -> dict[str, str]:
        found = {}
        while name := self._text():
            self._number()
            found[name] = self._text()
        return found

    def _number(self) -> int:
        value = shift = 0
        while True:
            (byte,) = self._bytes(1)
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    def _text(self) -> str:
        return self._bytes(self._number()).decode()

    def _bytes(self, length: int) -> bytes:
        found = b""
        while len(found) < length:
            found += self._connection.recv(length - len(found)) or _gone()
        return found

    def _send(self, *parts: bytes) -> None:
        self._connection.sendall(b"".join(parts))


def _gone() -> bytes:
    raise EOFError


def _refusal(message: str) -> bytes:
    code = _NETWORK.to_bytes(4, "little")
    return code + _text("DB::Exception") + _text(message) + _text("") + bytes(1)


def _number(value: int) -> bytes:
    found = b""
    while value >= 0x80:
        found += bytes([value & 0x7F | 0x80])
        value >>= 7
    return found + bytes([value])


def _text(value: str) -> bytes:
    return _number(len(value.encode())) + value.encode()
