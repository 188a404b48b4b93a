"""The `openpanel` command of an installation as a terminal has it: what it prints and its exit code.

What starts and stops processes is a program of its own here too. All other commands are carried out in the process of
the tests: to load them anew takes a second of a core each time, and that they work as programs is seen in the README's
walk-through.
"""

import contextlib
import io
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from unittest.mock import patch

from openpanel_local.main import main

PROGRAMS: Final = frozenset({"up", "down"})
PATIENCE_S: Final = 400
PLAIN: Final = {"NO_COLOR": "1", "COLUMNS": "200"}  # words alone, and none of them broken


def openpanel(data: Path, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    """One command on this data folder. Not for two threads at once: what is printed is the process's."""
    if arguments[0] in PROGRAMS:
        return program(data, *arguments)
    line = ["openpanel", *arguments, "--data", str(data)]
    out, err = io.StringIO(), io.StringIO()
    with (
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        patch.object(sys, "stdin", io.TextIOWrapper(io.BytesIO((stdin or "").encode()), encoding="utf-8")),
        patch.object(sys, "argv", line),
        patch.dict(os.environ, PLAIN),
    ):
        code = _code()
    return subprocess.CompletedProcess(line, code, out.getvalue(), err.getvalue())


def program(data: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """One command as a process."""
    return subprocess.run(
        command(data, *arguments),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
        env={**os.environ, **PLAIN},
    )


def command(data: Path, *arguments: str) -> Sequence[str]:
    """What a shell would be given for it."""
    return (sys.executable, "-m", "openpanel_local.main", *arguments, "--data", str(data))


def _code() -> int:
    try:
        main()
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0
