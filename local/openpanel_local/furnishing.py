"""The supervisor's side of a start's heavy part: a child process that prepares the engines, and once they run, the rest.

The child (`furnish`) loads database drivers, the migration tool and the manifests' models, and is gone when the
start is over; the supervisor, which stays, never loads them. One line of JSON each way, twice.
"""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, TypeVar

import msgspec

from openpanel_local.exits import CommandError, ExitCode
from openpanel_local.layout import Layout
from openpanel_local.manifests import Texts
from openpanel_local.supervise import logs
from openpanel_local.supervise.keeper import kill_group
from openpanel_local.supervise.launcher import command_line

LOG: Final = "furnish"
_LOG_LINES: Final = 20
_LINE_BYTES: Final = 16 * 1024 * 1024  # of one answer or question


class Order(msgspec.Struct, frozen=True):
    """The first question: whose engines, and what is to be done once they run."""

    data: str
    manifests: Texts = ()


class Engine(msgspec.Struct, frozen=True):
    """How one engine is started, now that its folder is ready."""

    name: str
    argv: tuple[str, ...]
    cwd: str
    env: dict[str, str]
    stop_signal: int
    port: int
    user: int | None = None
    group: int | None = None


class Prepared(msgspec.Struct, frozen=True):
    """The first answer: the engines, and where they will answer; with a message it failed."""

    engines: tuple[Engine, ...] = ()
    redis_url: str = ""
    postgres_url: str = ""
    clickhouse_url: str = ""
    message: str = ""


class Outcome(msgspec.Struct, frozen=True):
    """The second answer: what came of the rest; with a message it failed."""

    sign_in_token: str = ""
    projects: tuple[str, ...] = ()  # the ones of the manifests
    code: int = ExitCode.OK
    message: str = ""


_Answer = TypeVar("_Answer", Prepared, Outcome)


class Furnisher:
    """The child, while it is there."""

    def __init__(self, process: Process, layout: Layout) -> None:
        self._process = process
        self._layout = layout

    async def prepare(self, texts: Texts) -> Prepared:
        """Make the engines' folders ready; `CommandError` when that cannot be."""
        order = msgspec.json.encode(Order(str(self._layout.data), texts))
        prepared = await self._ask(order, Prepared)
        if prepared.message:
            raise CommandError(ExitCode.NOT_STARTED, prepared.message)
        return prepared

    async def furnish(self) -> Outcome:
        """Migrations, manifests and first user, now that the engines run; `CommandError` when that cannot be."""
        outcome = await self._ask(b"{}", Outcome)
        if outcome.message:
            raise CommandError(ExitCode(outcome.code), outcome.message)
        return outcome

    async def _ask(self, question: bytes, kind: type[_Answer]) -> _Answer:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(question + b"\n")
            await self._process.stdin.drain()
            answer = await self._process.stdout.readline()
        except (BrokenPipeError, ConnectionResetError):
            answer = b""
        if not answer:
            raise self._died(await self._process.wait())
        return msgspec.json.decode(answer, type=kind)

    def _died(self, code: int) -> CommandError:
        log = self._layout.log(LOG)
        lines = logs.tail(log, lines=_LOG_LINES)
        message = f"setting up ended with exit code {code}"
        return CommandError(ExitCode.NOT_STARTED, message, log=str(log), lines=lines)


@asynccontextmanager
async def furnisher(layout: Layout) -> AsyncIterator[Furnisher]:
    """The child until the end of the block."""
    process = await _spawn(layout)
    try:
        yield Furnisher(process, layout)
    finally:
        if process.returncode is None:
            kill_group(process.pid)
            await process.wait()


async def _spawn(layout: Layout) -> Process:
    log = layout.log(LOG)
    logs.rotate(log)
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    module = (sys.executable, "-P", "-m", "openpanel_local.furnish")
    try:
        return await asyncio.create_subprocess_exec(
            *command_line(module, death_signal=signal.SIGKILL),
            stdin=PIPE,
            stdout=PIPE,
            stderr=descriptor,
            env={**os.environ, "TZ": "UTC"},
            start_new_session=True,
            limit=_LINE_BYTES,
        )
    finally:
        os.close(descriptor)
