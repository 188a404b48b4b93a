"""Streams in memory, of which a removal asks what waits."""

from dataclasses import dataclass, field
from datetime import datetime

from openpanel.tenancy.streams import Waiting


@dataclass
class WaitingStreams:
    """So much waits, whoever asks; or nobody can tell."""

    waiting_now: Waiting = field(default_factory=Waiting)
    fault: Exception | None = None
    asked: list[tuple[str, str, int, datetime]] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)

    def waiting(self, project: str, *, pool: str, shards: int, until: datetime) -> Waiting:
        self.asked.append((project, pool, shards, until))
        if self.fault is not None:
            raise self.fault
        return self.waiting_now

    def drop(self, project: str) -> None:
        self.dropped.append(project)
