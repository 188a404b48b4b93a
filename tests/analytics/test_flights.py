"""Equal work is done once, whoever leaves; without anybody who waits it is stopped."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from threading import Event

import pytest

from openpanel.analytics.flights import Caller, Flights, HungUp

PATIENCE_S = 100.0


class Work:
    """Work that goes on until it is told to end, and remembers what happened to it."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.stopped: list[str] = []
        self.running = Event()
        self.may_end = Event()
        numbers = count(1)
        self.flights: Flights[str] = Flights(name_of_next=lambda: f"work {next(numbers)}", stop=self.stop)

    def __call__(self, name: str) -> str:
        self.begun.append(name)
        self.running.set()
        assert self.may_end.wait(PATIENCE_S)
        if name in self.stopped:
            raise ConnectionAbortedError(name)
        return f"answer of {name}"

    def stop(self, name: str) -> None:
        self.stopped.append(name)
        self.may_end.set()


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(12) as pool:
        yield pool


def test_equal_work_at_the_same_time_is_done_once(pool: ThreadPoolExecutor) -> None:
    work = Work()
    joined = [pool.submit(work.flights.join, "key", work, caller=Caller()) for _ in range(8)]
    assert work.running.wait(PATIENCE_S)
    until(lambda: passengers(work) == 8)
    work.may_end.set()

    assert {each.result(PATIENCE_S) for each in joined} == {"answer of work 1"}
    assert work.begun == ["work 1"]


def test_work_that_is_over_is_done_again() -> None:
    work = Work()
    work.may_end.set()

    answers = [work.flights.join("key", work, caller=Caller()) for _ in range(2)]

    assert answers == ["answer of work 1", "answer of work 2"]


def test_other_work_is_not_waited_for(pool: ThreadPoolExecutor) -> None:
    work, other = Work(), Work()
    other.may_end.set()
    slow = pool.submit(work.flights.join, "key", work, caller=Caller())
    assert work.running.wait(PATIENCE_S)

    assert work.flights.join("other key", other, caller=Caller()) == "answer of work 2"

    work.may_end.set()
    assert slow.result(PATIENCE_S) == "answer of work 1"


def test_work_is_stopped_when_the_last_has_gone(pool: ThreadPoolExecutor) -> None:
    work = Work()
    callers = [Caller(), Caller()]
    joined = [pool.submit(work.flights.join, "key", work, caller=caller) for caller in callers]
    until(lambda: passengers(work) == 2)

    callers[0].hang_up()
    assert work.stopped == []
    callers[1].hang_up()

    assert set(work.stopped) == {"work 1"}  # more than once, where it does not end at once
    for each in joined:
        with pytest.raises(HungUp):
            each.result(PATIENCE_S)


def test_who_stays_gets_the_answer_although_the_first_has_gone(pool: ThreadPoolExecutor) -> None:
    work = Work()
    first, second = Caller(), Caller()
    pool.submit(work.flights.join, "key", work, caller=first)
    assert work.running.wait(PATIENCE_S)
    staying = pool.submit(work.flights.join, "key", work, caller=second)
    until(lambda: passengers(work) == 2)

    first.hang_up()
    work.may_end.set()

    assert staying.result(PATIENCE_S) == "answer of work 1"
    assert work.stopped == []


def test_who_comes_after_the_last_has_gone_starts_anew(pool: ThreadPoolExecutor) -> None:
    work = Work()
    leaving = Caller()
    left = pool.submit(work.flights.join, "key", work, caller=leaving)
    assert work.running.wait(PATIENCE_S)
    leaving.hang_up()

    assert work.flights.join("key", work, caller=Caller()) == "answer of work 2"
    with pytest.raises(HungUp):
        left.result(PATIENCE_S)


def test_error_reaches_all_who_wait(pool: ThreadPoolExecutor) -> None:
    work = Work()
    joined = [pool.submit(work.flights.join, "key", work, caller=Caller()) for _ in range(3)]
    until(lambda: passengers(work) == 3)
    work.stopped.append("work 1")
    work.may_end.set()

    for each in joined:
        with pytest.raises(ConnectionAbortedError):
            each.result(PATIENCE_S)


def test_who_has_gone_starts_nothing() -> None:
    work = Work()
    caller = Caller()
    caller.hang_up()
    caller.hang_up()

    with pytest.raises(HungUp):
        work.flights.join("key", work, caller=caller)

    assert work.begun == []


def passengers(work: Work) -> int:
    return sum(flight.passengers for flight in work.flights._under_way.values())


def until(condition: Callable[[], bool]) -> None:
    """Wait for other threads to come so far."""
    turn = Event()
    for _ in range(round(PATIENCE_S * 100)):
        if condition():
            return
        turn.wait(0.01)
    raise AssertionError("it did not happen")
