"""The whole of it, as a person has it: `openpanel up` with everything real, on free ports, in a folder of its own."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from openpanel_local import status
from openpanel_local.engines import free_port
from openpanel_local.exits import ExitCode
from openpanel_local.layout import Layout
from openpanel_local.supervise import folder_lock, logs
from openpanel_local.up import LOG
from tests.local.command_line import command, openpanel

PATIENCE_S = 100.0  # for what takes seconds on a machine of its own, which `make bench` measures
SHOP = """\
apiVersion: openpanel.dev/v1alpha1
kind: AnalyticsProject
metadata: {name: shop}
spec:
  displayName: Shop
  timeZone: Asia/Seoul
  domains: ["https://shop.example"]
  clients:
    - {name: web, type: write}
    - {name: admin, type: root}
"""

pytestmark = pytest.mark.timeout(600)


class Installation:
    """One data folder and the command."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.ingest, self.dashboard, self.api = free_port(), free_port(), free_port()

    @property
    def ports(self) -> tuple[str, ...]:
        options = {"--ingest-port": self.ingest, "--dashboard-port": self.dashboard, "--api-port": self.api}
        return tuple(str(part) for pair in options.items() for part in pair)

    def run(self, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        return openpanel(self.data, *arguments, stdin=stdin)

    def done(self, *arguments: str, stdin: str | None = None) -> str:
        finished = self.run(*arguments, stdin=stdin)
        assert finished.returncode == 0, finished.stdout + finished.stderr
        return finished.stdout

    def status(self) -> dict[str, Any]:
        """What `openpanel status` shows, asked here: as a command it takes half a second of a core."""
        return status.as_data(status.look(Layout(self.data)))

    def way(self, project: str, client: str) -> Mapping[str, str]:
        shown = json.loads(self.done("credentials", project, "--client", client, "-o", "json"))
        return {
            "openpanel-client-id": shown["clientId"],
            "openpanel-client-secret": shown["clientSecret"],
        }

    def track(self, way: Mapping[str, str], name: str) -> httpx.Response:
        return httpx.post(
            f"http://127.0.0.1:{self.ingest}/track",
            json={"type": "track", "payload": {"name": name}},
            headers=way,
            timeout=PATIENCE_S,
        )

    def exported(self, way: Mapping[str, str], **query: str) -> dict[str, Any]:
        answer = httpx.get(
            f"http://127.0.0.1:{self.api}/export/events", params=query, headers=way, timeout=PATIENCE_S
        )
        assert answer.status_code == 200, answer.text
        page: dict[str, Any] = answer.json()
        return page


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """An installation that was started for the first time."""
    installation = Installation(tmp_path_factory.mktemp("up") / "data")
    first = installation.run("up", "--detach", *installation.ports)
    assert first.returncode == 0, first.stdout + first.stderr
    assert f"http://localhost:{installation.ingest}/op1.js" in first.stdout
    assert "/sign-in?token=" in first.stdout
    yield installation
    installation.done("down")


@pytest.fixture
def installation(started: Installation) -> Installation:
    """The installation, running: a test may have stopped it."""
    if folder_lock.holder(Layout(started.data).lock) is None:
        started.done("up", "--detach")
    return started


def until(reached: Callable[[], bool], *, seconds: float = PATIENCE_S) -> None:
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.2)


def test_everything_is_ready_and_shown(installation: Installation) -> None:
    answers: list[subprocess.CompletedProcess[str]] = []

    def is_ready() -> bool:
        answers.append(installation.run("status", "-o", "json"))
        return answers[-1].returncode == ExitCode.OK

    until(is_ready)  # what does not answer at once is not ready

    told = json.loads(answers[-1].stdout)
    names = {service["name"].partition("-")[0] for service in told["services"]}
    assert told["ready"] is True
    nursery = {"nursery"} if sys.platform == "linux" else set()
    assert names == {"valkey", "postgres", "clickhouse", "api", "worker", "dashboard"} | nursery
    assert told["queue"]["waitingEvents"] == 0
    assert all(service["memoryBytes"] for service in told["services"])


def test_event_is_sent_and_read_back(installation: Installation) -> None:
    web, reader = installation.way("demo", "web"), installation.way("demo", "reader")

    answer = installation.track(web, "hello")

    assert answer.status_code == 200
    assert set(answer.json()) >= {"deviceId", "sessionId"}
    until(lambda: installation.exported(reader, event="hello")["meta"]["totalCount"] == 1)


def test_second_up_is_refused_with_the_process(installation: Installation) -> None:
    second = installation.run("up", "--detach")

    assert second.returncode == ExitCode.ALREADY_RUNNING
    assert f"(process {installation.status()['supervisor']['pid']})" in second.stderr


def test_new_sign_in_link_ends_the_one_before(installation: Installation) -> None:
    first, second = (installation.done("sign-in").strip() for _ in range(2))

    with httpx.Client(timeout=PATIENCE_S) as browser:
        codes = [
            browser.post(
                f"http://127.0.0.1:{installation.dashboard}/sign-in", data={"token": link.partition("=")[2]}
            ).status_code
            for link in (first, second)
        ]

    assert first.startswith(f"http://localhost:{installation.dashboard}/sign-in?token=")
    assert codes == [410, 303]


def test_applied_project_is_there_until_it_is_deleted(installation: Installation) -> None:
    assert "\n  project shop: created\n" in installation.done("apply", "-f", "-", stdin=SHOP)
    assert installation.done("apply", "-f", "-", stdin=SHOP) == "shop: as it was\n"
    listed = json.loads(installation.done("get", "projects", "-o", "json"))
    assert {project["name"] for project in listed} == {"demo", "shop"}
    web = installation.way("shop", "web")
    assert installation.track(web, "first").status_code == 200

    kept = installation.run("delete", "project", "shop", stdin="n\n")
    assert kept.returncode == ExitCode.DECLINED
    installation.done("delete", "project", "shop", "--yes")

    assert installation.run("credentials", "shop").returncode == ExitCode.UNKNOWN
    until(lambda: installation.track(web, "late").status_code == 401)


def test_refused_manifest_applies_nothing(installation: Installation) -> None:
    other = SHOP.replace("name: shop", "name: other") + "---\n" + SHOP.replace("type: root", "type: king")

    refused = installation.run("apply", "-f", "-", stdin=other)

    assert refused.returncode == ExitCode.REFUSED
    assert "spec.clients[1].type" in refused.stderr
    assert "other" not in installation.done("get", "projects")


def test_demo_stores_what_it_says_is_acknowledged(installation: Installation) -> None:
    installation.done("apply", "-f", "-", stdin=SHOP.replace("name: shop", "name: filled"))
    admin = installation.way("filled", "admin")

    printed = json.loads(installation.done("demo", "filled", "--days", "5", "--visitors", "80", "-o", "json"))

    def stored() -> int:
        synthetic = [
            installation.exported(admin, event=name, limit="1")["meta"]["totalCount"]
            for name in ("session_start", "session_end")
        ]
        total = installation.exported(admin, limit="1")["meta"]["totalCount"]
        sent: int = total - sum(synthetic)
        return sent

    assert printed["acknowledged"] > 300
    until(lambda: stored() == printed["acknowledged"])


def test_dead_process_comes_back(installation: Installation) -> None:
    before = next(s for s in installation.status()["services"] if s["name"] == "worker")

    os.kill(before["pid"], signal.SIGKILL)

    until(lambda: installation.status()["ready"] and _worker(installation)["pid"] != before["pid"])
    assert _worker(installation)["restarts"] == before["restarts"] + 1
    assert _worker(installation)["reason"] == "was ended by SIGKILL"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere each service is started on its own")
def test_killed_nursery_comes_back_with_the_services(installation: Installation) -> None:
    before = {service["name"]: service["pid"] for service in installation.status()["services"]}
    forked = {name for name in before if name not in {"valkey", "postgres", "clickhouse"}}

    os.kill(before["nursery"], signal.SIGKILL)

    after: dict[str, int] = {}

    def all_are_back() -> bool:
        shown = installation.status()
        after.update({service["name"]: service["pid"] for service in shown["services"]})
        return shown["ready"] and not any(after[name] == before[name] for name in forked)

    until(all_are_back)
    assert {name for name in before if after[name] != before[name]} == forked
    assert installation.track(installation.way("demo", "web"), "after").status_code == 200


def test_next_start_goes_on_where_the_last_stopped_and_ctrl_c_ends_all_of_it(
    installation: Installation,
) -> None:
    reader = installation.way("demo", "reader")
    assert installation.track(installation.way("demo", "web"), "before").status_code == 200
    processes = [psutil.Process(s["pid"]) for s in installation.status()["services"]]
    installation.done("down")
    assert not any(process.is_running() for process in processes)
    assert installation.run("status").returncode == ExitCode.NOT_RUNNING

    with _in_the_foreground(installation) as foreground:
        until(lambda: installation.exported(reader, event="before")["meta"]["totalCount"] == 1)
        children = psutil.Process(foreground.pid).children(recursive=True)

        os.killpg(foreground.pid, signal.SIGINT)

        assert foreground.wait(PATIENCE_S) == 0, _last_words(installation)
    assert not any(child.is_running() for child in children)


@contextlib.contextmanager
def _in_the_foreground(installation: Installation) -> Iterator[subprocess.Popen[str]]:
    """`openpanel up`, ready, as from a terminal; also where the tests run in the background, with Ctrl-C switched off."""
    heeded = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        foreground = subprocess.Popen(
            command(installation.data, "up"),
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env={**os.environ, "PYTHONFAULTHANDLER": "1"},
        )
    finally:
        signal.signal(signal.SIGINT, heeded)
    with foreground:
        assert foreground.stdout is not None
        try:
            assert "openpanel is ready" in foreground.stdout.readline()
            yield foreground
        except subprocess.TimeoutExpired:
            foreground.send_signal(signal.SIGABRT)  # says where every thread is, and ends it
            raise
        finally:
            foreground.terminate()  # with effect only if it did not heed


def _last_words(installation: Installation) -> str:
    """Where a supervisor that did not end in time was."""
    return "\n".join(logs.tail(Layout(installation.data).log(LOG), lines=60))


def _worker(installation: Installation) -> dict[str, Any]:
    services: list[dict[str, Any]] = installation.status()["services"]
    return next(service for service in services if service["name"] == "worker")
