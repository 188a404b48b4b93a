"""The folder in which the processes of one installation keep their metrics, so that each can answer with the sum.

Files of processes that ended stay while others run, because counters must not fall; they go when all begin anew.
"""

import contextlib
import os
import re
from collections.abc import MutableMapping
from pathlib import Path
from typing import Final

VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"
_FILE: Final = re.compile(r"\w+_(\d+)\.db")


def prepare(folder: Path, *, environment: MutableMapping[str, str]) -> None:
    """Name the folder to prometheus-client, unless somebody named one already; empty it if nobody uses it."""
    folder = Path(environment.setdefault(VARIABLE, str(folder)))
    folder.mkdir(parents=True, exist_ok=True)
    files = [(path, int(found[1])) for path in folder.iterdir() if (found := _FILE.fullmatch(path.name))]
    if any(_runs(pid) for _, pid in files):
        return
    for path, _ in files:
        with contextlib.suppress(FileNotFoundError):
            path.unlink()


def _runs(pid: int) -> bool:
    if pid == os.getpid():
        return False  # the number of a process of an earlier boot
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
