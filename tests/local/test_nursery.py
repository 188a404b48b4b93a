"""The nursery with real processes: services forked off it live, end and come back like any other."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from openpanel_local.services import SHARED
from openpanel_local.supervise import logs
from openpanel_local.supervise.backoff import FIRST_S
from openpanel_local.supervise.clock import Clock
from openpanel_local.supervise.nursery import Itself, Nursery
from openpanel_local.supervise.program import Program
from openpanel_local.supervise.record import ProcessRecord, State
from openpanel_local.supervise.supervisor import StartFailedError, Supervisor, all_ready
from tests.local.programs import SERVER, stopped

START_S = 60.0

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux ends children with their parent, so only there is a nursery"
)


class Installation:
    """A supervisor with a nursery, and a service whose code is given."""

    def __init__(self, folder: Path, *, clock: Clock) -> None:
        self.folder = folder
        self.nursery = Nursery()
        self.supervisor = Supervisor(clock=clock, random=lambda: 0.0, changed=lambda: None)

    async def start(self, *codes: tuple[str, str], loads: tuple[str, ...] = ()) -> None:
        await self.supervisor.start([self._nursery(loads)], within_s=START_S, birth=Itself(self.nursery))
        programs = [self._service(name, code) for name, code in codes]
        await self.supervisor.start(programs, within_s=START_S, birth=self.nursery)

    def record(self, name: str) -> ProcessRecord:
        return next(record for record in self.supervisor.records if record.name == name)

    def pid(self, name: str) -> int:
        pid = self.record(name).pid
        assert pid is not None
        return pid

    def _nursery(self, loads: tuple[str, ...]) -> Program:
        return Program(
            name="nursery",
            argv=(sys.executable, "-P", "-m", "openpanel_local.nursery", *loads),
            log=self.folder / "nursery.log",
            cwd=self.folder,
            env={"PYTHONPATH": str(self.folder), "PYTHONUNBUFFERED": "1"},
            ready=self.nursery.ready,
            stop_grace_s=START_S,
        )

    def _service(self, name: str, code: str) -> Program:
        module = name.replace("-", "_")
        (self.folder / f"{module}.py").write_text(code)

        async def ready(_pid: int) -> bool:
            return (self.folder / name).exists()

        return Program(
            name=name,
            argv=(),
            module=module,
            log=self.folder / f"{name}.log",
            cwd=self.folder,
            env={"FOLDER": str(self.folder), "NAME": name},
            ready=ready,
            stop_grace_s=START_S,
        )


NAMED = "import os, sys; sys.argv += [os.environ['FOLDER'], os.environ['NAME']]\n" + SERVER
ONCE = "import os, pathlib, sys\n(pathlib.Path(os.environ['FOLDER']) / os.environ['NAME']).touch()\nsys.exit(3)\n"
TELLS = """
import atexit, gc, json, os, pathlib, signal, sys, threading, time
told = pathlib.Path(os.environ["FOLDER"]) / os.environ["NAME"]
atexit.register(lambda: told.with_suffix(".left").touch())
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
facts = {
    "name": __name__, "arguments": sys.argv, "folder": os.getcwd(), "group": os.getpgid(0), "pid": os.getpid(),
    "child_handler": signal.getsignal(signal.SIGCHLD) == signal.SIG_DFL, "input": sys.stdin.read(),
    "collecting": gc.isenabled(), "threads": threading.active_count(), "descriptors": len(os.listdir("/proc/self/fd")),
    "loaded": "wave" in sys.modules,
}
told.with_suffix(".json").write_text(json.dumps(facts))
told.touch()
while True:
    time.sleep(60)
"""


@asynccontextmanager
async def installed(folder: Path, *, clock: Clock | None = None) -> AsyncIterator[Installation]:
    installation = Installation(folder, clock=clock or Clock())
    try:
        yield installation
    finally:
        installation.supervisor.kill()
        await installation.supervisor.stop([], within_s=5)


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def until(reached: Callable[[], bool]) -> None:
    async with asyncio.timeout(START_S):
        while not reached():  # noqa: ASYNC110 - what is waited for happens in other processes
            await asyncio.sleep(0.01)


async def test_forked_service_is_as_if_it_had_been_started(tmp_path: Path) -> None:
    async with installed(tmp_path) as installation:
        await installation.start(("api-1", TELLS), loads=("wave",))

        told = json.loads((tmp_path / "api-1.json").read_text())
        pid = installation.pid("api-1")
        title = psutil.Process(pid).cmdline()[0]

        await installation.supervisor.stop([["api"], ["nursery"]], within_s=3 * START_S)

    assert told == {
        "name": "__main__",
        "arguments": [str(tmp_path / "api_1.py")],
        "folder": str(tmp_path),
        "group": pid,
        "pid": pid,
        "child_handler": True,
        "input": "",
        "collecting": True,
        "threads": 1,
        "descriptors": 4,
        "loaded": True,
    }
    assert title == "openpanel api-1"
    assert (tmp_path / "api-1.left").exists()


async def test_forked_services_speak_into_their_own_logs(tmp_path: Path) -> None:
    async with installed(tmp_path) as installation:
        await installation.start(("api", NAMED), ("worker", NAMED))

        assert all_ready(installation.supervisor.records)
        assert logs.tail(tmp_path / "api.log", lines=9) == ["hello from api"]
        assert logs.tail(tmp_path / "worker.log", lines=9) == ["hello from worker"]
        assert logs.tail(tmp_path / "nursery.log", lines=9) == []


async def test_killed_service_comes_back(tmp_path: Path) -> None:
    async with installed(tmp_path) as installation:
        await installation.start(("api", NAMED), ("worker", NAMED))
        first, other = installation.pid("api"), installation.pid("worker")

        os.kill(first, signal.SIGKILL)
        await until(lambda: all_ready(installation.supervisor.records) and installation.pid("api") != first)

        assert installation.record("api").reason == "was ended by SIGKILL"
        assert installation.pid("worker") == other


async def test_killed_nursery_comes_back_with_all_its_services(tmp_path: Path) -> None:
    async with installed(tmp_path) as installation:
        await installation.start(("api", NAMED), ("worker", NAMED))
        before = {name: installation.pid(name) for name in ("nursery", "api", "worker")}

        os.kill(before["nursery"], signal.SIGKILL)
        await until(
            lambda: (
                all_ready(installation.supervisor.records)
                and not {installation.pid(name) for name in before} & set(before.values())
            )
        )

        assert {record.restarts for record in installation.supervisor.records} == {1}
        await until(lambda: not any(alive(pid) for pid in before.values()))


async def test_services_stop_in_their_order_and_before_the_nursery(tmp_path: Path) -> None:
    async with installed(tmp_path) as installation:
        await installation.start(("api", NAMED), ("worker", NAMED))

        await installation.supervisor.stop([["api"], ["worker"], ["nursery"]], within_s=4 * START_S)

        assert stopped(tmp_path) == ["api", "worker"]
        assert {record.state for record in installation.supervisor.records} == {State.STOPPED}


async def test_stop_while_the_nursery_is_away_does_not_wait_for_it(tmp_path: Path) -> None:
    async def endless_before_restarts(seconds: float) -> None:
        await asyncio.sleep(10 * START_S if seconds == FIRST_S else seconds)

    async with installed(tmp_path, clock=Clock(sleep=endless_before_restarts)) as installation:
        await installation.start(("api", NAMED))
        os.kill(installation.pid("nursery"), signal.SIGKILL)
        await until(
            lambda: {record.state for record in installation.supervisor.records} == {State.RESTARTING}
        )

        async with asyncio.timeout(START_S):
            await installation.supervisor.stop([["api"], ["nursery"]], within_s=10 * START_S)

        assert {record.state for record in installation.supervisor.records} == {State.STOPPED}


async def test_service_that_ends_by_itself_is_named_with_its_exit_code(tmp_path: Path) -> None:
    async with installed(tmp_path) as installation:
        with pytest.raises(StartFailedError, match="api ended with exit code 3"):
            await installation.start(("api", ONCE.replace(".touch()", "")))


async def test_what_cannot_be_loaded_is_told_and_left_to_the_services(tmp_path: Path) -> None:
    async with installed(tmp_path) as installation:
        await installation.start(("api", NAMED), loads=("no_such_module", "wave"))

        assert all_ready(installation.supervisor.records)
        (told,) = logs.tail(tmp_path / "nursery.log", lines=9)
        assert told.startswith("cannot load no_such_module: ModuleNotFoundError(")


LOOKS = """
import json, os, sys
from openpanel_local.nursery import load
before = os.listdir("/proc/self/fd")
load(sys.argv[1:])
print(json.dumps({
    "threads": len(os.listdir("/proc/self/task")),
    "opened": len(os.listdir("/proc/self/fd")) - len(before),
    "metrics": "prometheus_client" in sys.modules,
    "engine": "chdb" in sys.modules,
}))
"""


async def test_function_of_a_part_is_called(tmp_path: Path) -> None:
    async with installed(tmp_path) as installation:
        await installation.start(("api", NAMED), loads=("calendar:prmonth",))

        (told,) = logs.tail(tmp_path / "nursery.log", lines=9)
        assert told.startswith("cannot load calendar:prmonth: TypeError(")


async def test_what_services_share_can_be_forked() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-c", LOOKS, *SHARED, stdout=asyncio.subprocess.PIPE
    )
    printed, _ = await process.communicate()

    # One line: nothing of it could not be loaded.
    assert json.loads(printed) == {"threads": 1, "opened": 0, "metrics": False, "engine": False}
