"""Who works: one at a time, and soon another when the one is gone."""

import asyncio
from datetime import UTC, datetime

from openpanel_operator.kube import Kube, Ref
from openpanel_operator.kube.kinds import LEASE
from openpanel_operator.lease import DURATION_S, GIVE_UP_S, RENEW_S, RETRY_S, Lease, Times


def lease(kube: Kube, namespace: str, identity: str, *, duration_s: float = 1.0) -> Lease:
    return Lease(
        kube,
        name="operator",
        namespace=namespace,
        identity=identity,
        clock=lambda: datetime.now(UTC),
        times=Times(duration=duration_s, renew=0.2, give_up=0.8, retry=0.1),
    )


def test_holder_stops_before_another_may_start_and_takeover_is_quick() -> None:
    assert RENEW_S < GIVE_UP_S < DURATION_S
    assert DURATION_S + RETRY_S < 20


async def test_second_candidate_waits_until_the_first_is_gone(kube: Kube, namespace: str) -> None:
    first, second = lease(kube, namespace, "first"), lease(kube, namespace, "second")
    await first.acquire()
    keeping = asyncio.create_task(first.keep())

    waiting = asyncio.create_task(second.acquire())
    await asyncio.wait([waiting], timeout=2.5)  # more than twice its duration
    assert not waiting.done()

    keeping.cancel()  # killed: nothing is given back
    async with asyncio.timeout(60):
        await waiting
    assert second.held
    holder = await kube.get(LEASE, "operator", namespace=namespace)
    assert (holder or {})["spec"]["holderIdentity"] == "second"
    assert (holder or {})["spec"]["leaseTransitions"] == 1


async def test_lease_that_is_given_back_is_taken_at_once(kube: Kube, namespace: str) -> None:
    first, second = lease(kube, namespace, "first"), lease(kube, namespace, "second")
    await first.acquire()
    await first.release()

    async with asyncio.timeout(60):
        await second.acquire()

    assert (first.held, second.held) == (False, True)


async def test_holder_notices_that_another_has_it(kube: Kube, namespace: str) -> None:
    first = lease(kube, namespace, "first")
    await first.acquire()
    keeping = asyncio.create_task(first.keep())

    await kube.patch(Ref(LEASE, namespace, "operator"), {"spec": {"holderIdentity": "thief"}})

    async with asyncio.timeout(60):
        await keeping
    assert not first.held


async def test_of_many_candidates_one_wins(kube: Kube, namespace: str) -> None:
    candidates = [lease(kube, namespace, str(number), duration_s=600) for number in range(8)]
    tasks = [asyncio.create_task(candidate.acquire()) for candidate in candidates]

    await asyncio.wait(tasks, timeout=60, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.wait(tasks, timeout=0.5)

    assert sum(candidate.held for candidate in candidates) == 1
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
