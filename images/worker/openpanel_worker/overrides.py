"""Whose a device is: the rows that make an anonymous visitor and a known person one, also in what was counted before.

The earliest word about a device wins, so its version falls with its place in the stream. What was written once is
remembered, within bounds and for as long as the project is the same; a word that is said again changes nothing.
"""

from collections import deque
from typing import Final

from openpanel.stream.drain import Message
from openpanel_worker.batch import Batch

MAX_KNOWN: Final = 200_000  # persons
MAX_LIVES: Final = 10_000  # projects
LATEST: Final = 2**63

Key = tuple[str, int]  # project, person


class Overrides:
    """The overrides that one drain worker has written. Not shared between threads."""

    def __init__(self) -> None:
        self._known: set[Key] = set()
        self._new: set[Key] = set()
        self._made: deque[set[Key]] = deque()  # of blocks that are made and not written yet, oldest first
        self._lives: dict[str, object] = {}

    def take_over(self) -> None:
        """What was made and not written is forgotten: whoever writes it may be another worker."""
        self._made.clear()

    def begin(self) -> None:
        """Begin a block, perhaps for another time."""
        self._new = set()

    def live(self, project: str, life: object) -> None:
        """In another life the project may have lost what was written in the one before: nothing of it is remembered."""
        if self._lives.get(project) == life:
            return
        if project in self._lives:
            for keys in (self._known, *self._made):
                keys.difference_update([key for key in keys if key[0] == project])
        elif len(self._lives) >= MAX_LIVES:
            self._lives.clear()
            for keys in (self._known, *self._made):
                keys.clear()
        self._lives[project] = life

    def made(self) -> None:
        """The block is made; it will be written, or nothing after it."""
        self._made.append(self._new)

    def settle(self) -> None:
        """The oldest block that was made is written."""
        written = self._made.popleft()
        if len(self._known) + len(written) > MAX_KNOWN:
            self._known.clear()
        self._known |= written

    def see(self, message: Message, person: int, *, into: int, batch: Batch) -> None:
        """Write down that `person` is `into`, unless that was done before."""
        key = (message.envelope.project, person)
        if key in self._known or key in self._new or person == into:
            return
        if any(key in made for made in self._made):
            return
        self._new.add(key)
        batch.overrides.add((key[0], person, into, LATEST - message.order), message)
