"""A program's process as its keeper sees it, and how one comes to be: as a program of its own."""

import asyncio
import os
import signal
import socket
from asyncio.subprocess import DEVNULL, STDOUT
from typing import Protocol

from openpanel_local.supervise.launcher import command_line
from openpanel_local.supervise.program import Program


class Child(Protocol):
    """One process, until it has ended."""

    @property
    def pid(self) -> int: ...

    async def wait(self) -> int:
        """Its exit code; the negative number of the signal that ended it."""

    def send_signal(self, number: signal.Signals, /) -> None:
        """Send it; `ProcessLookupError` when it has ended."""


class Birth(Protocol):
    """Where processes come from."""

    async def possible(self) -> None:
        """Returns when `give` can succeed; may be broken off."""

    async def give(self, program: Program) -> Child:
        """A new process that runs the program; `OSError` when there is none. Not to be broken off."""


class Executed:
    """Each process is a program of its own, and ends when its supervisor does."""

    async def possible(self) -> None:
        """Always."""

    async def give(self, program: Program) -> Child:
        return await executed(program)


async def executed(program: Program, *, stdin: socket.socket | None = None) -> Child:
    """A process with the program's command line, whose input is `stdin` or nothing."""
    descriptor = os.open(program.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        return await asyncio.create_subprocess_exec(
            *command_line(
                program.argv, death_signal=program.death_signal, user=program.user, group=program.group
            ),
            stdin=DEVNULL if stdin is None else stdin.fileno(),
            stdout=descriptor,
            stderr=STDOUT,
            cwd=program.cwd,
            env={**os.environ, **program.env},
            # A session of its own: the terminal's Ctrl-C is for the supervisor, which knows the order.
            start_new_session=True,
        )
    finally:
        os.close(descriptor)
