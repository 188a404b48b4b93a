"""A file: groups of rows one after the other, and at the end where everything lies. Pure.

What is kept until the end is the footer's line for each group, less than a hundred bytes a column.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import zstandard

from openpanel_api.parquet import compact, pages
from openpanel_api.parquet.columns import Column, Leaf, leaves, schema
from openpanel_api.parquet.compact import Encoded, int32, int64
from openpanel_api.parquet.pages import Chunk

MAGIC: Final = b"PAR1"
VERSION: Final = 2
WRITTEN_BY: Final = "openpanel"
_BY_VALUE: Final = compact.struct({1: compact.struct({})})  # how values are ordered: as their type says


class File:
    """A file in the making. What its methods answer, one after the other, is its content."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self._columns = [(column, leaves(column)) for column in columns]
        self._compressor = zstandard.ZstdCompressor(level=pages.LEVEL)
        self._groups: list[Encoded] = []
        self._rows = 0
        self._size = 0

    def head(self) -> bytes:
        """What comes first."""
        self._size = len(MAGIC)
        return MAGIC

    def group(self, values: Mapping[str, Sequence[Any]], *, rows: int) -> bytes:
        """A group of rows, of each column its values."""
        pieces, described, size, start = [], [], 0, self._size
        for column, parts in self._columns:
            for leaf in parts:
                chunk = pages.chunk(leaf, values[column.name], compressor=self._compressor)
                described.append(_described(leaf, chunk, at=self._size))
                pieces.append(chunk.data)
                self._size += len(chunk.data)
                size += chunk.uncompressed
        self._rows += rows
        written = self._size - start
        group = {1: compact.sequence(described), 2: int64(size), 3: int64(rows)}
        self._groups.append(compact.struct({**group, 5: int64(start), 6: int64(written)}))
        return b"".join(pieces)

    def tail(self) -> bytes:
        """What comes last."""
        groups = compact.sequence(self._groups) if self._groups else Encoded(9, b"\x0c")
        orders = [_BY_VALUE for _, parts in self._columns for _ in parts]
        footer = compact.struct(
            {
                1: int32(VERSION),
                2: schema([column for column, _ in self._columns]),
                3: int64(self._rows),
                4: groups,
                6: compact.text(WRITTEN_BY),
                7: compact.sequence(orders),
            }
        ).data
        return footer + len(footer).to_bytes(4, "little") + MAGIC


def _described(leaf: Leaf, chunk: Chunk, *, at: int) -> Encoded:
    """What the footer says of a chunk that begins there."""
    encodings = (pages.PLAIN, pages.RLE, *((pages.DICTIONARY,) if chunk.first_page else ()))
    described = {
        1: int32(leaf.physical.value),
        2: compact.sequence([int32(encoding) for encoding in encodings]),
        3: compact.sequence([compact.text(name) for name in leaf.path]),
        4: int32(pages.ZSTD),
        5: int64(chunk.values),
        6: int64(chunk.uncompressed),
        7: int64(len(chunk.data)),
        9: int64(at + chunk.first_page),
        **({11: int64(at)} if chunk.first_page else {}),
        12: chunk.statistics,
    }
    return compact.struct({2: int64(0), 3: compact.struct(described)})
