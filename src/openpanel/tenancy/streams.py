"""What a removal asks of the streams that take a project's events, as a protocol: this room knows no stream."""

from datetime import datetime
from typing import Protocol


class Streams(Protocol):
    """The streams of one installation. Raises when they cannot be read: that is never taken for "nothing"."""

    def waiting(self, project: str, *, pool: str, shards: int, until: datetime) -> int:
        """At most how many events of the project, taken until then, are not written yet; those in hand count.

        Of a pool of its own all there are. `pool` and `shards` are those that take its events now.
        """

    def drop(self, project: str) -> None:
        """Take away the pool of its own, if it ever had one, with all that waits there."""
