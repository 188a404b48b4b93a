"""The supervisor's side of a start's heavy part, which a child process does: migrations, first manifests, the first user's way in.

The child (`furnish`) uses database drivers, the migration tool and the manifests' models, and is gone when the
start is over; the supervisor, which stays, never loads them. They speak by two files in the folder of what runs.
"""

import asyncio
import signal
import sys
from typing import Final

import msgspec

from openpanel_local import files
from openpanel_local.exits import CommandError, ExitCode
from openpanel_local.layout import DATA_VARIABLE, Layout
from openpanel_local.manifests import Texts
from openpanel_local.supervise import logs, probes
from openpanel_local.supervise.child import Birth
from openpanel_local.supervise.keeper import kill_group
from openpanel_local.supervise.program import Program

FURNISH: Final = "furnish"
_LOG_LINES: Final = 20


class Order(msgspec.Struct, frozen=True):
    """What is to be done, besides what is always done."""

    manifests: Texts = ()


class Outcome(msgspec.Struct, frozen=True):
    """What came of it; with a message it failed."""

    sign_in_token: str = ""
    projects: tuple[str, ...] = ()  # the ones of the manifests
    code: int = ExitCode.OK
    message: str = ""


async def furnished(layout: Layout, texts: Texts, *, birth: Birth) -> Outcome:
    """All of it done, now that the engines run; `CommandError` when that cannot be."""
    files.write(layout.furnish_order, Order(texts), durable=False)
    layout.furnish_outcome.unlink(missing_ok=True)
    logs.rotate(layout.log(FURNISH))
    try:
        code = await _run(_program(layout), birth)
        outcome = files.read(layout.furnish_outcome, Outcome, otherwise="start again")
    finally:
        layout.furnish_order.unlink(missing_ok=True)
        layout.furnish_outcome.unlink(missing_ok=True)
    if outcome is None:
        raise _died(layout, code)
    if outcome.message:
        raise CommandError(ExitCode(outcome.code), outcome.message)
    return outcome


async def _run(program: Program, birth: Birth) -> int:
    await birth.possible()
    child = await birth.give(program)
    try:
        return await child.wait()
    except asyncio.CancelledError:
        kill_group(child.pid)
        raise


def _program(layout: Layout) -> Program:
    module = "openpanel_local.furnish"
    return Program(
        name=FURNISH,
        argv=(sys.executable, "-P", "-m", module),
        module=module,
        cwd=layout.data,
        log=layout.log(FURNISH),
        env={DATA_VARIABLE: str(layout.data), "TZ": "UTC"},
        ready=probes.runs,
        death_signal=signal.SIGKILL,
    )


def _died(layout: Layout, code: int) -> CommandError:
    log = layout.log(FURNISH)
    lines = logs.tail(log, lines=_LOG_LINES)
    message = f"setting up ended with exit code {code}"
    return CommandError(ExitCode.NOT_STARTED, message, log=str(log), lines=lines)
