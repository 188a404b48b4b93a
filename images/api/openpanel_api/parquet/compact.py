"""Thrift's compact protocol, as far as Parquet's headers and footers need it: values become bytes. Pure.

No number in them is negative.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple


class Encoded(NamedTuple):
    """A value as its bytes, and the number of its type."""

    kind: int
    data: bytes


TRUE: Final = Encoded(1, b"")  # of a field: its type is its value


def int32(number: int) -> Encoded:
    """A number of 32 bits; the lowest bit written is its sign."""
    return Encoded(5, varint(number << 1))


def int64(number: int) -> Encoded:
    """A number of 64 bits."""
    return Encoded(6, varint(number << 1))


def binary(data: bytes) -> Encoded:
    """Bytes."""
    return Encoded(8, varint(len(data)) + data)


def text(value: str) -> Encoded:
    """A text."""
    return binary(value.encode())


def sequence(items: Sequence[Encoded]) -> Encoded:
    """A list; all its items are of the type of the first, and there is one."""
    kind = items[0].kind
    head = bytes([len(items) << 4 | kind]) if len(items) < 15 else bytes([0xF0 | kind]) + varint(len(items))
    return Encoded(9, head + b"".join(item.data for item in items))


def struct(fields: Mapping[int, Encoded]) -> Encoded:
    """Fields by their ids, which ascend by 15 at most."""
    pieces, last = [], 0
    for number, value in fields.items():
        pieces += [bytes([number - last << 4 | value.kind]), value.data]
        last = number
    return Encoded(12, b"".join((*pieces, b"\0")))


def varint(number: int) -> bytes:
    """A number that is not negative, seven bits a byte."""
    pieces = bytearray()
    while number > 0x7F:
        pieces.append(number & 0x7F | 0x80)
        number >>= 7
    pieces.append(number)
    return bytes(pieces)
