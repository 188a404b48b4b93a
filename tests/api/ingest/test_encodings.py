"""Packed bodies come out as they went in, and bombs do not come out at all."""

import gzip
import tracemalloc
import zlib
from collections.abc import Callable

import brotli
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from openpanel.wire.refusals import BadEncoding, BodyTooLarge, Refusal, UnsupportedMedia
from openpanel_api.ingest.encodings import unpack

LIMIT = 1_000_000


def raw_deflate(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(body) + packer.flush()


def streamed_zstd(body: bytes) -> bytes:
    """Without the size of the content in its frame."""
    packer = zstandard.ZstdCompressor(write_content_size=False).compressobj()
    return packer.compress(body) + packer.flush()


PACKERS = [
    pytest.param("gzip", gzip.compress, id="gzip"),
    pytest.param("deflate", zlib.compress, id="deflate"),
    pytest.param("deflate", raw_deflate, id="raw deflate"),
    pytest.param("zstd", zstandard.compress, id="zstd"),
    pytest.param("zstd", streamed_zstd, id="streamed zstd"),
    pytest.param("br", brotli.compress, id="br"),
]


@pytest.mark.parametrize(("encoding", "pack"), PACKERS)
@pytest.mark.parametrize("body", [b"", b"{}", b'{"type":"track"}' * 5_000, b"x" * LIMIT])
def test_body_comes_out_as_it_went_in(encoding: str, pack: Callable[[bytes], bytes], body: bytes) -> None:
    assert unpack(encoding, pack(body), limit=LIMIT) == body


@pytest.mark.parametrize(("encoding", "pack"), PACKERS)
def test_one_byte_too_many_is_refused(encoding: str, pack: Callable[[bytes], bytes]) -> None:
    with pytest.raises(BodyTooLarge):
        unpack(encoding, pack(b"x" * (LIMIT + 1)), limit=LIMIT)


@pytest.mark.parametrize(("encoding", "pack"), PACKERS)
def test_bomb_costs_no_memory(encoding: str, pack: Callable[[bytes], bytes]) -> None:
    bomb = pack(b"\0" * 30_000_000)

    tracemalloc.start()
    with pytest.raises(BodyTooLarge):
        unpack(encoding, bomb, limit=LIMIT)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 10 * LIMIT


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd", "br"])
@pytest.mark.parametrize("body", [b'{"type":"track"}', b"\xff\xfe", b"\x1f\x8b", b"x" * 1_000])
def test_body_of_another_form_is_refused(encoding: str, body: bytes) -> None:
    with pytest.raises(BadEncoding, match=f"not valid {encoding}"):
        unpack(encoding, body, limit=LIMIT)


@pytest.mark.parametrize(("encoding", "pack"), [one for one in PACKERS if one.values[0] != "zstd"])
def test_body_that_was_cut_off_is_refused(encoding: str, pack: Callable[[bytes], bytes]) -> None:
    with pytest.raises(BadEncoding):
        unpack(encoding, pack(b'{"type":"track"}' * 100)[:-3], limit=LIMIT)


@pytest.mark.parametrize("encoding", ["gzip, br", "snappy", "x"])
def test_other_encodings_are_refused(encoding: str) -> None:
    with pytest.raises(UnsupportedMedia, match="gzip, deflate, zstd, br"):
        unpack(encoding, b"", limit=LIMIT)


@given(st.sampled_from(["gzip", "deflate", "zstd", "br"]), st.binary(max_size=300))
def test_any_bytes_are_unpacked_or_refused(encoding: str, body: bytes) -> None:
    try:
        unpacked = unpack(encoding, body, limit=LIMIT)
    except Refusal:
        return
    assert len(unpacked) <= LIMIT
