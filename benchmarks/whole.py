"""`openpanel up` as a whole on this machine: throughput, freshness, memory, second start.

Everything shares all cores, the load included. The installation lives in a temporary folder on free ports.
"""

import contextlib
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from benchmarks import load, requests
from benchmarks.report import Figure
from benchmarks.stage import DATABASE, MANIFEST
from openpanel.warehouse import Warehouse
from openpanel_local import installation
from openpanel_local.engines import clickhouse, free_port
from openpanel_local.layout import Layout

PER_SECOND = 16_000.0  # a little more than it must take
SECONDS = 60.0
CONNECTIONS = 512  # each browser and each server keeps its own
VISIBLE_AFTER_SECONDS = 5.0
FRESHNESS_PER_SECOND = 1_000.0
FRESHNESS_SECONDS = 30.0
PROBES_PER_SECOND = 10
IDLE_SECONDS = 10.0
POLL_SECONDS = 0.02

COUNT = "SELECT count() FROM events WHERE project_id = {project:String} AND name = {name:String}"
PROBES = """\
SELECT name FROM events
WHERE project_id = {project:String} AND name LIKE 'probe_%' AND created_at > now() - INTERVAL 5 MINUTE
"""


@dataclass(slots=True)
class Freshness:
    """When each probe was answered, and when a query first showed it (seconds of a monotonic clock)."""

    accepted: dict[str, float] = field(default_factory=dict)
    visible: dict[str, float] = field(default_factory=dict)

    def milliseconds(self) -> list[float]:
        return sorted(
            (self.visible[name] - at) * 1000 for name, at in self.accepted.items() if name in self.visible
        )


def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="openpanel-bench-") as folder:
        data = Path(folder) / "data"
        ports = [free_port() for _ in range(3)]
        _up(data, ports)
        try:
            time.sleep(IDLE_SECONDS)
            idle = _memory_mib(data)
            client = _project(data)
            with _warehouse(data) as warehouse:
                sent, stored = _throughput(data, warehouse, client, port=ports[0])
                freshness = _freshness(data, warehouse, client, port=ports[0])
            _openpanel("down", data=data)
            again = _up(data, ports)
        finally:
            _openpanel("down", data=data)
    return _figures(idle=idle, sent=sent, stored=stored, freshness=freshness, again=again)


def _figures(
    *, idle: float, sent: load.Outcome, stored: int, freshness: Freshness, again: float
) -> list[Figure]:
    times = freshness.milliseconds()
    p99 = times[min(len(times) - 1, len(times) * 99 // 100)] if times else float("inf")
    asked = f"asked for {PER_SECOND:,.0f}/s over {SECONDS:.0f} s"
    return [
        Figure(
            "whole", "events taken, one a request", sent.accepted / SECONDS, "/s", 15_000, 25_000, note=asked
        ),
        Figure(
            "whole", "answers that were not 200", sent.answered - sent.accepted, "", 0, more_is_better=False
        ),
        Figure(
            "whole",
            "acknowledged and not stored 5 s later",
            sent.accepted - stored,
            "",
            0,
            more_is_better=False,
        ),
        Figure("whole", "p99 of answers under that load", sent.p99_ms, "ms", more_is_better=False),
        Figure("whole", "accepted → visible, p50 at 1,000/s", times[len(times) // 2] if times else p99, "ms"),
        Figure("whole", "accepted → visible, p99 at 1,000/s", p99, "ms", 2_000, 1_000, more_is_better=False),
        Figure(
            "whole", "probes never seen", len(freshness.accepted) - len(times), "", 0, more_is_better=False
        ),
        Figure("whole", "idle memory of everything", idle, "MiB", 700, 500, more_is_better=False),
        Figure("whole", "second start", again, "s", 10, more_is_better=False),
    ]


def _throughput(data: Path, warehouse: Warehouse, client: str, *, port: int) -> tuple[load.Outcome, int]:
    """The load's outcome, and how many of its events a query finds a little later."""
    file = load.write_requests(data.parent / "singles", requests.single(client))
    outcome = load.drive(
        load.Plan(port=port, requests=file, connections=CONNECTIONS, seconds=SECONDS, per_second=PER_SECOND)
    )
    time.sleep(VISIBLE_AFTER_SECONDS)
    rows = warehouse.query(COUNT, parameters={"project": "bench", "name": "screen_view"})
    return outcome, int(str(rows[0][0]))


def _freshness(data: Path, warehouse: Warehouse, client: str, *, port: int) -> Freshness:
    """Probes among steady traffic, and how long each took until a query showed it."""
    file = load.write_requests(data.parent / "singles", requests.single(client))
    plan = load.Plan(port=port, requests=file, seconds=FRESHNESS_SECONDS, per_second=FRESHNESS_PER_SECOND)
    traffic = threading.Thread(target=load.drive, args=(plan,))
    freshness = Freshness()
    ends = time.monotonic() + FRESHNESS_SECONDS
    sender = threading.Thread(target=_send_probes, args=(freshness, client, port, ends))
    traffic.start()
    sender.start()
    while time.monotonic() < ends + VISIBLE_AFTER_SECONDS:
        for (name,) in warehouse.query(PROBES, parameters={"project": "bench"}):
            freshness.visible.setdefault(str(name), time.monotonic())
        time.sleep(POLL_SECONDS)
    sender.join()
    traffic.join()
    return freshness


def _send_probes(freshness: Freshness, client: str, port: int, ends: float) -> None:
    headers = {
        "openpanel-client-id": client,
        "origin": "https://bench.example",
        "user-agent": requests.BROWSERS[0],
    }
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers) as http:
        number = 0
        while time.monotonic() < ends:
            name = f"probe_{number}"
            answer = http.post("/track", json={"type": "track", "payload": {"name": name}})
            if answer.status_code == 200:
                freshness.accepted[name] = time.monotonic()
            number += 1
            time.sleep(1 / PROBES_PER_SECOND)


def _up(data: Path, ports: Sequence[int]) -> float:
    """Start, and how long it took in seconds."""
    began = time.monotonic()
    ingest, dashboard, api = map(str, ports)
    _openpanel(
        *("up", "--detach", "--ingest-port", ingest, "--dashboard-port", dashboard, "--api-port", api),
        data=data,
    )
    return time.monotonic() - began


def _memory_mib(data: Path) -> float:
    status = json.loads(_openpanel("status", "-o", "json", data=data))
    parts = [status["supervisor"]["memoryBytes"], *(service["memoryBytes"] for service in status["services"])]
    return sum(part or 0 for part in parts) / 2**20


def _project(data: Path) -> str:
    """The id of the writing client of a new project."""
    manifest = data.parent / "bench.yaml"
    manifest.write_text(MANIFEST)
    _openpanel("apply", "-f", str(manifest), data=data)
    shown = _openpanel("credentials", "bench", "--client", "web", "-o", "json", data=data)
    return str(json.loads(shown)["clientId"])


@contextlib.contextmanager
def _warehouse(data: Path) -> Iterator[Warehouse]:
    layout = Layout(data)
    port = installation.required(layout).ports.clickhouse
    with Warehouse(clickhouse.url(layout.clickhouse, port=port), database=DATABASE) as warehouse:
        yield warehouse


def _openpanel(*arguments: str, data: Path) -> str:
    finished = subprocess.run(
        [sys.executable, "-m", "openpanel_local.main", *arguments, "--data", str(data)],
        capture_output=True,
        text=True,
        check=False,
    )
    if finished.returncode:
        raise RuntimeError(f"openpanel {arguments[0]} ended with {finished.returncode}: {finished.stderr}")
    return finished.stdout
