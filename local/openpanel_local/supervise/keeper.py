"""Keeps one program running: start, see that it is ready, note its death, wait, start again, until told to stop.

Belongs to the thread whose death the kernel reports to the children: use it in the main thread's event loop.
"""

import asyncio
import contextlib
import os
import signal
from collections.abc import Awaitable, Callable
from typing import Final

from openpanel_local.supervise import logs
from openpanel_local.supervise.backoff import Backoff
from openpanel_local.supervise.child import Birth, Child
from openpanel_local.supervise.clock import Clock
from openpanel_local.supervise.program import Program
from openpanel_local.supervise.record import ProcessRecord, State, born

CRASH_LOOP: Final = 3  # deaths without health between them
GIVE_UP: Final = 4  # the same, before it was ever ready: whoever waits for the start waits in vain
ASK_FIRST_S: Final = 0.03  # between questions whether it is ready; grows, since a question costs work
ASK_FACTOR: Final = 1.3
ASK_LONGEST_S: Final = 0.5
KILLED_WITHIN_S: Final = 0.5  # whose end is not heard of in this time after it was killed is left to itself


class Keeper:
    """One program and its present process."""

    def __init__(
        self,
        program: Program,
        *,
        backoff: Backoff,
        clock: Clock,
        changed: Callable[[], None],
        birth: Birth,
    ) -> None:
        """`changed` is called after every change of the record; `started` says how the start went."""
        self.program = program
        self.record = ProcessRecord(name=program.name, state=State.WAITING, port=program.port)
        self.started: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._birth = birth
        self._backoff = backoff
        self._clock = clock
        self._changed = changed
        self._process: Child | None = None
        self._ready_since: float | None = None
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Until `stop`."""
        while await self._unless_stopping(self._birth.possible()):
            reason, ready_for_s = await self._run_once()
            if self._stopping.is_set():
                break
            wait = self._backoff.after_death(ready_for_s=ready_for_s)
            if self._backoff.failures >= GIVE_UP:
                self._tell_start(succeeded=False)
            looping = self._backoff.failures >= CRASH_LOOP
            self._note(
                State.CRASHING if looping else State.RESTARTING,
                restarts=self.record.restarts + 1,
                reason=reason,
            )
            await self._pause(wait)
        self._note(State.STOPPED)

    async def stop(self, *, grace_s: float) -> None:
        """Ask the process to end, insist after `grace_s`, and do not start it again.

        Bounded, also when the end is never told: by a kernel that cannot end it, or a parent that hangs.
        """
        self._stopping.set()
        process = self._process
        if process is None:
            return
        self._note(State.STOPPING, pid=process.pid, born=self.record.born)
        _signal(process, self.program.stop_signal)
        try:
            async with asyncio.timeout(grace_s):
                await process.wait()
        except TimeoutError:
            kill_group(process.pid)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(KILLED_WITHIN_S):
                    await process.wait()

    def kill(self) -> None:
        """End the process at once."""
        self._stopping.set()
        if self._process is not None:
            kill_group(self._process.pid)

    async def _run_once(self) -> tuple[str, float]:
        """One life: why it ended, and for how many seconds it had been ready."""
        self._ready_since = None
        try:
            process = await self._spawn()
        except OSError as error:
            return f"cannot be started: {error}", 0.0
        self._process = process
        if self._stopping.is_set():  # asked to stop while it was being started, and missed it
            kill_group(process.pid)
        self._note(State.STARTING, pid=process.pid, born=born(process.pid))
        watching = asyncio.create_task(self._watch(process.pid), name=f"watch {self.program.name}")
        ended = asyncio.create_task(process.wait(), name=f"end of {self.program.name}")
        ended.add_done_callback(lambda _: watching.cancel())
        await asyncio.wait({ended, watching}, return_when=asyncio.FIRST_EXCEPTION)
        if not watching.cancelled():
            watching.result()  # a probe that raises is a mistake in the probe, and must be heard of
        self._process = None
        return _reason(ended.result()), self._ready_for()

    def _ready_for(self) -> float:
        return 0.0 if self._ready_since is None else self._clock.now() - self._ready_since

    async def _spawn(self) -> Child:
        logs.rotate(self.program.log)
        return await self._birth.give(self.program)

    async def _watch(self, pid: int) -> None:
        """Ask until it is ready."""
        wait = ASK_FIRST_S
        while not await self.program.ready(pid):
            await self._clock.sleep(wait)
            wait = min(wait * ASK_FACTOR, ASK_LONGEST_S)
        if self._stopping.is_set():
            return
        self._ready_since = self._clock.now()
        self._note(State.READY, pid=pid, born=self.record.born)
        self._tell_start(succeeded=True)

    def _tell_start(self, *, succeeded: bool) -> None:
        if not self.started.done():
            self.started.set_result(succeeded)

    def _note(
        self,
        state: State,
        *,
        pid: int | None = None,
        born: float = 0.0,
        restarts: int | None = None,
        reason: str | None = None,
    ) -> None:
        before = self.record
        self.record = ProcessRecord(
            name=before.name,
            state=state,
            pid=pid,
            born=born,
            restarts=before.restarts if restarts is None else restarts,
            reason=before.reason if reason is None else reason,
            port=before.port,
        )
        self._changed()

    async def _pause(self, seconds: float) -> None:
        """Let time pass, unless it is to stop."""
        await self._unless_stopping(self._clock.sleep(seconds))

    async def _unless_stopping(self, waiting: Awaitable[object]) -> bool:
        """Whether the wait was over before it was to stop."""
        waits = {asyncio.ensure_future(waiting), asyncio.ensure_future(self._stopping.wait())}
        _, late = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in late:
            wait.cancel()
        return not self._stopping.is_set()


def kill_group(pid: int) -> None:
    """End a process that leads a group, with all of the group."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def _signal(process: Child, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(number)


def _reason(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    return f"was ended by {signal.Signals(-code).name}"
