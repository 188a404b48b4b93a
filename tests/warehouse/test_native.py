"""The Native writer against the engine and against clickhouse-connect, for every type that tables use."""

from array import array
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any, Final

import pytest
from clickhouse_connect.datatypes.registry import get_from_name
from clickhouse_connect.driver.insert import InsertContext
from clickhouse_connect.driver.transform import NativeTransform
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openpanel.warehouse import Warehouse, tables
from openpanel.warehouse.native import Column, UnknownType, encode_block, string_fragment
from tests.warehouse.rows import block_of

# Any text that UTF-8 has, NUL and four-byte characters among it.
TEXTS: Final = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
# Few and many distinct values, so that dictionaries have keys of one and of two bytes.
NAMES: Final = st.sampled_from(["", "a", "b", "한국어"]) | TEXTS | st.integers(0, 1_000).map(str)

VALUES: Final[dict[str, st.SearchStrategy[Any]]] = {
    "String": TEXTS,
    "LowCardinality(String)": NAMES,
    "Array(String)": st.lists(TEXTS, max_size=4),
    "Map(LowCardinality(String), String)": st.dictionaries(NAMES, TEXTS, max_size=4),
    "UInt64": st.integers(0, 2**64 - 1),
    "UInt32": st.integers(0, 2**32 - 1),
    "UInt16": st.integers(0, 2**16 - 1),
    "UInt8": st.integers(0, 255),
    "Bool": st.booleans(),
    "Int64": st.integers(-(2**63), 2**63 - 1),
    "Float32": st.floats(width=32, allow_nan=False),
    "Date": st.integers(0, 2**16 - 1),
    "DateTime('UTC')": st.integers(0, 2**32 - 1),
    "DateTime64(3, 'UTC')": st.integers(0, 4_102_444_800_000),
}
COLUMNS: Final = tuple(Column(f"c{number}", name) for number, name in enumerate(VALUES))
ROWS: Final = st.lists(
    st.fixed_dictionaries({column.name: VALUES[column.type] for column in COLUMNS}), min_size=1, max_size=30
)
# What the engine gives back as numbers, so that no time zone and no rounding stands between.
READ: Final = {
    "DateTime('UTC')": "toUnixTimestamp({name})",
    "DateTime64(3, 'UTC')": "toUnixTimestamp64Milli({name})",
    "Date": "toUInt16({name})",
}
_tokens = count()


@pytest.fixture(scope="module")
def block_table(warehouse: Warehouse) -> str:
    definitions = ", ".join(f"`{column.name}` {column.type}" for column in COLUMNS)
    warehouse.command(f"CREATE TABLE block (batch String, position UInt64, {definitions}) ENGINE = Memory")
    return "block"


def test_every_type_of_every_table_is_written() -> None:
    types = {column.type for table in tables.ALL for column in table.written}
    states = {name for name in types if "AggregateFunction" in name}  # filled by views only

    assert types - states <= set(VALUES)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(rows=ROWS)
def test_engine_reads_back_what_was_written(
    warehouse: Warehouse, block_table: str, rows: list[dict[str, Any]]
) -> None:
    batch = str(next(_tokens))
    columns = (Column("batch", "String"), Column("position", "UInt64"), *COLUMNS)
    numbered = [{**row, "batch": batch, "position": number} for number, row in enumerate(rows)]

    warehouse.insert_native(
        block_table,
        columns=[column.name for column in columns],
        block=block_of(columns, numbered),
        token=batch,
    )

    selected = ", ".join(READ.get(column.type, "{name}").format(name=column.name) for column in COLUMNS)
    found = warehouse.query(
        f"SELECT {selected} FROM block WHERE batch = {{batch:String}} ORDER BY position",
        parameters={"batch": batch},
    )
    assert [dict(zip([c.name for c in COLUMNS], row, strict=True)) for row in found] == rows


@settings(max_examples=60, deadline=None)
@given(rows=ROWS, data=st.data())
def test_bytes_are_those_of_the_published_driver(rows: list[dict[str, Any]], data: st.DataObject) -> None:
    column = data.draw(st.sampled_from([column for column in COLUMNS if column.type not in _OTHER_VALUES]))

    assert block_of([column], rows) == driver_block(column, [row[column.name] for row in rows])


# The driver takes these as Python dates; its maps name keys in another order of dictionaries.
_OTHER_VALUES: Final = ("Date", "DateTime('UTC')", "DateTime64(3, 'UTC')")


def driver_block(column: Column, values: Sequence[object]) -> bytes:
    context = InsertContext("t", [column.name], [get_from_name(column.type)], [[value] for value in values])
    chunks = NativeTransform.build_insert(context)
    return b"".join(chunks).partition(b"FORMAT Native\n")[2]


@pytest.mark.parametrize("distinct", [1, 255, 256, 257, 65_536, 65_537])
def test_dictionary_keys_are_as_wide_as_they_must_be(warehouse: Warehouse, distinct: int) -> None:
    column = Column("name", "LowCardinality(String)")
    table = f"wide_{distinct}"
    warehouse.command(f"CREATE TABLE {table} (name LowCardinality(String)) ENGINE = Memory")
    names = [f"value {number}" for number in range(distinct)]

    warehouse.insert_native(
        table, columns=["name"], block=encode_block([column], {"name": names}), token=f"wide {distinct}"
    )

    assert [row[0] for row in warehouse.query(f"SELECT name FROM {table}")] == names


def test_arrays_of_numbers_are_written_as_they_are() -> None:
    column = Column("n", "UInt64")

    assert encode_block([column], {"n": array("Q", [1, 2])}) == encode_block([column], {"n": [1, 2]})


def test_lone_surrogates_become_question_marks() -> None:
    column = Column("name", "LowCardinality(String)")

    assert string_fragment("a\ud800b") == string_fragment("a?b")
    assert encode_block([column], {"name": ["\ud800"]}) == encode_block([column], {"name": ["?"]})


@pytest.mark.parametrize("length", [0, 1, 127, 128, 16_383, 16_384, 100_000])
def test_fragment_is_length_and_bytes(length: int) -> None:
    fragment = string_fragment("x" * length)

    assert fragment.endswith(b"x" * length)
    assert len(fragment) - length == max(1, -(-length.bit_length() // 7))


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (lambda: {"a": [1, 2], "m": [((), ())]}, ValueError),
        (lambda: {"a": [1], "m": [(("k",), ())]}, ValueError),
        (lambda: {"a": [-1], "m": [((), ())]}, OverflowError),
        (lambda: {"a": ["1"], "m": [((), ())]}, TypeError),
    ],
    ids=["columns of two lengths", "key without value", "number out of range", "text for a number"],
)
def test_values_that_do_not_fit_are_refused_before_anything_is_sent(
    data: Callable[[], dict[str, list[Any]]], error: type[Exception]
) -> None:
    columns = [Column("a", "UInt64"), Column("m", "Map(LowCardinality(String), String)")]

    with pytest.raises(error):
        encode_block(columns, data())


def test_unknown_type_is_named() -> None:
    with pytest.raises(UnknownType, match="Nested"):
        encode_block([Column("n", "Nested(a UInt8)")], {"n": [1]})
