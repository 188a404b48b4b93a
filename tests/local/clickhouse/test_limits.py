"""How many statements run at once, what becomes of abandoned ones, and how the server ends."""

import base64
import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from openpanel_local.engines import clickhouse, process
from openpanel_local.engines.clickhouse import ClickHouse

ENDLESS = "SELECT count() FROM numbers(1000000000000)"
SOON_S = 60.0  # the endless statement takes minutes on the fastest of machines
RUNNING = "SELECT count() FROM system.processes WHERE query LIKE '%numbers(1000000000000)%' AND query NOT LIKE '%processes%'"


@pytest.fixture(scope="module")
def narrow_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouse]:
    """A server that runs three statements at once, lets nobody wait, and is a cluster of one shard."""
    options = (
        "--max-queries",
        "3",
        "--max-inserts",
        "1",
        "--queue-wait",
        "0.05",
        "--memory-mb",
        "512",
        "--cluster",
        "one",
    )
    with clickhouse.running(tmp_path_factory.mktemp("narrow"), options=options) as server:
        yield server


@pytest.fixture
def narrow(narrow_server: ClickHouse) -> ClickHouse:
    """The server when the statements that the test before abandoned have ended."""
    _eventually(lambda: _running(narrow_server) == 0)
    return narrow_server


def test_one_statement_too_many_is_refused_with_clickhouses_code(narrow: ClickHouse) -> None:
    with _full(narrow) as refused:
        alive = httpx.get(f"{narrow.url}/ping")

    assert (refused.status_code, refused.headers["X-ClickHouse-Exception-Code"]) == (500, "202")
    assert "Too many simultaneous queries. Maximum: 3" in refused.text
    assert alive.text == "Ok.\n"


def test_reads_do_not_hold_up_inserts(narrow: ClickHouse) -> None:
    httpx.post(narrow.url, content="CREATE OR REPLACE TABLE t (a UInt8) ENGINE = Memory").raise_for_status()

    with _full(narrow):
        written = httpx.post(narrow.url, content="INSERT INTO t FORMAT TSV\n1\n")

    assert written.status_code == 200


@pytest.mark.parametrize(
    "fields", ["", "wait_end_of_query=1", "log_comment=own"], ids=["plain", "waiting", "own"]
)
def test_query_ends_when_its_client_is_gone(narrow: ClickHouse, fields: str) -> None:
    with _abandoned(narrow, f"{ENDLESS} SETTINGS log_comment = 'mine'", fields):
        _eventually(lambda: _running(narrow) == 1)

    _eventually(lambda: _running(narrow) == 0)


def test_stream_ends_when_its_reader_is_gone(narrow: ClickHouse) -> None:
    with httpx.stream("POST", narrow.url, content="SELECT number FROM numbers(1000000000000)") as answer:
        pieces = answer.iter_raw()
        next(pieces)
        assert _running(narrow) == 1

    _eventually(lambda: _running(narrow) == 0)


def test_insert_of_a_client_that_is_gone_keeps_nothing(narrow: ClickHouse) -> None:
    httpx.post(
        narrow.url, content="CREATE OR REPLACE TABLE gone (a UInt32) ENGINE = MergeTree ORDER BY a"
    ).raise_for_status()

    def body() -> Iterator[bytes]:
        for _ in range(4):
            yield b"7\n" * 600_000
        raise ConnectionAbortedError

    with pytest.raises(ConnectionAbortedError):
        httpx.post(narrow.url, params={"query": "INSERT INTO gone FORMAT TSV"}, content=body())

    again = "INSERT INTO gone FORMAT TSV\n1\n"
    _eventually(lambda: httpx.post(narrow.url, content=again).status_code == 200)
    assert httpx.post(narrow.url, content="SELECT count() FROM gone WHERE a = 7").text == "0\n"


def test_memory_is_limited(narrow: ClickHouse) -> None:
    answer = httpx.post(narrow.url, content="SELECT length(groupArray(number)) FROM numbers(100000000)")

    assert answer.headers["X-ClickHouse-Exception-Code"] == "241"
    assert httpx.post(narrow.url, content="SELECT 1").text == "1\n"


def test_whole_results_are_limited(narrow: ClickHouse) -> None:
    sql = "SELECT repeat('x', 1000) FROM numbers(1000000) FORMAT JSON"

    answer = httpx.post(narrow.url, content=sql)

    assert answer.headers["X-ClickHouse-Exception-Code"] in {"396", "241"}


def test_a_cluster_of_one_shard_takes_distributed_tables(narrow: ClickHouse) -> None:
    for statement in (
        "CREATE OR REPLACE TABLE part (n UInt32) ENGINE = MergeTree ORDER BY n",
        "CREATE OR REPLACE TABLE whole (n UInt32) ENGINE = Distributed('{cluster}', currentDatabase(), part, cityHash64(n))",
        "INSERT INTO whole SELECT number FROM numbers(10)",
        "INSERT INTO whole FORMAT TSV\n7\n",
    ):
        httpx.post(narrow.url, content=statement).raise_for_status()

    assert httpx.post(narrow.url, content="SELECT count(), sum(n) FROM whole").text == "11\t52\n"


def test_server_ends_while_a_query_runs(tmp_path: Path) -> None:
    with clickhouse.running(tmp_path / "data") as server, _abandoned(server, ENDLESS):
        _eventually(lambda: _running(server) == 1)
        began = time.monotonic()
        os.kill(server.pid, signal.SIGTERM)
        _eventually(lambda: not _answers(server))
        os.waitpid(server.pid, 0)

    assert time.monotonic() - began < SOON_S


def test_second_server_on_a_folder_is_told_so(clickhouse: ClickHouse, engine_folder: Path) -> None:
    done = _start(engine_folder / "clickhouse", port=process.free_port())

    assert done.returncode == 75
    assert f"is in use by process {clickhouse.pid}" in done.stderr


def test_port_in_use_is_named(clickhouse: ClickHouse, tmp_path: Path) -> None:
    done = _start(tmp_path / "other", port=clickhouse.port)

    assert done.returncode == 75
    assert f"port {clickhouse.port} of 127.0.0.1 cannot be taken" in done.stderr


def _start(data: Path, *, port: int) -> subprocess.CompletedProcess[str]:
    command = clickhouse.prepare(data, port=port)
    return subprocess.run(
        command.argv, cwd=command.cwd, capture_output=True, text=True, timeout=100, check=False
    )


@contextlib.contextmanager
def _abandoned(server: ClickHouse, statement: str, fields: str = "") -> Iterator[None]:
    """A client that asks, and goes away at the end of the block without having read the answer."""
    url = httpx.URL(server.url)
    login = base64.b64encode(f"{url.username}:{url.password}".encode()).decode()
    head = f"POST /?{fields} HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {login}\r\nContent-Length: {len(statement)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall((head + statement).encode())
        yield


def _running(server: ClickHouse) -> int:
    answer = httpx.post(server.url, content=RUNNING)
    return int(answer.text) if answer.status_code == 200 else -1


@contextlib.contextmanager
def _full(server: ClickHouse) -> Iterator[httpx.Response]:
    """While all places are taken: what the next statement was told.

    Each that is to take a place may itself have come when a short one had it, and been refused.
    """
    answers: list[httpx.Response] = []
    with contextlib.ExitStack() as stack:

        def refused() -> bool:
            stack.enter_context(_abandoned(server, ENDLESS))
            answers.append(httpx.post(server.url, content="SELECT 1"))
            return answers[-1].status_code != 200

        _eventually(refused)
        yield answers[-1]


def _answers(server: ClickHouse) -> bool:
    try:
        return httpx.get(f"{server.url}/ping").status_code == 200
    except httpx.HTTPError:
        return False


def _eventually(holds: Callable[[], bool], within_s: float = 100.0) -> None:
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline
