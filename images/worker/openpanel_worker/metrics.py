"""What a worker counts, as Prometheus sees it. Each metric stands here once, with its unit in its name."""

from collections.abc import Iterable
from typing import Final

from prometheus_client import Counter, Gauge, Histogram

EVENTS: Final = Counter("openpanel_worker_records_total", "Messages and session ends that were written.")
ROWS: Final = Counter("openpanel_worker_rows_total", "Rows that were inserted.", ["table"])
DEAD: Final = Counter("openpanel_worker_dead_letters_total", "Rows of dead letters.", ["reason"])
LOST: Final = Counter("openpanel_worker_lost_letters_total", "Dead letters that could not be kept either.")
ERASED: Final = Counter(
    "openpanel_worker_erased_records_total", "Records of erased projects, which are not written."
)
ERASED_LATE: Final = Counter(
    "openpanel_worker_erased_late_total", "Projects erased once more because of an insert on its way."
)
BLOCKS: Final = Counter("openpanel_worker_blocks_total", "Blocks that were acknowledged.")
REPEATED: Final = Counter("openpanel_worker_repeated_blocks_total", "Blocks taken over from a predecessor.")
AWAY: Final = Counter("openpanel_worker_store_away_total", "Tries that met a store that is away.", ["store"])
LEASES_LOST: Final = Counter(
    "openpanel_worker_leases_lost_total", "Shards that another worker took meanwhile."
)
BLOCK_SECONDS: Final = Histogram(
    "openpanel_worker_block_seconds",
    "From a block to its acknowledgement.",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
BLOCK_RECORDS: Final = Histogram(
    "openpanel_worker_block_records",
    "Records of a block.",
    buckets=(1, 10, 100, 1_000, 5_000, 10_000, 20_000, 50_000),
)
DEPTH: Final = Gauge(
    "openpanel_worker_depth_events", "Events that wait in the streams of the pool.", ["pool"]
)
ORDERS: Final = Gauge("openpanel_worker_waiting_orders", "Orders that wait in RQ.", ["queue"])
SESSIONS_ENDED: Final = Counter("openpanel_worker_sessions_ended_total", "Sessions ended by the sweep.")
ORDERS_MADE: Final = Counter("openpanel_worker_orders_made_total", "Missing drain orders made by the sweep.")


def begin_at_zero(*, reasons: Iterable[str], stores: Iterable[str]) -> None:
    """Show every counter of which alerts ask for the growth: of one that begins with its first value there is none."""
    for reason in reasons:
        DEAD.labels(reason)
    for store in stores:
        AWAY.labels(store)
