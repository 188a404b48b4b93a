"""What an installation keeps from one `up` to the next: its ports and its size; and the addresses that follow from them.

Public ports are the user's: one that is taken is refused by name. The stores' ports are nobody's business: a
taken one is replaced.
"""

import os
import socket
from collections.abc import Mapping
from typing import Annotated, Final

import msgspec

from openpanel_local import files
from openpanel_local.engines import free_port
from openpanel_local.exits import CommandError, ExitCode
from openpanel_local.layout import Layout
from openpanel_local.supervise import folder_lock
from openpanel_local.typed import typed

HOST: Final = "127.0.0.1"
DATABASE: Final = "openpanel"  # in ClickHouse
POOL: Final = "shared"
SHARDS: Final = 1
API_PROCESSES_MAX: Final = 64

# Port field → its name for people and the option that moves it.
PUBLIC: Final[Mapping[str, tuple[str, str]]] = {
    "ingest": ("ingest", "--ingest-port"),
    "dashboard": ("dashboard", "--dashboard-port"),
    "api": ("public API", "--api-port"),
}
INTERNAL: Final = ("valkey", "postgres", "clickhouse", "worker")


Port = Annotated[int, msgspec.Meta(ge=0, le=65_535)]


class Ports(msgspec.Struct, frozen=True):
    """Where everything listens. 0: not chosen yet."""

    ingest: Port = 3000
    dashboard: Port = 3001
    api: Port = 3002
    valkey: Port = 0
    postgres: Port = 0
    clickhouse: Port = 0
    worker: Port = 0


class Installation(msgspec.Struct, frozen=True):
    """The facts of one installation."""

    ports: Ports = Ports()
    api_processes: int = 0  # 0: one per core
    furnished: bool = False  # the first manifests have been applied
    tables: str = ""  # the mark of the tables that the last start left (see `table_mark`)

    @property
    def ingest_url(self) -> str:
        return f"http://localhost:{self.ports.ingest}"

    @property
    def dashboard_url(self) -> str:
        return f"http://localhost:{self.ports.dashboard}"

    @property
    def api_url(self) -> str:
        return f"http://localhost:{self.ports.api}"


class Wishes(msgspec.Struct, frozen=True):
    """What `up` was asked for; None: as it was, or the default."""

    ingest_port: int | None = None
    dashboard_port: int | None = None
    api_port: int | None = None
    api_processes: int | None = None


def load(layout: Layout) -> Installation | None:
    """The installation in the folder; None when nothing was ever started there."""
    otherwise = "the next `openpanel up` chooses ports anew and finds everything else as it was"
    return files.read(layout.installation, Installation, otherwise=otherwise)


def required(layout: Layout) -> Installation:
    """The same, for commands that need one."""
    installation = load(layout)
    if installation is None:
        message = (
            f"there is no installation in {layout.data}; start one with `{typed('up', data=layout.data)}`"
        )
        raise CommandError(ExitCode.NOT_RUNNING, message)
    return installation


def furnished(layout: Layout) -> Installation:
    """The same, for commands that need its tables, which a first start makes."""
    installation = required(layout)
    if not installation.furnished and folder_lock.holder(layout.lock) is not None:
        message = f"the installation in {layout.data} is still being set up; wait until `{typed('status', data=layout.data)}` says ready"
        raise CommandError(ExitCode.NOT_READY, message)
    return installation


def save(layout: Layout, installation: Installation) -> None:
    files.write(layout.installation, installation)


def settled(known: Installation | None, wishes: Wishes) -> Installation:
    """What was known, with what is wished for now; every port is free. `CommandError` names one that is not."""
    before = known or Installation()
    ports = _wished(before.ports, wishes)
    _refuse_repeats(ports)
    for field, (name, option) in PUBLIC.items():
        port = getattr(ports, field)
        if not _is_free(port):
            message = f"port {port} ({name}) is in use by another program; choose another with {option}"
            raise CommandError(ExitCode.PORT_IN_USE, message)
    processes = wishes.api_processes or before.api_processes
    return msgspec.structs.replace(before, ports=_completed(ports), api_processes=processes)


def api_processes(installation: Installation) -> int:
    """How many API processes to run."""
    return installation.api_processes or min(API_PROCESSES_MAX, _cores())


def _cores() -> int:
    """Those that this process may use where the system tells, which macOS does not; else those of the machine."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _wished(ports: Ports, wishes: Wishes) -> Ports:
    return msgspec.structs.replace(
        ports,
        ingest=wishes.ingest_port or ports.ingest,
        dashboard=wishes.dashboard_port or ports.dashboard,
        api=wishes.api_port or ports.api,
    )


def _refuse_repeats(ports: Ports) -> None:
    taken: dict[int, str] = {}
    for field, (name, option) in PUBLIC.items():
        port = getattr(ports, field)
        if port in taken:
            message = (
                f"port {port} is asked for twice, for {taken[port]} and for {name}; change one with {option}"
            )
            raise CommandError(ExitCode.PORT_IN_USE, message)
        taken[port] = name


def _completed(ports: Ports) -> Ports:
    used = {getattr(ports, field) for field in PUBLIC}
    chosen: dict[str, int] = {}
    for field in INTERNAL:
        port = getattr(ports, field)
        while not port or port in used or not _is_free(port):
            port = free_port()
        chosen[field] = port
        used.add(port)
    return msgspec.structs.replace(ports, **chosen)


def _is_free(port: int) -> bool:
    """Whether nobody listens there. Connections of the past (TIME_WAIT) do not count."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
