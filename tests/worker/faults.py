"""Stores that go away at a chosen moment: arguments of a drain, in front of the real ones."""

from collections.abc import Callable
from typing import Any

from openpanel.stream.drain import Block, Shard
from openpanel.warehouse import Unavailable, Warehouse


class Killed(BaseException):
    """The process ends here: nothing catches it."""


class DyingShard:
    """A shard whose worker dies when it is about to acknowledge."""

    def __init__(self, shard: Shard) -> None:
        self._shard = shard

    def __getattr__(self, name: str) -> Any:
        return getattr(self._shard, name)

    def release(self) -> None:
        """A dead worker releases nothing."""

    def acknowledge(self, block: Block) -> None:
        raise Killed(block.token)


class FaultyWarehouse(Warehouse):
    """The real warehouse, with something before and after each insert: `(table, token, number of the insert)`."""

    def __init__(
        self,
        url: str,
        *,
        database: str,
        before: Callable[[str, str, int], None] = lambda *_: None,
        after: Callable[[str, str, int], None] = lambda *_: None,
    ) -> None:
        super().__init__(url, database=database)
        self._before, self._after = before, after
        self.inserts: list[tuple[str, str]] = []

    def insert_native(self, table: str, *, columns: Any, block: bytes, token: str) -> None:
        number = len(self.inserts)
        self.inserts.append((table, token))
        self._before(table, token, number)
        super().insert_native(table, columns=columns, block=block, token=token)
        self._after(table, token, number)


def away_for(times: int) -> Callable[[str, str, int], None]:
    """The first inserts find nobody."""

    def fail(_table: str, _token: str, number: int) -> None:
        if number < times:
            raise Unavailable("nobody answers")

    return fail


def dies_at(insert: int) -> Callable[[str, str, int], None]:
    """The process ends at that insert."""

    def fail(_table: str, _token: str, number: int) -> None:
        if number == insert:
            raise Killed

    return fail
