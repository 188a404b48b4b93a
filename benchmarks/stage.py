"""What the measured programs run on: the real engines in a temporary folder, one project, programs pinned to a core."""

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx

from openpanel import metadata, tenancy
from openpanel.identity.credentials import new_secret
from openpanel.warehouse import Warehouse, migrations
from openpanel.warehouse.schema import Single
from openpanel_local.engines import clickhouse, postgres, valkey

PRODUCT_CORE = 0  # the program that is measured
OTHERS_CORE = 1  # stores and load
READY_SECONDS = 30.0
STOP_SECONDS = 15.0
DATABASE = "openpanel"
MANIFEST = """\
apiVersion: openpanel.dev/v1alpha1
kind: AnalyticsProject
metadata: {name: bench}
spec:
  domains: ["https://bench.example"]
  ingest: {rateLimit: {messagesPerSecond: 10000000, burst: 10000000}}
  clients:
    - {name: web, type: write}
    - {name: reader, type: read}
"""


@dataclass(frozen=True, slots=True)
class Stage:
    """Running engines with one project, and the environment that its services are started with."""

    folder: Path
    client: str
    environment: Mapping[str, str]
    valkey: valkey.Valkey


@contextlib.contextmanager
def engines() -> Iterator[Stage]:
    """Valkey, PostgreSQL and ClickHouse on the core that is not measured."""
    with (
        tempfile.TemporaryDirectory(prefix="openpanel-bench-") as name,
        valkey.running(Path(name) / "valkey") as streams,
        postgres.running(Path(name) / "postgres") as rows,
        clickhouse.running(Path(name) / "clickhouse") as columns,
    ):
        os.sched_setaffinity(streams.pid, {OTHERS_CORE})
        url = postgres.url(Path(name) / "postgres", port=rows.port)
        yield Stage(
            folder=Path(name),
            client=_furnish(url, clickhouse_url=columns.url),
            environment={
                **os.environ,
                "OPENPANEL_REDIS_URL": streams.url,
                "OPENPANEL_POSTGRES_URL": url,
                "OPENPANEL_CLICKHOUSE_URL": columns.url,
                "OPENPANEL_CLICKHOUSE_DATABASE": DATABASE,
                "OPENPANEL_SPOOL_DIR": str(Path(name) / "spool"),
                "OPENPANEL_TRUSTED_PROXIES": "127.0.0.0/8",
                "OPENPANEL_SECRET_KEY": "benchmark",
                "OPENPANEL_HIGH_WATER_EVENTS": "1000000000",
                "OPENPANEL_LOG_LEVEL": "warning",
            },
            valkey=streams,
        )


@contextlib.contextmanager
def program(
    arguments: Sequence[str],
    *,
    environment: Mapping[str, str],
    port: int,
    path: str,
    core: int = PRODUCT_CORE,
) -> Iterator[int]:
    """A Python program pinned to a core from the moment it answers on `path` until the end of the block; its pid."""
    process = subprocess.Popen(
        ["taskset", "--cpu-list", str(core), sys.executable, *arguments], env=dict(environment)
    )
    try:
        _wait_until_ready(process, f"http://127.0.0.1:{port}{path}")
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(process: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the program for {url} ended with {process.returncode}")
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(url, timeout=1).status_code < 500:
                return
        time.sleep(0.05)
    raise RuntimeError(f"nothing answered on {url} within {READY_SECONDS} s")


def _furnish(postgres_url: str, *, clickhouse_url: str) -> str:
    """Tables and a project; gives the id of its writing client."""
    metadata.migrate(postgres_url)
    with (
        metadata.Database(postgres_url) as database,
        Warehouse(clickhouse_url, database=DATABASE) as warehouse,
    ):
        migrations.migrate(warehouse, form=Single())
        (project,) = tenancy.parse(MANIFEST)
        tenancy.ensure(
            project,
            database=database,
            warehouse=warehouse,
            announce=lambda _topic: None,
            clock=lambda: datetime.now(UTC),
            fresh_secret=lambda: new_secret(os.urandom),
        )
        listed = metadata.clients.listed(database, project=project.name)
        return next(client.id for client in listed if client.name == "web")
