"""Times are read as JavaScript reads them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openpanel.wire.moments import to_ms


@pytest.mark.parametrize(
    ("value", "ms"),
    [
        ("2026-01-02T03:04:05.678Z", 1_767_323_045_678),
        ("2026-01-02T03:04:05+01:00", 1_767_319_445_000),
        ("2026-01-02T03:04:05", 1_767_323_045_000),
        ("2026-01-02", 1_767_312_000_000),
        (" 2026-01-02 ", 1_767_312_000_000),
        ("Fri, 02 Jan 2026 03:04:05 GMT", 1_767_323_045_000),
        ("1969-12-31T23:59:59Z", -1_000),
        (1_767_323_045_678, 1_767_323_045_678),
        (1_767_323_045_678.9, 1_767_323_045_678),
        (0, 0),
        ("soon", None),
        ("", None),
        ("1767323045678", None),
        ("9999-99-99", None),
        ("x" * 1_000, None),
        (True, None),
        (None, None),
        ([], None),
        (math.inf, None),
        (math.nan, None),
        (10**20, None),
        (10**400, None),
        (-(10**400), None),
        ("Fri, 99 Jan 99999 99:99:99 +9999", None),
    ],
)
def test_moment(value: object, ms: int | None) -> None:
    assert to_ms(value) == ms


@given(st.text(max_size=70) | st.floats() | st.integers())
def test_no_value_is_too_odd(value: object) -> None:
    found = to_ms(value)

    assert found is None or isinstance(found, int)
