"""An insert that fails, at whatever point, is an error at its caller; its repeat counts each row once."""

import concurrent.futures
import contextlib
import os
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
import zstandard

from openpanel_local.clickhouse import errors
from openpanel_local.clickhouse.engine import Connection
from openpanel_local.engines import clickhouse
from tests.local.clickhouse.conftest import Ask

ROWS = 10
BODY = b"".join(b"%d\n" % n for n in range(ROWS))
INSERT = "INSERT INTO raw (n) FORMAT TSV"
WINDOW = "SETTINGS non_replicated_deduplication_window = 100"
GOOD_VIEW = "n"
SLOW_VIEW = "n + sleepEachRow(0.25)"
RUNNING = "SELECT count() FROM system.processes WHERE query LIKE 'INSERT INTO raw%'"
KILL = "KILL QUERY WHERE query LIKE 'INSERT INTO raw%' ASYNC"
INPUTS = ("Native", "TSV", "CSV", "JSONEachRow", "RowBinary", "Parquet", "ArrowStream", "Values", "MsgPack")


@pytest.mark.parametrize(
    ("expression", "code"),
    [
        ("throwIf(n = 5)", "395"),
        ("toUInt8(if(n = 5, 'x', '1'))", "6"),
        ("length(arrayMap(x -> x, range(toUInt64(if(n = 5, 400000000, 1)))))", "241"),
    ],
    ids=["throws", "does not parse", "needs too much memory"],
)
def test_insert_whose_view_fails_is_refused_and_counts_once_when_the_view_is_mended(
    ask: Ask, expression: str, code: str
) -> None:
    _lay_out(ask, view=expression)

    refused = _insert(ask)
    _replace_view(ask, GOOD_VIEW)
    repeated = [_insert(ask), _insert(ask)]

    assert refused.headers["X-ClickHouse-Exception-Code"] == code
    assert [answer.status_code for answer in repeated] == [200, 200]
    assert _counts(ask) == (ROWS, ROWS)


def test_insert_that_breaks_a_constraint_is_refused_and_counts_once_without_it(ask: Ask) -> None:
    _lay_out(ask, constraint=", CONSTRAINT small CHECK n < 5")

    refused = _insert(ask)
    kept = _counts(ask)
    ask("ALTER TABLE raw DROP CONSTRAINT small").raise_for_status()
    repeated = [_insert(ask), _insert(ask)]

    assert refused.headers["X-ClickHouse-Exception-Code"] == "469"
    assert kept == (0, 0)
    assert [answer.status_code for answer in repeated] == [200, 200]
    assert _counts(ask) == (ROWS, ROWS)


def test_insert_without_enough_memory_is_refused_until_there_is_enough(ask: Ask) -> None:
    _lay_out(ask)
    limit, codes = 100_000, set[str | None]()

    while (answer := _insert(ask, max_memory_usage=limit, max_untracked_memory=0)).status_code != 200:
        codes.add(answer.headers.get("X-ClickHouse-Exception-Code"))
        limit += limit // 8

    assert codes == {"241"}
    assert _counts(ask) == (ROWS, ROWS)


def test_insert_that_is_killed_is_refused_and_counts_once_when_repeated(ask: Ask) -> None:
    _lay_out(ask, view=SLOW_VIEW)

    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        inserting = pool.submit(_insert, ask)
        _eventually(lambda: ask(RUNNING).text == "1\n")
        ask(KILL).raise_for_status()
        killed = inserting.result()
    _replace_view(ask, GOOD_VIEW)
    repeated = _insert(ask)

    assert killed.headers["X-ClickHouse-Exception-Code"] == "394"
    assert repeated.status_code == 200
    assert _counts(ask) == (ROWS, ROWS)


def test_insert_that_the_end_of_the_server_cuts_off_is_not_acknowledged(tmp_path: Path) -> None:
    with clickhouse.running(tmp_path / "data") as server, httpx.Client(base_url=server.url) as client:
        ask = _asking(client)
        _lay_out(ask, view=SLOW_VIEW)
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            inserting = pool.submit(_insert, ask)
            with httpx.Client(base_url=server.url) as other:
                _eventually(lambda: _asking(other)(RUNNING).text == "1\n")
            os.kill(server.pid, signal.SIGTERM)
            failure = inserting.exception()
            acknowledged = failure is None and inserting.result().status_code == 200
        os.waitpid(server.pid, 0)

    with clickhouse.running(tmp_path / "data") as server, httpx.Client(base_url=server.url) as client:
        ask = _asking(client)
        _replace_view(ask, GOOD_VIEW)
        repeated = _insert(ask)
        counts = _counts(ask)

    assert not acknowledged
    assert repeated.status_code == 200
    assert counts == (ROWS, ROWS)


@pytest.mark.parametrize("data_format", INPUTS)
def test_data_of_every_format_is_refused_and_counts_once_when_repeated(ask: Ask, data_format: str) -> None:
    _lay_out(ask, view="throwIf(n = 5)")
    data = ask(f"SELECT toUInt64(number) AS n FROM numbers({ROWS}) FORMAT {data_format}").content
    statement = f"INSERT INTO raw (n) FORMAT {data_format}"

    refused = _insert(ask, statement, data)
    _replace_view(ask, GOOD_VIEW)
    repeated = _insert(ask, statement, data)

    assert refused.headers["X-ClickHouse-Exception-Code"] == "395"
    assert repeated.status_code == 200
    assert _counts(ask) == (ROWS, ROWS)


def test_packed_data_and_values_in_the_statement_are_refused_alike(ask: Ask) -> None:
    _lay_out(ask, view="throwIf(n = 5)")

    packed = ask(zstandard.compress(BODY), query=INSERT, headers={"Content-Encoding": "zstd"})
    values = ask("INSERT INTO raw VALUES (1), (5), ({n:UInt8})", param_n="7")
    streamed = ask(b"INSERT INTO raw FORMAT TSV\n" + BODY + b"7\n" * 600_000)

    codes = [answer.headers["X-ClickHouse-Exception-Code"] for answer in (packed, values, streamed)]
    assert codes == ["395", "395", "395"]


def test_token_among_the_settings_of_the_statement_counts(ask: Ask) -> None:
    _lay_out(ask)
    head = "INSERT INTO raw (n) SETTINGS insert_deduplication_token = 'one'"

    for statement in (f"{head} FORMAT TSV\n{BODY.decode()}", f"{head} VALUES (0), (1)"):
        for _ in range(2):
            ask(statement).raise_for_status()

    assert _counts(ask) == (ROWS, ROWS)


def test_refusal_says_what_is_wrong_with_the_data_and_not_where_it_was_kept(ask: Ask) -> None:
    _lay_out(ask)

    refused = ask(b"1\nx\n", query=INSERT)

    assert refused.status_code == 400
    assert refused.text.startswith(
        "Code: 27. DB::Exception: Cannot parse input: expected '\\n' before: 'x\\n'"
    )
    assert refused.text.count("Code: ") == refused.text.count("(version ") == 1
    assert "file" not in refused.text


def test_data_that_finds_no_room_is_refused_with_clickhouses_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with contextlib.suppress(OSError), Path("/dev/full").open("r+b") as full:
        monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: full)
        connection = Connection(contextlib.ExitStack(), temporary=tmp_path)
        connection.append(BODY)

        with pytest.raises(errors.Refusal, match=r"No space left on device \(NOT_ENOUGH_SPACE\)") as refused:
            connection.insert(b"INSERT INTO raw", b"", "TSV")
        connection.close()

    assert refused.value.code == 243


def _lay_out(ask: Ask, *, view: str = GOOD_VIEW, constraint: str = "") -> None:
    for statement in (
        "DROP TABLE IF EXISTS view",
        f"CREATE OR REPLACE TABLE raw (n UInt64{constraint}) ENGINE = MergeTree ORDER BY n {WINDOW}",
        f"CREATE OR REPLACE TABLE rollup (v UInt64, c UInt64) ENGINE = SummingMergeTree ORDER BY v {WINDOW}",
    ):
        ask(statement).raise_for_status()
    _replace_view(ask, view)


def _replace_view(ask: Ask, view: str) -> None:
    ask("DROP TABLE IF EXISTS view SYNC").raise_for_status()
    ask(f"CREATE MATERIALIZED VIEW view TO rollup AS SELECT {view} AS v, 1 AS c FROM raw").raise_for_status()


def _insert(ask: Ask, statement: str = INSERT, data: bytes = BODY, **fields: int) -> httpx.Response:
    return ask(data, query=statement, insert_deduplication_token="batch", async_insert=0, **fields)


def _counts(ask: Ask) -> tuple[int, int]:
    """Rows of the table, and what the view counted."""
    raw, rollup = ask("SELECT (SELECT count() FROM raw), (SELECT sum(c) FROM rollup)").text.split()
    return int(raw), int(rollup)


def _asking(client: httpx.Client) -> Ask:
    return lambda statement="", **fields: client.post("/", content=statement, params=fields)


def _eventually(holds: Callable[[], bool], within_s: float = 100.0) -> None:
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline
