"""Passwords, accounts and processes beneath the engines."""

import os
import select
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from openpanel_local.engines import (
    EngineFailedError,
    EngineMissingError,
    account,
    clickhouse,
    process,
    secret_file,
)
from openpanel_local.engines.account import Account
from openpanel_local.engines.command import Command

NOBODY = Account(65534, 65534)


def test_password_is_made_once_even_by_many(tmp_path: Path) -> None:
    made: list[str] = []
    makers = [
        threading.Thread(target=lambda: made.append(secret_file.ensure(tmp_path / "password")))
        for _ in range(8)
    ]
    for maker in makers:
        maker.start()
    for maker in makers:
        maker.join()

    assert len(set(made)) == 1
    assert len(made[0]) == 48
    assert (tmp_path / "password").stat().st_mode & 0o777 == 0o600
    assert os.listdir(tmp_path) == ["password"]


def test_account_that_may_walk_everywhere_starts_the_program_itself(tmp_path: Path) -> None:
    assert account.runs_as(["/bin/true"], NOBODY, reaches=[Path("/usr/bin")]) == (("/bin/true",), NOBODY)
    assert account.runs_as(["/bin/true"], None, reaches=[tmp_path]) == (("/bin/true",), None)


def test_account_that_is_shut_out_gets_a_launcher(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0o700)

    argv, runner = account.runs_as(
        ["/bin/true"], Account(12345, 12345), reaches=[tmp_path / "closed" / "data"]
    )

    assert runner is None
    assert argv[-3:] == ("12345", "12345", "/bin/true")


if os.geteuid() == 0 and sys.platform == "linux":  # elsewhere nobody uses the launcher

    def test_launcher_leaves_one_capability_and_no_root(tmp_path: Path) -> None:
        (tmp_path / "closed").mkdir(mode=0o700)
        (tmp_path / "closed" / "file").write_text("readable")
        script = f"id -u; cat {tmp_path}/closed/file; echo x > {tmp_path}/closed/file || echo no writing"
        argv, _ = account.runs_as(["/bin/sh", "-c", script], NOBODY, reaches=[tmp_path / "closed" / "x"])

        done = subprocess.run(argv, capture_output=True, text=True, check=False)

        assert done.stdout.split("\n")[0] == "65534"
        assert "readable" in done.stdout
        assert "no writing" in done.stdout


def test_engine_ends_with_the_block_even_on_failure(tmp_path: Path) -> None:
    pids: list[int] = []

    def use() -> None:
        with process.running(_command(tmp_path, "sleep 600"), ready=lambda: True) as pid:
            pids.append(pid)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        use()

    with pytest.raises(ProcessLookupError):
        os.kill(pids[0], 0)


def test_engine_that_ends_before_it_is_ready_is_reported_with_its_log(tmp_path: Path) -> None:
    with (
        pytest.raises(EngineFailedError, match="ended with 3: the reason"),
        process.running(_command(tmp_path, "echo the reason; exit 3"), ready=lambda: False),
    ):
        pass


if sys.platform == "linux":  # elsewhere only the supervisor ends orphans

    def test_engine_ends_when_its_starter_is_killed(tmp_path: Path) -> None:
        script = (
            "import sys, time; from pathlib import Path; from openpanel_local.engines import valkey\n"
            "with valkey.running(Path(sys.argv[1])) as engine:\n    print(engine.pid, flush=True); time.sleep(600)"
        )
        with subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path / "v")], stdout=subprocess.PIPE
        ) as starter:
            assert starter.stdout is not None
            engine = int(starter.stdout.readline())
            descriptor = os.pidfd_open(engine)
            starter.kill()

        ended = _ends(descriptor, within_s=60)
        os.close(descriptor)
        assert ended


def test_missing_wheel_is_named_with_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)

    with pytest.raises(EngineMissingError, match=r"pip install chdb \(or openpanel\[local\]\)"):
        clickhouse.prepare(tmp_path, port=1)


def test_clickhouse_command_keeps_the_password_to_itself(tmp_path: Path) -> None:
    command = clickhouse.prepare(tmp_path / "c", port=1)

    assert (tmp_path / "c" / "password").read_text().strip() not in " ".join(command.argv)
    assert command.own_session
    assert command.env["TZ"] == "UTC"


def _ends(descriptor: int, *, within_s: float) -> bool:
    return bool(select.select([descriptor], [], [], within_s)[0])


def _command(folder: Path, script: str) -> Command:
    return Command(
        name="engine",
        argv=("/bin/sh", "-c", script),
        cwd=folder,
        log=folder / "log",
        stop_signal=signal.SIGTERM,
    )
