"""Bodies in pieces: whatever is packed is unpacked, however it is cut; limits hold."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openpanel_local.clickhouse import bodies, errors
from openpanel_local.clickhouse.exchange import Body
from openpanel_local.clickhouse.running import ClientGoneError

ENCODINGS = ["", "lz4", "zstd", "gzip", "deflate", "br"]


@pytest.mark.parametrize("encoding", ENCODINGS)
@given(documents=st.lists(st.binary(max_size=500), min_size=1, max_size=4), cut=st.integers(1, 50))
def test_any_cut_of_any_documents_unpacks(encoding: str, documents: list[bytes], cut: int) -> None:
    documents = documents[:1] if encoding == "br" else documents  # its documents cannot follow one another
    packed = b"".join(_packed(encoding, document) for document in documents)
    decoder = bodies.Decoder(encoding)

    unpacked = b"".join(b"".join(decoder.feed(packed[at : at + cut])) for at in range(0, len(packed), cut))
    decoder.finish()

    assert unpacked == b"".join(documents)


@pytest.mark.parametrize("encoding", ENCODINGS[1:])
@given(noise=st.binary(min_size=1, max_size=200))
def test_noise_is_refused_or_waits_for_more(encoding: str, noise: bytes) -> None:
    decoder = bodies.Decoder(encoding)

    codes = set()
    try:
        list(decoder.feed(noise))
    except errors.Refusal as refusal:
        codes = {refusal.code}

    assert codes <= {errors.CANNOT_DECOMPRESS}


@pytest.mark.parametrize(
    ("header", "chosen"),
    [
        ("", ""),
        ("identity", ""),
        ("gzip", "gzip"),
        ("lz4,zstd,gzip,deflate", "lz4"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("br;q=1.0, gzip;q=0", "br"),
        ("*", ""),
        ("ZSTD ; q=0.5", "zstd"),
    ],
)
def test_encoding_is_chosen_from_what_is_accepted(header: str, chosen: str) -> None:
    assert bodies.accepted(header) == chosen


async def test_small_body_that_unpacks_beyond_the_limit_is_refused() -> None:
    body = Body(
        _messages([_packed("gzip", b"\x00" * 100_000)]), bodies.Decoder("gzip"), limit=50_000, timeout_s=1
    )

    with pytest.raises(errors.Refusal) as refused:
        body.unpack(await body.packed())

    assert (refused.value.code, refused.value.status) == (229, 413)


async def test_client_that_stops_sending_is_given_up() -> None:
    async def never() -> dict[str, Any]:
        return await asyncio.Future()

    body = Body(never, bodies.Decoder(""), limit=10, timeout_s=0.01)

    with pytest.raises(errors.Refusal) as refused:
        await body.packed()

    assert refused.value.code == errors.SOCKET_TIMEOUT


async def test_client_that_goes_away_while_sending_is_noticed() -> None:
    body = Body(_messages([b"part"], then="http.disconnect"), bodies.Decoder(""), limit=10, timeout_s=1)

    with pytest.raises(ClientGoneError):
        await body.packed()


async def test_pieces_are_collected_to_a_worthwhile_size() -> None:
    body = Body(_messages([b"a"] * 10), bodies.Decoder(""), limit=100, timeout_s=1)

    assert [await body.packed(at_least=4), await body.packed(at_least=4), await body.packed(at_least=4)] == [
        b"aaaa",
        b"aaaa",
        b"aa",
    ]
    assert body.ended


def _packed(encoding: str, data: bytes) -> bytes:
    encoder = bodies.encoder(encoding)
    return encoder.pack(data) + encoder.finish()


def _messages(pieces: list[bytes], *, then: str = "") -> Callable[[], Any]:
    """An ASGI `receive` that gives the pieces, ending the body with the last unless something comes after it."""
    queue: list[dict[str, Any]] = [
        {"type": "http.request", "body": piece, "more_body": bool(then) or at + 1 < len(pieces)}
        for at, piece in enumerate(pieces)
    ]
    if then:
        queue.append({"type": then})

    async def receive() -> dict[str, Any]:
        return queue.pop(0)

    return receive
