"""clickhouse-connect as it comes, against the front as against a server."""

import asyncio
import datetime as dt
import ipaddress
import json
import threading
import uuid
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import clickhouse_connect
import pytest
import zstandard
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError, StreamFailureError
from clickhouse_connect.driver.query import QueryResult

from openpanel_local.engines.clickhouse import ClickHouse

UTC = dt.UTC
TYPES: list[tuple[str, list[Any]]] = [
    ("UInt8", [0, 255]),
    ("UInt64", [0, 2**64 - 1]),
    ("Int64", [-(2**63), 2**63 - 1]),
    ("Int128", [-(2**100), 2**100]),
    ("Float32", [0.5, -1.25]),
    ("Float64", [0.1, -1e300]),
    ("Bool", [True, False]),
    ("String", ["", "naïve; 文字 \\ ' \n"]),
    ("FixedString(3)", [b"abc", b"x\x00\x00"]),
    ("LowCardinality(String)", ["a", "b"]),
    ("Nullable(String)", [None, "x"]),
    ("Nullable(UInt32)", [None, 7]),
    ("Array(String)", [[], ["a", "b"]]),
    ("Array(Nullable(Int32))", [[], [1, None]]),
    ("Map(String, String)", [{}, {"a": "b", "c": "d"}]),
    ("Map(LowCardinality(String), String)", [{}, {"a": "b"}]),
    ("Tuple(UInt8, String)", [(1, "a"), (2, "b")]),
    ("Tuple(a UInt8, b String)", [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]),
    ("UUID", [uuid.UUID(int=0), uuid.UUID(int=2**128 - 1)]),
    ("Date", [dt.date(1970, 1, 1), dt.date(2026, 2, 28)]),
    ("Date32", [dt.date(1930, 1, 1), dt.date(2026, 2, 28)]),
    (
        "DateTime('UTC')",
        [dt.datetime(1970, 1, 1, tzinfo=UTC), dt.datetime(2026, 2, 28, 12, 30, 1, tzinfo=UTC)],
    ),
    (
        "DateTime64(3, 'UTC')",
        [dt.datetime(1970, 1, 1, tzinfo=UTC), dt.datetime(2026, 2, 28, 12, 30, 1, 123000, tzinfo=UTC)],
    ),
    (
        "DateTime64(3, 'Asia/Seoul')",
        [dt.datetime(2026, 2, 28, 12, 30, 1, 123000, tzinfo=dt.timezone(dt.timedelta(hours=9)))] * 2,
    ),
    ("IPv4", [ipaddress.IPv4Address("0.0.0.0"), ipaddress.IPv4Address("203.0.113.7")]),
    ("IPv6", [ipaddress.IPv6Address("::"), ipaddress.IPv6Address("2001:db8::1")]),
    ("Enum8('a' = 1, 'b' = 2)", ["a", "b"]),
    ("Decimal(18, 4)", [Decimal("-1.5000"), Decimal("123456.7890")]),
    ("Variant(String, UInt64)", ["x", 7]),
    ("JSON", [{"a": {"b": 1}}, {"c": "x"}]),
]


@pytest.fixture(scope="module")
def shared(clickhouse: ClickHouse) -> Any:
    """One client for the table of types: a new one costs three requests."""
    with _client(clickhouse) as client:
        yield client


@pytest.mark.parametrize(("declared", "values"), TYPES, ids=[declared for declared, _ in TYPES])
def test_values_come_back_as_they_went(shared: Client, declared: str, values: list[Any]) -> None:
    shared.command(f"CREATE OR REPLACE TABLE types (n UInt8, v {declared}) ENGINE = MergeTree ORDER BY n")

    shared.insert("types", [[n, value] for n, value in enumerate(values)], column_names=["n", "v"])
    back = [row[0] for row in shared.query("SELECT v FROM types ORDER BY n").result_rows]

    comparable = [_aware(value) for value in back]
    assert comparable == values


def test_server_is_known_by_version_and_settings(shared: Client) -> None:
    assert str(shared.server_version).startswith("26.")
    assert str(shared.server_tz) in {"UTC", "Etc/UTC"}
    assert shared.server_settings["max_threads"].value
    assert shared.ping()


def test_commands_return_values_and_summaries(connected: Client) -> None:
    created = connected.command(
        "CREATE TABLE t (a UInt8, b String) ENGINE = MergeTree ORDER BY a", settings={"max_threads": 1}
    )
    written = connected.command("INSERT INTO t VALUES (1, 'x;y'), (2, '--')")
    copied = connected.command("INSERT INTO t SELECT a + 10, b FROM t")

    assert connected.command("SELECT count() FROM t") == 4
    assert connected.command("SHOW TABLES") == "t"
    assert created.written_rows == 0  # type: ignore[union-attr]
    assert (written.written_rows, copied.written_rows) == (2, 2)  # type: ignore[union-attr]


@pytest.mark.parametrize("compress", [False, "lz4", "zstd", "gzip"])
def test_large_inserts_and_results_with_every_packing(clickhouse: ClickHouse, compress: bool | str) -> None:
    with _client(clickhouse, compress=compress) as client:
        client.command("CREATE OR REPLACE TABLE big (n UInt32, s String) ENGINE = MergeTree ORDER BY n")

        summary = client.insert("big", [(n, f"row {n}") for n in range(60_000)], column_names=["n", "s"])
        result = client.query("SELECT n, s FROM big ORDER BY n")

    assert summary.written_rows == 60_000
    assert result.row_count == 60_000
    assert result.result_rows[59_999] == (59_999, "row 59999")
    assert result.summary["read_rows"] == "60000"


def test_parameters_are_values_not_text(connected: Client) -> None:
    tricky = "it's \\ \n\t{x} ; -- /*"

    typed = connected.query(
        "SELECT {s:String}, {n:UInt64}, {a:Array(String)}, {d:DateTime64(3)}",
        parameters={
            "s": tricky,
            "n": 2**63,
            "a": ["a'b", "c"],
            "d": dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        },
    )
    bound = _first(connected.query("SELECT %(s)s, %(n)s", parameters={"s": tricky, "n": 7}))

    assert tuple(typed.result_rows[0])[:3] == (tricky, 2**63, ["a'b", "c"])
    assert bound == (tricky, 7)


def test_large_parameters_go_as_a_form(connected: Client) -> None:
    values = [f"value {n}" for n in range(20_000)]

    assert connected.query("SELECT length({a:Array(String)})", parameters={"a": values}).first_row == (
        20_000,
    )


@pytest.mark.parametrize("output", ["Native", "JSONEachRow"])
def test_raw_inserts(connected: Client, output: str) -> None:
    connected.command("CREATE TABLE t (a UInt32, b String) ENGINE = MergeTree ORDER BY a")
    data = connected.raw_query(
        "SELECT toUInt32(number) AS a, toString(a) AS b FROM numbers(1000)", fmt=output
    )

    plain = connected.raw_insert(
        "t", ["a", "b"], insert_block=data, fmt=output, settings={"insert_deduplication_token": "x"}
    )
    connected.raw_insert(
        "t", ["a", "b"], insert_block=zstandard.compress(data), fmt=output, compression="zstd"
    )

    assert plain.written_rows == 1000
    assert connected.command("SELECT count(), sum(a) FROM t") == ["2000", "999000"]


def test_streams_of_rows_columns_and_bytes(connected: Client) -> None:
    sql = "SELECT number, toString(number) FROM numbers(300000)"

    with connected.query_rows_stream(sql) as rows:
        total = sum(row[0] for row in rows)
    with connected.query_column_block_stream(sql) as blocks:
        count = sum(len(block[0]) for block in blocks)
    lines = sum(piece.count(b"\n") for piece in connected.raw_stream(sql, fmt="CSV"))

    assert (total, count, lines) == (300_000 * 299_999 // 2, 300_000, 300_000)


def test_empty_results_have_rows_and_sometimes_columns(connected: Client) -> None:
    assert connected.query("SELECT 1 AS a WHERE 0").result_rows == []
    assert connected.query("SELECT 1 AS a LIMIT 0").column_names == ("a",)


def test_errors_carry_the_servers_code(connected: Client) -> None:
    with pytest.raises(DatabaseError, match="Code: 60") as unknown:
        connected.query("SELECT * FROM nope")
    with pytest.raises(DatabaseError, match="Code: 62"):
        connected.command("CREATE TABEL x")
    connected.command("CREATE TABLE t (a UInt8) ENGINE = Memory")
    with pytest.raises(DatabaseError, match="Code: 16"):
        connected.raw_insert("t", ["z"], b"1\n", fmt="TSV")

    assert "UNKNOWN_TABLE" in str(unknown.value)


def test_late_errors_break_a_stream(connected: Client) -> None:
    sql = "SELECT throwIf(number = 2900000), number FROM numbers(3000000)"

    with pytest.raises(StreamFailureError, match="throwIf"), connected.query_rows_stream(sql) as rows:
        for _ in rows:
            pass


def test_wrong_password_is_told(clickhouse: ClickHouse) -> None:
    with pytest.raises(DatabaseError, match="516"):
        _client(clickhouse, password="wrong")


def test_readers_see_whole_inserts_while_writing(clickhouse: ClickHouse, connected: Client) -> None:
    connected.command("CREATE TABLE t (a UInt32) ENGINE = MergeTree ORDER BY a")
    database = str(connected.command("SELECT currentDatabase()"))
    done = threading.Event()
    seen: list[int] = []

    def read() -> None:
        with _client(clickhouse, database=database) as reader:
            while not done.is_set():
                seen.append(_first(reader.query("SELECT count() FROM t"))[0])

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for number in range(40):
        connected.insert(
            "t", [[n] for n in range(1_000)], ["a"], settings={"insert_deduplication_token": str(number)}
        )
    done.set()
    for reader in readers:
        reader.join()

    assert all(count % 1_000 == 0 for count in seen)
    assert connected.command("SELECT count() FROM t") == 40_000


async def test_async_client_with_eight_queries_at_once(clickhouse: ClickHouse) -> None:
    parts = urlsplit(clickhouse.url)
    client = await clickhouse_connect.get_async_client(
        host=parts.hostname,
        port=parts.port,
        username=parts.username,
        password=parts.password or "",
        autogenerate_session_id=False,
    )
    try:
        results = await asyncio.gather(
            *(
                client.query("SELECT sum(number), {k:UInt8} FROM numbers(1000000)", parameters={"k": k})
                for k in range(8)
            )
        )
    finally:
        await client.close()

    assert [_first(result) for result in results] == [(499_999_500_000, k) for k in range(8)]


def test_json_probe_of_columns(connected: Client) -> None:
    answer = json.loads(connected.raw_query("SELECT 1 AS a, 'x' AS b LIMIT 0", fmt="JSON"))

    assert [column["name"] for column in answer["meta"]] == ["a", "b"]


def _aware(value: Any) -> Any:
    """Times of UTC columns come without a zone."""
    return value.replace(tzinfo=UTC) if isinstance(value, dt.datetime) and value.tzinfo is None else value


def _first(result: QueryResult) -> tuple[Any, ...]:
    return tuple(result.result_rows[0])


def _client(clickhouse: ClickHouse, **options: Any) -> Client:
    parts = urlsplit(clickhouse.url)
    login = {
        "host": parts.hostname,
        "port": parts.port,
        "username": parts.username,
        "password": parts.password or "",
    }
    return clickhouse_connect.get_client(**{**login, "autogenerate_session_id": False, **options})
