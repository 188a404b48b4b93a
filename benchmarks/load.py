"""A bounded HTTP load on loopback: keep-alive connections that send prepared requests and time each answer.

Run as a program so that it can be pinned to a core of its own: reads a plan from standard input, prints
the outcome as JSON. Closed loop (each connection sends the next request when it has its answer), or paced
(requests leave at a fixed rate, whoever is free sends).
"""

import asyncio
import json
import subprocess
import sys
import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

import uvloop

MAX_SECONDS = 300.0
SETTLE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What to send: `requests` is a file of whole HTTP/1.1 requests, each after its length in 4 bytes."""

    port: int
    requests: str
    connections: int = 64
    seconds: float = 6.0
    per_second: float | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came back: answers per second, their times in milliseconds, and how many had which status."""

    per_second: float
    p50_ms: float
    p99_ms: float
    statuses: dict[str, int]

    @property
    def answered(self) -> int:
        return sum(self.statuses.values())

    @property
    def accepted(self) -> int:
        return self.statuses.get("200", 0)


def drive(plan: Plan, *, core: int | None = None) -> Outcome:
    """Carry out `plan` in a process of its own, pinned to `core` where one is given."""
    pinned = [] if core is None else ["taskset", "--cpu-list", str(core)]
    finished = subprocess.run(
        [*pinned, sys.executable, "-m", "benchmarks.load"],
        input=json.dumps(asdict(plan)),
        capture_output=True,
        text=True,
        check=False,
        timeout=MAX_SECONDS,
    )
    if finished.returncode:
        raise RuntimeError(f"the load ended with {finished.returncode}: {finished.stderr}")
    return Outcome(**json.loads(finished.stdout))


def write_requests(path: Path, requests: Sequence[bytes]) -> str:
    """Keep prepared requests in a file; returns its name for a `Plan`."""
    path.write_bytes(b"".join(len(request).to_bytes(4, "big") + request for request in requests))
    return str(path)


def read_requests(path: str) -> list[bytes]:
    data, requests, at = Path(path).read_bytes(), [], 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        requests.append(data[at + 4 : at + 4 + size])
        at += 4 + size
    return requests


class _Run:
    """The state that all connections of one run share."""

    def __init__(self, requests: list[bytes], *, ends: float) -> None:
        self.requests = requests
        self.ends = ends
        self.sent = 0
        self.times: list[float] = []
        self.statuses: Counter[str] = Counter()

    def next(self) -> bytes:
        request = self.requests[self.sent % len(self.requests)]
        self.sent += 1
        return request


class _Connection(asyncio.Protocol):
    """One keep-alive connection; in a closed loop it goes on by itself."""

    def __init__(self, run: _Run, idle: deque["_Connection"] | None) -> None:
        self._run = run
        self._idle = idle
        self._began = 0.0
        self._busy = False
        self._buffer = b""
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        if self._idle is None:
            self.send()
        else:
            self._idle.append(self)

    def send(self, began: float | None = None) -> None:
        self._began = time.perf_counter() if began is None else began
        self._busy = True
        self._transport.write(self._run.next())

    def data_received(self, data: bytes) -> None:
        if self._buffer or not _complete(data):
            self._buffer += data
            if not _complete(self._buffer):
                return
            data, self._buffer = self._buffer, b""
        now = time.perf_counter()
        self._busy = False
        self._run.times.append(now - self._began)
        self._run.statuses[data[9:12].decode()] += 1
        if self._idle is not None:
            self._idle.append(self)
        elif now < self._run.ends:
            self.send()
        else:
            self._transport.close()

    def connection_lost(self, _exc: Exception | None) -> None:
        if self._busy:
            self._run.statuses["lost"] += 1
        if not self.closed.done():
            self.closed.set_result(None)

    def close(self) -> None:
        self._transport.close()


def _complete(data: bytes) -> bool:
    head = data.find(b"\r\n\r\n")
    if head < 0:
        return False
    length = data.lower().find(b"content-length:", 0, head)
    if length < 0:
        return data.endswith(b"0\r\n\r\n")
    return len(data) >= head + 4 + int(data[length + 15 : data.find(b"\r\n", length)])


async def _carry_out(plan: Plan) -> Outcome:
    loop = asyncio.get_running_loop()
    idle: deque[_Connection] | None = None if plan.per_second is None else deque()
    began = time.perf_counter()
    run = _Run(read_requests(plan.requests), ends=began + plan.seconds)
    connections = [
        (await loop.create_connection(lambda: _Connection(run, idle), "127.0.0.1", plan.port))[1]
        for _ in range(plan.connections)
    ]
    if idle is not None:
        assert plan.per_second is not None
        await _pace(run, idle, per_second=plan.per_second)
        await _settle(connections, idle)
    await asyncio.wait(
        [connection.closed for connection in connections], timeout=plan.seconds + SETTLE_SECONDS
    )
    elapsed = max(time.perf_counter(), run.ends) - began if idle is None else plan.seconds
    times = sorted(run.times) or [0.0]
    return Outcome(
        per_second=len(run.times) / elapsed,
        p50_ms=times[len(times) // 2] * 1000,
        p99_ms=times[min(len(times) - 1, len(times) * 99 // 100)] * 1000,
        statuses=dict(run.statuses),
    )


async def _pace(run: _Run, idle: deque[_Connection], *, per_second: float) -> None:
    """Send at a fixed rate; a request that finds no free connection keeps the time at which it was due."""
    began = time.perf_counter()
    due = 0
    while (now := time.perf_counter()) < run.ends:
        wanted = int((now - began) * per_second)
        while due < wanted and idle:
            idle.popleft().send(began + due / per_second)
            due += 1
        await asyncio.sleep(0.001)


async def _settle(connections: list[_Connection], idle: deque[_Connection]) -> None:
    deadline = time.perf_counter() + SETTLE_SECONDS
    while len(idle) < len(connections) and time.perf_counter() < deadline:  # noqa: ASYNC110 (bounded by the deadline)
        await asyncio.sleep(0.01)
    for connection in connections:
        connection.close()


if __name__ == "__main__":
    print(json.dumps(asdict(uvloop.run(_carry_out(Plan(**json.loads(sys.stdin.read())))))))
