"""Packed bodies: gzip, deflate, zstd and br, unpacked up to a limit and never further.

Each unpacker is asked for one byte more than allowed, so that a bomb costs no more than the largest honest body.
"""

import zlib
from collections.abc import Callable
from typing import Final

import brotli
import zstandard

from openpanel.wire.refusals import BadEncoding, BodyTooLarge, UnsupportedMedia

ZSTD_WINDOW_BYTES: Final = 8 * 1024 * 1024  # what RFC 8878 asks decoders to support
_GZIP: Final = 31  # zlib's window bits for a gzip frame
_ZLIB: Final = 15
_RAW_DEFLATE: Final = -15


def unpack(encoding: str, body: bytes, *, limit: int) -> bytes:
    """The body as it was before `Content-Encoding` was applied."""
    unpacker = UNPACKERS.get(encoding)
    if unpacker is None:
        supported = ", ".join(UNPACKERS)
        raise UnsupportedMedia(f"Content-Encoding must be one of {supported}")
    try:
        unpacked = unpacker(body, limit + 1)
    except (zlib.error, zstandard.ZstdError, brotli.error, EOFError):
        raise BadEncoding(f"Body is not valid {encoding}") from None
    if len(unpacked) > limit:
        raise BodyTooLarge
    return unpacked


def _gzip(body: bytes, size: int) -> bytes:
    return _inflate(body, size, _GZIP)


def _deflate(body: bytes, size: int) -> bytes:
    # The name means zlib's frame; some senders leave the frame out, as browsers once did.
    framed = len(body) > 1 and body[0] & 0x0F == 8 and int.from_bytes(body[:2], "big") % 31 == 0
    return _inflate(body, size, _ZLIB if framed else _RAW_DEFLATE)


def _inflate(body: bytes, size: int, window_bits: int) -> bytes:
    unpacker = zlib.decompressobj(window_bits)
    unpacked = unpacker.decompress(body, size)
    if len(unpacked) < size and (not unpacker.eof or unpacker.unused_data):
        raise EOFError
    return unpacked


def _zstd(body: bytes, size: int) -> bytes:
    with zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW_BYTES).stream_reader(body) as reader:
        return reader.read(size)


def _brotli(body: bytes, size: int) -> bytes:
    unpacker = brotli.Decompressor()
    unpacked: bytes = unpacker.process(body, output_buffer_limit=size)
    if len(unpacked) < size and not unpacker.is_finished():
        raise EOFError
    return unpacked


UNPACKERS: Final[dict[str, Callable[[bytes, int], bytes]]] = {
    "gzip": _gzip,
    "deflate": _deflate,
    "zstd": _zstd,
    "br": _brotli,
}
