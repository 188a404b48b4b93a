"""A bounded HTTP load on loopback: keep-alive connections that send prepared requests and time each answer.

Run as a program so that it can be pinned to a core of its own: reads a plan from standard input, prints
the outcome as JSON. Closed loop (each connection sends the next request when it has its answer), or paced
(requests leave at a fixed rate, whoever is free sends).

It shares the machine with what it measures, so it is little more than its system calls: plain sockets and one
epoll, and an answer as long as the last accepted one is only looked at where its status stands.
"""

import gc
import itertools
import json
import select
import socket
import subprocess
import sys
import time
from array import array
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

MAX_SECONDS = 300.0
SETTLE_SECONDS = 10.0
TICK_SECONDS = (
    0.0005  # paced, requests leave and answers are read this often: times are too long by as much at most
)
BUFFER_BYTES = 256 * 1024

_ACCEPTED = b"HTTP/1.1 200 "


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


class _Connection:
    """One keep-alive connection; blocking, since it is only read where something came and sends one request at a time."""

    __slots__ = ("began", "busy", "number", "part", "socket")

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.number = self.socket.fileno()
        self.began = 0.0
        self.busy = False
        self.part = b""  # of an answer that is not complete

    def ask(self, request: bytes, *, began: float) -> bool:
        """Send; whether that was possible."""
        self.began = began
        try:
            self.socket.sendall(request)
        except OSError:
            return False
        self.busy = True
        return True

    def read(self, buffer: bytearray) -> int:
        """How many bytes came; none when the connection is over."""
        try:
            return self.socket.recv_into(buffer)
        except ConnectionError:
            return 0


class _Run:
    """The connections of one run and what came back on them."""

    def __init__(self, plan: Plan) -> None:
        self.times = array("d")
        self.statuses: Counter[str] = Counter()
        self._requests: Iterator[bytes] = itertools.cycle(read_requests(plan.requests))
        self._buffer = bytearray(BUFFER_BYTES)
        self._usual = 0  # bytes of an accepted answer
        self._poll = select.epoll()
        self._open = {one.number: one for one in (_Connection(plan.port) for _ in range(plan.connections))}
        for number in self._open:
            self._poll.register(number, select.EPOLLIN)

    def closed_loop(self, *, until: float) -> None:
        """Everybody sends again as soon as the answer is there."""
        free: Iterable[_Connection] = list(self._open.values())
        while self._open and (now := time.perf_counter()) < until:
            for connection in free:
                self._ask(connection, began=time.perf_counter())
            free = self._answered(until - now)

    def paced(self, *, per_second: float, until: float) -> None:
        """Send at a fixed rate; a request that finds no free connection keeps the time at which it was due."""
        began = time.perf_counter()
        idle = deque(self._open.values())
        due = 0
        while (now := time.perf_counter()) < until:
            wanted = int((now - began) * per_second)
            while due < wanted and idle:
                self._ask(idle.popleft(), began=began + due / per_second)
                due += 1
            time.sleep(TICK_SECONDS)
            idle.extend(self._answered(0))

    def settle(self) -> None:
        """Wait for the answers that are on their way, and hang up."""
        deadline = time.perf_counter() + SETTLE_SECONDS
        while self._busy() and time.perf_counter() < deadline:
            self._answered(deadline - time.perf_counter())
        self.statuses["lost"] += self._busy()
        for connection in self._open.values():
            connection.socket.close()
        self._poll.close()

    def _busy(self) -> int:
        return sum(connection.busy for connection in self._open.values())

    def _ask(self, connection: _Connection, *, began: float) -> None:
        if not connection.ask(next(self._requests), began=began):
            self.statuses["lost"] += 1

    def _answered(self, wait_s: float) -> list[_Connection]:
        """The connections that have their answers, after waiting so long at most for the first of them."""
        free: list[_Connection] = []
        buffer, times, usual = self._buffer, self.times, self._usual
        events = self._poll.poll(wait_s)
        now = time.perf_counter()
        for number, _ in events:
            connection = self._open[number]
            size = connection.read(buffer)
            if size == usual and not connection.part and buffer.startswith(_ACCEPTED):
                self.statuses["200"] += 1
            elif not self._complete(connection, bytes(buffer[:size])):
                continue
            connection.busy = False
            times.append(now - connection.began)
            free.append(connection)
        return free

    def _complete(self, connection: _Connection, data: bytes) -> bool:
        """Whether these bytes end an answer; counts it, or its loss when the connection is over."""
        if not data:
            self.statuses["lost"] += connection.busy
            del self._open[connection.number]
            connection.socket.close()
            return False
        answer = connection.part = connection.part + data
        if not _is_whole(answer):
            return False
        connection.part = b""
        self.statuses[answer[9:12].decode()] += 1
        if answer.startswith(_ACCEPTED):
            self._usual = len(answer)
        return True


def _is_whole(data: bytes) -> bool:
    head = data.find(b"\r\n\r\n")
    if head < 0:
        return False
    length = data.lower().find(b"content-length:", 0, head)
    if length < 0:
        return data.endswith(b"0\r\n\r\n")
    return len(data) >= head + 4 + int(data[length + 15 : data.find(b"\r\n", length)])


def _carry_out(plan: Plan) -> Outcome:
    gc.disable()
    run = _Run(plan)
    began = time.perf_counter()
    if plan.per_second is None:
        run.closed_loop(until=began + plan.seconds)
        run.settle()
        elapsed = max(time.perf_counter() - began, plan.seconds)
    else:
        run.paced(per_second=plan.per_second, until=began + plan.seconds)
        run.settle()
        elapsed = plan.seconds
    times = sorted(run.times) or [0.0]
    return Outcome(
        per_second=len(run.times) / elapsed,
        p50_ms=times[len(times) // 2] * 1000,
        p99_ms=times[min(len(times) - 1, len(times) * 99 // 100)] * 1000,
        statuses=dict(+run.statuses),
    )


if __name__ == "__main__":
    print(json.dumps(asdict(_carry_out(Plan(**json.loads(sys.stdin.read()))))))
