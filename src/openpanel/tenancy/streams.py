"""What a removal asks of the streams that take a project's events, as a protocol: this room knows no stream."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

Forget = Callable[[str], object]
"""Takes away what the streams of all projects remember of one: the state of its visitors, where profiles were seen."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """At most how many events of a project are not written yet; those in a worker's hands count."""

    own: int = 0
    """In streams of its own: all there are."""
    among_others: int = 0
    """In streams that others' events wait in, too, theirs included."""


class Streams(Protocol):
    """The streams of one installation. Raises when they cannot be read: that is never taken for "nothing"."""

    def waiting(self, project: str, *, pool: str, shards: int, until: datetime) -> Waiting:
        """What may wait of the project in all streams that took its events, now or before; of others, until then.

        `pool` and `shards` are those that take its events now.
        """

    def drop(self, project: str) -> None:
        """Take away the pool of its own, if it ever had one, with all that waits there."""
