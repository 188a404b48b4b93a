"""The operator's own process: one of several works, a killed one is followed, a stopped one gives the Lease back."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from openpanel_operator.kube import Kube, Ref
from openpanel_operator.kube.kinds import LEASE
from tests.operator.control_plane import ApiServer

PATIENCE_S = 90  # a busy machine takes its time to start a process
Process = asyncio.subprocess.Process


@asynccontextmanager
async def operator(server: ApiServer, *, namespace: str, name: str) -> AsyncIterator[Process]:
    """A process of the operator for this namespace alone; killed at the end if it lives."""
    told = {
        "KUBECONFIG": str(server.kubeconfig),
        "OPERATOR_NAMESPACE": namespace,
        "OPERATOR_WATCH_NAMESPACES": namespace,
        "OPERATOR_POD_NAME": name,
        "OPERATOR_HOST": "127.0.0.1",
        "OPERATOR_PORT": "0",
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "openpanel_operator"),
        env={**os.environ, **told},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def holder(kube: Kube, namespace: str) -> str:
    lease = await kube.get(LEASE, "openpanel-operator", namespace=namespace)
    return str((lease or {}).get("spec", {}).get("holderIdentity") or "")


async def held_by(kube: Kube, namespace: str, fits: Callable[[str], bool]) -> str:
    """Who holds the Lease, as soon as it is one that fits."""
    async with asyncio.timeout(PATIENCE_S):
        while not fits(who := await holder(kube, namespace)):  # noqa: ASYNC110 - another process writes it
            await asyncio.sleep(0.1)
    return who


async def test_killed_operator_is_followed_and_a_stopped_one_gives_the_lease_back(
    api_server: ApiServer, kube: Kube, namespace: str
) -> None:
    async with operator(api_server, namespace=namespace, name="first") as first:
        await held_by(kube, namespace, lambda who: who.startswith("first_"))
        async with operator(api_server, namespace=namespace, name="second") as second:
            first.kill()
            await held_by(kube, namespace, lambda who: who.startswith("second_"))

            second.send_signal(signal.SIGTERM)

            async with asyncio.timeout(PATIENCE_S):
                assert await second.wait() == 0
            assert await holder(kube, namespace) == ""


async def test_operator_whose_lease_another_has_ends(
    api_server: ApiServer, kube: Kube, namespace: str
) -> None:
    async with operator(api_server, namespace=namespace, name="mine") as mine:
        await held_by(kube, namespace, lambda who: who.startswith("mine_"))

        await kube.patch(Ref(LEASE, namespace, "openpanel-operator"), {"spec": {"holderIdentity": "thief"}})

        async with asyncio.timeout(PATIENCE_S):
            assert await mine.wait() == 1
        assert await holder(kube, namespace) == "thief"
