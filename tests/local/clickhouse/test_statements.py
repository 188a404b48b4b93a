"""What kind of statement a text is, and where the data of an insert begins."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openpanel_local.clickhouse import errors
from openpanel_local.clickhouse.statements import Action, Statement, read

KINDS = [
    ("SELECT 1", Action.STREAM, "TabSeparated"),
    ("select 1 format csv", Action.STREAM, "csv"),
    ("SELECT 1 FORMAT Native;", Action.STREAM, "Native"),
    (
        "/* x */ WITH 1 AS x SELECT x FORMAT JSONEachRow SETTINGS max_threads = 1",
        Action.STREAM,
        "JSONEachRow",
    ),
    ("(SELECT 1) UNION ALL (SELECT 2)", Action.STREAM, "TabSeparated"),
    ("FROM system.one SELECT 1", Action.STREAM, "TabSeparated"),
    ("SELECT 1 FORMAT JSON", Action.RETURN, "JSON"),
    ("SELECT count() FROM t GROUP BY a WITH TOTALS", Action.RETURN, "TabSeparated"),
    ("SHOW TABLES", Action.RETURN, "TabSeparated"),
    ("EXPLAIN SELECT 1", Action.RETURN, "TabSeparated"),
    ("DESCRIBE TABLE t FORMAT Native", Action.RETURN, "Native"),
    ("KILL QUERY WHERE 1", Action.RETURN, "TabSeparated"),
    ("SELECT format FROM t", Action.STREAM, "TabSeparated"),
    ("SELECT 'FORMAT JSON'", Action.STREAM, "TabSeparated"),
    ("SELECT 1 -- FORMAT JSON", Action.STREAM, "TabSeparated"),
    ("CREATE TABLE t (a UInt8) ENGINE = Memory", Action.RUN, ""),
    ("INSERT INTO t SELECT 1", Action.RUN, ""),
    ("INSERT INTO t (a) WITH 1 AS x SELECT x", Action.RUN, ""),
    ("INSERT INTO t (SELECT 1)", Action.RUN, ""),
    ("SET max_threads = 1", Action.RUN, ""),
    ("ALTER TABLE t DELETE WHERE a = ';'", Action.RUN, ""),
]

INSERTS = [
    ("INSERT INTO t FORMAT TSV\n1\n2", "INSERT INTO t ", "TSV", "1\n2"),
    ("insert into t (a, b) format JSONEachRow {}", "insert into t (a, b) ", "JSONEachRow", "{}"),
    ("INSERT INTO t FORMAT TSV \t\r\n\n1", "INSERT INTO t ", "TSV", "\n1"),
    ("INSERT INTO t FORMAT CSV 1;2", "INSERT INTO t ", "CSV", "1;2"),
    ("INSERT INTO t VALUES (1), (';')", "INSERT INTO t ", "Values", " (1), (';')"),
    ("INSERT INTO t VALUES(1)", "INSERT INTO t ", "Values", "(1)"),
    (
        "INSERT INTO db.t (a) SETTINGS x = 1 VALUES (1)",
        "INSERT INTO db.t (a) SETTINGS x = 1 ",
        "Values",
        " (1)",
    ),
    ("INSERT INTO values VALUES (1)", "INSERT INTO values ", "Values", " (1)"),
    ("INSERT INTO format FORMAT TSV\n1", "INSERT INTO format ", "TSV", "1"),
    (
        "INSERT INTO db.values (format, values) VALUES (1)",
        "INSERT INTO db.values (format, values) ",
        "Values",
        " (1)",
    ),
    (
        "INSERT INTO TABLE FUNCTION null('a UInt8') FORMAT TSV\n1",
        "INSERT INTO TABLE FUNCTION null('a UInt8') ",
        "TSV",
        "1",
    ),
    ("INSERT INTO t /* VALUES */ FORMAT /* x */ `TSV`\n1", "INSERT INTO t /* VALUES */ ", "TSV", "1"),
    ('INSERT INTO "a\'VALUES" FORMAT TSV\n1', 'INSERT INTO "a\'VALUES" ', "TSV", "1"),
]


@pytest.mark.parametrize(("text", "action", "output"), KINDS)
def test_kind_and_format_of_a_statement(text: str, action: Action, output: str) -> None:
    found = _whole(text)

    assert (found.action, found.format) == (action, output)


@pytest.mark.parametrize(("text", "head", "data_format", "data"), INSERTS)
def test_data_of_an_insert_begins_after_its_head(text: str, head: str, data_format: str, data: str) -> None:
    found = _whole(text)

    assert found.action is Action.INSERT
    assert (found.text.decode(), found.format, text[found.data_at :]) == (head, data_format, data)


@pytest.mark.parametrize(("text", "head", "data_format", "data"), INSERTS)
def test_the_head_is_found_wherever_the_text_is_cut(
    text: str, head: str, data_format: str, data: str
) -> None:
    for cut in range(len(text)):
        found = read(text[:cut].encode(), complete=False)

        if found is not None:
            assert (found.text.decode(), found.format) == (head, data_format)
            assert text[found.data_at :] == data


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("INSERT INTO t (a) SETTINGS x = 1 FORMAT TSV\n1", "INSERT INTO t (a) "),
        ("INSERT INTO db.settings SETTINGS x = 1 VALUES (1)", "INSERT INTO db.settings "),
        ("INSERT INTO settings (settings) VALUES (1)", "INSERT INTO settings (settings) "),
        ("INSERT INTO t FORMAT TSV SETTINGS 1", "INSERT INTO t "),
    ],
)
def test_settings_of_an_insert_begin_after_its_target(text: str, target: str) -> None:
    found = _whole(text)

    assert found.text[: found.target_end].decode() == target


@pytest.mark.parametrize("text", ["SELECT 1", "INSERT INTO t SELECT 1", "INSERT", "", "-- x"])
def test_other_statements_wait_for_their_end(text: str) -> None:
    assert read(text.encode(), complete=False) is None


@pytest.mark.parametrize("text", ["", "  ", ";", "-- x", "/* x */ ; ;"])
def test_no_statement_is_refused(text: str) -> None:
    with pytest.raises(errors.Refusal, match="Empty query"):
        _whole(text)


def test_one_statement_may_end_in_semicolons() -> None:
    assert _whole("SELECT ';' ; ; -- x").text == b"SELECT ';' "


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1; SELECT 2",
        "SELECT 1;;x",
        "DROP TABLE a; DROP TABLE b",
        "SELECT 1 \\G SELECT 2",
        "INSERT INTO t; DROP TABLE t FORMAT TSV\n1",
        "INSERT INTO t \\G x VALUES (1)",
    ],
)
def test_two_statements_are_refused(text: str) -> None:
    with pytest.raises(errors.Refusal, match="Multi-statements"):
        _whole(text)


def test_only_reading_may_be_stopped_half_way() -> None:
    assert _whole("SELECT 1").reads_only
    assert not _whole("ALTER TABLE t DELETE WHERE 1").reads_only
    assert not _whole("INSERT INTO t SELECT 1").reads_only


@given(st.binary(max_size=200), st.booleans())
def test_any_text_is_a_statement_or_refused(text: bytes, complete: bool) -> None:
    try:
        found = read(text, complete=complete)
    except errors.Refusal:
        return

    assert not complete or found is not None


def _whole(text: str) -> Statement:
    found = read(text.encode(), complete=True)
    assert found is not None
    return found
