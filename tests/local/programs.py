"""Tiny real programs for the supervisor to keep, and the supervisor's pieces with defaults."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from openpanel_local.supervise.probes import asked
from openpanel_local.supervise.program import Program

# Says that it is ready by making a file, notes how it was stopped in another, and then ends.
SERVER = """
import pathlib, signal, sys
folder, name = pathlib.Path(sys.argv[1]), sys.argv[2]
def stop(number, _):
    with (folder / "stopped").open("a") as file:
        file.write(name + "\\n")
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
print("hello from", name, flush=True)
(folder / name).touch()
while True:
    signal.pause()
"""
DEAF = """
import pathlib, signal, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
(pathlib.Path(sys.argv[1]) / sys.argv[2]).touch()
while True:
    signal.pause()
"""
BROKEN = "import sys; print('no such table'); sys.exit(3)"


def program(folder: Path, name: str, *, code: str = SERVER, **changes: Any) -> Program:
    """A program that is ready once its file is there."""
    told: dict[str, Any] = {
        "name": name,
        "argv": argv(code, str(folder), name),
        "log": folder / f"{name}.log",
        "ready": asked((folder / name).exists),
    }
    return Program(**{**told, **changes})


def argv(code: str, *arguments: str) -> Sequence[str]:
    return (sys.executable, "-IS", "-c", code, *arguments)


def stopped(folder: Path) -> list[str]:
    """Which programs noted that they were asked to stop, in that order."""
    return (folder / "stopped").read_text().split()
