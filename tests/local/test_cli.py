"""The command line where nothing runs: refusals with their exit codes, credentials, and what is printed."""

import errno
import json
import os
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest
import yaml
from typer.testing import CliRunner, Result

from openpanel_local import credentials, files, installation, output
from openpanel_local.commands.up import complaint, welcome
from openpanel_local.credentials import Known, Secret
from openpanel_local.engines import free_port
from openpanel_local.exits import CommandError, ExitCode
from openpanel_local.installation import Installation, Ports, Wishes
from openpanel_local.layout import DATA_VARIABLE, Layout
from openpanel_local.main import app
from openpanel_local.news import Failed, Started, Way
from openpanel_local.supervise import folder_lock
from openpanel_local.supervise.record import Phase, ProcessRecord, State, SupervisorRecord, born
from openpanel_local.typed import typed

WEB = Secret("11111111-1111-4111-8111-111111111111", "write", "sec_web")
READER = Secret("22222222-2222-4222-8222-222222222222", "read", "sec_reader")


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """A folder in which two projects were once applied; nothing runs."""
    layout = Layout(tmp_path / "data")
    layout.create()
    installation.save(layout, Installation(Ports(3100, 3101, 3102, 4001, 4002, 4003, 4004), furnished=True))
    known = Known({"shop": {"reader": READER, "web": WEB}, "blog": {"lost": Secret("33", "write")}})
    files.write(layout.credentials, known)
    return layout


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as held:
        yield held.getsockname()[1]


def openpanel(layout: Layout, *arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(app, [*arguments, "--data", str(layout.data)], input=stdin)


def refusal(layout: Layout, *arguments: str, stdin: str | None = None) -> CommandError:
    result = openpanel(layout, *arguments, stdin=stdin)
    assert isinstance(result.exception, CommandError), result.output
    return result.exception


def test_credentials_have_exactly_the_promised_keys(layout: Layout) -> None:
    printed = json.loads(openpanel(layout, "credentials", "shop", "-o", "json").stdout)

    assert printed == {
        "project": "shop",
        "client": "web",
        "type": "write",
        "clientId": WEB.id,
        "clientSecret": "sec_web",
        "ingestUrl": "http://localhost:3100",
        "apiUrl": "http://localhost:3102",
        "dashboardUrl": "http://localhost:3101",
    }


def test_credentials_of_a_named_client_as_shell_lines(layout: Layout) -> None:
    printed = openpanel(layout, "credentials", "shop", "--client", "reader", "-o", "env").stdout.splitlines()

    assert "OPENPANEL_CLIENT=reader" in printed
    assert f"OPENPANEL_CLIENT_ID={READER.id}" in printed
    assert "OPENPANEL_CLIENT_SECRET=sec_reader" in printed
    assert "OPENPANEL_INGEST_URL=http://localhost:3100" in printed
    assert len(printed) == 8


def test_unknown_project_is_answered_with_the_names_there_are(layout: Layout) -> None:
    error = refusal(layout, "credentials", "nope")

    assert error.code is ExitCode.UNKNOWN
    assert error.message == "there is no project nope; there are: blog, shop"


def test_unknown_client_is_answered_with_the_names_there_are(layout: Layout) -> None:
    error = refusal(layout, "credentials", "shop", "--client", "app")

    assert error.message == "there is no client app in project shop; there are: reader, web"


def test_secret_that_was_issued_elsewhere_is_not_made_up(layout: Layout) -> None:
    assert "was not issued on this machine" in refusal(layout, "credentials", "blog").message


def test_credentials_file_is_its_owners_alone(layout: Layout) -> None:
    credentials.put(layout, "new", client="web", secret=WEB)

    assert layout.credentials.stat().st_mode & 0o777 == 0o600
    assert credentials.load(layout).projects["new"] == {"web": WEB}


def test_revoked_clients_are_forgotten_and_others_keep_their_secret(layout: Layout) -> None:
    credentials.keep_only(layout, "shop", there={"web": (WEB.id, "write"), "extra": ("44", "read")})

    assert credentials.load(layout).projects["shop"] == {"web": WEB, "extra": Secret("44", "read")}


def test_replaced_client_loses_the_secret_of_its_predecessor(layout: Layout) -> None:
    credentials.keep_only(layout, "shop", there={"web": ("other", "write")})

    assert credentials.load(layout).projects["shop"]["web"].secret == ""


def test_folder_without_an_installation_says_how_to_start_one(tmp_path: Path) -> None:
    error = refusal(Layout(tmp_path / "none"), "get", "projects")

    assert error.code is ExitCode.NOT_RUNNING
    assert "openpanel up --data" in error.message


@pytest.mark.parametrize(
    ("option", "name"),
    [("--ingest-port", "ingest"), ("--dashboard-port", "dashboard"), ("--api-port", "public API")],
)
def test_port_in_use_is_refused_by_its_name(layout: Layout, taken_port: int, option: str, name: str) -> None:
    layout.installation.unlink()
    others = {other: str(free_port()) for other in ("--ingest-port", "--dashboard-port", "--api-port")}
    ports = {**others, option: str(taken_port)}

    result = openpanel(layout, "up", *(part for pair in ports.items() for part in pair))

    assert result.exit_code == ExitCode.PORT_IN_USE
    assert f"port {taken_port} ({name}) is in use" in result.stderr
    assert option in result.stderr


def test_same_port_twice_is_refused() -> None:
    with pytest.raises(CommandError, match="port 4000 is asked for twice, for ingest and for public API"):
        installation.settled(None, Wishes(ingest_port=4000, api_port=4000))


def test_ports_and_size_are_remembered_and_taken_inner_ports_replaced(taken_port: int) -> None:
    ports = [free_port() for _ in range(3)]
    known = Installation(
        Ports(ports[0], ports[1], ports[2], valkey=taken_port), api_processes=3, furnished=True
    )

    settled = installation.settled(known, Wishes())

    assert (settled.ports.ingest, settled.ports.dashboard, settled.ports.api) == tuple(ports)
    assert (settled.api_processes, settled.furnished) == (3, True)
    assert settled.ports.valkey not in {taken_port, 0}
    assert len(set(msgspec.structs.astuple(settled.ports))) == 7


def test_api_runs_where_the_system_does_not_tell_a_process_its_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)  # macOS
    monkeypatch.setattr(os, "cpu_count", lambda: 1)

    assert installation.api_processes(Installation(Ports(1, 2, 3))) == 1


def test_folder_in_use_is_refused_with_the_process(layout: Layout) -> None:
    holding = (
        "import sys; from pathlib import Path; from openpanel_local.supervise import folder_lock\n"
        "with folder_lock.held(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", holding, str(layout.lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"

        result = openpanel(layout, "up")
        assert other.stdin is not None
        other.stdin.close()

    assert result.exit_code == ExitCode.ALREADY_RUNNING
    assert f"in use by another openpanel (process {other.pid})" in result.stderr


def test_bad_manifest_is_refused_before_anything_starts(layout: Layout) -> None:
    error = refusal(layout, "up", "-f", "-", stdin="kind: Nothing\n")

    assert error.code is ExitCode.REFUSED
    assert "kind" in error.message
    assert "nothing was started" in error.message


def test_bad_manifest_is_refused_by_apply_with_path_and_remedy(layout: Layout) -> None:
    text = "apiVersion: openpanel.dev/v1alpha1\nkind: AnalyticsProject\nmetadata: {name: a}\nspec: {colour: red}\n"

    error = refusal(layout, "apply", "-f", "-", stdin=text)

    assert error.code is ExitCode.REFUSED
    assert "spec.colour: is not a field" in error.message
    assert "nothing was applied" in error.message


@pytest.mark.parametrize("command", ["up", "apply"])
def test_snapshot_before_deletion_is_refused_where_there_is_no_place_for_it(
    layout: Layout, command: str
) -> None:
    text = (
        "apiVersion: openpanel.dev/v1alpha1\nkind: AnalyticsProject\nmetadata: {name: a}\n"
        "spec: {deletionPolicy: Snapshot}\n"
    )

    error = refusal(layout, command, "-f", "-", stdin=text)

    assert error.code is ExitCode.REFUSED
    assert (
        "-, document 1: spec.deletionPolicy: is Snapshot, and one machine has no place for" in error.message
    )
    assert "expected 'Retain' or 'Delete'" in error.message


def test_commands_to_type_name_the_folder_where_it_would_not_be_found(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(DATA_VARIABLE, raising=False)

    assert shlex.split(typed("up", data=tmp_path / ".openpanel"))[1:] == ["up"]
    assert shlex.split(typed("up", data=tmp_path / "else where"))[1:] == [
        "up",
        "--data",
        f"{tmp_path}/else where",
    ]
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path / "else where"))
    assert shlex.split(typed("up", data=tmp_path / "else where"))[1:] == ["up"]


@pytest.mark.parametrize(
    "command",
    [
        ["apply", "-f", "-"],
        ["get", "projects"],
        ["sign-in"],
        ["delete", "project", "a"],
        ["erase-person", "a", "kim"],
        ["export-person", "a", "kim", "-o", "kim.ndjson"],
    ],
)
def test_commands_wait_for_the_first_start_to_make_the_tables(layout: Layout, command: list[str]) -> None:
    installation.save(layout, Installation(Ports(1, 2, 3)))
    manifest = "apiVersion: openpanel.dev/v1alpha1\nkind: AnalyticsProject\nmetadata: {name: a}\nspec: {}\n"

    with folder_lock.held(layout.lock):
        error = refusal(layout, *command, stdin=manifest)

    assert error.code is ExitCode.NOT_READY
    assert "is still being set up" in error.message


@pytest.mark.parametrize(
    "command",
    [
        ["status"],
        ["down"],
        ["logs"],
        ["get", "projects"],
        ["sign-in"],
        ["demo", "demo"],
        ["credentials", "demo"],
        ["erase-person", "demo", "kim"],
        ["export-person", "demo", "kim", "-o", "kim.ndjson"],
    ],
)
def test_folder_that_is_a_file_is_named(tmp_path: Path, command: list[str]) -> None:
    (tmp_path / "file").write_text("")

    ended = subprocess.run(
        [sys.executable, "-m", "openpanel_local", *command, "--data", str(tmp_path / "file")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert ended.returncode == ExitCode.FAILED
    assert ended.stderr.startswith("error: Not a directory: ")
    assert str(tmp_path / "file") in ended.stderr


def test_who_holds_a_folder_is_asked_without_writing(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    lock.write_text("")
    opened: list[int] = []
    really = os.open

    def noted(path: Path, flags: int, mode: int = 0o777) -> int:
        opened.append(flags)
        return really(path, flags, mode)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(os, "open", noted)
        assert folder_lock.holder(lock) is None

    assert [flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) for flags in opened] == [0], (
        "a volume may be read-only"
    )


def test_logs_that_may_not_be_looked_at_are_refused(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(path: Path) -> list[str]:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(os, "listdir", forbidden)  # root, as which tests may run, looks into every folder

    assert isinstance(openpanel(layout, "logs").exception, PermissionError)


@pytest.mark.parametrize("port", [-5, 65_536, 99_999_999])
def test_impossible_ports_are_a_damaged_file(layout: Layout, port: int) -> None:
    layout.installation.write_text(json.dumps({"ports": {"ingest": port}}))

    result = openpanel(layout, "up")

    assert result.exit_code == ExitCode.FAILED
    assert "installation.json is damaged" in result.stderr


def test_manifest_on_standard_input_is_utf_8_whatever_the_terminal_speaks(
    layout: Layout, tmp_path: Path
) -> None:
    text = "apiVersion: openpanel.dev/v1alpha1\nkind: AnalyticsProject\nmetadata: {name: a}\nspec: {colour: 빨강}\n"

    def ended(typed_in: bytes) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [sys.executable, "-m", "openpanel_local", "apply", "-f", "-", "--data", str(tmp_path)],
            input=typed_in, capture_output=True, check=False,
            env={**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        )  # fmt: skip

    assert ended(text.encode()).returncode == ExitCode.REFUSED
    broken = ended(b"\xff\xfe")
    assert broken.returncode == ExitCode.USAGE
    assert b"is not UTF-8 text" in broken.stderr


def test_unreadable_manifest_is_named(layout: Layout) -> None:
    error = refusal(layout, "apply", "-f", "/no/such/file.yaml")

    assert error.message == "/no/such/file.yaml cannot be read: No such file or directory"


def test_commands_that_need_the_stores_say_that_nothing_runs(layout: Layout) -> None:
    error = refusal(layout, "get", "projects")

    assert error.code is ExitCode.NOT_RUNNING
    assert "do not answer" in error.message


def test_unknown_kind_is_answered_with_the_known_one(layout: Layout) -> None:
    assert refusal(layout, "get", "cats").message == "there is no kind cats; there are: projects"


def test_status_of_what_does_not_run(layout: Layout) -> None:
    table = openpanel(layout, "status")
    shown = openpanel(layout, "status", "-o", "yaml")

    assert table.exit_code == shown.exit_code == ExitCode.NOT_RUNNING
    assert "not running" in table.stdout
    assert yaml.safe_load(shown.stdout)["phase"] == "stopped"


def test_status_asks_the_processes_instead_of_believing_the_file(layout: Layout) -> None:
    mine = os.getpid()
    noted = (
        ProcessRecord("dashboard", State.READY, pid=mine, born=born(mine), port=3101),
        ProcessRecord("worker", State.CRASHING, restarts=7, reason="ended with exit code 3", port=4004),
    )
    files.write(layout.state, SupervisorRecord(mine, born(mine), Phase.RUNNING, noted))

    with folder_lock.held(layout.lock):
        result = openpanel(layout, "status", "-o", "json")
        table = openpanel(layout, "status").stdout

    shown = json.loads(result.stdout)
    assert result.exit_code == ExitCode.NOT_READY
    assert (shown["ready"], shown["supervisor"]["pid"]) == (False, mine)
    assert [service["state"] for service in shown["services"]] == ["not ready", "crash loop"]
    assert shown["services"][0]["memoryBytes"] > 1_000_000
    assert shown["queue"]["waitingEvents"] is None
    assert "crash loop" in table
    assert "ended with exit code 3" in table


def test_nursery_is_ready_when_the_supervisor_has_noted_it(layout: Layout) -> None:
    mine = os.getpid()
    states = []
    for state in (State.STARTING, State.READY):
        noted = (ProcessRecord("nursery", state, pid=mine, born=born(mine)),)
        files.write(layout.state, SupervisorRecord(mine, born(mine), Phase.RUNNING, noted))
        with folder_lock.held(layout.lock):
            shown = json.loads(openpanel(layout, "status", "-o", "json").stdout)
        states.append((shown["services"][0]["state"], shown["ready"]))

    assert states == [("starting", False), ("ready", True)]


def test_down_where_nothing_runs_is_no_error(layout: Layout) -> None:
    result = openpanel(layout, "down")

    assert result.exit_code == 0
    assert "is not running" in result.stdout


def test_logs_of_a_service_are_those_of_all_its_processes(layout: Layout) -> None:
    layout.log("api-1").write_text("one\n")
    layout.log("api-2").write_text("two\n")
    layout.log("worker").write_text("three\n")

    assert openpanel(layout, "logs", "api").stdout.split() == ["api-1", "one", "api-2", "two"]
    assert openpanel(layout, "logs", "worker").stdout == "three\n"
    assert (
        refusal(layout, "logs", "cache").message
        == "there is no log of cache; there are: api-1, api-2, worker"
    )


def test_error_goes_to_standard_error_with_its_exit_code(layout: Layout) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "openpanel_local.main", "credentials", "nope", "--data", str(layout.data)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout) == (ExitCode.UNKNOWN, "")
    assert done.stderr == "error: there is no project nope; there are: blog, shop\n"


def test_file_in_place_of_the_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    result = openpanel(Layout(tmp_path / "file"), "up")

    assert result.exit_code == ExitCode.FAILED
    assert f"{tmp_path / 'file'} is a file; name a folder with --data" in result.stderr


@pytest.mark.parametrize("command", [("status",), ("logs",), ("credentials", "shop"), ("up",)], ids=" ".join)
def test_damaged_file_is_named_with_the_way_out(layout: Layout, command: tuple[str, ...]) -> None:
    layout.logs.rmdir()
    layout.installation.write_text('{"ports": {"ingest": "first"}}')

    result = openpanel(layout, *command)

    told = str(result.exception) + result.stderr
    assert f"{layout.installation} is damaged: Expected `int`, got `str` - at `$.ports.ingest`" in told
    assert "move it away, and the next `openpanel up` chooses ports anew" in told


def test_logs_of_what_was_never_started_say_how_to_start_it(tmp_path: Path) -> None:
    error = refusal(Layout(tmp_path / "none"), "logs")

    assert error.code is ExitCode.NOT_RUNNING
    assert "start one with `openpanel up" in error.message


def test_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    result = openpanel(Layout(tmp_path / "file" / "data"), "up")

    assert result.exit_code == ExitCode.FAILED
    assert "cannot be used: Not a directory" in result.stderr


def test_welcome_says_what_to_do_next() -> None:
    way = Way("web", "write", WEB.id, "sec_web")
    text = welcome(
        Started(
            7,
            3.2,
            "http://localhost:1",
            "http://localhost:2",
            "http://localhost:3",
            "http://x/sign-in/t",
            "shop",
            (way,),
        ),
        data=Path("/tmp/데이터 폴더/a b'c"),
    )

    for part in (
        "http://localhost:1",
        "http://localhost:2",
        "http://localhost:3",
        "http://x/sign-in/t",
        "sec_web",
    ):
        assert part in text
    assert '<script src="http://localhost:1/op1.js" defer async></script>' in text
    assert 'apiUrl: "http://localhost:1"' in text
    assert f'clientId: "{WEB.id}"' in text
    assert shlex.split(text.splitlines()[-1])[1:] == ["demo", "shop", "--data", "/tmp/데이터 폴더/a b'c"]


def test_failed_start_shows_the_end_of_the_log() -> None:
    text = complaint(Failed(9, "api ended with exit code 1", "/data/logs/api.log", ("Traceback", "boom")))

    assert text.splitlines() == [
        "error: api ended with exit code 1",
        "the end of /data/logs/api.log:",
        "  Traceback",
        "  boom",
    ]


def test_table_is_as_wide_as_its_cells() -> None:
    assert output.table(("A", "B"), [("long", "1"), ("x", "22")]) == "A     B\nlong  1\nx     22"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (61, "1 min 1 s"), (7_200, "2 h 0 min"), (200_000, "2 d 7 h")]
)
def test_durations_have_two_units(seconds: float, text: str) -> None:
    assert output.duration(seconds) == text


def test_full_disk_is_refused_before_anything_starts(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=20 << 20))

    result = openpanel(layout, "up")

    assert result.exit_code == ExitCode.FAILED
    assert "only 20 MiB are left on the disk of" in result.stderr
    assert "128 MiB are needed to start" in result.stderr
