"""The worker on one core: from frames in the stream to rows in the embedded engine, enriched and acknowledged.

The events are those of the ingest benchmark (385 bytes), ten a visit, 20,000 visits, from 20,000 addresses. The
worker has core 0 for itself and the stores have the other: the slower of the two decides.
"""

import asyncio
import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import Final

import redis
import redis.asyncio

from benchmarks import requests, stage
from benchmarks.report import Figure
from openpanel.identity.ids import hash64, session_id
from openpanel.stream import Pool
from openpanel.stream.commit import Committer
from openpanel.stream.depths import depth
from openpanel.stream.drain import Message
from openpanel.stream.frames import Append, Envelope, Item, Kind, Run, RunMode
from openpanel.stream.spool import Spool
from openpanel.wire.messages import MESSAGE
from openpanel_worker.deps import Deps, Values, opened
from openpanel_worker.drain import Outcome, quiet_collector
from openpanel_worker.writing import encode

PROJECT: Final = "bench"
VISITS: Final = 20_000
EVENTS_A_VISIT: Final = 10
AT_ONCE: Final = 5_000  # requests that the committer holds
ROUNDS: Final = 2
MAX_BLOCK: Final = 50_000
LOOKING_S: Final = 0.02  # how often is looked whether all is acknowledged
DECODING: Final = "baseline: decoding the JSON alone"


def measure() -> list[Figure]:
    """Fill the stream and empty it, some times over; the best round counts, as the machine is shared."""
    with stage.engines() as engines, _on_core(stage.PRODUCT_CORE):
        engine = _engine(engines)
        _pin(engine, stage.OTHERS_CORE)
        before = _cpu_seconds(engine)
        rates = [_round(engines, number) for number in range(ROUNDS)]
        engine_us = (_cpu_seconds(engine) - before) / (ROUNDS * VISITS * EVENTS_A_VISIT) * 1e6
        parts = _parts(engines)
    rate = max(rates)
    own = sum(value for name, value in parts if name != DECODING)
    return [
        Figure("worker", "decode, enrich, insert", rate, "events/s", 50_000, 100_000),
        Figure("worker", "slowest round", min(rates), "events/s"),
        *(Figure("worker", name, value, "µs/event", more_is_better=False) for name, value in parts),
        Figure("worker", "the engine's CPU", engine_us, "µs/event", more_is_better=False),
        Figure(
            "worker", "own CPU against that baseline", own / dict(parts)[DECODING], "×", more_is_better=False
        ),
    ]


def _round(engines: stage.Stage, number: int) -> float:
    with _deps(engines, Pool(f"bench-{number}", 1)) as deps:
        _fill(deps, _folder(engines, f"spool-{number}"))
        begun = time.perf_counter()
        with ThreadPoolExecutor(1) as beside:
            emptied = beside.submit(_empty, deps)
            while not emptied.done() and depth(deps.redis, pool=deps.values.pool):
                time.sleep(LOOKING_S)
            seconds = time.perf_counter() - begun
            emptied.result()
        [(rows,)] = deps.warehouse.query("SELECT count() FROM events WHERE name = 'screen_view'")
    if rows != VISITS * EVENTS_A_VISIT * (number + 1):
        raise RuntimeError(f"{rows} events came in")
    return VISITS * EVENTS_A_VISIT / seconds


def _empty(deps: Deps) -> None:
    """Order after order. The last one stays a moment longer, in case more comes; that is not waited for."""
    while deps.drain(deps.values.pool.name, 0).run() is not Outcome.EMPTY:
        pass


def _parts(engines: stage.Stage) -> list[tuple[str, float]]:
    """CPU time of the worker's own steps, block by block, without inserting."""
    spent = {
        "of it reading frames": 0.0,
        "of it making rows": 0.0,
        "of it encoding columns": 0.0,
        DECODING: 0.0,
    }
    with _deps(engines, Pool("bench-parts", 1)) as deps:
        _fill(deps, _folder(engines, "spool-parts"))
        shard = deps.drain(deps.values.pool.name, 0).shard
        shard.acquire()
        while True:
            with quiet_collector():
                begun = time.process_time()
                block = shard.peek(max_events=MAX_BLOCK)
                if block is None:
                    break
                shard.claim(block)
                read = time.process_time()
                batch = deps.transform.rows(block, shard=0)
                made = time.process_time()
                for rows in batch.inserted():
                    encode(rows)
                encoded = time.process_time()
                for record in block.records:
                    if isinstance(record, Message):
                        MESSAGE.decode(record.envelope.body)
                decoded = time.process_time()
                shard.acknowledge(block)
            spent["of it reading frames"] += read - begun
            spent["of it making rows"] += made - read
            spent["of it encoding columns"] += encoded - made
            spent[DECODING] += decoded - encoded
    return [(name, seconds / (VISITS * EVENTS_A_VISIT) * 1e6) for name, seconds in spent.items()]


@contextmanager
def _deps(engines: stage.Stage, pool: Pool) -> Iterator[Deps]:
    environment = engines.environment
    values = Values(
        redis_url=environment["OPENPANEL_REDIS_URL"],
        postgres_url=environment["OPENPANEL_POSTGRES_URL"],
        clickhouse_url=environment["OPENPANEL_CLICKHOUSE_URL"],
        clickhouse_database=environment["OPENPANEL_CLICKHOUSE_DATABASE"],
        pool=pool,
        max_block=MAX_BLOCK,
        linger_ms=0,
    )
    with opened(values, stopping=threading.Event()) as deps:
        yield deps


def _folder(engines: stage.Stage, name: str) -> Path:
    folder = engines.folder / name
    folder.mkdir()
    return folder


def _fill(deps: Deps, folder: Path) -> None:
    """Commit the events as the API does, every visitor's first, then every visitor's second, and so on."""
    spool = Spool(folder, pool=deps.values.pool.name)
    spool.open()
    asyncio.run(_commit(deps, spool))
    spool.close()


async def _commit(deps: Deps, spool: Spool) -> None:
    client = redis.asyncio.Redis.from_url(deps.values.redis_url)
    committer = Committer(
        client,
        pool=deps.values.pool,
        spool=spool,
        clock=lambda: time.time_ns() // 1_000_000,
        high_water=10**9,
        wake=lambda _shard: None,
    )
    running = asyncio.create_task(committer.run())
    bodies = [one.partition(b"\r\n\r\n")[2] for one in requests.single("none")]
    appends = (_append(visit, number, bodies) for number in range(EVENTS_A_VISIT) for visit in range(VISITS))
    while waiting := [committer.append(one) for one in islice(appends, AT_ONCE)]:
        await asyncio.gather(*waiting)
    await committer.close()
    await running
    await client.aclose()


def _append(visit: int, number: int, bodies: list[bytes]) -> Append:
    at_ms = time.time_ns() // 1_000_000
    device = hash64("bench", str(visit))
    run = Run(
        PROJECT,
        device,
        None,
        at_ms,
        at_ms,
        1,
        0,
        session_id(project=PROJECT, device=device, at_ms=at_ms),
        RunMode.OPEN,
    )
    item = Item(Kind.TRACK, -1, at_ms, 0, 0, device)
    envelope = Envelope(
        PROJECT,
        "client",
        at_ms,
        requests.address(visit),
        requests.BROWSERS[visit % len(requests.BROWSERS)],
        "https://bench.example",
        "web",
        "1.4.1",
        bodies[(visit + number * 7) % len(bodies)],
        [item],
    )
    return Append(f"{PROJECT}|{visit}", "", (run,), envelope)


def _engine(engines: stage.Stage) -> int:
    """The process of the embedded ClickHouse, by the folder it works on."""
    folder = str(engines.folder / "clickhouse").encode()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if folder in (process / "cmdline").read_bytes():
                return int(process.name)
    raise RuntimeError("the embedded ClickHouse does not run")


def _pin(pid: int, core: int) -> None:
    """Keep a process on one core, with the threads that it has by now."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with suppress(ProcessLookupError):
            os.sched_setaffinity(int(thread.name), {core})


def _cpu_seconds(pid: int) -> float:
    """What a process has used so far, merges in its background among it."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def _on_core(core: int) -> Iterator[None]:
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
