"""What columns of a file there can be, and how their values lie in it. Pure.

A column of plain values is one leaf. A list is one leaf, a map one of its keys and one of its values; there each value
has two levels: how much of its path is there (definition), and whether it goes on with the row before it (repetition).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Any, Final

from openpanel_api.parquet.compact import TRUE, Encoded, int32, sequence, struct, text


class Kind(Enum):
    """What the values of a column are. Each may be `None`, and so may be what is in a list or beside a key."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    MOMENT = "moment"  # milliseconds since 1970, UTC
    TEXTS = "texts"  # a list
    PAIRS = "pairs"  # a map of texts to texts


class Physical(Enum):
    """How a value is stored."""

    INT64 = 2
    DOUBLE = 5
    BYTES = 6


@dataclass(frozen=True, slots=True)
class Column:
    """One column."""

    name: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Shredded:
    """The values of a leaf, without those that are not there, and the levels of all."""

    values: Sequence[Any]
    definitions: Sequence[int]
    repetitions: Sequence[int]


@dataclass(frozen=True, slots=True)
class Leaf:
    """Where values lie. `shred` takes those of the column."""

    path: tuple[str, ...]
    physical: Physical
    definition: int  # the highest level
    repetition: int
    shred: Callable[[Sequence[Any]], Shredded]


_REQUIRED, _OPTIONAL, _REPEATED = (int32(number) for number in range(3))
_NOTHING: Final = struct({})
_PHYSICAL: Final = {
    Kind.TEXT: Physical.BYTES,
    Kind.INTEGER: Physical.INT64,
    Kind.NUMBER: Physical.DOUBLE,
    Kind.MOMENT: Physical.INT64,
}
_MILLISECONDS: Final = struct({1: TRUE, 2: struct({1: _NOTHING})})
# What is said of a node beside its type: in the older form (6) and in the newer one (10).
_TEXT: Final = {6: int32(0), 10: struct({1: _NOTHING})}
_MAP: Final = {6: int32(1), 10: struct({2: _NOTHING})}
_LIST: Final = {6: int32(3), 10: struct({3: _NOTHING})}
_MOMENT: Final = {6: int32(9), 10: struct({8: _MILLISECONDS})}
_MEANING: Final = {Kind.TEXT: _TEXT, Kind.MOMENT: _MOMENT}


def leaves(column: Column) -> tuple[Leaf, ...]:
    """Where the values of a column lie."""
    name = column.name
    if column.kind is Kind.TEXTS:
        return (Leaf((name, "list", "element"), Physical.BYTES, 3, 1, partial(_spread, list, 3)),)
    if column.kind is Kind.PAIRS:
        return (
            Leaf((name, "key_value", "key"), Physical.BYTES, 2, 1, partial(_spread, dict.keys, 2)),
            Leaf((name, "key_value", "value"), Physical.BYTES, 3, 1, partial(_spread, dict.values, 3)),
        )
    return (Leaf((name,), _PHYSICAL[column.kind], 1, 0, _flat),)


def schema(columns: Sequence[Column]) -> Encoded:
    """The nodes of all columns, each before its children."""
    root = _node("schema", children=len(columns))
    return sequence([root, *(node for column in columns for node in _nodes(column))])


def _nodes(column: Column) -> list[Encoded]:
    bytes_ = Physical.BYTES
    if column.kind is Kind.TEXTS:
        return [
            _node(column.name, repetition=_OPTIONAL, children=1, meaning=_LIST),
            _node("list", repetition=_REPEATED, children=1),
            _node("element", physical=bytes_, repetition=_OPTIONAL, meaning=_TEXT),
        ]
    if column.kind is Kind.PAIRS:
        return [
            _node(column.name, repetition=_OPTIONAL, children=1, meaning=_MAP),
            _node("key_value", repetition=_REPEATED, children=2),
            _node("key", physical=bytes_, repetition=_REQUIRED, meaning=_TEXT),
            _node("value", physical=bytes_, repetition=_OPTIONAL, meaning=_TEXT),
        ]
    meaning = _MEANING.get(column.kind, {})
    return [_node(column.name, physical=_PHYSICAL[column.kind], repetition=_OPTIONAL, meaning=meaning)]


def _node(
    name: str,
    *,
    physical: Physical | None = None,
    repetition: Encoded | None = None,
    children: int = 0,
    meaning: Mapping[int, Encoded] | None = None,
) -> Encoded:
    fields = {
        1: None if physical is None else int32(physical.value),
        3: repetition,
        4: text(name),
        5: int32(children) if children else None,
        **(meaning or {}),
    }
    return struct({number: value for number, value in fields.items() if value is not None})


def _flat(rows: Sequence[Any]) -> Shredded:
    values = [value for value in rows if value is not None]
    definitions = [1] * len(rows) if len(values) == len(rows) else [int(value is not None) for value in rows]
    return Shredded(values, definitions, [0] * len(rows))


def _spread(items: Callable[[Any], Iterable[Any]], full: int, rows: Sequence[Any]) -> Shredded:
    """Of each row several values, one or none; `full` is the level of a value that is there."""
    values: list[Any] = []
    definitions: list[int] = []
    repetitions: list[int] = []
    for row in rows:
        found = None if row is None else list(items(row))
        if found:
            values += [value for value in found if value is not None]
            definitions += [full - (value is None) for value in found]
            repetitions += [0, *[1] * (len(found) - 1)]
        else:
            definitions.append(0 if found is None else 1)
            repetitions.append(0)
    return Shredded(values, definitions, repetitions)
