"""kill -9 in a loop of inserts: what was acknowledged is there, and repeating the last batch heals the rollup."""

import os
import random
import signal
import threading
from pathlib import Path

import httpx

from openpanel_local.engines import clickhouse
from openpanel_local.engines.clickhouse import ClickHouse

ROWS = 5_000
LIVES = 4
WINDOW = "SETTINGS non_replicated_deduplication_window = 1000"
SCHEMA = (
    f"CREATE TABLE raw (n UInt64, d Date) ENGINE = MergeTree PARTITION BY toYYYYMM(d) ORDER BY n {WINDOW}",
    f"CREATE TABLE rollup (d Date, c UInt64) ENGINE = SummingMergeTree ORDER BY d {WINDOW}",
    "CREATE MATERIALIZED VIEW view TO rollup AS SELECT d, count() AS c FROM raw GROUP BY d",
)


def test_no_acknowledged_row_is_lost_by_kill_9(tmp_path: Path) -> None:
    seed = random.Random(7)
    batch = 0

    for life in range(LIVES):
        with (
            clickhouse.running(tmp_path / "data") as server,
            httpx.Client(base_url=server.url) as client,
        ):
            if life == 0:
                for statement in SCHEMA:
                    client.post("/", content=statement).raise_for_status()
            # The last batch of the life before was not acknowledged: it is repeated, token and rows the same.
            batch = _insert_until_killed(server, client, first=batch, within_s=seed.uniform(0.05, 0.5))

    with (
        clickhouse.running(tmp_path / "data") as server,
        httpx.Client(base_url=server.url) as client,
    ):
        assert _insert(client, batch).status_code == 200
        rows = client.post("/", content="SELECT count(), uniqExact(n) FROM raw").text
        rollup = client.post("/", content="SELECT sum(c) FROM rollup").text
    expected = (batch + 1) * ROWS
    assert batch >= LIVES
    assert rows == f"{expected}\t{expected}\n"
    assert rollup == f"{expected}\n"


def _insert_until_killed(server: ClickHouse, client: httpx.Client, *, first: int, within_s: float) -> int:
    """Insert batch after batch; the number of the first that was not acknowledged."""
    batch = first
    killer = threading.Timer(within_s, os.kill, (server.pid, signal.SIGKILL))
    try:
        while True:
            assert _insert(client, batch).status_code == 200
            if batch == first:  # at least one in each life
                killer.start()
            batch += 1
    except httpx.TransportError:
        return batch
    finally:
        killer.join()


def _insert(client: httpx.Client, batch: int) -> httpx.Response:
    first = batch * ROWS
    rows = "".join(f"{n}\t2026-{n % 3 + 1:02}-01\n" for n in range(first, first + ROWS))
    fields = {"query": "INSERT INTO raw FORMAT TSV", "insert_deduplication_token": f"batch {batch}"}
    return client.post("/", content=rows.encode(), params=fields)
