"""The values of one leaf as pages: a dictionary where values repeat, and the data. Pure.

Numbers up to a level or a place in the dictionary are packed as wide as a power of two of bits, which every reader
takes, since what is compressed afterwards does not become smaller by packing tighter.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import zstandard

from openpanel_api.parquet import compact
from openpanel_api.parquet.columns import Leaf, Physical
from openpanel_api.parquet.compact import Encoded, int32, int64

ZSTD: Final = 6
LEVEL: Final = 1
PLAIN, RLE, DICTIONARY = 0, 3, 8  # encodings
MOST_ENTRIES: Final = 65_536  # of a dictionary
LONGEST_BOUND: Final = 64  # bytes; a longer text is not told as the least or the greatest
_DATA_PAGE, _DICTIONARY_PAGE = 0, 2
_DIGITS: Final = bytes.maketrans(bytes(range(4)), b"0123")


@dataclass(frozen=True, slots=True)
class Chunk:
    """The pages of a leaf in one group of rows."""

    data: bytes
    values: int
    uncompressed: int
    first_page: int  # bytes from the beginning of the data page's header; 0 without a dictionary
    statistics: Encoded


def chunk(leaf: Leaf, column: Sequence[Any], *, compressor: zstandard.ZstdCompressor) -> Chunk:
    """The pages for these values of the leaf's column."""
    shredded = leaf.shred(column)
    levels = _levels(shredded.repetitions, leaf.repetition) + _levels(shredded.definitions, leaf.definition)
    values = _stored(leaf.physical, shredded.values)
    entries = dict.fromkeys(values) if leaf.physical is not Physical.DOUBLE else {}
    count = len(shredded.definitions)
    if 0 < len(entries) <= min(len(values) // 2, MOST_ENTRIES):
        places = {value: place for place, value in enumerate(entries)}
        width = 8 if len(places) <= 256 else 16
        described = {7: compact.struct({1: int32(len(entries)), 2: int32(PLAIN)})}
        dictionary, whole = _page(
            _DICTIONARY_PAGE, described, _plain(leaf.physical, list(entries)), compressor
        )
        data = levels + bytes([width]) + _packed([places[value] for value in values], width)
        encoding = DICTIONARY
    else:
        dictionary, whole, encoding = b"", 0, PLAIN
        data = levels + _plain(leaf.physical, values)
    described = {5: compact.struct({1: int32(count), 2: int32(encoding), 3: int32(RLE), 4: int32(RLE)})}
    page, size = _page(_DATA_PAGE, described, data, compressor)
    statistics = _statistics(leaf, values, missing=count - len(values))
    return Chunk(dictionary + page, count, whole + size, len(dictionary), statistics)


def _page(
    kind: int, described: dict[int, Encoded], data: bytes, compressor: zstandard.ZstdCompressor
) -> tuple[bytes, int]:
    """A page with its header, and how long it would be uncompressed."""
    body = compressor.compress(data)
    header = compact.struct({1: int32(kind), 2: int32(len(data)), 3: int32(len(body)), **described}).data
    return header + body, len(header) + len(data)


def _levels(levels: Sequence[int], highest: int) -> bytes:
    if not highest:
        return b""
    packed = _packed(levels, highest.bit_length())
    return struct.pack("<I", len(packed)) + packed


def _packed(numbers: Sequence[int], width: int) -> bytes:
    """One run: of a number that repeats, or of packed numbers, in groups of eight."""
    if not numbers:
        return b""
    if numbers.count(numbers[0]) == len(numbers):
        return compact.varint(len(numbers) << 1) + numbers[0].to_bytes(-(-width // 8), "little")
    groups = -(-len(numbers) // 8)
    padded = [*numbers, *[0] * (groups * 8 - len(numbers))]
    return compact.varint(groups << 1 | 1) + _bits(padded, width)


def _bits(numbers: Sequence[int], width: int) -> bytes:
    """Numbers of so many bits, the first in the lowest."""
    if width == 16:
        return struct.pack(f"<{len(numbers)}H", *numbers)
    if width == 8:
        return bytes(numbers)
    digits = bytes(reversed(numbers)).translate(_DIGITS)
    return int(digits, 1 << width).to_bytes(len(numbers) * width // 8, "little")


def _stored(physical: Physical, values: Sequence[Any]) -> Sequence[Any]:
    return [value.encode(errors="replace") for value in values] if physical is Physical.BYTES else values


def _plain(physical: Physical, values: Sequence[Any]) -> bytes:
    if physical is Physical.BYTES:
        length = struct.Struct("<I").pack
        return b"".join([piece for value in values for piece in (length(len(value)), value)])
    return struct.pack(f"<{len(values)}{'q' if physical is Physical.INT64 else 'd'}", *values)


def _statistics(leaf: Leaf, values: Sequence[Any], *, missing: int) -> Encoded:
    """What lets a reader skip the group: the greatest value, the least one, and how many are not there."""
    told = {3: int64(missing)}
    if values and leaf.physical is not Physical.DOUBLE:
        bounds = _plain_bounds(leaf.physical, min(values), max(values))
        if max(map(len, bounds)) <= LONGEST_BOUND:
            told |= {5: compact.binary(bounds[1]), 6: compact.binary(bounds[0])}
    return compact.struct(told)


def _plain_bounds(physical: Physical, least: Any, greatest: Any) -> tuple[bytes, bytes]:
    if physical is Physical.BYTES:
        return least, greatest
    return struct.pack("<q", least), struct.pack("<q", greatest)
