"""A holder that cannot renew has stopped before another works, whatever its calls do: on a clock that is driven."""
# ruff: noqa: ARG002 - the client decides about arguments

import asyncio
import copy
import selectors
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from openpanel_operator.kube import Conflict, Kind, Kube, Object, Ref, Unavailable
from openpanel_operator.lease import DURATION_S, GIVE_UP_S, RETRY_S, Lease

MARGIN_S = DURATION_S - GIVE_UP_S  # for what is under way to end


class Jumping(selectors.DefaultSelector):
    """Waits for nothing: the time that would pass has passed."""

    now = 0.0

    def select(self, timeout: float | None = None) -> Any:
        self.now += timeout or 0.0
        return super().select(0)


class Driven(asyncio.SelectorEventLoop):
    """A loop whose clock stands while something can be done, and jumps to the next moment when nothing can."""

    def __init__(self) -> None:
        self._jumping = Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now


@dataclass
class Server:
    """The API server's one Lease."""

    body: Object | None = None
    version: int = 0

    def put(self, body: Object) -> None:
        self.version += 1
        body["metadata"]["resourceVersion"] = str(self.version)
        self.body = body


@dataclass
class Way:
    """How calls come through; each may be changed while time passes."""

    down: bool = False
    takes_s: float = 0.0
    is_late: bool = False
    """A renewal that was cut off comes through after the next look."""


class Candidate(Kube):
    """A client whose way to the server is bad at times."""

    def __init__(self, server: Server, way: Way) -> None:
        self._leases = server
        self._way = way

    async def _pass(self) -> None:
        await asyncio.sleep(self._way.takes_s)
        if self._way.down:
            raise Unavailable("connection refused")

    async def get(self, kind: Kind, name: str, *, namespace: str = "") -> Object | None:
        await self._pass()
        body = copy.deepcopy(self._leases.body)
        if self._way.is_late and body is not None:
            self._way.is_late = False
            self._leases.put(copy.deepcopy(body))
        return body

    async def create(self, body: Object) -> Object:
        await self._pass()
        if self._leases.body is not None:
            raise Conflict("it is there")
        self._leases.put(copy.deepcopy(body))
        return body

    async def patch(self, ref: Ref, changes: Object, *, sub: str | None = None, by: str = "") -> Object:
        await self._pass()
        there = self._leases.body
        if there is None or changes["metadata"]["resourceVersion"] != there["metadata"]["resourceVersion"]:
            raise Conflict("it is another")
        self._leases.put({**there, "spec": {**there["spec"], **changes["spec"]}})
        return there


@dataclass
class Terms:
    """When each began and stopped working."""

    server: Server = field(default_factory=Server)
    ways: tuple[Way, Way] = field(default_factory=lambda: (Way(), Way()))
    began: dict[int, float] = field(default_factory=dict)
    stopped: dict[int, float] = field(default_factory=dict)

    def candidate(self, number: int) -> Lease:
        # Renewals that differ, as those of a clock do that goes on.
        moments = (datetime.fromtimestamp(asyncio.get_running_loop().time() + 1e6, UTC) for _ in iter(int, 1))
        kube = Candidate(self.server, self.ways[number])
        return Lease(kube, name="operator", namespace="ns", identity=str(number), clock=lambda: next(moments))

    async def serve(self, number: int) -> None:
        """One candidate: waits, works, and is gone when it has lost the lease."""
        lease = self.candidate(number)
        await lease.acquire()
        self.began[number] = asyncio.get_running_loop().time()
        await lease.keep()
        self.stopped[number] = asyncio.get_running_loop().time()


def driven(work: Callable[[Terms], Coroutine[Any, Any, None]]) -> Terms:
    terms = Terms()

    async def limited() -> None:
        async with asyncio.timeout(600):
            await work(terms)

    with asyncio.Runner(loop_factory=Driven) as runner:
        runner.run(limited())
    return terms


async def end(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.parametrize("takes_s", [0.0, 0.5, 1.9, 3.0, 5.0, 60.0])
@pytest.mark.parametrize("after_s", [20.0, 21.3, 22.9, 23.9])
def test_holder_that_is_cut_off_stops_before_the_other_works(after_s: float, takes_s: float) -> None:
    async def work(terms: Terms) -> None:
        holder = asyncio.create_task(terms.serve(0))
        await asyncio.sleep(1.0)
        other = asyncio.create_task(terms.serve(1))
        await asyncio.sleep(after_s)
        terms.ways[0].down, terms.ways[0].takes_s = True, takes_s
        await holder
        await asyncio.sleep(DURATION_S + 2 * RETRY_S)
        await end(other)

    terms = driven(work)

    assert terms.began[1] - terms.stopped[0] >= MARGIN_S
    assert terms.stopped[0] <= 1.0 + after_s + GIVE_UP_S


@pytest.mark.parametrize("takes_s", [1.0, 2.9, 4.0])
def test_answer_that_comes_late_does_not_lengthen_a_term(takes_s: float) -> None:
    """What a renewal says is true of the moment before it was sent."""

    async def work(terms: Terms) -> None:
        terms.ways[0].takes_s = takes_s
        holder = asyncio.create_task(terms.serve(0))
        other = asyncio.create_task(terms.serve(1))
        terms.ways[1].takes_s = 0.0
        terms.ways[1].down = True
        await asyncio.sleep(2 * takes_s + 0.1)  # the holder has written, and the other has not looked yet
        terms.ways[1].down = False
        terms.ways[0].down = True
        await holder
        await asyncio.sleep(DURATION_S + 2 * RETRY_S)
        await end(other)

    terms = driven(work)

    assert terms.began[1] > terms.stopped[0]
    assert terms.stopped[0] - terms.began[0] <= GIVE_UP_S - takes_s + 0.01


def test_holder_with_a_slow_server_keeps_the_lease() -> None:
    async def work(terms: Terms) -> None:
        terms.ways[0].takes_s = 1.0
        holder, other = asyncio.create_task(terms.serve(0)), asyncio.create_task(terms.serve(1))
        terms.ways[1].down = True
        await asyncio.sleep(5.0)
        terms.ways[1].down = False
        await asyncio.sleep(500.0)
        await end(holder, other)

    terms = driven(work)

    assert terms.began.keys() == {0}


def test_renewals_that_fail_are_tried_again_before_the_term_ends() -> None:
    async def work(terms: Terms) -> None:
        holder = asyncio.create_task(terms.serve(0))
        await asyncio.sleep(3.9)
        terms.ways[0].down = True
        await asyncio.sleep(3.5)
        terms.ways[0].down = False
        await asyncio.sleep(60.0)
        await end(holder)

    assert driven(work).stopped == {}


def test_lease_is_given_back_although_a_renewal_comes_through_late() -> None:
    async def work(terms: Terms) -> None:
        lease = terms.candidate(0)
        await lease.acquire()
        terms.ways[0].is_late = True
        await lease.release()

    body = driven(work).server.body

    assert body is not None
    assert body["spec"]["holderIdentity"] == ""


@pytest.mark.parametrize("after_s", [20.0, 21.3, 22.9, 23.9])
def test_lease_that_somebody_deletes_stays_with_its_holder(after_s: float) -> None:
    async def work(terms: Terms) -> None:
        holder = asyncio.create_task(terms.serve(0))
        await asyncio.sleep(1.0)
        other = asyncio.create_task(terms.serve(1))
        await asyncio.sleep(after_s)
        terms.server.body = None
        await asyncio.sleep(100.0)
        await end(holder, other)

    terms = driven(work)

    assert (set(terms.began), terms.stopped) == ({0}, {})


def test_deleted_lease_of_a_dead_holder_is_taken_over() -> None:
    async def work(terms: Terms) -> None:
        holder = asyncio.create_task(terms.serve(0))
        await asyncio.sleep(1.0)
        other = asyncio.create_task(terms.serve(1))
        await asyncio.sleep(20.0)
        await end(holder)
        terms.server.body = None
        await asyncio.sleep(DURATION_S + 2 * RETRY_S)
        await end(other)

    assert driven(work).began.keys() == {0, 1}
