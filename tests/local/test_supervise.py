"""Supervision with real child processes; only time and chance are arguments."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from openpanel_local.supervise import folder_lock, leftovers, logs, stop_signals
from openpanel_local.supervise.backoff import FIRST_S, HEALTHY_S, LONGEST_S, Backoff
from openpanel_local.supervise.child import Child, executed
from openpanel_local.supervise.clock import Clock
from openpanel_local.supervise.program import Program
from openpanel_local.supervise.record import ProcessRecord, State, born, still_runs
from openpanel_local.supervise.supervisor import StartFailedError, Supervisor, all_ready
from tests.local.programs import BROKEN, DEAF, argv, program, stopped

START_S = 60.0


class Time:
    """Real time, but waits before restarts are only noted and are over at once."""

    def __init__(self) -> None:
        self.waits: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        await asyncio.sleep(min(seconds, 0.01))


@asynccontextmanager
async def supervisor(
    changed: Callable[[], None] = lambda: None, *, clock: Clock | None = None
) -> AsyncIterator[Supervisor]:
    running = Supervisor(clock=clock or Clock(), random=lambda: 0.0, changed=changed)
    try:
        yield running
    finally:
        running.kill()
        await running.stop([], within_s=5)


async def until(reached: Callable[[], bool]) -> None:
    async with asyncio.timeout(START_S):
        while not reached():  # noqa: ASYNC110 - what is waited for happens in other processes
            await asyncio.sleep(0.01)


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_waits_double_up_to_the_limit_and_begin_anew_after_health() -> None:
    backoff = Backoff(random=lambda: 0.0)

    waits = [backoff.after_death(ready_for_s=1) for _ in range(10)]

    assert waits[:4] == [0.2, 0.4, 0.8, 1.6]
    assert waits[-1] == LONGEST_S
    assert backoff.after_death(ready_for_s=HEALTHY_S) == 0.2


def test_waits_of_programs_that_died_together_differ() -> None:
    assert Backoff(random=lambda: 0.9).after_death(ready_for_s=0) < Backoff(random=lambda: 0.1).after_death(
        ready_for_s=0
    )


async def test_started_programs_are_ready_and_speak_into_their_logs(tmp_path: Path) -> None:
    async with supervisor() as running:
        await running.start([program(tmp_path, "api"), program(tmp_path, "worker")], within_s=START_S)

        assert all_ready(running.records)
        assert logs.tail(tmp_path / "api.log", lines=1) == ["hello from api"]


async def test_dead_program_comes_back(tmp_path: Path) -> None:
    async with supervisor() as running:
        await running.start([program(tmp_path, "api")], within_s=START_S)
        first = running.records[0].pid
        assert first is not None

        os.kill(first, signal.SIGKILL)
        await until(lambda: all_ready(running.records) and running.records[0].pid != first)

        assert running.records[0].restarts == 1
        assert running.records[0].reason == "was ended by SIGKILL"


async def test_crash_loop_waits_longer_and_longer_and_is_named(tmp_path: Path) -> None:
    clock = Time()
    seen: list[State] = []
    async with supervisor(
        lambda: seen.extend(r.state for r in running.records), clock=Clock(sleep=clock.sleep)
    ) as running:
        with pytest.raises(StartFailedError, match="api ended with exit code 3"):
            await running.start([program(tmp_path, "api", code=BROKEN)], within_s=START_S)

        assert State.CRASHING in seen
        assert [wait for wait in clock.waits if wait in {0.2, 0.4, 0.8, 1.6, 3.2}][:4] == [0.2, 0.4, 0.8, 1.6]


async def test_program_that_cannot_be_run_is_a_failed_start_with_its_reason(tmp_path: Path) -> None:
    missing = replace(program(tmp_path, "api"), argv=("/nowhere/at/all",))
    async with supervisor(clock=Clock(sleep=Time().sleep)) as running:
        with pytest.raises(StartFailedError, match="exit code 127"):
            await running.start([missing], within_s=START_S)

        assert logs.tail(tmp_path / "api.log", lines=1) == [
            "cannot run /nowhere/at/all: No such file or directory"
        ]


async def test_programs_that_never_get_ready_are_a_failed_start(tmp_path: Path) -> None:
    async def never(_pid: int) -> bool:
        return False

    async with supervisor() as running:
        with pytest.raises(StartFailedError, match="is not ready after"):
            await running.start([program(tmp_path, "api", ready=never)], within_s=0.3)


async def test_stages_stop_in_their_order(tmp_path: Path) -> None:
    async with supervisor() as running:
        names = ("valkey", "api-1", "api-2", "worker")
        programs = [program(tmp_path, name, stop_grace_s=START_S) for name in names]
        await running.start(programs, within_s=START_S)

        await running.stop([["api"], ["worker"], ["valkey"]], within_s=4 * START_S)

        assert set(stopped(tmp_path)[:2]) == {"api-1", "api-2"}
        assert stopped(tmp_path)[2:] == ["worker", "valkey"]
        assert {record.state for record in running.records} == {State.STOPPED}


async def test_program_that_does_not_listen_is_killed_after_its_grace(tmp_path: Path) -> None:
    async with supervisor() as running:
        await running.start([program(tmp_path, "api", code=DEAF, stop_grace_s=0.2)], within_s=START_S)
        pid = running.records[0].pid or 0

        async with asyncio.timeout(START_S):
            await running.stop([["api"]], within_s=10 * START_S)

        await until(lambda: not alive(pid))


class Unheard:
    """Processes whose end nobody tells."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.never = asyncio.Event()

    async def possible(self) -> None:
        return

    async def give(self, program: Program) -> Child:
        self.asked.set()
        return _Silent(await executed(program), self.never)


class Unborn(Unheard):
    """No process, and no word about it."""

    async def give(self, program: Program) -> Child:
        self.asked.set()
        await self.never.wait()
        raise OSError(f"{program.name} is not to be")


class _Silent:
    def __init__(self, process: Child, never: asyncio.Event) -> None:
        self.pid = process.pid
        self.send_signal = process.send_signal
        self._never = never

    async def wait(self) -> int:
        await self._never.wait()
        return 0


@pytest.mark.parametrize("birth", [Unheard, Unborn])
async def test_stop_does_not_wait_for_an_end_that_is_never_told(tmp_path: Path, birth: type[Unheard]) -> None:
    silent = birth()
    async with supervisor() as running:
        await running.start([program(tmp_path, "other", stop_grace_s=START_S)], within_s=START_S)
        starting = asyncio.create_task(
            running.start([program(tmp_path, "api", stop_grace_s=0.2)], within_s=START_S, birth=silent)
        )
        await asyncio.wait_for(silent.asked.wait(), START_S)
        await until(lambda: birth is Unborn or (tmp_path / "api").exists())

        left = await asyncio.wait_for(running.stop([["api"], ["other"]], within_s=10 * START_S), 2 * START_S)

        assert left == ("api",)
        assert "other" in stopped(tmp_path)
        await asyncio.gather(starting, return_exceptions=True)


HANGING = """
import asyncio, pathlib, signal, sys, time
from openpanel_local.supervise import last_resort, stop_signals
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in what a shell starts in the background
def hang_for_ever():
    print("blocked", flush=True)
    while True:
        time.sleep(600)
async def main(end_soon):
    with stop_signals.heeded(lambda: None, at_once=end_soon):
        hang_for_ever()
with last_resort.at_hand(pathlib.Path(sys.argv[1]), within_s=0.2) as end_soon:
    asyncio.run(main(end_soon))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_supervisor_that_hangs_ends_and_says_where(tmp_path: Path, number: signal.Signals) -> None:
    log = tmp_path / "supervisor.log"
    with subprocess.Popen(
        [sys.executable, "-c", HANGING, str(log)], stdout=subprocess.PIPE, text=True
    ) as hanging:
        assert hanging.stdout is not None
        assert hanging.stdout.readline() == "blocked\n"

        try:
            hanging.send_signal(number)
            assert hanging.wait(START_S) == 1
        finally:
            hanging.kill()
    assert "hang_for_ever" in log.read_text()


async def test_request_to_stop_is_told_to_a_loop_that_runs() -> None:
    told = asyncio.Event()
    at_once: list[bool] = []

    with stop_signals.heeded(told.set, at_once=lambda: at_once.append(told.is_set())):
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait_for(told.wait(), START_S)

    assert at_once == [False]


async def test_stop_during_the_wait_before_a_restart_does_not_wait(tmp_path: Path) -> None:
    async def endless_before_restarts(seconds: float) -> None:
        await asyncio.sleep(10 * START_S if seconds == FIRST_S else seconds)

    async with supervisor(clock=Clock(sleep=endless_before_restarts)) as running:
        await running.start([program(tmp_path, "api")], within_s=START_S)
        os.kill(running.records[0].pid or 0, signal.SIGKILL)
        await until(lambda: running.records[0].state is State.RESTARTING)

        left = await asyncio.wait_for(running.stop([["api"]], within_s=10 * START_S), START_S)

        assert left == ()
        assert running.records[0].state is State.STOPPED


async def test_stop_in_the_moment_of_a_start_leaves_nothing(tmp_path: Path) -> None:
    others = set(psutil.Process().children())  # the engines of other tests, whose own children come and go
    async with supervisor() as running:
        starting = asyncio.create_task(running.start([program(tmp_path, "api")], within_s=START_S))
        await asyncio.sleep(0)
        await asyncio.sleep(0)

        await asyncio.wait_for(running.stop([["api"]], within_s=5), START_S)

        starting.cancel()
        await until(lambda: set(psutil.Process().children()) <= others)


async def test_children_have_sessions_of_their_own(tmp_path: Path) -> None:
    async with supervisor() as running:
        await running.start([program(tmp_path, "api")], within_s=START_S)
        pid = running.records[0].pid or 0

        assert os.getsid(pid) == pid != os.getsid(0)


SUPERVISE = """
import asyncio, pathlib, sys
from openpanel_local.supervise.clock import Clock
from openpanel_local.supervise.supervisor import Supervisor
from tests.local.programs import DEAF, program
async def main(folder):
    running = Supervisor(clock=Clock(), random=lambda: 0.0, changed=lambda: None)
    await running.start([program(folder, "api"), program(folder, "deaf", code=DEAF)], within_s=60)
    print(*(record.pid for record in running.records), flush=True)
    await running.broken()
asyncio.run(main(pathlib.Path(sys.argv[1])))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children that their parent died")
def test_killed_supervisor_takes_its_children_along(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    code = textwrap.dedent(f"import sys; sys.path.insert(0, {str(root)!r})\n") + SUPERVISE
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        children = [psutil.Process(int(pid)) for pid in parent.stdout.readline().split()]
        assert len(children) == 2

        parent.kill()

        _, left = psutil.wait_procs(children, timeout=START_S)
        assert left == []


def test_leftovers_that_do_not_end_are_killed(tmp_path: Path) -> None:
    with subprocess.Popen(argv(DEAF, str(tmp_path), "deaf"), start_new_session=True) as process:
        record = ProcessRecord("deaf", State.READY, pid=process.pid, born=born(process.pid))

        assert leftovers.end([record], patience_s=0.1) == [record]

        assert not alive(process.pid)


def test_process_that_only_got_the_same_id_is_left_alone(tmp_path: Path) -> None:
    record = ProcessRecord("api", State.READY, pid=os.getpid(), born=born(os.getpid()) - 60)

    assert not still_runs(record)
    assert leftovers.end([record]) == []


def test_second_holder_of_a_folder_is_told_the_first(tmp_path: Path) -> None:
    with folder_lock.held(tmp_path / "lock"):
        with pytest.raises(folder_lock.HeldError) as refused, folder_lock.held(tmp_path / "lock"):
            pass

        assert refused.value.holder == os.getpid() == folder_lock.holder(tmp_path / "lock")
    assert folder_lock.holder(tmp_path / "lock") is None


def test_large_log_is_moved_aside_while_it_is_written(tmp_path: Path) -> None:
    log = tmp_path / "api.log"
    with log.open("ab") as writer:
        writer.write(b"old line\n" * 200)
        writer.flush()

        assert logs.rotate(log, limit=1_000)
        writer.write(b"new line\n")

    assert log.read_text() == "new line\n"
    assert (tmp_path / "api.log.1").read_text().count("old line") == 200


def test_tail_gives_the_last_lines(tmp_path: Path) -> None:
    log = tmp_path / "api.log"
    log.write_text("".join(f"line {n}\n" for n in range(20_000)))

    assert logs.tail(log, lines=2) == ["line 19998", "line 19999"]
    assert logs.tail(tmp_path / "none.log", lines=2) == []


def test_following_goes_on_after_rotation(tmp_path: Path) -> None:
    log = tmp_path / "api.log"
    log.write_text("before\n" * 100)
    growing = logs.Growing(log)

    log.write_text(log.read_text() + "one\n")
    assert growing.new() == "one\n"
    log.write_text("two\n")
    assert growing.new() == "two\n"
    assert growing.new() == ""
