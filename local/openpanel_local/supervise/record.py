"""What the supervisor knows about its processes, as it is written to the state file and read by other commands."""

from enum import StrEnum
from typing import Final

import msgspec
import psutil

SAME_START_S: Final = 1.0  # a process that began this close to the noted time is the noted one


class State(StrEnum):
    """Where a process is in its life."""

    WAITING = "waiting"  # not started yet
    STARTING = "starting"  # it runs, but is not ready
    READY = "ready"
    RESTARTING = "restarting"  # it died and is started again after a short wait
    CRASHING = "crash loop"  # it died again and again; the waits have become long
    STOPPING = "stopping"
    STOPPED = "stopped"


class Phase(StrEnum):
    """Where the installation as a whole is."""

    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"


class ProcessRecord(msgspec.Struct, frozen=True):
    """One process. Its id alone could be another's by now, so the time of its birth goes with it."""

    name: str
    state: State
    pid: int | None = None
    born: float = 0.0  # seconds since 1970
    restarts: int = 0
    reason: str = ""  # why it died last
    port: int | None = None


class SupervisorRecord(msgspec.Struct, frozen=True):
    """The supervisor and all that it keeps."""

    pid: int
    born: float
    phase: Phase
    processes: tuple[ProcessRecord, ...]


def born(pid: int) -> float:
    """When a process began, in seconds since 1970; 0 when it is gone."""
    try:
        return psutil.Process(pid).create_time()
    except psutil.Error:
        return 0.0


def still_runs(record: ProcessRecord | SupervisorRecord) -> bool:
    """Whether it is that very process that has the id now, and it is not just waiting to be collected."""
    if record.pid is None or abs(born(record.pid) - record.born) > SAME_START_S:
        return False
    try:
        return psutil.Process(record.pid).status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
