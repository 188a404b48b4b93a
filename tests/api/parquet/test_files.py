"""Parquet files hold what was written: other libraries' readers, which had no part in writing them, say so."""

import io
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pyarrow as pa  # type: ignore[import-untyped]  # it has no types
import pyarrow.parquet as pq  # type: ignore[import-untyped]  # it has no types
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openpanel_api import parquet
from openpanel_api.parquet import Column, Kind
from openpanel_local.engines.clickhouse import ClickHouse

WAIT_S = 60.0
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
COLUMNS = tuple(Column(kind.value, kind) for kind in Kind)
TYPES = {
    "text": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "moment": pa.timestamp("ms", tz="UTC"),
    "texts": pa.list_(pa.field("element", pa.string())),
    "pairs": pa.map_(pa.string(), pa.string()),
}
Row = Mapping[str, Any]

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
longs = st.integers(-(2**63), 2**63 - 1)
rows = st.fixed_dictionaries(
    {
        "text": st.none() | texts,
        "integer": st.none() | longs,
        "number": st.none() | st.floats(allow_nan=False),
        "moment": st.none() | st.integers(0, 253_402_300_799_999),
        "texts": st.none() | st.lists(st.none() | texts, max_size=3),
        "pairs": st.none() | st.dictionaries(texts, st.none() | texts, max_size=3),
    }
)


def written(groups: Sequence[Sequence[Row]], columns: Sequence[Column] = COLUMNS) -> bytes:
    """A file of these groups of rows."""
    file = parquet.File(columns)
    pieces = [file.head()]
    for group in groups:
        values = {column.name: [row[column.name] for row in group] for column in columns}
        pieces.append(file.group(values, rows=len(group)))
    return b"".join((*pieces, file.tail()))


def as_text(number: int) -> Row:
    return {"text": str(number)}


def opened(content: bytes) -> pq.ParquetFile:
    return pq.ParquetFile(io.BytesIO(content))


def of_texts(values: Sequence[str | None]) -> bytes:
    """A file of one column and one group."""
    return written([[{"text": value} for value in values]], [Column("text", Kind.TEXT)])


def as_read(row: Row) -> Row:
    """As pyarrow answers it."""
    moment, pairs = row["moment"], row["pairs"]
    return {
        **row,
        "moment": None if moment is None else EPOCH + timedelta(milliseconds=moment),
        "pairs": None if pairs is None else list(pairs.items()),
    }


@settings(deadline=None)
@given(st.lists(st.lists(rows, min_size=1, max_size=12), max_size=3))
def test_what_was_written_is_read(groups: list[list[Row]]) -> None:
    table = opened(written(groups)).read()

    assert table.to_pylist() == [as_read(row) for group in groups for row in group]
    assert {field.name: field.type for field in table.schema} == TYPES


@pytest.mark.parametrize("distinct", [1, 2, 256, 257, 65_536, 65_537])
def test_values_that_repeat_are_read(distinct: int) -> None:
    values = [None, *(f"v{number % distinct}" for number in range(2 * distinct + 5))]

    assert opened(of_texts(values)).read()["text"].to_pylist() == values


def test_values_that_repeat_are_kept_once() -> None:
    repeated = opened(of_texts(["safari", "chrome"] * 100)).metadata.row_group(0).column(0)
    single = opened(of_texts([str(number) for number in range(200)])).metadata.row_group(0).column(0)

    assert "RLE_DICTIONARY" in repeated.encodings
    assert "RLE_DICTIONARY" not in single.encodings
    assert repeated.total_uncompressed_size < single.total_uncompressed_size / 2


def test_a_group_tells_its_bounds() -> None:
    content = written(
        [[{"text": text, "integer": number} for text, number in (("b", 7), (None, -1), ("é", None))]],
        [Column("text", Kind.TEXT), Column("integer", Kind.INTEGER)],
    )

    text, integer = (opened(content).metadata.row_group(0).column(place).statistics for place in (0, 1))
    assert (text.min, text.max, text.null_count) == ("b", "é", 1)
    assert (integer.min, integer.max, integer.null_count) == (-1, 7, 1)


def test_a_long_text_is_no_bound() -> None:
    statistics = opened(of_texts(["a", "b" * 1_000])).metadata.row_group(0).column(0).statistics

    assert not statistics.has_min_max


def test_groups_lie_where_the_end_says() -> None:
    content = written([[as_text(number)] for number in range(20)], [Column("text", Kind.TEXT)])

    file = opened(content)
    assert file.num_row_groups == 20
    assert file.read_row_group(13)["text"].to_pylist() == ["13"]


def test_half_a_character_becomes_a_question_mark() -> None:
    assert opened(of_texts(["\ud83d!"])).read()["text"].to_pylist() == ["?!"]


def test_clickhouse_reads_it(clickhouse: ClickHouse, clickhouse_database: Callable[[], str]) -> None:
    table = f"{clickhouse_database()}.file"
    whole = {"text": "é", "integer": -5, "number": 1.5, "moment": 1_772_366_400_250, "texts": ["a", "b"]}
    empty: Row = {**dict.fromkeys(whole), "texts": []}
    content = written([[{**whole, "pairs": {"plan": "pro", "n": "1"}}], [{**empty, "pairs": {}}]])
    made = f"""
        CREATE TABLE {table} (
            text Nullable(String), integer Nullable(Int64), number Nullable(Float64),
            moment Nullable(DateTime64(3, 'UTC')), texts Array(String), pairs Map(String, String)
        ) ENGINE = Memory
    """
    httpx.post(clickhouse.url, content=made, timeout=WAIT_S).raise_for_status()

    httpx.post(
        clickhouse.url,
        params={"query": f"INSERT INTO {table} FORMAT Parquet"},
        content=content,
        timeout=WAIT_S,
    ).raise_for_status()

    select = f"SELECT * FROM {table} ORDER BY text NULLS LAST FORMAT TSV"
    read = httpx.post(clickhouse.url, content=select, timeout=WAIT_S)
    assert read.text.splitlines() == [
        "é\t-5\t1.5\t2026-03-01 12:00:00.250\t['a','b']\t{'plan':'pro','n':'1'}",
        "\\N\t\\N\t\\N\t\\N\t[]\t{}",
    ]
