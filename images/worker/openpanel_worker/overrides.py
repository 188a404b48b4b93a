"""Whose a device is: the rows that make an anonymous visitor and a known person one, also in what was counted before.

The earliest word about a device wins, so its version falls with its place in the stream. What was written once is
remembered, within bounds; a word that is said again changes nothing.
"""

from typing import Final

from openpanel.stream.drain import Message
from openpanel_worker.batch import Batch

MAX_KNOWN: Final = 200_000  # persons
LATEST: Final = 2**63

Key = tuple[str, int]  # project, person


class Overrides:
    """The overrides that one drain worker has written. Not shared between threads."""

    def __init__(self) -> None:
        self._known: set[Key] = set()
        self._new: set[Key] = set()

    def begin(self) -> None:
        """Begin a block: what the last one wanted to write and did not is forgotten."""
        self._new.clear()

    def settle(self) -> None:
        """The block is written."""
        if len(self._known) + len(self._new) > MAX_KNOWN:
            self._known.clear()
        self._known |= self._new
        self._new.clear()

    def see(self, message: Message, person: int, *, into: int, batch: Batch) -> None:
        """Write down that `person` is `into`, unless that was done before."""
        key = (message.envelope.project, person)
        if key in self._known or key in self._new or person == into:
            return
        self._new.add(key)
        batch.overrides.add((key[0], person, into, LATEST - message.order), message)
