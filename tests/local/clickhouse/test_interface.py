"""The interface as curl and any HTTP client see it."""

import gzip
import json
import subprocess
import zlib
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import brotli
import httpx
import lz4.frame
import pytest
import zstandard

from openpanel_local.engines.clickhouse import ClickHouse

Ask = Callable[..., httpx.Response]

LZ4: Any = lz4.frame  # ships without types, as does the next
BROTLI: Any = brotli
BIG = "SELECT number, toString(number) FROM numbers(300000)"


@pytest.mark.parametrize("path", ["/ping", "/replicas_status", "/"])
def test_health_is_answered_without_a_password(clickhouse: ClickHouse, path: str) -> None:
    parts = urlsplit(clickhouse.url)

    answer = httpx.get(f"http://{parts.hostname}:{parts.port}{path}")

    assert (answer.status_code, answer.text) == (200, "Ok.\n")


def test_an_unknown_path_is_not_found(clickhouse: ClickHouse) -> None:
    answer = httpx.get(f"{clickhouse.url}/play/there")

    assert answer.status_code == 404
    assert "There is no handle /play/there" in answer.text


def test_curl_gets_an_answer(clickhouse: ClickHouse) -> None:
    done = subprocess.run(
        ["curl", "-sS", clickhouse.url, "--data-binary", "SELECT 'hello', 1"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == "hello\t1\n"


def test_curl_reads_packed_answers_and_fails_on_errors(clickhouse: ClickHouse) -> None:
    packed = subprocess.run(
        ["curl", "-sS", "--compressed", "-G", clickhouse.url, "--data-urlencode", f"query={BIG} FORMAT TSV"],
        capture_output=True,
        check=True,
    )
    failed = subprocess.run(
        ["curl", "-sS", "-f", clickhouse.url, "-d", "SELECT nope"], capture_output=True, check=False
    )

    assert packed.stdout.count(b"\n") == 300_000
    assert failed.returncode == 22


def test_curl_inserts_a_large_body_from_a_pipe(ask: Ask, clickhouse: ClickHouse) -> None:
    ask("CREATE OR REPLACE TABLE lines (n UInt32) ENGINE = MergeTree ORDER BY n").raise_for_status()
    database = ask("SELECT currentDatabase()").text.strip()
    rows = "".join(f"{n}\n" for n in range(400_000)).encode()

    done = subprocess.run(
        [
            "curl",
            "-sS",
            f"{clickhouse.url}/?database={database}&query=INSERT+INTO+lines+FORMAT+TSV",
            "-T",
            "-",
            "-X",
            "POST",
        ],
        input=rows,
        capture_output=True,
        check=True,
    )

    assert done.stdout == b""
    assert ask("SELECT count(), sum(n) FROM lines").text == "400000\t79999800000\n"


def test_statement_of_url_and_body_are_one(ask: Ask) -> None:
    assert ask("+ 1", query="SELECT 1").text == "2\n"


def test_get_reads_but_does_not_write(clickhouse: ClickHouse) -> None:
    read = httpx.get(clickhouse.url, params={"query": "SELECT 1", "max_threads": "1"})
    write = httpx.get(clickhouse.url, params={"query": "CREATE TABLE x (a UInt8) ENGINE = Memory"})

    assert read.text == "1\n"
    assert write.headers["X-ClickHouse-Exception-Code"] == "164"


def test_answer_says_what_it_is(ask: Ask) -> None:
    answer = ask("SELECT number FROM numbers(10)", query_id="mine", default_format="CSV")

    assert answer.headers["X-ClickHouse-Format"] == "CSV"
    assert answer.headers["Content-Type"] == "text/csv; charset=UTF-8"
    assert answer.headers["X-ClickHouse-Query-Id"] == "mine"
    assert answer.headers["X-ClickHouse-Timezone"] == "UTC"
    summary = json.loads(answer.headers["X-ClickHouse-Summary"])
    assert (summary["read_rows"], summary["result_rows"]) == ("10", "10")


def test_statement_without_result_has_no_format(ask: Ask) -> None:
    answer = ask("CREATE OR REPLACE TABLE plain (a UInt8) ENGINE = Memory")

    assert (answer.status_code, answer.content) == (200, b"")
    assert "X-ClickHouse-Format" not in answer.headers


def test_summary_of_an_insert_counts_its_rows(ask: Ask) -> None:
    ask("CREATE OR REPLACE TABLE plain (a UInt8) ENGINE = Memory").raise_for_status()

    values = ask("INSERT INTO plain VALUES (1), (2), (1 + 2)")
    selected = ask("INSERT INTO plain SELECT number FROM numbers(5)")

    assert json.loads(values.headers["X-ClickHouse-Summary"])["written_rows"] == "3"
    assert json.loads(selected.headers["X-ClickHouse-Summary"])["written_rows"] == "5"
    assert ask("SELECT sum(a) FROM plain").text == "16\n"


@pytest.mark.parametrize(
    ("fields", "statement", "expected"),
    [
        ({"param_x": "7"}, "SELECT {x:UInt8}", "7\n"),
        ({"param_x": "it's \\\\ a\\tb"}, "SELECT {x:String} = 'it\\'s \\\\ a\\tb'", "1\n"),
        ({"param_x": "['a','b']"}, "SELECT arrayJoin({x:Array(String)})", "a\nb\n"),
        ({"param_t": "numbers"}, "SELECT count() FROM system.{t:Identifier} WHERE 0", "0\n"),
        ({"max_block_size": "7"}, "SELECT getSetting('max_block_size')", "7\n"),
        ({"session_timezone": "Asia/Seoul"}, "SELECT timezone()", "Asia/Seoul\n"),
        ({}, "SELECT timezone()", "UTC\n"),
        (
            {},
            "SELECT getSetting('async_insert'), getSetting('distributed_foreground_insert')",
            "false\ttrue\n",
        ),
    ],
)
def test_parameters_and_settings_reach_the_engine(
    ask: Ask, fields: dict[str, str], statement: str, expected: str
) -> None:
    if "param_t" in fields:
        fields = {"param_t": "one"}

    assert ask(statement, **fields).text == expected


def test_long_parameter_is_no_long_statement(ask: Ask) -> None:
    assert ask("SELECT length({x:String})", headers=None, param_x="y" * 60_000).text == "60000\n"


def test_form_fields_count_like_those_of_the_url(clickhouse: ClickHouse) -> None:
    form = {"query": (None, "SELECT length({x:String})"), "param_x": (None, "y" * 500_000)}

    assert httpx.post(clickhouse.url, files=form).text == "500000\n"


def test_external_data_is_refused(clickhouse: ClickHouse) -> None:
    answer = httpx.post(clickhouse.url, files={"t": ("t.csv", b"1\n")}, params={"query": "SELECT 1"})

    assert (answer.status_code, answer.headers["X-ClickHouse-Exception-Code"]) == (501, "48")


def test_settings_do_not_outlive_their_request(ask: Ask) -> None:
    ask("SELECT 1", max_block_size="7").raise_for_status()
    ask("SET max_block_size = 7").raise_for_status()

    assert ask("SELECT getSetting('max_block_size')").text != "7\n"


@pytest.mark.parametrize(
    ("statement", "status", "code"),
    [
        ("", 400, 62),
        ("-- nothing", 400, 62),
        (";", 400, 62),
        ("SELEC 1", 400, 62),
        ("SELECT FROM WHERE", 400, 62),
        ("SELECT 1; SELECT 2", 400, 62),
        ("SELECT nope", 404, 47),
        ("SELECT * FROM nope", 404, 60),
        ("SELECT nope()", 404, 46),
        ("SELECT 1 FORMAT Nope", 404, 73),
        ("SELECT toUInt8('x')", 400, 6),
        ("SELECT throwIf(1)", 500, 395),
        ("SELECT 1 SETTINGS nope = 1", 404, 115),
        ("CREATE TABLE x (a Nope) ENGINE = Memory", 404, 50),
        ("SELECT sleep(2) SETTINGS max_execution_time = 1", 408, 159),
        ("SYSTEM SHUTDOWN", 403, 497),
        ("SELECT '", 400, 62),
        ("SELECT '" + "x" * 300_000 + "'", 400, 62),
    ],
)
def test_errors_have_clickhouses_code_and_status(ask: Ask, statement: str, status: int, code: int) -> None:
    answer = ask(statement)

    assert (answer.status_code, answer.headers.get("X-ClickHouse-Exception-Code")) == (status, str(code))
    assert answer.text.startswith(f"Code: {code}. DB::Exception: ")
    assert "(version 26." in answer.text


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"nope": "1"}, 404, 115),
        ({"max_threads": "many"}, 400, 27),
        ({"database": "nope"}, 404, 81),
        ({"bad name`": "1"}, 404, 115),
        ({"param_bad`name": "1"}, 404, 115),
        ({"dialect": "kusto"}, 500, 452),
        ({"decompress": "1"}, 501, 48),
    ],
)
def test_unfit_fields_are_refused(ask: Ask, fields: dict[str, str], status: int, code: int) -> None:
    answer = ask("SELECT 1", **fields)

    assert (answer.status_code, answer.headers["X-ClickHouse-Exception-Code"]) == (status, str(code))


@pytest.mark.parametrize(
    ("encoding", "unpack"),
    [
        ("lz4", LZ4.decompress),
        ("zstd", lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data)),
        ("gzip", gzip.decompress),
        ("deflate", zlib.decompress),
        ("br", BROTLI.decompress),
    ],
)
@pytest.mark.parametrize("fields", [{}, {"wait_end_of_query": "1"}], ids=["streamed", "whole"])
def test_answers_are_packed_as_the_client_likes(
    clickhouse: ClickHouse, encoding: str, unpack: Callable[[bytes], bytes], fields: dict[str, str]
) -> None:
    with httpx.stream(
        "POST", clickhouse.url, content=BIG, params=fields, headers={"Accept-Encoding": encoding}
    ) as answer:
        packed = b"".join(answer.iter_raw())

    assert answer.headers["Content-Encoding"] == encoding
    assert unpack(packed).count(b"\n") == 300_000


def test_answers_are_plain_where_the_client_wants_that(clickhouse: ClickHouse) -> None:
    plain = httpx.post(clickhouse.url, content=BIG, params={"enable_http_compression": "0"})
    refused = httpx.post(clickhouse.url, content=BIG, headers={"Accept-Encoding": "gzip;q=0, snappy"})

    assert "Content-Encoding" not in plain.headers
    assert "Content-Encoding" not in refused.headers


ROWS = b"".join(b'{"n": %d}\n' % n for n in range(50_000))


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("lz4", LZ4.compress(ROWS[: len(ROWS) // 2]) + LZ4.compress(ROWS[len(ROWS) // 2 :])),
        ("zstd", zstandard.compress(ROWS)),
        ("zstd", zstandard.compress(ROWS[:10]) + zstandard.compress(ROWS[10:])),
        ("gzip", gzip.compress(ROWS)),
        ("gzip", gzip.compress(ROWS[:10]) + gzip.compress(ROWS[10:])),
        ("deflate", zlib.compress(ROWS)),
        ("br", BROTLI.compress(ROWS, quality=1)),
        ("identity", ROWS),
    ],
)
def test_packed_inserts_are_unpacked(ask: Ask, encoding: str, body: bytes) -> None:
    ask("CREATE OR REPLACE TABLE packed (n UInt32) ENGINE = MergeTree ORDER BY n").raise_for_status()

    answer = ask(body, headers={"Content-Encoding": encoding}, query="INSERT INTO packed FORMAT JSONEachRow")

    assert answer.status_code == 200, answer.text
    assert ask("SELECT count(), sum(n) FROM packed").text == "50000\t1249975000\n"


@pytest.mark.parametrize(
    ("encoding", "body", "code"),
    [
        ("gzip", b"not packed", "271"),
        ("gzip", gzip.compress(ROWS)[:-20], "271"),
        ("zstd", zstandard.compress(ROWS)[:-20], "271"),
        ("lz4", b"\x00" * 20, "271"),
        ("snappy", b"x", "48"),
    ],
)
def test_broken_packing_is_refused_and_nothing_kept(ask: Ask, encoding: str, body: bytes, code: str) -> None:
    ask("CREATE OR REPLACE TABLE packed (n UInt32) ENGINE = MergeTree ORDER BY n").raise_for_status()

    answer = ask(body, headers={"Content-Encoding": encoding}, query="INSERT INTO packed FORMAT JSONEachRow")

    assert answer.headers["X-ClickHouse-Exception-Code"] == code
    assert ask("SELECT count() FROM packed").text == "0\n"


@pytest.mark.parametrize(
    "output", ["JSON", "JSONCompact", "Vertical", "Parquet", "ArrowStream", "TSVWithNames", "XML"]
)
def test_formats_that_are_one_document_come_whole(ask: Ask, output: str) -> None:
    answer = ask(f"SELECT number FROM numbers(100000) FORMAT {output}", max_block_size="1000")

    assert answer.status_code == 200
    assert answer.headers["X-ClickHouse-Format"] == output
    if output == "JSON":
        assert len(answer.json()["data"]) == 100_000
    if output == "TSVWithNames":
        assert answer.text.count("number") == 1


def test_totals_are_in_the_answer(ask: Ask) -> None:
    answer = ask("SELECT number % 2 AS k, count() FROM numbers(10) GROUP BY k WITH TOTALS ORDER BY k")

    assert answer.text == "0\t5\n1\t5\n\n0\t10\n"


def test_late_error_is_told_in_a_trailer(ask: Ask) -> None:
    answer = ask("SELECT throwIf(number = 900000), number FROM numbers(1000000)", max_block_size="10000")

    tag = answer.headers["X-ClickHouse-Exception-Tag"]
    assert answer.status_code == 200
    assert answer.text.endswith(f" {tag}\r\n__exception__\r\n")
    assert f"\r\n__exception__\r\n{tag}\r\nCode: 395. DB::Exception: " in answer.text


def test_same_error_is_a_status_for_who_waits(ask: Ask) -> None:
    answer = ask(
        "SELECT throwIf(number = 500000), number FROM numbers(1000000)",
        max_block_size="10000",
        wait_end_of_query="1",
    )

    assert (answer.status_code, answer.headers["X-ClickHouse-Exception-Code"]) == (500, "395")


def test_repeated_token_is_one_insert_in_table_and_rollup(ask: Ask) -> None:
    window = "SETTINGS non_replicated_deduplication_window = 100"
    ask(f"CREATE OR REPLACE TABLE raw (n UInt32) ENGINE = MergeTree ORDER BY n {window}").raise_for_status()
    ask(f"CREATE OR REPLACE TABLE rollup (k UInt8, c UInt64) ENGINE = SummingMergeTree ORDER BY k {window}")
    ask(
        "CREATE MATERIALIZED VIEW view TO rollup AS SELECT 0 AS k, count() AS c FROM raw GROUP BY k"
    ).raise_for_status()
    rows = b"".join(b"%d\n" % n for n in range(1_000))

    for token in ("a", "a", "b", "a"):
        ask(rows, query="INSERT INTO raw FORMAT TSV", insert_deduplication_token=token).raise_for_status()

    assert ask("SELECT count() FROM raw").text == "2000\n"
    assert ask("SELECT sum(c) FROM rollup").text == "2000\n"


def test_failed_insert_keeps_nothing_and_says_why(ask: Ask) -> None:
    ask("CREATE OR REPLACE TABLE typed (n UInt32) ENGINE = MergeTree ORDER BY n").raise_for_status()

    answer = ask(b"1\n2\nx\n", query="INSERT INTO typed FORMAT TSV")

    assert answer.status_code == 400
    assert answer.headers["X-ClickHouse-Exception-Code"] == "27"
    assert ask("SELECT count() FROM typed").text == "0\n"


def test_default_database_is_one_of_its_own(clickhouse: ClickHouse) -> None:
    for database in ({}, {"database": "default"}):
        assert (
            httpx.post(clickhouse.url, content="SELECT currentDatabase()", params=database).text == "main\n"
        )


def test_backup_and_restore(ask: Ask) -> None:
    ask("CREATE OR REPLACE TABLE kept (n UInt32) ENGINE = MergeTree ORDER BY n").raise_for_status()
    ask("INSERT INTO kept VALUES (1), (2)").raise_for_status()

    ask("BACKUP TABLE kept TO Disk('backups', 'kept.tar.zst')").raise_for_status()
    ask("DROP TABLE kept SYNC").raise_for_status()
    ask("RESTORE TABLE kept FROM Disk('backups', 'kept.tar.zst')").raise_for_status()

    assert ask("SELECT sum(n) FROM kept").text == "3\n"


def test_merges_spare_the_processor(ask: Ask) -> None:
    answer = ask(
        "SELECT name, value FROM system.merge_tree_settings"
        " WHERE name IN ('merge_selector_base', 'auto_statistics_types') ORDER BY name"
    )

    assert answer.text == "auto_statistics_types\t\nmerge_selector_base\t12\n"
