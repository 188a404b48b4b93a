"""The operator with a thousand projects, against an API server alone: restart, second pass, reaction, scaling, memory.

Needs etcd and kube-apiserver in `KUBEBUILDER_ASSETS`. The stores are in memory, so the times are those of the
operator and the API server; no kubelet runs, and nothing starts. Memory is that of a process of its own, with real
stores; `OPENPANEL_BENCH_PROJECTS` is another number of projects.
"""

import asyncio
import logging
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import kopf
import structlog

from benchmarks import operator_process
from benchmarks.operator_process import tell, told
from benchmarks.report import Figure
from openpanel_operator.health import Health
from openpanel_operator.kube import Key, Kube, Ref
from openpanel_operator.kube.kinds import NAMESPACE, PROJECT
from openpanel_operator.kube.objects import Object
from openpanel_operator.metrics import Metrics
from openpanel_operator.operating import Kinds, Operator, Plan
from openpanel_operator.reconcile.conditions import is_true
from openpanel_operator.scaler import Scaler
from tests.operator.control_plane import ApiServer, api_server_running, apply_crds
from tests.operator.reconcile.watched import Watched
from tests.operator.reconcile.worlds import VERSION, Scene, make_cluster

PROJECTS = int(os.environ.get("OPENPANEL_BENCH_PROJECTS", "1000"))
CHANGES = 100
AT_ONCE = 16
NAME = "bench"


def measure() -> list[Figure]:
    """All figures."""
    assets = Path(os.environ.get("KUBEBUILDER_ASSETS", "/nowhere"))
    if not (assets / "kube-apiserver").is_file():
        print("operator: KUBEBUILDER_ASSETS has no kube-apiserver", file=sys.stderr)
        return []
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    with tempfile.TemporaryDirectory() as folder, api_server_running(Path(folder), binaries=assets) as server:
        apply_crds(server)
        return [
            *asyncio.run(_measure(server)),
            *asyncio.run(operator_process.measure(server, projects=PROJECTS)),
        ]


async def _measure(server: ApiServer) -> list[Figure]:
    async def connect() -> kopf.ConnectionInfo:
        return _connection(server)

    async with Kube(connect, chance=random.random) as kube:
        await kube.create({"apiVersion": "v1", "kind": NAMESPACE.name, "metadata": {"name": NAME}})
        scene = Scene(Watched(kube), NAME)
        panel = await make_cluster(scene, "panel")
        await scene.settle(panel)
        made = await _made(scene, server)
        await _settled(scene, server)
        return [made, *await _restarted(scene, server), *await _scaled(scene)]


async def _made(scene: Scene, server: ApiServer) -> Figure:
    """From that many manifests to as many projects that are ready."""
    tell(f"making {PROJECTS} projects …")
    async with _operating(scene, server):
        began = time.perf_counter()
        await _all(lambda number: scene.kube._inner.apply(_project(number), manager="somebody"), PROJECTS)
        # To ask for all of them takes time of the operator, which is measured and shares the process.
        await _until(lambda: _ready(scene), within_s=1_200, pause_s=PROJECTS / 1_000)
        seconds = time.perf_counter() - began
    what = f"{PROJECTS} new projects until all are ready"
    return told(Figure("operator", what, seconds, "s", None, None, False, "stores in memory"))


async def _settled(scene: Scene, server: ApiServer) -> None:
    async with _operating(scene, server) as operator:
        await _quiet(scene, operator)


async def _restarted(scene: Scene, server: ApiServer) -> list[Figure]:
    """From the start of a new process to the moment when nothing is left to do."""
    tell("starting anew …")
    scene.kube.writes.clear()
    began = time.perf_counter()
    async with _operating(scene, server) as operator:
        await _until(lambda: _all_passed(operator), within_s=600)
        seconds = time.perf_counter() - began
        await _quiet(scene, operator)
        writes = len(scene.kube.writes)
        reactions = await _reactions(scene)
    return [
        told(Figure("operator", "restart to steady", seconds, "s", 60, 20, False, f"{PROJECTS} projects")),
        told(Figure("operator", "writes of the second pass", writes, "", 0, 0, False)),
        told(Figure("operator", "changed spec until followed, p99", _p99(reactions), "s", 2, None, False)),
    ]


async def _reactions(scene: Scene) -> list[float]:
    """Seconds until a changed spec is reported as followed."""
    seconds = []
    for number in range(CHANGES):
        ref = Ref(PROJECT, NAME, _name(number))
        changed = await scene.kube._inner.patch(ref, {"spec": {"displayName": f"changed {number}"}}, by="me")
        began = time.perf_counter()
        generation = changed["metadata"]["generation"]

        async def followed(ref: Ref = ref, generation: int = generation) -> bool:
            body = await scene.kube.get(PROJECT, ref.name, namespace=NAME)
            return bool(body and body["status"].get("observedGeneration") == generation)

        await _until(followed, within_s=60, pause_s=0.01)
        seconds.append(time.perf_counter() - began)
    return seconds


async def _scaled(scene: Scene) -> list[Figure]:
    """One tick over as many pools, none of which needs another number of workers."""
    tell("giving each project pods of its own …")
    await _all(lambda number: scene.change(_key(number), ingest={"mode": "Dedicated"}), PROJECTS)
    scene.restart()
    await scene.look()
    await _all(lambda number: scene.reconciler(_key(number)), PROJECTS)
    scaler = Scaler(scene.world, metrics=Metrics())
    await scaler.tick()
    began = time.perf_counter()
    await scaler.tick()
    seconds = time.perf_counter() - began
    note = f"{PROJECTS} pools"
    return [told(Figure("operator", "scaling tick", seconds * 1_000, "ms", 200, None, False, note))]


def _key(number: int) -> Key:
    return Key(PROJECT.name, NAME, _name(number))


def _name(number: int) -> str:
    return f"shop-{number:04}"


def _project(number: int) -> Object:
    return {
        "apiVersion": PROJECT.api_version,
        "kind": PROJECT.name,
        "metadata": {"name": _name(number), "namespace": NAME},
        "spec": {
            "domains": [f"https://{_name(number)}.example.org"],
            "clients": [{"name": "web", "type": "write"}, {"name": "reader", "type": "read"}],
        },
    }


@asynccontextmanager
async def _operating(scene: Scene, server: ApiServer) -> AsyncIterator[Operator]:
    plan = Plan(
        namespace="openpanel-system",
        namespaces=(NAME,),
        identity="bench",
        version=VERSION,
        concurrency=20,
        scaling_interval_s=5.0,
    )
    operator = Operator(
        plan,
        kube=scene.kube,
        stores=scene.stores,
        metrics=Metrics(),
        health=Health(now=asyncio.get_running_loop().time),
        kinds=Kinds(optional=()),
    )
    stop = asyncio.Event()
    task = asyncio.create_task(operator.run(connect=lambda: _connection(server), stop=stop))
    try:
        yield operator
    finally:
        stop.set()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _connection(server: ApiServer) -> kopf.ConnectionInfo:
    return kopf.ConnectionInfo(server=server.url, ca_path=str(server.ca_file), token=server.token)


async def _ready(scene: Scene) -> bool:
    there = await scene.kube.listed(PROJECT, namespace=NAME)
    ready = [is_true(body.get("status", {}).get("conditions") or (), "Ready") for body in there]
    return len(ready) == PROJECTS and all(ready)


async def _all_passed(operator: Operator) -> bool:
    """Whether every resource has been looked at once by this process."""
    return len(operator.world.known.ensured) == PROJECTS and operator.queue.idle


async def _quiet(scene: Scene, operator: Operator) -> None:
    calm, before = 0, -1
    while calm < 20:
        await asyncio.sleep(0.1)
        still = operator.queue.idle and len(scene.kube.writes) == before
        calm, before = (calm + 1 if still else 0), len(scene.kube.writes)


async def _all(call: Callable[[int], Any], count: int) -> None:
    places = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> None:
        async with places:
            await call(number)

    await asyncio.gather(*(one(number) for number in range(count)))


async def _until(condition: Callable[[], Any], *, within_s: float, pause_s: float = 0.2) -> None:
    async with asyncio.timeout(within_s):
        while not await condition():  # noqa: ASYNC110 - asked of a server
            await asyncio.sleep(pause_s)


def _p99(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=100)[98]
