"""`openpanel up --detach`: the supervisor in a process and session of its own, which outlives the terminal.

Two halves. `start` is called by the command: it starts this module as a process, hands it the order and passes
on what it tells until everything is ready or nothing is. `main` is that process.
"""

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from openpanel_local import up
from openpanel_local.exits import ExitCode
from openpanel_local.layout import Layout
from openpanel_local.news import Failed, News, Started, Stopped
from openpanel_local.supervise import logs
from openpanel_local.up import LOG, UpOrder

_LOG_LINES: Final = 20


def start(order: UpOrder, layout: Layout, tell: Callable[[News], None]) -> ExitCode:
    """Start it and return when it is ready, or with the reason why it is not."""
    layout.create()
    log = layout.log(LOG)
    logs.rotate(log)
    with open(log, "ab", opener=_private) as errors:
        process = subprocess.Popen(
            (sys.executable, "-P", "-m", "openpanel_local.detached"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
        )
    assert process.stdin is not None
    assert process.stdout is not None
    with _stopped_by_ctrl_c(process), process.stdin as orders, process.stdout as news:
        orders.write(msgspec.json.encode(order))
        orders.close()
        for line in news:
            piece = msgspec.json.decode(line, type=News)
            tell(piece)
            if isinstance(piece, Started):
                process.returncode = 0  # it stays, and is not ours to wait for
                return ExitCode.OK
            if isinstance(piece, Failed | Stopped):
                return ExitCode(process.wait() or ExitCode.NOT_STARTED)
    return _died(process.wait(), layout, tell)


def main() -> int:
    """Be the supervisor; nobody reads after the start."""
    order = msgspec.json.decode(sys.stdin.buffer.read(), type=UpOrder)
    return up.run(order, _to_the_command)


def _to_the_command(news: News) -> None:
    try:
        os.write(sys.stdout.fileno(), msgspec.json.encode(news) + b"\n")
    except BrokenPipeError:
        return  # the command is gone; the installation stays
    if isinstance(news, Started):
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, sys.stdout.fileno())
        os.close(nothing)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


@contextlib.contextmanager
def _stopped_by_ctrl_c(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Whoever breaks off the command does not want what it was starting."""
    try:
        yield
    except KeyboardInterrupt:
        process.terminate()
        process.wait()
        raise


def _died(code: int, layout: Layout, tell: Callable[[News], None]) -> ExitCode:
    log = layout.log(LOG)
    lines = tuple(logs.tail(log, lines=_LOG_LINES))
    message = f"the supervisor ended with exit code {code} before everything was ready"
    tell(Failed(code=ExitCode.NOT_STARTED, message=message, log=str(log), lines=lines))
    return ExitCode.NOT_STARTED


if __name__ == "__main__":
    sys.exit(main())
