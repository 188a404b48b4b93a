"""A cache with a bound that costs one dictionary look-up: two generations, the older one forgotten as a whole.

What is asked for stays; what was not asked for during a whole generation goes. Not for threads.
"""

from collections.abc import Iterator
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class TwoGenerations(Generic[K, V]):
    """Keeps between `size` and twice `size` entries once it has filled up."""

    __slots__ = ("_old", "_size", "_young")

    def __init__(self, *, size: int) -> None:
        self._size = size
        self._young: dict[K, V] = {}
        self._old: dict[K, V] = {}

    def get(self, key: K) -> V | None:
        found = self._young.get(key)
        if found is None:
            found = self._old.get(key)
            if found is not None:
                self.put(key, found)
        return found

    def put(self, key: K, value: V) -> None:
        if len(self._young) >= self._size:
            self._old, self._young = self._young, {}
        self._young[key] = value

    def drop(self, key: K) -> None:
        self._young.pop(key, None)
        self._old.pop(key, None)

    def values(self) -> Iterator[V]:
        yield from tuple(self._young.values())
        yield from tuple(self._old.values())

    def __len__(self) -> int:
        return len(self._young) + len(self._old)
