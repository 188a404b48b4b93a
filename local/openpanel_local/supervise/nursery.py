"""The supervisor's side of the nursery: a process that has loaded what several services share, and forks each off itself.

Forked services share the memory of what was loaded, and start without loading it. Their parent is the nursery
(`openpanel_local.nursery` is that process), which tells when one ends; when the nursery itself ends, the kernel ends
them, and all are started again. One message each datagram, in JSON; the channel is the nursery's standard input.
"""

import asyncio
import os
import signal
import socket
from collections.abc import Mapping
from typing import Final

import msgspec

from openpanel_local.supervise.child import Child, executed
from openpanel_local.supervise.program import Program

MESSAGE_BYTES: Final = 128 * 1024  # of one datagram; the environment is most of it


class Order(msgspec.Struct, frozen=True):
    """To the nursery: fork, and become this module in the child."""

    number: int
    name: str
    module: str
    cwd: str
    log: str
    env: Mapping[str, str]


class Ready(msgspec.Struct, frozen=True, tag=True):
    """From the nursery: everything is loaded."""


class Born(msgspec.Struct, frozen=True, tag=True):
    """From the nursery: the order's process is there."""

    number: int
    pid: int


class Ended(msgspec.Struct, frozen=True, tag=True):
    """From the nursery: a process ended; a negative code is the signal's number."""

    pid: int
    code: int


class Refused(msgspec.Struct, frozen=True, tag=True):
    """From the nursery: the order could not be carried out."""

    number: int
    reason: str


News = Ready | Born | Ended | Refused


class Forked:
    """A process that the nursery is the parent of."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.code: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def wait(self) -> int:
        return await asyncio.shield(self.code)

    def send_signal(self, number: signal.Signals, /) -> None:
        if self.code.done():
            raise ProcessLookupError(self.pid)
        os.kill(self.pid, number)


class Nursery:
    """Where forked processes come from, while it runs."""

    def __init__(self) -> None:
        self._channel: socket.socket | None = None
        self._ready = asyncio.Event()
        self._numbers = 0
        self._births: dict[int, asyncio.Future[Forked]] = {}
        self._children: dict[int, Forked] = {}
        self._hearing: asyncio.Task[None] | None = None

    async def ready(self, _pid: int) -> bool:
        """Whether it has loaded everything, as a probe."""
        return self._ready.is_set()

    async def possible(self) -> None:
        await self._ready.wait()

    async def give(self, program: Program) -> Child:
        if self._channel is None or not self._ready.is_set():
            raise OSError("the nursery is away")
        self._numbers += 1
        number = self._numbers
        born: asyncio.Future[Forked] = asyncio.get_running_loop().create_future()
        self._births[number] = born
        order = Order(
            number, program.name, program.module, str(program.cwd), str(program.log), dict(program.env)
        )
        await asyncio.get_running_loop().sock_sendall(self._channel, msgspec.json.encode(order))
        return await born

    async def begin(self, program: Program) -> Child:
        """The nursery's own process, with a fresh channel to it."""
        if self._hearing is not None:
            await self._hearing  # the channel of the one before ends with it
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        with theirs:
            process = await executed(program, stdin=theirs)
        self._channel = ours
        self._hearing = asyncio.create_task(self._hear(ours), name="hear the nursery")
        return process

    async def _hear(self, channel: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        try:
            while message := await loop.sock_recv(channel, MESSAGE_BYTES):
                self._heard(msgspec.json.decode(message, type=News))
        except ConnectionResetError:
            pass
        finally:
            channel.close()
            self._lost()

    def _heard(self, news: News) -> None:
        match news:
            case Ready():
                self._ready.set()
            case Born(number=number, pid=pid):
                self._children[pid] = child = Forked(pid)
                self._births.pop(number).set_result(child)
            case Refused(number=number, reason=reason):
                self._births.pop(number).set_exception(OSError(reason))
            case Ended(pid=pid, code=code):
                self._children.pop(pid).code.set_result(code)

    def _lost(self) -> None:
        """It ended, and its children with it: the kernel kills them (see `openpanel_local.nursery`)."""
        self._channel = None
        self._ready.clear()
        births, self._births = self._births, {}
        children, self._children = self._children, {}
        for birth in births.values():
            birth.set_exception(OSError("the nursery ended"))
        for child in children.values():
            child.code.set_result(-signal.SIGKILL)


class Itself:
    """How the nursery's own process comes to be, for the keeper of the nursery."""

    def __init__(self, nursery: Nursery) -> None:
        self._nursery = nursery

    async def possible(self) -> None:
        """Always."""

    async def give(self, program: Program) -> Child:
        return await self._nursery.begin(program)
