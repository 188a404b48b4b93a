"""What a connection may bring before a request is whole: headers within bounds, and within a time."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import uvicorn
from starlette.responses import PlainTextResponse

from openpanel_dashboard.connections import HEAD_BYTES, BoundedProtocol, config_of

WHOLE = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"


class Hasty(BoundedProtocol):
    """Waits for a moment only."""

    head_seconds = 0.2


class Prompt(BoundedProtocol):
    """Waits long enough for whoever sends at once."""

    head_seconds = 3.0


@contextmanager
def connected(protocol: type[BoundedProtocol] = BoundedProtocol) -> Iterator[socket.socket]:
    """A connection to a server that greets, served as the dashboard is."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        config = config_of(PlainTextResponse("hello"), host="127.0.0.1", port=port, protocol=protocol)
        config.lifespan = "off"
        server = uvicorn.Server(config)
        thread = Thread(target=server.run, kwargs={"sockets": [listener]}, name=f"greeting-{port}")
        thread.start()
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
                yield connection
        finally:
            server.should_exit = True
            thread.join()


def rest_of(connection: socket.socket) -> bytes:
    """Everything until the other side closes."""
    received = b""
    while piece := connection.recv(65_536):
        received += piece
    return received


def test_headers_that_do_not_end_are_refused() -> None:
    begun = b"GET / HTTP/1.1\r\nhost: x\r\nx-a: "
    with connected() as connection:
        connection.sendall(begun + b"a" * (HEAD_BYTES + 1 - len(begun)))

        answer = rest_of(connection)

    assert answer.startswith(b"HTTP/1.1 431 ")
    assert b"headers of a request may have 65536 bytes" in answer


def test_headers_that_take_too_long_end_the_connection() -> None:
    with connected(Hasty) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n")

        assert rest_of(connection) == b""


def test_connection_that_sends_nothing_is_ended() -> None:
    with connected(Hasty) as connection:
        assert rest_of(connection) == b""


def test_blank_lines_do_not_keep_a_connection_open() -> None:
    with connected(Prompt) as connection:
        connection.sendall(WHOLE)
        received = b""
        while not received.endswith(b"hello"):
            received += (piece := connection.recv(65_536))
            assert piece
        connection.sendall(b"\r\n")

        assert rest_of(connection) == b""


def test_requests_that_come_in_pieces_are_answered() -> None:
    with connected() as connection:
        for piece in (WHOLE[:9], WHOLE[9:], WHOLE[:20], WHOLE[20:-1], WHOLE[-1:]):
            connection.sendall(piece)
        connection.sendall(WHOLE.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n"))

        answers = rest_of(connection)

    assert answers.count(b"HTTP/1.1 200 OK") == 3
    assert answers.endswith(b"hello")
