"""One engine process from start to stop, for callers without a supervisor: tests and one-off tools."""

import contextlib
import ctypes
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import NoReturn

from openpanel_local.engines.command import Command

_START_DEADLINE_S = 120.0
_STOP_DEADLINE_S = 30.0
_ASK_AGAIN_S = 0.02
_LOG_TAIL = 2_000  # characters of the log in an error
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_HOST = "127.0.0.1"
# Below those that systems give to whoever asks for any port: until a server has taken the one that was chosen for it,
# no connection and no other server gets it by chance.
_PORTS = range(10_240, 32_768)
_chosen: set[int] = set()  # in this process: no port twice


class EngineFailedError(RuntimeError):
    """An engine did not start; the text has the end of its log."""


def free_port() -> int:
    """A port of the loopback address that nobody listens on now, another one each time."""
    while True:
        port = secrets.choice(_PORTS)
        if port in _chosen:
            continue
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((_HOST, port))
            _chosen.add(port)
            return port


@contextlib.contextmanager
def running(command: Command, *, ready: Callable[[], bool]) -> Iterator[int]:
    """Start `command`, wait until `ready`, yield its process id, stop it.

    Ends with the thread that started it (Linux): start engines from a thread that lives as long as they do.
    """
    process = _started_until_ready(command, ready, deadline=time.monotonic() + _START_DEADLINE_S)
    try:
        yield process.pid
    finally:
        _stop(process, command.stop_signal)


def _started_until_ready(
    command: Command, ready: Callable[[], bool], *, deadline: float
) -> subprocess.Popen[bytes]:
    process = _start(command)
    last_start = time.monotonic() + command.start_again_s
    try:
        while not ready():
            if process.poll() is not None:
                if time.monotonic() > last_start:
                    _fail(command, f"ended with {process.returncode}")
                process = _start(command)
            if time.monotonic() > deadline:
                _fail(command, "is not ready")
            time.sleep(_ASK_AGAIN_S)
    except BaseException:
        _stop(process, command.stop_signal)
        raise
    return process


def _fail(command: Command, what: str) -> NoReturn:
    tail = command.log.read_text("utf-8", "replace")[-_LOG_TAIL:].strip()
    raise EngineFailedError(f"{command.name} {what}: {tail}")


def _start(command: Command) -> subprocess.Popen[bytes]:
    with command.log.open("ab") as log:
        return subprocess.Popen(
            command.argv,
            cwd=command.cwd,
            env={**os.environ, **command.env},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            user=command.user,
            group=command.group,
            extra_groups=None if command.user is None else (),
            start_new_session=command.own_session,
            preexec_fn=_end_with_caller(command.stop_signal),  # noqa: PLW1509 - one C call, nothing of Python's
        )


def _end_with_caller(stop_signal: signal.Signals) -> Callable[[], object] | None:
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl
    return lambda: prctl(_PR_SET_PDEATHSIG, int(stop_signal), 0, 0, 0)


def _stop(process: subprocess.Popen[bytes], stop_signal: signal.Signals) -> None:
    if process.poll() is None:
        process.send_signal(stop_signal)
    try:
        process.wait(_STOP_DEADLINE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
