"""What a statement costs by the engine's own account: the rows that it read, and the memory that it took at its peak.

Rows stand in the summary that comes with an answer. Memory is what the engine says of queries that run, asked again
and again beside a statement that is repeated for a while; so it is never measured together with time.
"""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import clickhouse_connect
from clickhouse_connect.driver.client import Client

from benchmarks import traffic
from openpanel.analytics.asking import LIMITS
from openpanel.analytics.statements import Statement

WATCHED_SECONDS: Final = 0.5  # long enough to meet a statement of a few milliseconds while it runs
_MARK: Final = "measured"
_ACCOUNTED: Final[Mapping[str, object]] = {
    "wait_end_of_query": 1,  # the summary is that of the whole
    "max_untracked_memory": 0,  # no piece is too small to be counted at once
    "use_query_condition_cache": 0,  # what an earlier run found out about blocks would spare rows
}
_MEMORY: Final = (
    "SELECT max(peak_memory_usage) FROM system.processes WHERE Settings['log_comment'] = {mark:String}"
)


@dataclass(frozen=True, slots=True)
class Cost:
    """Rows read, and bytes at the peak; 0: it was never met while it ran."""

    rows: int
    memory: int

    def __str__(self) -> str:
        memory = f"{self.memory / 1e6:,.1f} MB" if self.memory else "memory too short to see"
        return f"{self.rows:,} rows, {memory}"


def cost(url: str, statement: Statement) -> Cost:
    """The cost of one statement on the engine at `url`."""
    watched = _Watched()
    with _connected(url) as asking, _connected(url) as watching:
        watcher = threading.Thread(target=watched.watch, args=(watching,))
        watcher.start()
        try:
            rows = _repeated(asking, statement)
        finally:
            watched.done.set()
            watcher.join()
    return Cost(rows, watched.peak)


class _Watched:
    def __init__(self) -> None:
        self.done = threading.Event()
        self.peak = 0

    def watch(self, client: Client) -> None:
        while not self.done.is_set():
            found = client.query(_MEMORY, parameters={"mark": _MARK}).result_rows
            self.peak = max(self.peak, int(found[0][0]))


def _repeated(client: Client, statement: Statement) -> int:
    """The rows that it reads."""
    settings = {**LIMITS, **_ACCOUNTED, "log_comment": _MARK}
    until = time.monotonic() + WATCHED_SECONDS
    while True:
        answer = client.query(statement.sql, parameters=dict(statement.parameters), settings=settings)
        if time.monotonic() >= until:
            return int(answer.summary["read_rows"])


@contextmanager
def _connected(url: str) -> Iterator[Client]:
    address = urlsplit(url)
    options: dict[str, Any] = {
        "database": traffic.DATABASE,
        "autogenerate_session_id": False,
        "compress": False,
    }
    client = clickhouse_connect.get_client(
        host=address.hostname,
        port=address.port,
        username=unquote(address.username or ""),
        password=unquote(address.password or ""),
        **options,
    )
    try:
        yield client
    finally:
        client.close()
