"""Listening sockets that several processes of this service share: the kernel deals the connections out."""

import socket
from typing import Final

BACKLOG: Final = 2_048  # connections that wait to be accepted


def listening(host: str, port: int) -> socket.socket:
    """A socket on this address; raises OSError when another program has the port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    shared = socket.socket(family, socket.SOCK_STREAM)
    try:
        shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            shared.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        shared.bind((host, port))
        shared.listen(BACKLOG)
        shared.setblocking(False)
    except OSError:
        shared.close()
        raise
    return shared
