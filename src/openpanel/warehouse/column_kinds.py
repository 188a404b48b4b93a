"""The kinds of columns that the tables are made of. Knows no table."""

from typing import Final

from openpanel.warehouse.native import Column

NAME: Final = "LowCardinality(String)"
MOMENT: Final = "DateTime64(3, 'UTC')"
PROPERTIES: Final = "Map(LowCardinality(String), String)"
TEXT_CODEC: Final = "ZSTD(1)"
TIME_CODEC: Final = "Delta, ZSTD(1)"
NUMBER_CODEC: Final = "T64, ZSTD(1)"

PROJECT: Final = Column("project_id", NAME)


def names(*names: str) -> tuple[Column, ...]:
    """Texts that repeat."""
    return tuple(Column(name, NAME) for name in names)


def text(name: str) -> Column:
    """Texts of all kinds."""
    return Column(name, "String", TEXT_CODEC)


def moment(name: str) -> Column:
    """Times that mostly come in order."""
    return Column(name, MOMENT, TIME_CODEC)


def total(name: str, type_name: str = "UInt64") -> Column:
    """Numbers that are added up when rows merge."""
    return Column(name, f"SimpleAggregateFunction(sum, {type_name})", NUMBER_CODEC)


def distinct(name: str) -> Column:
    """States that say how many different ids there were."""
    return Column(name, "AggregateFunction(uniqHLL12, UInt64)")
