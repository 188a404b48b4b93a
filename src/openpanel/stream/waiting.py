"""The requests that wait for a commit: batches within bounds, and what everybody is told who is not taken.

Knows neither Redis nor what a commit is.
"""

from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Final

from openpanel.stream.errors import CommitRefused, Overloaded
from openpanel.stream.messages import MAX_APPEND_MESSAGES, Append, Resolved, RunMode

MAX_COMMIT_BYTES: Final = 4 * 1024 * 1024  # bodies of one commit; a single longer body goes alone
MAX_COMMIT_MESSAGES: Final = 8_192  # with MAX_APPEND_MESSAGES it stays within the positions of an entry
MAX_WAITING_BYTES: Final = 64 * 1024 * 1024  # bodies in memory; past it requests are refused
ENVELOPE_BYTES: Final = 512  # what a request takes beside its body, roughly
RETRY_AFTER_S: Final = 5

Answer = tuple[Resolved, ...]
Answered = Callable[[Answer | Exception], None]
"""Called once with what became of an append; must not raise."""


@dataclass(slots=True)
class Batch:
    """The requests of one commit and those who wait for them."""

    appends: list[Append] = field(default_factory=list)
    answered: list[Answered] = field(default_factory=list)
    bytes: int = 0
    messages: int = 0

    def without(self, places: Collection[int]) -> "Batch":
        """The batch without the appends in these places, to leave at once."""
        kept = [place for place in range(len(self.appends)) if place not in places]
        return Batch([self.appends[place] for place in kept], [self.answered[place] for place in kept])


class Waiting:
    """Requests in the order in which they came, in batches that fit into a commit."""

    def __init__(self) -> None:
        self.newest = Batch()
        self._full: deque[Batch] = deque()
        self._bytes = 0

    def __bool__(self) -> bool:
        return bool(self.newest.appends or self._full)

    def worth(self, appends: int) -> bool:
        """Whether at least so many wait."""
        return len(self.newest.appends) >= appends or bool(self._full)

    def add(self, append: Append, answered: Answered) -> Exception | None:
        """Take a request in, or say why not."""
        envelope = append.envelope
        if envelope is None:
            if any(run.mode <= RunMode.LATE for run in append.runs):
                return _refusal(ValueError("a run that changes a session has no message to tell it"))
            size, messages = ENVELOPE_BYTES, 0
        else:
            size, messages = ENVELOPE_BYTES + len(envelope.body), len(envelope.items)
        if messages > MAX_APPEND_MESSAGES:
            return _refusal(ValueError(f"{messages} messages in one append"))
        if self._bytes + size > MAX_WAITING_BYTES:
            return Overloaded("too many requests wait for Redis", retry_after_s=RETRY_AFTER_S)
        batch = self.newest
        if batch.bytes + size > MAX_COMMIT_BYTES or batch.messages + messages > MAX_COMMIT_MESSAGES:
            self._full.append(batch)
            batch = self.newest = Batch()
        batch.appends.append(append)
        batch.answered.append(answered)
        batch.bytes += size
        batch.messages += messages
        self._bytes += size
        return None

    def take(self) -> Batch:
        """The oldest batch; an empty one if nothing waits."""
        if self._full:
            batch = self._full.popleft()
        else:
            batch, self.newest = self.newest, Batch()
        self._bytes -= batch.bytes
        return batch

    def put_back(self, batch: Batch) -> None:
        """Let a batch be the oldest again."""
        self._full.appendleft(batch)
        self._bytes += batch.bytes


# Each gets an error of its own: one that is raised many times would collect everybody's frames.


def turn_away(answered: Sequence[Answered], reason: str) -> None:
    """Tell these that they may come again."""
    for one in answered:
        one(Overloaded(reason, retry_after_s=RETRY_AFTER_S))


def refuse(answered: Sequence[Answered], error: Exception) -> None:
    """Tell these that they cannot be taken, now or later."""
    for one in answered:
        one(_refusal(error))


def _refusal(error: Exception) -> CommitRefused:
    return CommitRefused(f"{type(error).__name__}: {error}")
