"""Who works: one at a time, and soon another when the one is gone."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from openpanel_operator.kube import Kube, Ref
from openpanel_operator.kube.kinds import LEASE
from openpanel_operator.lease import DURATION_S, GIVE_UP_S, RENEW_S, RETRY_S, Lease, Times
from tests.operator.reconcile.waiting import until

# So long that no pause of the machine is as long: time passes when `forward` lets it.
LASTS_S = 600.0


@pytest.fixture
async def forward(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Lets so many seconds pass on the loop's clock, in a moment."""
    loop, ahead = asyncio.get_running_loop(), 0.0
    real = loop.time
    monkeypatch.setattr(loop, "time", lambda: real() + ahead)

    def move(seconds: float) -> None:
        nonlocal ahead
        ahead += seconds

    return move


def lease(kube: Kube, namespace: str, identity: str) -> Lease:
    return Lease(
        kube,
        name="operator",
        namespace=namespace,
        identity=identity,
        clock=lambda: datetime.now(UTC),
        times=Times(duration=LASTS_S, renew=0.1, give_up=LASTS_S - 100, retry=0.1),
    )


async def seen_renewed(candidate: Lease) -> None:
    """Wait until the candidate has seen two renewals that began after now: then the holder knows of the first."""
    for _ in range(2):
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        await until(lambda now=now: candidate._seen[1] > now)  # type: ignore[misc]


def test_holder_stops_before_another_may_start_and_takeover_is_quick() -> None:
    assert RENEW_S < GIVE_UP_S < DURATION_S
    assert DURATION_S + RETRY_S < 20


async def test_second_candidate_waits_until_the_first_is_gone(
    kube: Kube, namespace: str, forward: Callable[[float], None]
) -> None:
    first, second = lease(kube, namespace, "first"), lease(kube, namespace, "second")
    await first.acquire()
    keeping = asyncio.create_task(first.keep())

    waiting = asyncio.create_task(second.acquire())
    await seen_renewed(second)
    for _ in range(4):  # more than twice its duration
        forward(LASTS_S * 2 / 3)
        await seen_renewed(second)
        assert not waiting.done()

    keeping.cancel()  # killed: nothing is given back
    await asyncio.gather(keeping, return_exceptions=True)
    while not waiting.done():  # once more if a last renewal was on its way
        forward(LASTS_S)
        await asyncio.wait([waiting], timeout=5)
    await waiting
    assert second.held
    holder = await kube.get(LEASE, "operator", namespace=namespace)
    assert (holder or {})["spec"]["holderIdentity"] == "second"
    assert (holder or {})["spec"]["leaseTransitions"] == 1


async def test_lease_that_is_given_back_is_taken_at_once(kube: Kube, namespace: str) -> None:
    first, second = lease(kube, namespace, "first"), lease(kube, namespace, "second")
    await first.acquire()
    await first.release()

    async with asyncio.timeout(100):
        await second.acquire()

    assert (first.held, second.held) == (False, True)


async def test_holder_notices_that_another_has_it(kube: Kube, namespace: str) -> None:
    first = lease(kube, namespace, "first")
    await first.acquire()
    keeping = asyncio.create_task(first.keep())

    await kube.patch(Ref(LEASE, namespace, "operator"), {"spec": {"holderIdentity": "thief"}})

    async with asyncio.timeout(100):
        await keeping
    assert not first.held


async def test_of_many_candidates_one_wins(kube: Kube, namespace: str) -> None:
    candidates = [lease(kube, namespace, str(number)) for number in range(8)]
    tasks = [asyncio.create_task(candidate.acquire()) for candidate in candidates]

    await asyncio.wait(tasks, timeout=100, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.wait(tasks, timeout=0.5)

    assert sum(candidate.held for candidate in candidates) == 1
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
