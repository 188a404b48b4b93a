"""Frames: what is encoded is decoded, and whatever else comes is refused with a reason."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openpanel.stream import frames
from openpanel.stream.errors import BadFrame
from openpanel.stream.frames import Envelope, Item
from tests.stream.builders import a_run, an_envelope

numbers = st.integers(min_value=0, max_value=2**64 - 1)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
items = st.builds(
    Item,
    kind=st.integers(1, 10),
    index=st.integers(-1, 1000),
    at_ms=numbers,
    flags=st.integers(0, 31),
    run=st.integers(-1, 50),
    device=numbers,
    device_ref=texts,
)
envelopes = st.builds(
    Envelope,
    project=texts,
    client=texts,
    received_ms=numbers,
    ip=texts,
    user_agent=texts,
    origin=texts,
    sdk_name=texts,
    sdk_version=texts,
    body=st.binary(max_size=200),
    items=st.lists(items, max_size=4),
)


@given(st.lists(st.tuples(st.integers(0, 9_999), st.integers(0, 9_999), envelopes), max_size=5))
def test_decoding_gives_back_what_was_encoded(placed: list[tuple[int, int, Envelope]]) -> None:
    decoded, spoiled = frames.decode(frames.encode(placed, messages=300))

    assert [tuple(one) for one in decoded] == placed
    assert spoiled == []


@given(st.binary(max_size=200))
def test_noise_is_a_bad_frame(noise: bytes) -> None:
    with pytest.raises(BadFrame):
        frames.decode(noise)


@given(st.data())
def test_damaged_frame_never_ends_in_another_error(data: st.DataObject) -> None:
    frame = bytearray(frames.encode([(0, 0, an_envelope([a_run()]))], messages=1))
    place = data.draw(st.integers(0, len(frame) - 1))
    frame[place] ^= data.draw(st.integers(1, 255))

    with contextlib.suppress(BadFrame):
        frames.decode(bytes(frame[: data.draw(st.integers(place, len(frame)))]))
