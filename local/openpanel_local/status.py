"""How an installation is doing right now: asked of the processes themselves, not only read from what was noted."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any, Final

import psutil

from openpanel_local import files, installation, services
from openpanel_local.installation import POOL, SHARDS, Installation
from openpanel_local.layout import Layout
from openpanel_local.supervise import folder_lock
from openpanel_local.supervise.record import ProcessRecord, State, SupervisorRecord, still_runs

ANSWER_S: Final = 2.0  # for the depth of the queue


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """One process."""

    name: str
    state: str
    ready: bool
    pid: int | None
    uptime_s: float
    restarts: int
    memory_bytes: int | None  # its proportional share, with its children; None: cannot be seen
    port: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class Status:
    """The installation."""

    data: str
    phase: str  # starting, running, stopping, stopped
    supervisor: int | None
    supervisor_memory_bytes: int | None
    services: tuple[ServiceStatus, ...]
    waiting_events: int | None  # not yet in ClickHouse; None: cannot be asked
    installation: Installation | None

    @property
    def ready(self) -> bool:
        return self.phase == "running" and all(service.ready for service in self.services)


def look(layout: Layout) -> Status:
    """Ask everything."""
    known = installation.load(layout)
    holder = folder_lock.holder(layout.lock)
    record = files.read(layout.state, SupervisorRecord, otherwise="it is written again with the next change")
    if known is None or holder is None or record is None:
        # A supervisor that holds the folder but has noted nothing is about to.
        return Status(str(layout.data), "starting" if holder else "stopped", holder, None, (), None, known)
    return Status(
        data=str(layout.data),
        phase=record.phase,
        supervisor=record.pid,
        supervisor_memory_bytes=_memory(record.pid, family=False),
        services=asyncio.run(_services(layout, known, record)),
        waiting_events=_waiting(layout, known),
        installation=known,
    )


def as_data(status: Status) -> dict[str, Any]:
    """The same for programs."""
    known = status.installation
    return {
        "ready": status.ready,
        "phase": status.phase,
        "data": status.data,
        "supervisor": {"pid": status.supervisor, "memoryBytes": status.supervisor_memory_bytes},
        "services": [_service_data(service) for service in status.services],
        "queue": {"pool": POOL, "waitingEvents": status.waiting_events},
        "ingestUrl": known.ingest_url if known else None,
        "dashboardUrl": known.dashboard_url if known else None,
        "apiUrl": known.api_url if known else None,
    }


def _service_data(service: ServiceStatus) -> dict[str, Any]:
    return {
        "name": service.name,
        "state": service.state,
        "ready": service.ready,
        "pid": service.pid,
        "uptimeSeconds": round(service.uptime_s, 1),
        "restarts": service.restarts,
        "memoryBytes": service.memory_bytes,
        "port": service.port,
        "reason": service.reason,
    }


async def _services(
    layout: Layout, known: Installation, record: SupervisorRecord
) -> tuple[ServiceStatus, ...]:
    asked = (_service(layout, known, process) for process in record.processes)
    return tuple(await asyncio.gather(*asked))


async def _service(layout: Layout, known: Installation, noted: ProcessRecord) -> ServiceStatus:
    runs = still_runs(noted)
    answers = runs and await _answers(layout, known, noted)
    ready = answers and noted.state is not State.STOPPING
    state = State.READY if ready else noted.state
    return ServiceStatus(
        name=noted.name,
        state="not ready" if noted.state is State.READY and not ready else state,
        ready=ready,
        pid=noted.pid if runs else None,
        uptime_s=max(0.0, time.time() - noted.born) if runs else 0.0,
        restarts=noted.restarts,
        memory_bytes=_memory(noted.pid, family=noted.name != services.NURSERY) if runs else None,
        port=noted.port,
        reason=noted.reason,
    )


async def _answers(layout: Layout, known: Installation, noted: ProcessRecord) -> bool:
    if noted.name == services.NURSERY:  # it speaks to the supervisor alone, who noted it
        return noted.state is State.READY
    return await services.probe(layout, known, noted.name)(noted.pid or 0)


def _memory(pid: int | None, *, family: bool) -> int | None:
    """Proportional set size: pages shared by several processes are counted once in the sum."""
    try:
        process = psutil.Process(pid)
        children = process.children(recursive=True) if family else ()
        return sum(int(member.memory_full_info().pss) for member in (process, *children))
    except (psutil.Error, AttributeError):  # gone, somebody else's, or a system without this figure
        return None


def _waiting(layout: Layout, known: Installation) -> int | None:
    import redis  # noqa: PLC0415 - the driver is loaded for the one question that needs it

    from openpanel.stream.drain import depth  # noqa: PLC0415
    from openpanel.stream.keys import Pool  # noqa: PLC0415
    from openpanel_local.engines import valkey  # noqa: PLC0415

    try:
        address = valkey.url(layout.valkey, port=known.ports.valkey)
        with redis.Redis.from_url(
            address, socket_timeout=ANSWER_S, socket_connect_timeout=ANSWER_S
        ) as connection:
            return depth(connection, pool=Pool(POOL, SHARDS))
    except (redis.RedisError, OSError):
        return None
