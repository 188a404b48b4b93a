"""Nobody who reaches the server reaches the machine: files, programs, addresses, the process itself."""

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from openpanel_local.clickhouse.configuration import ENGINES

Ask = Callable[..., httpx.Response]

MERGE_TREES = ("Collapsing", "VersionedCollapsing", "Coalescing", "Graphite")
SECRET = "the machine's secret"


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A file of the machine that nobody may read over HTTP."""
    path = tmp_path / "secret.csv"
    path.write_text(f"{SECRET}\n")
    return path


OUTFILE = [
    "SELECT 1 INTO OUTFILE '{path}'",
    "select 1 into outfile '{path}'",
    "SELECT 1 InTo\n\tOutFile '{path}'",
    "SELECT 1 INTO /* a */ OUTFILE '{path}'",
    "SELECT 1 INTO /* /* nested */ */ OUTFILE '{path}'",
    "SELECT 1 INTO -- comment\n OUTFILE '{path}'",
    "SELECT 1 INTO # comment\n OUTFILE '{path}'",
    "SELECT 1 INTO // comment\n OUTFILE '{path}'",
    "SELECT 1 INTO\u00a0OUTFILE '{path}'",
    "SELECT 1 INTO OUTFILE $${path}$$",
    "SELECT 1 INTO OUTFILE ‘{path}’",
    "SELECT 1 INTO OUTFILE '{path}' TRUNCATE FORMAT CSV",
    "SELECT 1 INTO OUTFILE '{path}' AND STDOUT",
    "SELECT '\\'' INTO OUTFILE '{path}' --'",
    "SELECT '''' INTO OUTFILE '{path}' --'",
    'SELECT "\\"" FROM (SELECT 1 AS "\\"") INTO OUTFILE \'{path}\' --"',
    "SELECT 1e--1 INTO OUTFILE '{path}'",
    "SELECT 0x1p--1 INTO OUTFILE '{path}'",
    "SELECT $a$ ' $a$ INTO OUTFILE '{path}' -- '",
    "(SELECT 1) INTO OUTFILE '{path}'",
    "SELECT 1 UNION ALL SELECT 2 INTO OUTFILE '{path}'",
    "WITH 1 AS x SELECT x INTO OUTFILE '{path}'",
    "EXPLAIN SELECT 1 INTO OUTFILE '{path}'",
    "EXPLAIN QUERY TREE SELECT 1 INTO OUTFILE '{path}'",
    "SHOW TABLES INTO OUTFILE '{path}'",
    "DESCRIBE TABLE system.one INTO OUTFILE '{path}'",
    "SELECT 1;SELECT 2 INTO OUTFILE '{path}'",
    "SELECT 1 SETTINGS max_threads = 1 INTO OUTFILE '{path}'",
]


@pytest.mark.parametrize("statement", OUTFILE)
def test_no_result_is_written_to_a_file(ask: Ask, tmp_path: Path, statement: str) -> None:
    path = tmp_path / "out"

    answer = ask(statement.format(path=path))

    assert answer.status_code >= 400
    assert not path.exists()


@pytest.mark.parametrize(
    "statement", ["SELECT ' INTO OUTFILE '", "SELECT 1 AS `into outfile`", "SELECT 1 -- INTO OUTFILE"]
)
def test_the_same_words_as_data_are_no_offence(ask: Ask, statement: str) -> None:
    assert ask(statement).status_code == 200


INFILE = [
    "INSERT INTO t FROM INFILE '{path}' FORMAT CSV",
    "INSERT INTO t FROM INFILE '{path}'",
    "insert into t (a) from/**/infile '{path}' format LineAsString",
    "INSERT INTO t FROM -- x\nINFILE '{path}' FORMAT CSV",
    "INSERT INTO t FROM INFILE '{path}' COMPRESSION 'none' FORMAT CSV",
    "INSERT INTO t FROM INFILE $${path}$$ FORMAT CSV",
    "INSERT INTO t FROM INFILE '{path}' VALUES",
    "INSERT INTO t SETTINGS max_threads = 1 FROM INFILE '{path}' FORMAT CSV",
]


@pytest.mark.parametrize("statement", INFILE)
def test_no_data_is_read_from_a_file(ask: Ask, secret: Path, statement: str) -> None:
    ask("CREATE OR REPLACE TABLE t (a String) ENGINE = Memory").raise_for_status()

    answer = ask(statement.format(path=secret))

    assert answer.status_code >= 400
    assert ask("SELECT count() FROM t").text == "0\n"


READS = [
    "SELECT file('{path}')",
    "SELECT `file`('{path}')",
    "SELECT `fil\\x65`('{path}')",
    "SELECT arrayMap(file, ['{path}'])",
    "SELECT * APPLY(file) FROM (SELECT '{path}')",
    "SELECT * FROM format(Values, 'a String', '(file(\\'{path}\\'))')",
    "SELECT * FROM format(JSONEachRow, 'a UInt8, b String DEFAULT file(\\'{path}\\')', '{{\"a\":1}}')",
    "SELECT * FROM file('{path}', 'LineAsString')",
    "SELECT * FROM url('file://{path}', 'LineAsString')",
    "SELECT * FROM `{path}`",
    "SELECT * FROM filesystem('/')",
    "SELECT * FROM sqlite('{path}', 't')",
    "SELECT * FROM icebergLocal('{path}')",
    "SELECT * FROM executable('cat {path}', 'LineAsString', 'x String')",
    "SELECT * FROM python('secret')",
    "SELECT * FROM eval('SELECT 1') SETTINGS allow_experimental_eval_table_function = 1",
    "SELECT 1 FORMAT Template SETTINGS format_template_row = '{path}'",
    "SELECT * FROM format(Template, 'x') SETTINGS format_template_row = '{path}'",
    "SELECT 1 AS a FORMAT Protobuf SETTINGS format_schema = '{path}:M'",
    "CREATE TABLE f (a String) ENGINE = File(LineAsString, '{path}')",
    "CREATE TABLE f AS file('{path}')",
    "CREATE TABLE f (a String) ENGINE = IcebergLocal('{path}')",
    "CREATE DATABASE f ENGINE = Filesystem('/')",
    "CREATE DATABASE f ENGINE = SQLite('{path}')",
    "ATTACH TABLE f FROM '/etc' (a String) ENGINE = MergeTree ORDER BY a",
    "SET dialect = 'kusto'",
]


@pytest.mark.parametrize("statement", READS)
def test_no_file_of_the_machine_is_read(ask: Ask, secret: Path, statement: str) -> None:
    answer = ask(statement.format(path=secret))

    assert answer.status_code >= 400
    assert SECRET not in answer.text


WRITES = [
    "INSERT INTO FUNCTION file('{path}', 'CSV', 'a UInt8') SELECT 1",
    "CREATE TABLE f (a String) ENGINE = EmbeddedRocksDB(0, '{path}') PRIMARY KEY a",
    "CREATE TABLE f (a String) ENGINE = `EmbeddedRocksDB`(0, '{path}') PRIMARY KEY a",
    "CREATE TABLE f (a String) ENGINE EmbeddedRocksDB(0, '{path}') PRIMARY KEY a",
    "CREATE TABLE f (a String) ENGINE = MergeTree ORDER BY a SETTINGS disk = disk(type = 'local', path = '{path}/')",
    "CREATE TABLE f (a String) ENGINE = MergeTree ORDER BY a SETTINGS disk = disk(type = 'object_storage', object_storage_type = 'local', metadata_type = 'plain', path = '{path}/')",
    "CREATE TABLE f (a String) ENGINE = Log SETTINGS disk = `disk`(type = 'local', path = '{path}/')",
    "CREATE DATABASE f ENGINE = Atomic SETTINGS disk = disk(type = 'local', path = '{path}/')",
    "BACKUP DATABASE system TO File('{path}')",
    "SELECT 1 SETTINGS input_format_record_errors_file_path = '{path}'",
]


@pytest.mark.parametrize("statement", WRITES)
def test_no_file_of_the_machine_is_written(ask: Ask, tmp_path: Path, statement: str) -> None:
    path = tmp_path / "written"

    answer = ask(statement.format(path=path))

    assert answer.status_code >= 400
    assert not path.exists()


REACHES_OUT = [
    "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')",
    "SELECT * FROM remote('127.0.0.1:9000', system.one)",
    "SELECT * FROM mysql('127.0.0.1:3306', 'd', 't', 'u', 'p')",
    "SELECT * FROM s3('http://127.0.0.1:1/bucket/x')",
    "CREATE TABLE f (a String) ENGINE = URL('http://127.0.0.1:1/', 'CSV')",
    "CREATE TABLE f (a String) ENGINE = MergeTree ORDER BY a SETTINGS disk = disk(type = 'web', endpoint = 'http://127.0.0.1:1/')",
    "CREATE DATABASE f ENGINE = Remote('127.0.0.1:9000', 'system')",
    "CREATE DATABASE f ENGINE = MySQL('127.0.0.1:1', 'a', 'b', 'c')",
    "CREATE DICTIONARY d (a String) PRIMARY KEY a SOURCE(HTTP(URL 'http://127.0.0.1:1/' FORMAT 'CSV')) LAYOUT(COMPLEX_KEY_HASHED()) LIFETIME(0)",
    "CREATE DICTIONARY d (a String) PRIMARY KEY a SOURCE(EXECUTABLE(COMMAND 'id' FORMAT 'CSV')) LAYOUT(COMPLEX_KEY_HASHED()) LIFETIME(0)",
    "CREATE TABLE f (a String) ENGINE = Executable('id', 'CSV')",
    "SELECT 1 FORMAT AvroConfluent SETTINGS format_avro_schema_registry_url = 'http://127.0.0.1:1'",
    "SYSTEM SHUTDOWN",
    "SYSTEM KILL",
    "SYSTEM RELOAD CONFIG",
    "CREATE USER u",
    "CREATE FUNCTION f AS x -> x",
    "CREATE NAMED COLLECTION c AS a = 1",
    "GRANT ALL ON *.* TO default",
]


@pytest.mark.parametrize("statement", REACHES_OUT)
def test_no_program_address_or_right_is_reached(ask: Ask, statement: str) -> None:
    assert ask(statement).status_code >= 400
    assert ask("SELECT 1").text == "1\n"


def test_data_of_an_insert_reads_no_file(ask: Ask, secret: Path) -> None:
    ask("CREATE OR REPLACE TABLE t (a String) ENGINE = Memory").raise_for_status()

    answer = ask(f"INSERT INTO t VALUES (file('{secret}'))")

    assert answer.status_code >= 400
    assert ask("SELECT count() FROM t").text == "0\n"


def test_an_identifier_parameter_names_no_closed_function(ask: Ask, secret: Path) -> None:
    answer = ask("SELECT arrayMap({f:Identifier}, [{p:String}])", param_f="file", param_p=str(secret))

    assert answer.status_code >= 400
    assert SECRET not in answer.text


def test_every_table_engine_is_granted_or_refused(ask: Ask) -> None:
    """The grants do not cover every engine that names files; this fails when the engine learns another."""
    keep_to_themselves = {"Alias", "Dictionary", "Loop"}
    variants = {f"{prefix}{kind}MergeTree" for prefix in ("", "Replicated") for kind in MERGE_TREES}
    names = set(ask("SELECT name FROM system.table_engines").text.split())

    open_to_all = {
        name
        for name in names - set(ENGINES) - keep_to_themselves - variants
        if ask(f"CREATE TABLE t (a String) ENGINE = {name}('/tmp/x', 'CSV')").status_code != 403
    }

    assert open_to_all == set()
