"""What a connection may bring before a request is whole: headers within bounds, and within a time."""

import contextlib
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import uvicorn
from starlette.responses import PlainTextResponse

from openpanel_dashboard.connections import HEAD_BYTES, REST_BYTES, BoundedProtocol, config_of

WHOLE = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n0\r\n"  # trailers may follow
TRAILERS = b"a:b\r\n" * 10_000


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


def test_trailers_without_end_are_hung_up_on() -> None:
    with connected() as connection:
        connection.sendall(CHUNKED)
        sent = 0
        with contextlib.suppress(ConnectionError):
            while sent < 100 * REST_BYTES:
                connection.sendall(TRAILERS)
                sent += len(TRAILERS)

        assert sent < 100 * REST_BYTES


def test_trailers_get_no_more_time_than_a_head() -> None:
    hung_up = False
    with connected(Hasty) as connection:
        connection.sendall(CHUNKED)
        connection.settimeout(0.05)
        for _ in range(1_000):
            with contextlib.suppress(TimeoutError):
                try:
                    connection.sendall(b"a:b\r\n")
                    hung_up = connection.recv(65_536) == b""
                except ConnectionError:
                    hung_up = True
            if hung_up:
                break

    assert hung_up


def test_requests_that_come_in_pieces_are_answered() -> None:
    with connected() as connection:
        for piece in (WHOLE[:9], WHOLE[9:], WHOLE[:20], WHOLE[20:-1], WHOLE[-1:]):
            connection.sendall(piece)
        connection.sendall(WHOLE.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n"))

        answers = rest_of(connection)

    assert answers.count(b"HTTP/1.1 200 OK") == 3
    assert answers.endswith(b"hello")
