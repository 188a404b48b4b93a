"""Ways to see whether a process is ready. Each answers yes or no and never raises."""

import asyncio
from collections.abc import Callable
from typing import Final

import psutil

from openpanel_local.supervise.program import Probe

PATIENCE_S: Final = 2.0  # an answer that takes longer is a no
READY_PATH: Final = "/healthz/ready"


def answers(host: str, port: int, *, path: str = READY_PATH) -> Probe:
    """Ready when it listens on the port itself and the path answers 200.

    Several processes may share a port: the answer alone could be another one's.
    """

    async def probe(pid: int) -> bool:
        return listens(pid, port) and await http_ok(host, port, path=path)

    return probe


async def runs(_pid: int) -> bool:
    """Ready as soon as it runs."""
    return True


def asked(check: Callable[[], bool]) -> Probe:
    """Ready when a blocking question is answered with yes."""

    async def probe(_pid: int) -> bool:
        try:
            # Not `wait_for`, which in Python 3.11 may swallow a cancellation.
            async with asyncio.timeout(PATIENCE_S):
                return await asyncio.to_thread(check)
        except (OSError, TimeoutError):
            return False

    return probe


async def http_ok(host: str, port: int, *, path: str) -> bool:
    """Whether a GET is answered with 200 in time."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            return b" 200 " in await _status_line(host, port, path)
    except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        return False


def listens(pid: int, port: int) -> bool:
    """Whether the process has the port open."""
    try:
        sockets = psutil.Process(pid).net_connections(kind="tcp")
    except psutil.Error:
        return False
    return any(s.status == psutil.CONN_LISTEN and s.laddr.port == port for s in sockets)


async def _status_line(host: str, port: int, path: str) -> bytes:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n".encode())
        return await reader.readuntil(b"\r\n")
    finally:
        writer.close()
