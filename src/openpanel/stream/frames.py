"""The frame of a stream entry: version byte, number of messages, zstd of a msgpack list of placed envelopes.

The types of what travels are exported from here too. `encode` is called once per group commit by the API,
`decode` once per entry by the worker. Knows no Redis.
"""

import threading
from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec
import zstandard

from openpanel.stream.errors import BadFrame, CommitRefused, Overloaded
from openpanel.stream.messages import (
    MAX_APPEND_MESSAGES,
    Append,
    Envelope,
    Flag,
    Item,
    Kind,
    Resolved,
    Run,
    RunMode,
)

__all__ = [
    "MAX_APPEND_MESSAGES",
    "Append",
    "BadFrame",
    "CommitRefused",
    "Envelope",
    "Flag",
    "Item",
    "Kind",
    "Overloaded",
    "Placed",
    "Resolved",
    "Run",
    "RunMode",
    "Spoiled",
    "decode",
    "encode",
]

VERSION: Final = 1
ZSTD_LEVEL: Final = 1
MAX_UNPACKED_BYTES: Final = 256 * 1024 * 1024  # many times what one commit can hold

_encoder: Final = msgspec.msgpack.Encoder()


class Placed(NamedTuple):
    """An envelope and where its runs and messages stand among those of its entry."""

    first_run: int
    first_message: int
    envelope: Envelope


class Spoiled(NamedTuple):
    """One envelope of a readable frame that cannot be read itself."""

    place: int
    body: bytes
    reason: str


class _Zstd(threading.local):
    """Contexts to use again: making them costs more than a small frame, and they belong to one thread."""

    def __init__(self) -> None:
        self.compressor = zstandard.ZstdCompressor(level=ZSTD_LEVEL)
        self.decompressor = zstandard.ZstdDecompressor()


_zstd: Final = _Zstd()
_decoder: Final = msgspec.msgpack.Decoder(list[Placed])
_raw_decoder: Final = msgspec.msgpack.Decoder(list[msgspec.Raw])
_one_decoder: Final = msgspec.msgpack.Decoder(Placed)


def encode(placed: Sequence[tuple[int, int, Envelope]], *, messages: int) -> bytes:
    """The frame that holds these envelopes, each with the numbers of its first run and first message."""
    return bytes((VERSION,)) + _varint(messages) + _zstd.compressor.compress(_encoder.encode(placed))


def decode(frame: bytes) -> tuple[list[Placed], list[Spoiled]]:
    """The envelopes of a frame, and those among them that cannot be read; raises BadFrame when none can."""
    packed = _unpack(frame)
    try:
        return _decoder.decode(packed), []
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _narrow(packed)


def _unpack(frame: bytes) -> bytes:
    if not frame or frame[0] != VERSION:
        raise BadFrame(f"version {frame[0] if frame else 'missing'}, only {VERSION} is known")
    start = _end_of_varint(frame)
    compressed = memoryview(frame)[start:]
    try:
        if not 0 <= zstandard.frame_content_size(compressed) <= MAX_UNPACKED_BYTES:
            raise BadFrame("unpacked size is missing or beyond the limit")
        return _zstd.decompressor.decompress(compressed)
    except zstandard.ZstdError as error:
        raise BadFrame(f"zstd: {error}") from error


def _narrow(packed: bytes) -> tuple[list[Placed], list[Spoiled]]:
    try:
        rows = _raw_decoder.decode(packed)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadFrame(f"msgpack: {error}") from error
    good: list[Placed] = []
    bad: list[Spoiled] = []
    for place, row in enumerate(rows):
        try:
            good.append(_one_decoder.decode(row))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            bad.append(Spoiled(place, bytes(row), f"msgpack: {error}"))
    return good, bad


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _end_of_varint(frame: bytes) -> int:
    for index in range(1, min(len(frame), 11)):
        if frame[index] < 0x80:
            return index + 1
    raise BadFrame("the count does not end")
