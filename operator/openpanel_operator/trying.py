"""Trials of places for snapshots: one of a place that nobody answers at takes a minute, so nobody waits for it.

Each owner has one at a time, in a thread of its own that ends with the process.
"""

import asyncio
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Final

from openpanel.tenancy.snapshot_places import S3
from openpanel_operator.copying import in_thread
from openpanel_operator.stores import PlaceFault

WAIT_S: Final = 3.0  # for one that answers


class StillTrying(Exception):
    """It is not done yet; to be asked for again."""


@dataclass(frozen=True, slots=True)
class _Trial:
    place: S3
    outcome: asyncio.Future[PlaceFault | None]


class Trying:
    """What is being tried now."""

    def __init__(self, *, wait_s: float = WAIT_S) -> None:
        self._wait_s = wait_s
        self._going: dict[Hashable, _Trial] = {}

    async def run(
        self, owner: Hashable, place: S3, call: Callable[[], PlaceFault | None]
    ) -> PlaceFault | None:
        """Begin `call` unless it goes on already, and wait for a moment; what it says, and `StillTrying` until it ends.

        A trial of another place than before takes the place of that one, whose outcome nobody wants any more.
        """
        going = self._going.get(owner)
        if going is None or going.place != place:
            going = self._going[owner] = _Trial(place, in_thread(call))
        await asyncio.wait([going.outcome], timeout=self._wait_s)
        if not going.outcome.done():
            raise StillTrying("the place is being tried")
        if self._going.get(owner) is going:
            del self._going[owner]
        return going.outcome.result()
