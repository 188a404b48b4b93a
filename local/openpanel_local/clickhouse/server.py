"""The server's life: lock, confinement, engine, socket, and an end within a few seconds whatever runs.

Only one process may have a data folder; the engine's own message for that is empty, so the lock is ours.
"""

import asyncio
import fcntl
import logging
import os
import socket
from typing import TextIO

import uvicorn

from openpanel_local.clickhouse.app import Front
from openpanel_local.clickhouse.configuration import Config
from openpanel_local.clickhouse.confinement import confine
from openpanel_local.clickhouse.damage import opened
from openpanel_local.clickhouse.engine import lay_out
from openpanel_local.clickhouse.logs import fields

_log = logging.getLogger(__name__)

_CLOSE_CONNECTIONS_S = 2  # after the listening socket: what still runs then was killed and did not end
_JOIN_THREADS_S = 0.5
_KEEP_ALIVE_S = 120  # longer than the pools of clients keep a connection idle


class InUseError(Exception):
    """The folder or the port belongs to another process."""


def serve(config: Config) -> None:
    """Serve until SIGTERM or SIGINT; InUseError, DamagedError."""
    config.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = _lock(config)
    listener = _listen(config)
    lay_out(config)
    confined = confine(writable=(config.store, config.backups, config.temporary), readable=(config.data,))
    engine = opened(config)
    for part in engine.broken_parts():
        _log.error("part.broken", extra=fields(part=part, effect="its rows are missing from answers"))
    front = Front(config, engine)
    _log.info("listening", extra=fields(host=config.host, port=config.port, confined=confined))
    server = _Server(_uvicorn_config(front), front, grace_s=config.stop_grace_s)
    server.run([listener])
    if front.threads.close(wait_s=_JOIN_THREADS_S):
        engine.close()
        lock.close()
    # A thread that is still inside the engine would keep the process for ever. Nothing is lost: what was
    # acknowledged is on disk.
    logging.shutdown()
    os._exit(0)


class _Server(uvicorn.Server):
    """Uvicorn that ends the statements when it is asked to stop, after a moment for those in hand."""

    def __init__(self, config: uvicorn.Config, front: Front, *, grace_s: float) -> None:
        super().__init__(config)
        self._front = front
        self._grace_s = grace_s

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        killing = asyncio.ensure_future(self._kill_later())
        await super().shutdown(sockets)
        killing.cancel()

    async def _kill_later(self) -> None:
        await asyncio.sleep(self._grace_s)
        await self._front.threads.kill_all()


def _uvicorn_config(front: Front) -> uvicorn.Config:
    return uvicorn.Config(
        front,
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=_CLOSE_CONNECTIONS_S,
    )


def _lock(config: Config) -> TextIO:
    """The folder's lock, held as long as the returned file is open."""
    file = (config.data / "lock").open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.seek(0)
        holder = file.read().strip() or "unknown"
        raise InUseError(f"{config.data} is in use by process {holder}") from error
    file.truncate(0)
    file.write(f"{os.getpid()}\n")
    file.flush()
    return file


def _listen(config: Config) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((config.host, config.port))
    except OSError as error:
        raise InUseError(f"port {config.port} of {config.host} cannot be taken: {error.strerror}") from error
    listener.listen(1_024)
    return listener
