"""One process that is to run, as a value: all that the supervisor is told about it."""

import signal
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

Probe = Callable[[int], Awaitable[bool]]  # process id → does it do its work now?


@dataclass(frozen=True, slots=True)
class Program:
    """What to run, where it speaks to, how one sees that it is ready and how it is asked to stop."""

    name: str
    argv: tuple[str, ...]  # where its process is a program of its own
    log: Path
    ready: Probe
    module: str = ""  # where its process is forked off one that has Python running: the module it becomes
    cwd: Path = field(default=Path("/"))
    env: Mapping[str, str] = field(default_factory=dict)  # added to the supervisor's own
    stop_signal: signal.Signals = signal.SIGTERM
    stop_grace_s: float = 2.0  # after that it is killed
    death_signal: signal.Signals = signal.SIGKILL  # from the kernel when the supervisor dies
    user: int | None = None
    group: int | None = None
    port: int | None = None  # where it listens, for people to see
