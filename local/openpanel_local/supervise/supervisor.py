"""All processes of an installation: started together, kept, stopped stage by stage.

Belongs to the main thread's event loop (see `keeper`). Knows no service by name; who starts before whom and who
stops before whom is told by the caller.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final

from openpanel_local.supervise import logs
from openpanel_local.supervise.backoff import Backoff
from openpanel_local.supervise.child import Birth, Executed
from openpanel_local.supervise.clock import Clock
from openpanel_local.supervise.keeper import KILLED_WITHIN_S, Keeper
from openpanel_local.supervise.program import Program
from openpanel_local.supervise.record import ProcessRecord, State

ROTATE_EVERY_S: Final = 5.0


class StartFailedError(Exception):
    """A program did not get ready."""

    def __init__(self, program: Program, reason: str) -> None:
        super().__init__(f"{program.name} {reason}")
        self.program = program
        self.reason = reason


class Supervisor:
    """The processes of one installation."""

    def __init__(self, *, clock: Clock, random: Callable[[], float], changed: Callable[[], None]) -> None:
        """`changed` is called after every change of `records`."""
        self._clock = clock
        self._random = random
        self._changed = changed
        self._keepers: dict[str, Keeper] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._rotating = asyncio.create_task(self._rotate(), name="rotate logs")

    @property
    def records(self) -> tuple[ProcessRecord, ...]:
        """What is known of each process, in the order of their start."""
        return tuple(keeper.record for keeper in self._keepers.values())

    async def start(
        self, programs: Sequence[Program], *, within_s: float, birth: Birth | None = None
    ) -> None:
        """Start them side by side and return when all are ready; `StartFailedError` when one is not in time.

        Later they are kept running for as long as it takes. `birth`: where their processes come from.
        """
        waits = [
            asyncio.create_task(
                self._ready(self._keep(program, birth), within_s), name=f"start {program.name}"
            )
            for program in programs
        ]
        try:
            await asyncio.gather(*waits)
        finally:
            for wait in waits:
                wait.cancel()

    async def stop(self, stages: Sequence[Sequence[str]], *, within_s: float) -> tuple[str, ...]:
        """Stop stage after stage; programs are named by prefix. What is left at the end of the time is killed.

        Programs that no stage names come first. Gives those whose end was not heard of, for whatever reason.
        """
        deadline = self._clock.now() + within_s
        for stage in self._staged(stages):
            left = max(0.0, deadline - self._clock.now())
            async with asyncio.TaskGroup() as group:
                for keeper in stage:
                    group.create_task(keeper.stop(grace_s=min(left, keeper.program.stop_grace_s)))
        self._rotating.cancel()
        return await self._given_up()

    def kill(self) -> None:
        """End all at once; `stop` then has nothing left to wait for."""
        for keeper in self._keepers.values():
            keeper.kill()

    async def broken(self) -> None:
        """Returns never, or raises what went wrong in the supervision itself."""
        # Unlike a gathering, waiting leaves the tasks alone when it is broken off itself.
        ended, _ = await asyncio.wait(
            [self._rotating, *self._tasks.values()], return_when=asyncio.FIRST_COMPLETED
        )
        for task in ended:
            task.result()

    async def _given_up(self) -> tuple[str, ...]:
        """Programs whose keeper does not come to its end, after it was told to; nobody waits for them any more."""
        if not self._tasks:
            return ()
        ended, left = await asyncio.wait(self._tasks.values(), timeout=KILLED_WITHIN_S)
        for task in left:
            task.cancel()
        for task in ended:
            if not task.cancelled():
                task.result()
        return tuple(name for name, task in self._tasks.items() if task in left)

    def _keep(self, program: Program, birth: Birth | None) -> Keeper:
        keeper = Keeper(
            program,
            backoff=Backoff(random=self._random),
            clock=self._clock,
            changed=self._changed,
            birth=birth or Executed(),
        )
        self._keepers[program.name] = keeper
        self._tasks[program.name] = asyncio.create_task(keeper.run(), name=f"keep {program.name}")
        return keeper

    async def _ready(self, keeper: Keeper, within_s: float) -> None:
        kept = self._tasks[keeper.program.name]
        ends: list[asyncio.Future[Any]] = [keeper.started, kept]
        try:
            async with asyncio.timeout(within_s):
                await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        except TimeoutError:
            reason = keeper.record.reason or f"is not ready after {within_s:.0f} s"
            raise StartFailedError(keeper.program, reason) from None
        if kept.done():
            kept.result()
        elif not keeper.started.result():
            raise StartFailedError(keeper.program, keeper.record.reason)

    def _staged(self, stages: Sequence[Sequence[str]]) -> list[list[Keeper]]:
        named = [
            [keeper for name, keeper in self._keepers.items() if name.startswith(tuple(stage))]
            for stage in stages
        ]
        known = {keeper.program.name for stage in named for keeper in stage}
        return [[keeper for name, keeper in self._keepers.items() if name not in known], *named]

    async def _rotate(self) -> None:
        while True:
            await self._clock.sleep(ROTATE_EVERY_S)
            for keeper in self._keepers.values():
                logs.rotate(keeper.program.log)


def all_ready(records: Sequence[ProcessRecord]) -> bool:
    """Whether there is something and all of it is ready."""
    return bool(records) and all(record.state is State.READY for record in records)
