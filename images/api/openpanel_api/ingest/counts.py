"""What is counted of ingest: plain numbers on the hot path, handed to Prometheus once a second and at each scrape.

Several processes share a port, and a scrape reaches any of them. With `PROMETHEUS_MULTIPROC_DIR` set (the service's
entry point sets it) every process writes its numbers there and each scrape answers with the sum of all.
"""

import asyncio
import os
from collections import Counter as Tally
from collections.abc import Callable, Iterable
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector

from openpanel.stream.frames import Kind

MULTIPROCESS_FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"
CONTENT_TYPE: Final = CONTENT_TYPE_LATEST
PREFIX: Final = "openpanel_ingest_"
FLUSH_SECONDS: Final = 1.0


class Counts:
    """The numbers since the last hand-over."""

    __slots__ = ("accepted", "bots", "bytes", "dropped", "refused", "requests")

    def __init__(self) -> None:
        self.accepted = [0] * (max(Kind) + 1)
        self.refused: Tally[str] = Tally()
        self.reset()

    def reset(self) -> None:
        """Begin anew; the object stays the one that everybody holds."""
        self.requests = 0
        self.bytes = 0
        self.bots = 0
        self.dropped = 0
        self.accepted[:] = [0] * len(self.accepted)
        self.refused.clear()


class Exposition:
    """The metrics of the ingest service."""

    def __init__(self, counts: Counts) -> None:
        self._counts = counts
        registry = self._own = CollectorRegistry()
        self._requests = Counter("openpanel_ingest_requests", "Calls of ingest routes", registry=registry)
        self._bytes = Counter(
            "openpanel_ingest_body_bytes", "Bytes of accepted bodies, unpacked", registry=registry
        )
        self._accepted = Counter(
            "openpanel_ingest_messages_accepted",
            "Messages that are in the stream",
            ["kind"],
            registry=registry,
        )
        self._refused = Counter(
            "openpanel_ingest_messages_refused", "Messages that were refused", ["code"], registry=registry
        )
        self._bots = Counter("openpanel_ingest_messages_bots", "Messages of declared bots", registry=registry)
        self._dropped = Counter(
            "openpanel_ingest_messages_opted_out",
            "Messages not kept because the visitor asked not to be tracked",
            registry=registry,
        )
        self._spooled = Gauge(
            "openpanel_ingest_spooled_bytes",
            "Bytes of accepted messages that wait on disk for Redis",
            registry=registry,
            multiprocess_mode="livesum",
        )

    def hand_over(self, *, spooled_bytes: int) -> None:
        """Give the numbers to Prometheus' counters and begin anew."""
        counts = self._counts
        self._requests.inc(counts.requests)
        self._bytes.inc(counts.bytes)
        self._bots.inc(counts.bots)
        self._dropped.inc(counts.dropped)
        for kind in Kind:
            if number := counts.accepted[kind]:
                self._accepted.labels(kind.name.lower()).inc(number)
        for code, number in counts.refused.items():
            self._refused.labels(code).inc(number)
        self._spooled.set(spooled_bytes)
        counts.reset()

    def render(self) -> bytes:
        """All processes' metrics where they share a folder, else this one's."""
        return generate_latest(_Together() if MULTIPROCESS_FOLDER in os.environ else self._own)


class _Together(CollectorRegistry):
    """The sums over all processes, of this service's metrics only."""

    def collect(self) -> Iterable[Metric]:
        collected = MultiProcessCollector(None).collect()  # type: ignore[no-untyped-call]
        return (metric for metric in collected if metric.name.startswith(PREFIX))


async def flush(
    exposition: Exposition, *, spooled_bytes: Callable[[], int], seconds: float = FLUSH_SECONDS
) -> None:
    """Hand the numbers over again and again, until cancelled."""
    while True:
        await asyncio.sleep(seconds)
        exposition.hand_over(spooled_bytes=spooled_bytes())
