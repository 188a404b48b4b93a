"""ClickHouse: the engine as a library in a process of its own behind ClickHouse's HTTP interface.

The folder holds `password`, `clickhouse.log`, the rendered `engine.xml` and `users.xml`, `store/` and `backups/`.
Stopped by SIGTERM. It leads a process group of its own, since the engine may send signals to its group.
"""

import contextlib
import importlib.util
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from openpanel_local.engines import process, secret_file
from openpanel_local.engines.command import Command, EngineMissingError

_HOST = "127.0.0.1"
_USER = "openpanel"
_PROBE_TIMEOUT_S = 1.0


@dataclass(frozen=True, slots=True)
class ClickHouse:
    """A running ClickHouse; `url` has user and password."""

    url: str
    port: int
    pid: int


def prepare(data: Path, *, port: int, options: tuple[str, ...] = ()) -> Command:
    """Make the folder ready and say how the server is started; `options` are further ones of its command line."""
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    secret_file.ensure(data / "password")
    return command(data, port=port, options=options)


def command(data: Path, *, port: int, options: tuple[str, ...] = ()) -> Command:
    """How the server of a prepared folder is started."""
    if importlib.util.find_spec("chdb") is None:
        raise EngineMissingError("chdb")
    home = data.resolve()
    return Command(
        name="clickhouse",
        # -P: a file in the working folder must not stand in for a module.
        argv=(
            *(
                sys.executable,
                "-P",
                "-m",
                "openpanel_local.clickhouse",
                "--data",
                str(home),
                "--port",
                str(port),
            ),
            *("--host", _HOST, "--user", _USER, "--password-file", str(home / "password"), *options),
        ),
        cwd=data,
        log=data / "clickhouse.log",
        stop_signal=signal.SIGTERM,
        env={"TZ": "UTC", "MALLOC_ARENA_MAX": "2"},
        own_session=True,
    )


def url(data: Path, *, port: int) -> str:
    """Where the server of a prepared folder answers."""
    return f"http://{_USER}:{secret_file.read(data / 'password')}@{_HOST}:{port}"


def ready(url: str) -> bool:
    """Whether the server answers queries now."""
    import httpx  # noqa: PLC0415 - who only starts the server need not load it

    try:
        answer = httpx.post(url, content="SELECT 1", timeout=_PROBE_TIMEOUT_S, trust_env=False)
    except httpx.HTTPError:
        return False
    return answer.text == "1\n"


@contextlib.contextmanager
def running(data: Path, *, port: int = 0, options: tuple[str, ...] = ()) -> Iterator[ClickHouse]:
    """A ClickHouse on `data` until the block ends; port 0: any free one."""
    port = port or process.free_port()
    command = prepare(data, port=port, options=options)
    address = url(data, port=port)
    with process.running(command, ready=lambda: ready(address)) as pid:
        yield ClickHouse(url=address, port=port, pid=pid)
