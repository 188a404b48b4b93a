"""Rows of an answer as bytes and back, for a store that others read too.

Only plain values: what comes back is data, whatever the bytes say. A value of another kind is refused.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

import msgspec
import zstandard

from openpanel.analytics.statements import Row

_MOMENT: Final = 1
_DAY: Final = 2
_TUPLE: Final = 3
_LARGE_NUMBER: Final = 4
_LARGEST: Final = 2**63
MAX_UNPACKED: Final = 64_000_000  # bytes

_encode: Final = msgspec.msgpack.Encoder().encode


class Unpackable(ValueError):
    """The bytes are no rows, or the rows hold what cannot be kept."""


def pack(rows: Sequence[Row]) -> bytes:
    """The rows as compressed msgpack."""
    try:
        return zstandard.compress(_encode([_packed(list(row)) for row in rows]), 1)
    except (TypeError, OverflowError, UnicodeEncodeError, RecursionError) as error:
        raise Unpackable(str(error)) from error


def unpack(packed: bytes) -> list[Row]:
    """The rows in what `pack` made."""
    try:
        plain = zstandard.decompress(packed, max_output_size=MAX_UNPACKED)
        rows: list[Row] = _decoder.decode(plain)
    except (zstandard.ZstdError, msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise Unpackable(str(error)) from error
    return rows


def _packed(value: Any) -> Any:
    if value is None or isinstance(value, bool | float | str | bytes):
        return value
    kind = next((kind for kind in _PACKED if isinstance(value, kind)), None)
    if kind is None:
        raise TypeError(f"{type(value).__name__} cannot be kept")
    return _PACKED[kind](value)


def _number(value: int) -> Any:
    small = -_LARGEST <= value < _LARGEST
    return value if small else msgspec.msgpack.Ext(_LARGE_NUMBER, str(value).encode())


_PACKED: Final[Mapping[type, Callable[[Any], Any]]] = {
    int: _number,
    datetime: lambda value: msgspec.msgpack.Ext(_MOMENT, value.isoformat().encode()),
    date: lambda value: msgspec.msgpack.Ext(_DAY, value.isoformat().encode()),
    tuple: lambda value: msgspec.msgpack.Ext(_TUPLE, _encode([_packed(item) for item in value])),
    list: lambda value: [_packed(item) for item in value],
    dict: lambda value: {_packed(key): _packed(item) for key, item in value.items()},
}


def _unpacked(code: int, data: memoryview) -> Any:
    raw = bytes(data)
    if code == _TUPLE:
        return tuple(_inner.decode(raw))
    text = raw.decode()
    if code == _MOMENT:
        return datetime.fromisoformat(text)
    if code == _DAY:
        return date.fromisoformat(text)
    if code == _LARGE_NUMBER:
        return int(text)
    raise ValueError(f"unknown kind of value {code}")


_inner: Final = msgspec.msgpack.Decoder(list[Any], ext_hook=_unpacked)
_decoder: Final = msgspec.msgpack.Decoder(list[tuple[Any, ...]], ext_hook=_unpacked)
