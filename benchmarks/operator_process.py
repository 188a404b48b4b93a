"""The memory of the operator's own process: a thousand projects, real stores, a real API server.

Pods do not run; what kubelet and controllers would report of them is reported from here.
"""

import asyncio
import os
import random
import re
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
import kopf

from benchmarks import stage
from benchmarks.report import Figure
from openpanel import metadata
from openpanel.warehouse import Warehouse, migrations
from openpanel.warehouse.schema import Single
from openpanel_local.engines import clickhouse, free_port, postgres, valkey
from openpanel_operator.desired.addresses import DATABASE
from openpanel_operator.kube import Kube, Object
from openpanel_operator.kube.kinds import CLUSTER, NAMESPACE, PROJECT
from openpanel_operator.reconcile.conditions import is_true
from tests.operator.control_plane import ApiServer
from tests.operator.reconcile.watched import Watched
from tests.operator.reconcile.worlds import serve

PLACE: Final = "bench-process"
AT_ONCE: Final = 16
WITHIN_S: Final = 1_200.0  # real stores take their time: a hash of every secret, statements for every project
CALM_S: Final = 5.0  # without anything that waits
LEAST_MB: Final = 300
AIM_MB: Final = 150
MIB: Final = 1024 * 1024
# As the operator's image says.
ALLOCATOR: Final = {"MALLOC_MMAP_THRESHOLD_": str(MIB)}

_PASSES: Final = re.compile(
    r'^openpanel_operator_reconcile_total\{kind="AnalyticsProject".*\} (\S+)$', re.MULTILINE
)
_WAITING: Final = re.compile(r"^openpanel_operator_queue_depth (\S+)$", re.MULTILINE)
_MEMORY: Final = re.compile(r"^(VmHWM|VmRSS):\s+(\d+) kB$", re.MULTILINE)


def tell(what: str) -> None:
    """Say what takes the next minutes, or what was found: all of it takes long, and may be cut off."""
    print(f"operator: {what}", file=sys.stderr, flush=True)


def told(figure: Figure) -> Figure:
    """The figure, which was said."""
    tell(f"{figure.what}: {figure.value:.3g} {figure.unit}")
    return figure


@dataclass(frozen=True, slots=True)
class _Process:
    """One that runs, and how many projects it has to pass over."""

    port: int
    pid: int
    projects: int

    async def until_calm(self) -> None:
        """Until it has passed over every project, and nothing has waited for a while."""
        async with asyncio.timeout(WITHIN_S):
            calm_since = time.monotonic()
            while time.monotonic() - calm_since < CALM_S:
                await asyncio.sleep(0.5)
                if not await asyncio.to_thread(self._is_idle):
                    calm_since = time.monotonic()

    def memory(self, when: str) -> list[Figure]:
        """The most that was resident, and what is."""
        status = Path(f"/proc/{self.pid}/status").read_text("ascii")
        megabytes = {name: int(kibibytes) * 1024 / 1e6 for name, kibibytes in _MEMORY.findall(status)}
        note = f"{self.projects} projects, real stores"
        return [
            told(Figure("operator", f"process {when}, memory {what}", megabytes[name], "MB", LEAST_MB, AIM_MB, False, note))
            for what, name in (("at the peak", "VmHWM"), ("when steady", "VmRSS"))
        ]  # fmt: skip

    def _is_idle(self) -> bool:
        told = httpx.get(f"http://127.0.0.1:{self.port}/metrics", timeout=30).text
        passes = sum(float(count) for count in _PASSES.findall(told))
        return passes >= self.projects and all(float(count) == 0 for count in _WAITING.findall(told))


async def measure(server: ApiServer, *, projects: int) -> list[Figure]:
    """What the process takes while it makes the projects, and after another start."""

    async def connect() -> kopf.ConnectionInfo:
        return kopf.ConnectionInfo(server=server.url, ca_path=str(server.ca_file), token=server.token)

    with _stores() as urls:
        async with Kube(connect, chance=random.random) as kube:
            await kube.create({"apiVersion": "v1", "kind": NAMESPACE.name, "metadata": {"name": PLACE}})
            for body in _cluster(urls):
                await kube.apply(body, manager="somebody")
            tell(f"making {projects} projects with real stores …")
            with _operating(server, projects=projects) as process:
                made = await _made(kube, projects)
                await process.until_calm()
                making = process.memory("making projects")
        tell("starting its process anew …")
        with _operating(server, projects=projects) as process:
            await process.until_calm()
            return [made, *making, *process.memory("after a restart")]


@contextmanager
def _stores() -> Iterator[Mapping[str, str]]:
    """Running engines with their tables, by the names of their Secrets."""
    with (
        tempfile.TemporaryDirectory(prefix="openpanel-bench-") as name,
        valkey.running(Path(name) / "valkey") as streams,
        postgres.running(Path(name) / "postgres") as rows,
        clickhouse.running(Path(name) / "clickhouse") as columns,
    ):
        url = postgres.url(Path(name) / "postgres", port=rows.port)
        metadata.migrate(url)
        with Warehouse(columns.url, database=DATABASE) as warehouse:
            migrations.migrate(warehouse, form=Single())
        yield {"redis": streams.url, "postgres": url, "clickhouse": columns.url}


@contextmanager
def _operating(server: ApiServer, *, projects: int) -> Iterator[_Process]:
    """The operator as its image starts it."""
    port = free_port()
    told = {
        "KUBECONFIG": str(server.kubeconfig),
        "OPERATOR_NAMESPACE": PLACE,
        "OPERATOR_WATCH_NAMESPACES": PLACE,
        "OPERATOR_HOST": "127.0.0.1",
        "OPERATOR_PORT": str(port),
        "OPERATOR_LOG_LEVEL": "warning",
    }
    running: AbstractContextManager[int] = stage.program(
        ["-m", "openpanel_operator"],
        environment={**os.environ, **ALLOCATOR, **told},
        port=port,
        path="/healthz/live",
    )
    with running as pid:
        yield _Process(port, pid, projects)


async def _made(kube: Kube, projects: int) -> Figure:
    """From that many manifests to as many projects that are ready."""
    places = asyncio.Semaphore(AT_ONCE)
    began = time.perf_counter()

    async def apply(number: int) -> None:
        async with places:
            await kube.apply(_project(number), manager="somebody")

    await asyncio.gather(*(apply(number) for number in range(projects)))
    async with asyncio.timeout(WITHIN_S):
        ready = 0
        while ready < projects:
            await asyncio.sleep(1 + projects / 500)  # to ask for many costs the cores that they share
            await serve(Watched(kube), [PLACE])
            there = await kube.listed(PROJECT, namespace=PLACE)
            ready = sum(is_true(body.get("status", {}).get("conditions") or (), "Ready") for body in there)
    seconds = time.perf_counter() - began
    what = f"{projects} new projects until all are ready"
    return told(Figure("operator", what, seconds, "s", None, None, False, "real stores"))


def _cluster(urls: Mapping[str, str]) -> list[Object]:
    """A PanelCluster on these stores, with their Secrets before it."""
    secrets = [
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name, "namespace": PLACE},
            "stringData": {"url": url},
        }
        for name, url in urls.items()
    ]
    spec = {
        "redis": {"mode": "External", "external": {"secretName": "redis"}},
        "postgres": {"mode": "External", "external": {"secretName": "postgres"}},
        "clickhouse": {"engine": "External", "external": {"secretName": "clickhouse"}},
    }
    panel = {
        "apiVersion": CLUSTER.api_version,
        "kind": CLUSTER.name,
        "metadata": {"name": "panel", "namespace": PLACE},
        "spec": spec,
    }
    return [*secrets, panel]


def _project(number: int) -> Object:
    name = f"shop-{number:04}"
    return {
        "apiVersion": PROJECT.api_version,
        "kind": PROJECT.name,
        "metadata": {"name": name, "namespace": PLACE},
        "spec": {
            "domains": [f"https://{name}.example.org"],
            "clients": [{"name": "web", "type": "write"}, {"name": "reader", "type": "read"}],
        },
    }
