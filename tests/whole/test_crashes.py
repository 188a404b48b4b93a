"""Processes are killed while traffic flows: afterwards every acknowledged event is there, once."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.whole.installation import Credentials, Platform, free_ports, start

SYNTHETIC = ("session_start", "session_end")

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    running = start(tmp_path_factory.mktemp("crashes") / "data", ports=free_ports(3))
    yield running
    running.run("down")


def test_killed_processes_lose_and_double_nothing(installation: Platform) -> None:
    reader = installation.project("crashes")["reader"]
    demo = subprocess.Popen(
        [
            *(
                sys.executable,
                "-m",
                "openpanel_local.main",
                "demo",
                "crashes",
                "--data",
                str(installation.data),
            ),
            *("--days", "30", "--visitors", "20000", "-o", "json"),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    for service in ("api", "worker", "clickhouse", "valkey"):
        _until(lambda: demo.poll() is not None or _stored(installation, reader) > 0, seconds=60)
        assert demo.poll() is None, f"the demo ended before {service} was killed: {demo.communicate()}"
        _kill(installation, service)
        _until(lambda: installation.run("status").returncode == 0, seconds=60)
    printed, said = demo.communicate(timeout=200)
    assert demo.returncode == 0, said
    acknowledged = json.loads(printed)["acknowledged"]

    assert acknowledged > 1_000
    _until(lambda: _stored(installation, reader) >= acknowledged, seconds=60)
    assert _stored(installation, reader) == acknowledged


def test_killed_supervisor_takes_its_children_along_and_the_next_up_goes_on(installation: Platform) -> None:
    clients = installation.project("supervised")
    answer = _track(installation, clients["web"], "before_the_kill")
    assert answer.status_code == 200
    status = _status(installation)
    children = [service["pid"] for service in status["services"]]

    os.kill(status["supervisor"]["pid"], signal.SIGKILL)

    _until(lambda: not any(_alive(pid) for pid in children), seconds=15)
    ports = [int(url.rsplit(":", 1)[1]) for url in _urls(installation)]
    start(installation.data, ports=ports)
    rows = installation.until(
        clients["reader"], lambda rows: any(row["name"] == "before_the_kill" for row in rows)
    )
    assert len([row for row in rows if row["name"] == "before_the_kill"]) == 1


def _urls(installation: Platform) -> tuple[str, str, str]:
    return installation.ingest_url, installation.dashboard_url, installation.api_url


def _track(installation: Platform, client: Credentials, name: str) -> httpx.Response:
    return httpx.post(
        f"{installation.ingest_url}/track",
        json={"type": "track", "payload": {"name": name}},
        headers=client.headers,
        timeout=10,
    )


def _status(installation: Platform) -> dict[str, Any]:
    status: dict[str, Any] = json.loads(installation.run("status", "-o", "json").stdout)
    return status


def _kill(installation: Platform, service: str) -> None:
    for running in _status(installation)["services"]:
        if running["name"].startswith(service) and running["pid"]:
            os.kill(running["pid"], signal.SIGKILL)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _stored(installation: Platform, reader: Credentials) -> int:
    """Events in the warehouse that somebody sent; 0 while the public API is away."""
    counts = []
    for event in (None, *SYNTHETIC):
        try:
            answer = httpx.get(
                f"{installation.api_url}/export/events",
                params={"limit": "1", **({} if event is None else {"event": event})},
                headers=reader.headers,
                timeout=10,
            )
        except httpx.TransportError:
            return 0
        if answer.status_code != 200:
            return 0
        counts.append(int(answer.json()["meta"]["totalCount"]))
    return counts[0] - sum(counts[1:])


def _until(reached: Any, *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline, f"not reached within {seconds} s"
        time.sleep(0.2)
