"""Streams in memory, of which a removal asks what waits."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass
class WaitingStreams:
    """So much waits, whoever asks; or nobody can tell."""

    waiting_now: int = 0
    fault: Exception | None = None
    asked: list[tuple[str, str, int, datetime]] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)

    def waiting(self, project: str, *, pool: str, shards: int, until: datetime) -> int:
        self.asked.append((project, pool, shards, until))
        if self.fault is not None:
            raise self.fault
        return self.waiting_now

    def drop(self, project: str) -> None:
        self.dropped.append(project)
