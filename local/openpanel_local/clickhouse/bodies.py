"""Content encodings in both directions, piece by piece: what a client sends, and what it accepts.

Every decoder takes documents that follow one another (clickhouse-connect sends one lz4 frame per block).
"""

import zlib
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import brotli
import lz4.frame
import zstandard

from openpanel_local.clickhouse import errors

# Small enough that what a tiny input unpacks to stays in bounds: zstd makes 128 KiB of 4 bytes.
_FEED = 4 * 1024
_ZSTD_LEVEL, _GZIP_LEVEL, _BROTLI_QUALITY = 1, 3, 3  # the network here is the loopback
_GZIP_WINDOW = 16 + zlib.MAX_WBITS
# From most to least preferred by what they cost here, not by how small they get.
_PREFERENCE = ("lz4", "zstd", "gzip", "deflate", "br")


class _Unpacker(Protocol):
    """One document: `eof` when it is over, the bytes after it in `unused_data`."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes | None: ...
    def decompress(self, data: bytes, /) -> bytes: ...


class Encoder(Protocol):
    """Packs an answer in pieces."""

    def pack(self, data: bytes) -> bytes:
        """The packed bytes so far; may be empty."""
        ...

    def finish(self) -> bytes:
        """The rest."""
        ...


class _Brotli:
    eof = False
    unused_data = b""

    def __init__(self) -> None:
        self._unpacker = brotli.Decompressor()

    def decompress(self, data: bytes, /) -> bytes:
        return bytes(self._unpacker.process(data))


_UNPACKERS: dict[str, Callable[[], _Unpacker]] = {
    "lz4": lz4.frame.LZ4FrameDecompressor,
    "zstd": lambda: zstandard.ZstdDecompressor().decompressobj(),
    "gzip": lambda: zlib.decompressobj(_GZIP_WINDOW),
    "deflate": zlib.decompressobj,
    "br": _Brotli,
}
_BROKEN = (RuntimeError, zlib.error, zstandard.ZstdError, brotli.error)


class Decoder:
    """The bytes behind a content encoding; '' and 'identity' pass through."""

    def __init__(self, encoding: str) -> None:
        name = encoding.strip().lower()
        if name and name not in {"identity", *_UNPACKERS}:
            raise errors.refusal(errors.NOT_IMPLEMENTED, f"Content-Encoding {name[:40]!r} is not supported")
        self._new = _UNPACKERS.get(name)
        self._unpacker: _Unpacker | None = None

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What `data` unpacks to, in pieces."""
        if self._new is None:
            if data:
                yield data
            return
        for start in range(0, len(data), _FEED):
            yield from self._unpack(data[start : start + _FEED])

    def finish(self) -> None:
        """Refuse a body that ends in the middle of a document."""
        if self._unpacker is not None and not isinstance(self._unpacker, _Brotli):
            raise errors.refusal(
                errors.CANNOT_DECOMPRESS, "the request body ends in the middle of compressed data"
            )

    def _unpack(self, data: bytes) -> Iterator[bytes]:
        while data:
            if self._unpacker is None and self._new is not None:
                self._unpacker = self._new()
            assert self._unpacker is not None
            try:
                piece = self._unpacker.decompress(data)
            except _BROKEN as error:
                message = f"the request body is not what its Content-Encoding says: {error}"
                raise errors.refusal(errors.CANNOT_DECOMPRESS, message) from error
            if piece:
                yield piece
            if not self._unpacker.eof:
                return
            data = self._unpacker.unused_data or b""
            self._unpacker = None


class _Identity:
    def pack(self, data: bytes) -> bytes:
        return data

    def finish(self) -> bytes:
        return b""


class _Lz4:
    def __init__(self) -> None:
        new: Any = lz4.frame.LZ4FrameCompressor  # ships without types
        self._frame = new()
        self._pending: bytes = self._frame.begin()

    def pack(self, data: bytes) -> bytes:
        packed = self._pending + self._frame.compress(data)
        self._pending = b""
        return bytes(packed)

    def finish(self) -> bytes:
        return bytes(self._pending + self._frame.flush())


class _Zlib:
    def __init__(self, window: int) -> None:
        self._packer = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, window)

    def pack(self, data: bytes) -> bytes:
        return self._packer.compress(data)

    def finish(self) -> bytes:
        return self._packer.flush()


class _Zstd:
    def __init__(self) -> None:
        self._packer = zstandard.ZstdCompressor(level=_ZSTD_LEVEL).compressobj()

    def pack(self, data: bytes) -> bytes:
        return self._packer.compress(data)

    def finish(self) -> bytes:
        return self._packer.flush()


class _BrotliEncoder:
    def __init__(self) -> None:
        self._packer = brotli.Compressor(quality=_BROTLI_QUALITY)

    def pack(self, data: bytes) -> bytes:
        return bytes(self._packer.process(data))

    def finish(self) -> bytes:
        return bytes(self._packer.finish())


_ENCODERS: dict[str, Callable[[], Encoder]] = {
    "": _Identity,
    "lz4": _Lz4,
    "zstd": _Zstd,
    "gzip": lambda: _Zlib(_GZIP_WINDOW),
    "deflate": lambda: _Zlib(zlib.MAX_WBITS),
    "br": _BrotliEncoder,
}


def encoder(name: str) -> Encoder:
    """An encoder of the encoding that `accepted` chose."""
    return _ENCODERS[name]()


def accepted(header: str) -> str:
    """The encoding to answer with, from an `Accept-Encoding` header; '': none."""
    offered = set()
    for part in header.lower().split(","):
        name, _, weight = part.partition(";")
        if weight.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}:
            offered.add(name.strip())
    return next((name for name in _PREFERENCE if name in offered), "")
