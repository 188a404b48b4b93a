"""Equal work at the same time is done once, for all who wait, and stopped when the last of them has gone.

Whoever comes first does the work in his own thread, under a name by which it can be stopped; all others wait for it.
Knows no store and no question.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
from threading import Lock
from typing import Any, Final, Generic, TypeVar

STOPPED_AGAIN_S: Final = 0.2  # work that had not reached the store when it was stopped is stopped once more
STOPPED_TIMES: Final = 10

T = TypeVar("T")


class HungUp(Exception):
    """Whoever asked has gone."""


class Caller:
    """Somebody who waits for answers. May hang up at any time, from any thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._gone: Future[None] = Future()
        self._leaving: list[Callable[[], None]] = []

    @property
    def has_gone(self) -> bool:
        return self._gone.done()

    def hang_up(self) -> None:
        """Wait for nothing any more. Returns when the work that nobody else waits for was told to stop."""
        with self._lock:
            if self._gone.done():
                return
            self._gone.set_result(None)
            leaving, self._leaving = self._leaving, []
        for leave in leaving:
            leave()

    @contextmanager
    def waiting(self, leave: Callable[[], None]) -> Iterator[None]:
        """While somebody waits: `leave` is called when he hangs up."""
        with self._lock:
            if self._gone.done():
                raise HungUp
            self._leaving.append(leave)
        try:
            yield
        finally:
            with self._lock:
                if leave in self._leaving:
                    self._leaving.remove(leave)

    def result(self, found: Future[T]) -> T:
        """What comes, unless he hangs up first."""
        either: tuple[Future[Any], ...] = (found, self._gone)
        wait(either, return_when=FIRST_COMPLETED)
        if not found.done():
            raise HungUp
        return found.result()


class _Flight(Generic[T]):
    def __init__(self, name: str) -> None:
        self.name = name
        self.passengers = 0
        self.landed: Future[T] = Future()


class _Passenger(Generic[T]):
    def __init__(self, key: str) -> None:
        self.key = key
        self.flight: _Flight[T] | None = None
        self.has_left = False


class Flights(Generic[T]):
    """Work under way, by key. `name_of_next` gives each its name; `stop` stops the one of a name."""

    def __init__(self, *, name_of_next: Callable[[], str], stop: Callable[[str], None]) -> None:
        self._name_of_next = name_of_next
        self._stop = stop
        self._lock = Lock()
        self._under_way: dict[str, _Flight[T]] = {}

    def join(self, key: str, work: Callable[[str], T], *, caller: Caller) -> T:
        """What `work(name)` returns, or what it raises; `HungUp` when the caller did not wait for it."""
        passenger: _Passenger[T] = _Passenger(key)
        with caller.waiting(lambda: self._leave(passenger)):
            flight, is_pilot = self._board(passenger)
            try:
                return self._fly(key, flight, work) if is_pilot else caller.result(flight.landed)
            except BaseException as error:
                if caller.has_gone:
                    raise HungUp from error
                raise

    def _board(self, passenger: _Passenger[T]) -> tuple[_Flight[T], bool]:
        """The flight, and whether it has to be begun."""
        with self._lock:
            if passenger.has_left:
                raise HungUp
            flight = self._under_way.get(passenger.key)
            is_pilot = flight is None
            if flight is None:
                flight = self._under_way[passenger.key] = _Flight(self._name_of_next())
            flight.passengers += 1
            passenger.flight = flight
            return flight, is_pilot

    def _fly(self, key: str, flight: _Flight[T], work: Callable[[str], T]) -> T:
        try:
            found = work(flight.name)
        except BaseException as error:  # an interrupt too: nobody may wait for ever
            with self._lock:
                self._forget(key, flight)
            flight.landed.set_exception(error)
            raise
        with self._lock:
            self._forget(key, flight)
        flight.landed.set_result(found)
        return found

    def _leave(self, passenger: _Passenger[T]) -> None:
        with self._lock:
            passenger.has_left = True
            flight = passenger.flight
            if flight is None:
                return
            flight.passengers -= 1
            if flight.passengers or flight.landed.done():
                return
            self._forget(passenger.key, flight)
        for _ in range(STOPPED_TIMES):
            self._stop(flight.name)
            if wait([flight.landed], timeout=STOPPED_AGAIN_S).done:
                return

    def _forget(self, key: str, flight: _Flight[T]) -> None:
        """Nobody else may join. Called with the lock held."""
        if self._under_way.get(key) is flight:
            del self._under_way[key]
