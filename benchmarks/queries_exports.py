"""Events as files over HTTP: rows a second, and the memory of the process of the API, which must not grow with them."""

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from uuid import uuid4

import httpx

from benchmarks import stage, traffic
from benchmarks.report import Figure
from benchmarks.traffic import DataSet
from openpanel import metadata
from openpanel.identity.credentials import hash_secret, new_secret
from openpanel.metadata import NewClient, ProjectRecord, clients, organizations, projects
from openpanel_local.engines import clickhouse, free_port, postgres, valkey

FORMATS: Final = ("csv", "ndjson", "parquet", "arrow")
MOST_ROWS: Final = 1_000_000  # of one file; more of them take longer, and nothing else
SETTLED: Final = 0.1  # of a file, after which memory is not expected to grow
ORGANIZATION: Final = "bench"
MIB: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Taken:
    """One file. Memory is that of the process, resident."""

    rows: int
    seconds: float
    settled: int
    peak: int
    size: int


@dataclass(frozen=True, slots=True)
class _Api:
    url: str
    pid: int
    headers: dict[str, str]


def measure(data: DataSet) -> Iterator[Figure]:
    """Each format once, over the first events of the large project."""
    rows = min(MOST_ROWS, data.events)
    with _serving(data) as api:
        for output in FORMATS:
            taken = _take(api, output, rows=rows)
            what = f"{data.events / 1e6:g} M events: export of {rows:,} as {output}"
            note = f"{taken.seconds:.1f} s, {taken.size / rows:,.0f} bytes a row, {taken.peak / MIB:,.0f} MiB at the peak"
            yield Figure("queries", what, taken.rows / taken.seconds, "rows/s", note=note)
            grown = (taken.peak - taken.settled) / MIB
            note = "resident memory of the API from a tenth of the file to its end"
            yield Figure(
                "queries", f"{what}, memory that it grew", grown, "MiB", more_is_better=False, note=note
            )


def _take(api: _Api, output: str, *, rows: int) -> Taken:
    """The whole file; its pieces are thrown away."""
    parameters = {"format": output, "limit": str(rows)}
    size, started = 0, time.perf_counter()
    samples: list[tuple[float, int]] = []
    with httpx.stream(
        "GET", f"{api.url}/export/events", params=parameters, headers=api.headers, timeout=120
    ) as answer:
        answer.raise_for_status()
        for piece in answer.iter_raw():
            size += len(piece)
            samples.append((size, _resident(api.pid)))
    seconds = time.perf_counter() - started
    settled = max(memory for at, memory in samples if at <= max(SETTLED * size, samples[0][0]))
    peak = max(memory for _, memory in samples)
    return Taken(rows, seconds, settled, peak, size)


@contextmanager
def _serving(data: DataSet) -> Iterator[_Api]:
    """The public API over the data set, with stores of its own for all the rest."""
    port = free_port()
    with (
        tempfile.TemporaryDirectory(prefix="openpanel-bench-") as name,
        valkey.running(Path(name) / "valkey") as streams,
        postgres.running(Path(name) / "postgres") as rows,
        clickhouse.running(data.folder / "clickhouse") as columns,
    ):
        url = postgres.url(Path(name) / "postgres", port=rows.port)
        environment = {
            **os.environ,
            "OPENPANEL_API_ROLE": "public",
            "OPENPANEL_PUBLIC_PORT": str(port),
            "OPENPANEL_REDIS_URL": streams.url,
            "OPENPANEL_POSTGRES_URL": url,
            "OPENPANEL_CLICKHOUSE_URL": columns.url,
            "OPENPANEL_CLICKHOUSE_DATABASE": traffic.DATABASE,
            "OPENPANEL_SPOOL_DIR": str(Path(name) / "spool"),
            "OPENPANEL_SECRET_KEY": "benchmark",
            "OPENPANEL_LOG_LEVEL": "warning",
        }
        headers = _reader(url)
        with stage.program(
            ["-m", "openpanel_api"], environment=environment, port=port, path="/healthz/live"
        ) as pid:
            yield _Api(f"http://127.0.0.1:{port}", pid, headers)


def _reader(url: str) -> dict[str, str]:
    """The credentials of a client that may read the large project."""
    client, secret, now = str(uuid4()), new_secret(os.urandom), datetime.now(UTC)
    metadata.migrate(url)
    with metadata.Database(url) as database:
        organizations.ensure(database, organization=ORGANIZATION, name=ORGANIZATION)
        projects.put(database, wanted=ProjectRecord(traffic.LARGE, traffic.LARGE, ORGANIZATION))
        new = NewClient(client, "reader", traffic.LARGE, ORGANIZATION, "read", hash_secret(secret))
        clients.create(database, client=new, at=now)
    return {"openpanel-client-id": client, "openpanel-client-secret": secret}


def _resident(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
