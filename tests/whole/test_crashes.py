"""Processes are killed while traffic flows: afterwards every acknowledged event is there, once."""

import itertools
import json
import os
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from openpanel_local.exits import ExitCode
from tests.whole.installation import PATIENCE_S, Credentials, Platform, start

SYNTHETIC = ("session_start", "session_end")
# With the nursery, the API, the worker and the dashboard die at once.
KILLED = ("api", "worker", "clickhouse", "valkey", *(("nursery",) if sys.platform == "linux" else ()))

pytestmark = pytest.mark.timeout(900)


def test_killed_processes_lose_and_double_nothing(platform: Platform) -> None:
    reader = platform.project("crashes")["reader"]
    over = threading.Event()
    with ThreadPoolExecutor(max_workers=1) as beside:
        traffic = beside.submit(_demos, platform, until=over)
        try:
            for service in KILLED:
                _until(lambda: traffic.done() or _stored(platform, reader) > 0, seconds=PATIENCE_S)
                assert not traffic.done(), f"no traffic when {service} was to be killed: {traffic.result()}"
                _kill(platform, service)
                _until(lambda: platform.status().ready, seconds=PATIENCE_S)
        finally:
            over.set()
        acknowledged = traffic.result()

    assert acknowledged > 1_000
    _until(lambda: _stored(platform, reader) >= acknowledged, seconds=PATIENCE_S)
    assert _stored(platform, reader) == acknowledged


def test_killed_supervisor_takes_its_children_along_and_the_next_up_goes_on(platform: Platform) -> None:
    clients = platform.project("supervised")
    answer = _track(platform, clients["web"], "before_the_kill")
    assert answer.status_code == 200
    status = platform.status()
    children = [service.pid for service in status.services if service.pid]
    assert status.supervisor is not None

    os.kill(status.supervisor, signal.SIGKILL)

    _until(lambda: not any(_alive(pid) for pid in children), seconds=PATIENCE_S)
    start(platform.data, ports=platform.ports)
    rows = platform.until(
        clients["reader"], lambda rows: any(row["name"] == "before_the_kill" for row in rows)
    )
    assert len([row for row in rows if row["name"] == "before_the_kill"]) == 1


def _demos(platform: Platform, *, until: threading.Event) -> int:
    """Demos of other people, one after the other until the event; how many events were acknowledged in all."""
    acknowledged = 0
    for seed in itertools.count(1):
        acknowledged += _demo(platform, seed)
        if until.is_set():
            break
    return acknowledged


def _demo(platform: Platform, seed: int) -> int:
    """How many events of one demo were acknowledged; begun anew when it was to begin while a store was away."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        demo = platform.program("demo", "crashes", "--visitors", "1500", "--seed", str(seed), "-o", "json")
        if demo.returncode != ExitCode.NOT_RUNNING or time.monotonic() > deadline:
            assert demo.returncode == 0, demo.stderr
            return int(json.loads(demo.stdout)["acknowledged"])


def _track(platform: Platform, client: Credentials, name: str) -> httpx.Response:
    return httpx.post(
        f"{platform.ingest_url}/track",
        json={"type": "track", "payload": {"name": name}},
        headers=client.headers,
        timeout=PATIENCE_S,
    )


def _kill(platform: Platform, service: str) -> None:
    for running in platform.status().services:
        if running.name.startswith(service) and running.pid:
            os.kill(running.pid, signal.SIGKILL)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _stored(platform: Platform, reader: Credentials) -> int:
    """Events in the warehouse that somebody sent; 0 while the public API is away."""
    counts = []
    for event in (None, *SYNTHETIC):
        try:
            answer = httpx.get(
                f"{platform.api_url}/export/events",
                params={"limit": "1", **({} if event is None else {"event": event})},
                headers=reader.headers,
                timeout=PATIENCE_S,
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
        time.sleep(0.4)  # to look takes a good part of a second of the cores that all the processes share
