"""`python -m openpanel_operator`: waits for the Lease, works while it has it, and ends when it is lost or told to stop.

Who loses the Lease ends the process instead of waiting for another turn: nothing of the old term can go on by mistake.
"""

import asyncio
import contextlib
import logging
import os
import random
import signal
import socket
import sys
from collections.abc import AsyncIterator, Coroutine
from importlib.metadata import version
from typing import Any
from uuid import uuid4

import kopf
import structlog
from aiohttp import web

from openpanel.telemetry import configure_logging
from openpanel_operator.health import Health, app
from openpanel_operator.kube import Kube
from openpanel_operator.lease import Lease
from openpanel_operator.metrics import Metrics
from openpanel_operator.operating import Kinds, Operator, Plan, utc_now, watchable_kinds
from openpanel_operator.optional_kinds import served_kinds
from openpanel_operator.real_stores import RealStores
from openpanel_operator.settings import Settings

_log = structlog.get_logger(__name__)


def main() -> int:
    """Run the operator; the exit code."""
    settings = Settings()
    configure_logging(service="operator", level=settings.log_level)
    return asyncio.run(operate(settings))


async def operate(settings: Settings) -> int:
    """The whole life of the process: 0 when it was told to stop, 1 when it lost the Lease or could not go on."""
    metrics, loop = Metrics(), asyncio.get_running_loop()
    health, stop = Health(now=loop.time), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with (
        served(health, metrics, settings),
        Kube(_connect, chance=random.random, observe=metrics.answered) as kube,
    ):
        health.ready = True
        if not settings.leader_election:
            return await work(settings, kube=kube, metrics=metrics, health=health, stop=stop)
        return await lead(settings, kube=kube, metrics=metrics, health=health, stop=stop)


async def lead(
    settings: Settings, *, kube: Kube, metrics: Metrics, health: Health, stop: asyncio.Event
) -> int:
    """Wait for the Lease and work while it is kept."""
    lease = Lease(
        kube,
        name=settings.lease_name,
        namespace=settings.namespace,
        identity=_identity(settings),
        clock=utc_now,
    )
    if not await _before(stop, lease.acquire()):
        return 0
    metrics.leader.set(1)
    keeping = asyncio.create_task(lease.keep(), name="lease")
    keeping.add_done_callback(lambda _: stop.set())
    try:
        code = await work(settings, kube=kube, metrics=metrics, health=health, stop=stop)
        return 1 if keeping.done() else code
    finally:
        metrics.leader.set(0)
        lost = keeping.done()
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
        if not lost:
            await lease.release()


async def work(
    settings: Settings, *, kube: Kube, metrics: Metrics, health: Health, stop: asyncio.Event
) -> int:
    """Operate until told to stop."""
    stores = RealStores(clock=utc_now)
    plan = Plan(
        namespace=settings.namespace,
        namespaces=settings.namespaces,
        identity=_identity(settings),
        version=settings.version or version("openpanel"),
        concurrency=settings.concurrency,
        scaling_interval_s=settings.scaling_interval_s,
    )
    try:
        operator = Operator(
            plan,
            kube=kube,
            stores=stores,
            metrics=metrics,
            health=health,
            kinds=Kinds(
                await served_kinds(kube),
                watched=await watchable_kinds(kube, namespaces=settings.namespaces),
            ),
        )
        await operator.run(connect=connection, stop=stop)
    except Exception:  # noqa: BLE001 - the edge of the process
        _log.exception("the operator cannot go on")
        return 1
    finally:
        await stores.close()
    return 0


@contextlib.asynccontextmanager
async def served(health: Health, metrics: Metrics, settings: Settings) -> AsyncIterator[int]:
    """Probes and metrics until the end of the block; the port."""
    runner = web.AppRunner(app(health, metrics.registry), access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, settings.host, settings.port)
        await site.start()
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()


def connection() -> kopf.ConnectionInfo:
    """How the API server is reached: as a pod, else by KUBECONFIG. The token is read anew each time."""
    logger, settings = logging.getLogger(__name__), kopf.OperatorSettings()
    found = kopf.login_with_service_account(logger=logger, settings=settings) or kopf.login_with_kubeconfig(
        logger=logger, settings=settings
    )
    if found is None:
        raise kopf.LoginError("neither a service account nor a kubeconfig")
    return found


async def _connect() -> kopf.ConnectionInfo:
    return connection()


async def _before(stop: asyncio.Event, waiting: Coroutine[Any, Any, None]) -> bool:
    """Whether what is waited for came before `stop`."""
    task, stopped = asyncio.create_task(waiting), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait([task, stopped], return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            await task
            return True
        return False
    finally:
        for each in (task, stopped):
            each.cancel()
        await asyncio.gather(task, stopped, return_exceptions=True)


def _identity(settings: Settings) -> str:
    return f"{settings.pod_name or socket.gethostname()}_{os.getpid()}_{_RUN}"


_RUN = uuid4().hex[:8]  # a restarted container has the name and number of the one before

if __name__ == "__main__":
    sys.exit(main())
