"""`openpanel up`: from a data folder to everything ready, kept running until told to stop, and stopped in order.

Called in the foreground by its command, or in a process of its own by `detached`. Says what happens by `tell`
and prints nothing.
"""

import asyncio
import contextlib
import os
import random
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from openpanel_local import (
    credentials,
    engine_folders,
    files,
    furnishing,
    installation,
    manifests,
    services,
    table_mark,
)
from openpanel_local.engines import secret_file
from openpanel_local.exits import CommandError, ExitCode
from openpanel_local.installation import Installation, Wishes
from openpanel_local.layout import Layout
from openpanel_local.manifests import Texts
from openpanel_local.news import Failed, News, Progress, Started, Stopped, Way
from openpanel_local.supervise import folder_lock, last_resort, leftovers, logs, stop_signals
from openpanel_local.supervise.child import Birth, Executed
from openpanel_local.supervise.clock import Clock
from openpanel_local.supervise.nursery import Itself, Nursery
from openpanel_local.supervise.program import Program
from openpanel_local.supervise.record import Phase, SupervisorRecord, born
from openpanel_local.supervise.supervisor import StartFailedError, Supervisor
from openpanel_local.typed import typed

READY_WITHIN_S: Final = 90.0  # each of the two waves; a first start on a slow disk takes long
STOPPED_WITHIN_S: Final = 15.0  # whatever hangs; a stop by `services` is over by then, also on a busy machine
LOG_LINES: Final = 20  # of a service that did not start
LOG: Final = "supervisor"
SIGN_IN_PATH: Final = "/sign-in?token="  # of the dashboard; the token follows

Tell = Callable[[News], None]
_Done = TypeVar("_Done")


class UpOrder(msgspec.Struct, frozen=True):
    """What `up` was asked for."""

    data: str
    wishes: Wishes
    manifests: Texts = ()  # none: the first project, if the installation is new


def run(order: UpOrder, tell: Tell) -> ExitCode:
    """Everything, until a stop signal or a failed start. Call it in the main thread."""
    layout = Layout(Path(order.data))
    try:
        layout.create()
        with (
            folder_lock.held(layout.lock),
            last_resort.at_hand(layout.log(LOG), within_s=STOPPED_WITHIN_S) as end_soon,
        ):
            return asyncio.run(_kept(layout, order, tell, end_soon=end_soon))
    except folder_lock.HeldError as held:
        message = (
            f"{layout.data} is in use by another openpanel (process {held.holder});"
            f" `{typed('down', data=layout.data)}` stops it,"
            f" `{typed('sign-in', data=layout.data)}` prints a new sign-in link"
        )
        return _failed(tell, CommandError(ExitCode.ALREADY_RUNNING, message))
    except CommandError as error:
        return _failed(tell, error)


class _Run:
    """One run of the supervisor, and what is on disk about it."""

    def __init__(self, layout: Layout, *, end_soon: Callable[[], None]) -> None:
        """`end_soon` is called when a stop begins (see `last_resort`)."""
        self.layout = layout
        self._end_soon = end_soon
        self.stop_asked = asyncio.Event()
        self.supervisor = Supervisor(clock=Clock(), random=random.random, changed=self._note)
        self._phase = Phase.STARTING
        self._pid, self._born = os.getpid(), born(os.getpid())
        self._note()

    def enter(self, phase: Phase) -> None:
        self._phase = phase
        self._note()

    async def stop(self) -> None:
        self._end_soon()
        self.enter(Phase.STOPPING)
        left = await self.supervisor.stop(services.STOP_STAGES, within_s=services.STOP_WITHIN_S)
        if left:
            with self.layout.log(LOG).open("a") as log:
                print(f"gave up waiting for the end of: {', '.join(left)}", file=log)
        self.layout.state.unlink(missing_ok=True)

    async def unless_stopped(self, work: Coroutine[object, object, _Done]) -> _Done | None:
        """What the work comes to; None when it was broken off by a request to stop."""
        working = asyncio.create_task(work)
        asked = asyncio.create_task(self.stop_asked.wait())
        await asyncio.wait([working, asked], return_when=asyncio.FIRST_COMPLETED)
        asked.cancel()
        if working.done():
            return working.result()
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        return None

    def on_signal(self) -> None:
        """Somebody asked for the end."""
        if self.stop_asked.is_set():  # whoever asks twice does not want to wait
            self.supervisor.kill()
        self.stop_asked.set()

    def _note(self) -> None:
        record = SupervisorRecord(self._pid, self._born, self._phase, self.supervisor.records)
        files.write(self.layout.state, record, durable=False)


async def _kept(layout: Layout, order: UpOrder, tell: Tell, *, end_soon: Callable[[], None]) -> ExitCode:
    began = time.monotonic()
    await asyncio.to_thread(_end_leftovers, layout)
    settled = installation.settled(installation.load(layout), order.wishes)
    installation.save(layout, settled)
    run = _Run(layout, end_soon=end_soon)
    with stop_signals.heeded(run.on_signal, at_once=end_soon):
        try:
            started = await run.unless_stopped(_start(run, settled, order, tell))
            if started is not None:
                run.enter(Phase.RUNNING)
                tell(msgspec.structs.replace(started, seconds=round(time.monotonic() - began, 1)))
                await run.unless_stopped(run.supervisor.broken())
        except StartFailedError as error:
            raise _not_started(error) from error
        finally:
            await run.stop()
    tell(Stopped())
    return ExitCode.OK


async def _start(run: _Run, settled: Installation, order: UpOrder, tell: Tell) -> Started:
    layout = run.layout
    secret_key = secret_file.ensure(layout.secret_key)
    wanted = order.manifests or (() if settled.furnished else manifests.first())
    tables = await asyncio.to_thread(table_mark.of_this_code)
    prepared = await asyncio.to_thread(engine_folders.prepare, layout, settled.ports)
    parts = _Parts(
        engines=services.engines(layout, settled, prepared),
        services=services.services(layout, settled, prepared, secret_key=secret_key),
        manifests=wanted,
        tables_are_there=settled.tables == tables,
    )
    outcome = await _all_started(run, parts, tell)
    installation.save(layout, msgspec.structs.replace(settled, furnished=True, tables=tables))
    return _started(layout, settled, outcome)


@dataclass(frozen=True, slots=True)
class _Parts:
    """What a start consists of."""

    engines: Sequence[Program]
    services: Sequence[Program]
    manifests: Texts
    tables_are_there: bool  # as the services expect them


async def _all_started(run: _Run, parts: _Parts, tell: Tell) -> furnishing.Outcome:
    """The engines, and beside them what the services are forked off; then tables and services."""
    # Elsewhere the kernel does not end its children with it: each service is a program of its own.
    nursery = Nursery() if sys.platform == "linux" else None
    async with _beside(_nursed(run, nursery)) as nursed:
        await _wave(run, parts.engines, tell)
        await nursed
    furnisher = nursery or Executed()
    if not parts.tables_are_there:
        outcome = await _furnished(run, parts, tell, birth=furnisher)
        await _wave(run, parts.services, tell, birth=nursery)
        return outcome
    async with _beside(_wave(run, parts.services, tell, birth=nursery)) as served:
        outcome = await _furnished(run, parts, tell, birth=furnisher)
        await served
    return outcome


@contextlib.asynccontextmanager
async def _beside(work: Coroutine[object, object, None]) -> AsyncIterator[asyncio.Task[None]]:
    """The work beside the block, which waits for it; broken off where the block ends without."""
    task = asyncio.create_task(work)
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _nursed(run: _Run, nursery: Nursery | None) -> None:
    """What the services are forked off is ready."""
    if nursery is not None:
        program = services.nursery(run.layout, ready=nursery.ready)
        await run.supervisor.start([program], within_s=READY_WITHIN_S, birth=Itself(nursery))


async def _furnished(run: _Run, parts: _Parts, tell: Tell, *, birth: Birth) -> furnishing.Outcome:
    outcome = await furnishing.furnished(run.layout, parts.manifests, birth=birth)
    tell(Progress("tables, projects and the first user are there"))
    return outcome


async def _wave(run: _Run, programs: Sequence[Program], tell: Tell, *, birth: Birth | None = None) -> None:
    await run.supervisor.start(programs, within_s=READY_WITHIN_S, birth=birth)
    tell(Progress(f"{', '.join(program.name for program in programs)} ready"))


def _end_leftovers(layout: Layout) -> None:
    """What a killed supervisor left; its lock is free, so it is not there any more."""
    with contextlib.suppress(CommandError):
        left = files.read(layout.state, SupervisorRecord, otherwise="start again")
        leftovers.end(left.processes if left else ())


def _started(layout: Layout, settled: Installation, outcome: furnishing.Outcome) -> Started:
    known = credentials.load(layout).projects
    project = next((name for name in (*outcome.projects, *known) if name in known), "")
    clients = known.get(project, {})
    return Started(
        pid=os.getpid(),
        seconds=0.0,
        ingest_url=settled.ingest_url,
        dashboard_url=settled.dashboard_url,
        api_url=settled.api_url,
        sign_in_url=f"{settled.dashboard_url}{SIGN_IN_PATH}{outcome.sign_in_token}",
        project=project,
        ways=tuple(Way(name, entry.type, entry.id, entry.secret) for name, entry in clients.items()),
    )


def _not_started(error: StartFailedError) -> CommandError:
    log = error.program.log
    lines = logs.tail(log, lines=LOG_LINES)
    return CommandError(ExitCode.NOT_STARTED, f"{error} while starting", log=str(log), lines=lines)


def _failed(tell: Tell, error: CommandError) -> ExitCode:
    tell(Failed(code=error.code, message=error.message, log=error.log, lines=error.lines))
    return error.code
