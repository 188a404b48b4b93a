"""Ports that stay free for a server which is not there yet, or not there at the moment."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def reserved_port() -> Iterator[int]:
    """A port of the loopback address on which only who is told of it listens, until the end of the block.

    It is bound here and never listened on: the system gives it to nobody who asks for any port, and refuses
    connections until a server that may share the address is there.
    """
    with socket.socket() as place:
        place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        place.bind(("127.0.0.1", 0))
        yield int(place.getsockname()[1])
