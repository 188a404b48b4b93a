"""One block of rows in ClickHouse's Native format: columns in, bytes out.

Called by whoever inserts many rows at once. It knows the column types this project's tables use and no
others, and it knows neither tables nor connections. Strings arrive as fragments (length and UTF-8 bytes,
`string_fragment`), so that a caller that sees a text a thousand times encodes it once.

The format: columns and rows as varints, then per column its name, its type and its values, little endian.
A LowCardinality column is a version, a key width, its distinct values and one key per row; within a Map the
version comes before the offsets.
"""

import sys
from array import array
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, chain
from struct import pack
from typing import Any, Final

_LOW_CARDINALITY_VERSION: Final = pack("<Q", 1)
_KEYS_IN_BLOCK: Final = 0x600  # "has additional keys" and "needs update of the dictionary"
_KEY_WIDTHS: Final = ((0x100, "B", 0), (0x1_0000, "H", 1), (0x1_0000_0000, "I", 2))
_CACHED_TEXTS: Final = 65_536  # distinct texts of LowCardinality columns; a text is rarely over 100 bytes


class UnknownType(TypeError):
    """A column has a type that this writer does not write."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table. `codec` is how it is stored; a column with `alias` is computed and never written."""

    name: str
    type: str
    codec: str = ""
    alias: str = ""


def string_fragment(text: str) -> bytes:
    """`text` as the Native format writes a String. Lone surrogates become question marks."""
    try:
        data = text.encode()
    except UnicodeEncodeError:
        data = text.encode(errors="replace")
    return _varint(len(data)) + data


def encode_block(columns: Sequence[Column], data: Mapping[str, Sequence[Any]]) -> bytes:
    """The whole block. Every column has as many values as the first.

    Values: integers, floats and booleans as they are (a list or an `array`); Date as days, DateTime as
    seconds, DateTime64(3) as milliseconds since 1970; String as fragments; LowCardinality(String) as str;
    Array(String) as tuples of fragments; Map(LowCardinality(String), String) as pairs of keys (str) and
    values (fragments).
    """
    rows = len(data[columns[0].name]) if columns else 0
    parts = [_varint(len(columns)), _varint(rows)]
    for column in columns:
        values = data[column.name]
        if len(values) != rows:
            message = f"column {column.name} has {len(values)} values, {columns[0].name} has {rows}"
            raise ValueError(message)
        parts.append(_column_header(column))
        if rows:
            parts.extend(_writer(column.type)(values))
    return b"".join(parts)


@lru_cache(maxsize=1024)
def _column_header(column: Column) -> bytes:
    return string_fragment(column.name) + string_fragment(column.type)


@lru_cache(maxsize=256)
def _writer(type_name: str) -> "Callable[[Sequence[Any]], Iterable[bytes]]":
    code = _NUMBER_CODES.get(type_name.partition("(")[0])
    if code is not None:
        return lambda values: (_numbers(code, values),)
    try:
        return _OTHER_WRITERS[type_name]
    except KeyError:
        raise UnknownType(type_name) from None


# The first letter after the parenthesis is not part of the key: DateTime64(3, 'UTC') is DateTime64.
_NUMBER_CODES: Final[Mapping[str, str]] = {
    "Bool": "B",
    "UInt8": "B",
    "UInt16": "H",
    "UInt32": "I",
    "UInt64": "Q",
    "Int8": "b",
    "Int16": "h",
    "Int32": "i",
    "Int64": "q",
    "Float32": "f",
    "Float64": "d",
    "Date": "H",
    "DateTime": "I",
    "DateTime64": "q",
}


def _numbers(code: str, values: Iterable[int | float]) -> bytes:
    numbers = values if isinstance(values, array) and values.typecode == code else array(code, values)
    if sys.byteorder == "big":
        numbers = array(code, numbers)
        numbers.byteswap()
    return numbers.tobytes()


def _strings(values: Sequence[bytes]) -> Iterable[bytes]:
    return values


def _low_cardinality(values: Sequence[str]) -> Iterable[bytes]:
    if values.count(values[0]) == len(values):  # most columns of most blocks hold one value
        return (_LOW_CARDINALITY_VERSION, *_dictionary((values[0],), len(values), bytes(len(values))))
    names = dict.fromkeys(values)
    keys = {name: key for key, name in enumerate(names)}
    codes = _codes(len(keys), list(map(keys.__getitem__, values)))
    return (_LOW_CARDINALITY_VERSION, *_dictionary(names, len(values), codes))


def _dictionary(names: Collection[str], rows: int, codes: bytes) -> Iterable[bytes]:
    """The distinct values and one key per row."""
    return (
        pack("<QQ", _KEYS_IN_BLOCK | _width(len(names))[1], len(names)),
        b"".join(map(_text_fragment, names)),
        pack("<Q", rows),
        codes,
    )


def _codes(distinct: int, keys: Sequence[int]) -> bytes:
    code, _ = _width(distinct)
    return bytes(keys) if code == "B" else _numbers(code, keys)


def _width(distinct: int) -> tuple[str, int]:
    return next((code, width) for limit, code, width in _KEY_WIDTHS if distinct <= limit)


@lru_cache(maxsize=_CACHED_TEXTS)
def _text_fragment(text: str) -> bytes:
    return string_fragment(text)


def _offsets(lengths: Iterable[int]) -> bytes:
    return _numbers("Q", list(accumulate(lengths)))


def _arrays(values: Sequence[Sequence[bytes]]) -> Iterable[bytes]:
    return (_offsets(map(len, values)), b"".join(chain.from_iterable(values)))


def _maps(values: Sequence[tuple[tuple[str, ...], Sequence[bytes]]]) -> Iterable[bytes]:
    sets = [pair[0] for pair in values]
    lengths = list(map(len, sets))
    if lengths != [len(pair[1]) for pair in values]:
        message = "a map has another number of keys than of values"
        raise ValueError(message)
    return (
        _LOW_CARDINALITY_VERSION,
        _offsets(lengths),
        *_keys_of_maps(sets, sum(lengths)),
        b"".join(chain.from_iterable([pair[1] for pair in values])),
    )


def _keys_of_maps(sets: Sequence[tuple[str, ...]], total: int) -> Iterable[bytes]:
    """Events of one kind have the same keys, so each set of keys is encoded once. Nothing at all for no keys."""
    if not total:
        return ()
    distinct = dict.fromkeys(sets)
    names = dict.fromkeys(chain.from_iterable(distinct))
    keys = {name: key for key, name in enumerate(names)}
    encoded = {names_of: _codes(len(keys), [keys[name] for name in names_of]) for names_of in distinct}
    return _dictionary(names, total, b"".join(map(encoded.__getitem__, sets)))


_OTHER_WRITERS: Final[Mapping[str, Callable[[Sequence[Any]], Iterable[bytes]]]] = {
    "String": _strings,
    "LowCardinality(String)": _low_cardinality,
    "Array(String)": _arrays,
    "Map(LowCardinality(String), String)": _maps,
}


def _varint(number: int) -> bytes:
    if number < 0x80:
        return bytes((number,))
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
