"""The nursery's own process: `python -m openpanel_local.nursery PART…` loads the parts and forks services on demand.

What is loaded here is in the memory of all services once. So that forks are safe, this process has one thread, no
event loop and no open store, and runs nothing but this loop; so that the memory stays shared, the collector never
looks at what was loaded. Its standard input is the channel to the supervisor (`supervise.nursery`).

A child becomes its service as if it had been started as a program: own process group, own log, the environment of the
order, and the kernel ends it when the nursery dies.
"""

import gc
import importlib
import os
import runpy
import selectors
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Final

import msgspec

from openpanel_local import lean, process_title
from openpanel_local.supervise import launcher
from openpanel_local.supervise.nursery import MESSAGE_BYTES, Born, Ended, News, Order, Ready, Refused

_STDIN, _STDOUT, _STDERR = 0, 1, 2
_PIPE_BYTES: Final = 4_096


def main() -> None:
    """Load, then fork until the supervisor is gone; in a child: be the service."""
    load(sys.argv[1:])
    order = _Forks(socket.socket(fileno=_STDIN)).until_born()
    if order is not None:
        sys.argv[:] = [order.module]
        runpy.run_module(order.module, run_name="__main__", alter_sys=True)


def load(parts: Sequence[str]) -> None:
    """Have these in memory for good: `module`, or `module:function` that fills its caches.

    What cannot be loaded is left to the services, which say it themselves.
    """
    gc.disable()
    lean.forbid_unused()
    for part in parts:
        module, _, function = part.partition(":")
        try:
            loaded = importlib.import_module(module)
            if function:
                getattr(loaded, function)()
        except Exception as error:  # noqa: BLE001 - whatever a module does wrong, others are not to suffer from it
            print(f"cannot load {part}: {error!r}", flush=True)  # noqa: T201 - goes into the log
    gc.collect()
    gc.freeze()


class _Forks:
    """Takes orders and tells of births and ends, until it is a child itself."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._parent = os.getpid()
        self._woken, self._wake = os.pipe()
        for end in (self._woken, self._wake):
            os.set_blocking(end, False)

    def until_born(self) -> Order | None:
        """In a child: the order that it is born for. None when there is nobody to give orders any more."""
        signal.signal(signal.SIGCHLD, _noted)
        signal.set_wakeup_fd(self._wake)
        with selectors.DefaultSelector() as waits:
            waits.register(self._woken, selectors.EVENT_READ, self._tell_ends)
            waits.register(self._channel, selectors.EVENT_READ, self._take_order)
            self._tell(Ready())
            while True:
                for key, _ in waits.select():
                    act: Callable[[], Order | bool] = key.data
                    outcome = act()
                    if isinstance(outcome, Order):
                        return outcome
                    if not outcome:
                        return None

    def _tell_ends(self) -> bool:
        os.read(self._woken, _PIPE_BYTES)
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return True
            if pid == 0:
                return True
            self._tell(Ended(pid, os.waitstatus_to_exitcode(status)))

    def _take_order(self) -> Order | bool:
        """Fork: the order in the child, true in the parent; false when the supervisor has gone."""
        message = self._channel.recv(MESSAGE_BYTES)
        if not message:
            return False
        order = msgspec.json.decode(message, type=Order)
        try:
            pid = os.fork()
        except OSError as error:
            self._tell(Refused(order.number, f"cannot fork: {error.strerror}"))
            return True
        if pid == 0:
            self._settle(order)
            return order
        # By parent and child alike, since nobody knows who runs first: from now on the group can be killed.
        os.setpgid(pid, pid)
        self._tell(Born(order.number, pid))
        return True

    def _settle(self, order: Order) -> None:
        """Leave everything of the parent behind."""
        os.setpgid(0, 0)
        launcher.end_with(self._parent, signal.SIGKILL)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.close(self._woken)
        os.close(self._wake)
        self._channel.detach()
        _redirect(order.log)
        os.chdir(order.cwd)
        os.environ.update(order.env)
        process_title.entitle(f"openpanel {order.name}")
        gc.enable()

    def _tell(self, news: News) -> None:
        self._channel.send(msgspec.json.encode(news))


def _redirect(log: str) -> None:
    """Nothing comes in; everything that is said goes to the log."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    said = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(nothing, _STDIN)
    os.dup2(said, _STDOUT)
    os.dup2(said, _STDERR)
    os.close(nothing)
    os.close(said)


def _noted(_number: int, _frame: FrameType | None) -> None:
    """The byte in the pipe is what wakes the loop; without a handler none would be written."""


if __name__ == "__main__":
    main()
