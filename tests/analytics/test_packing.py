"""Rows come back as they went, and bytes that are none are refused."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from openpanel.analytics.packing import Unpackable, pack, unpack

PLAIN = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(min_value=-(2**256), max_value=2**256),
    st.floats(allow_nan=False),
    st.text(alphabet=st.characters(exclude_categories=["Cs"])),
    st.binary(),
    st.dates(),
    st.datetimes(),
    st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=9))])),
)
TEXTS = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=3)
VALUES = st.recursive(
    PLAIN,
    lambda inner: (
        st.lists(inner, max_size=3) | st.tuples(inner, inner) | st.dictionaries(TEXTS, inner, max_size=3)
    ),
    max_leaves=8,
)  # fmt: skip


@given(rows=st.lists(st.tuples(PLAIN, VALUES), max_size=4))
def test_rows_come_back_as_they_went(rows: list[tuple[object, ...]]) -> None:
    found = unpack(pack(rows))

    assert found == rows
    assert [[type(value) for value in row] for row in found] == [
        [type(value) for value in row] for row in rows
    ]


@pytest.mark.parametrize("value", [object(), {1, 2}, "\ud800"], ids=["object", "set", "lone surrogate"])
def test_value_that_cannot_be_kept_is_refused(value: object) -> None:
    with pytest.raises(Unpackable):
        pack([(value,)])


@pytest.mark.parametrize(
    "spoilt",
    [
        b"",
        b"noise",
        zstandard.compress(b"\xc1"),
        zstandard.compress(b"\x01"),
        pack([(date(2026, 1, 1), datetime(2026, 1, 1, tzinfo=UTC))])[:-4],
        zstandard.compress(b"\x91\x91\xd4\x09\x00"),
        zstandard.compress(b"\x91\x91\xd4\x02\x00"),
    ],
    ids=["nothing", "noise", "no msgpack", "no rows", "cut off", "unknown kind", "no day"],
)
def test_bytes_that_are_no_rows_are_refused(spoilt: bytes) -> None:
    with pytest.raises(Unpackable):
        unpack(spoilt)
