"""Bounds: a day is the whole day of the project's zone, a second the whole second, and both ends belong to it."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openpanel_api.public.errors import BadRequest
from openpanel_api.public.moments import EXPECTED, FIRST, LAST, beginning, ending

SEOUL = "Asia/Seoul"  # nine hours ahead, no summer time
BERLIN = "Europe/Berlin"

BOUNDS = [
    # text, zone, first moment of a start, first moment after an end
    ("2026-03-01", "UTC", "2026-03-01T00:00:00", "2026-03-02T00:00:00"),
    ("2026-03-01", SEOUL, "2026-02-28T15:00:00", "2026-03-01T15:00:00"),
    ("2026-03-29", BERLIN, "2026-03-28T23:00:00", "2026-03-29T22:00:00"),  # a day of 23 hours
    ("2026-03-01T10:00:00Z", SEOUL, "2026-03-01T10:00:00", "2026-03-01T10:00:01"),
    ("2026-03-01T10:00:00", SEOUL, "2026-03-01T01:00:00", "2026-03-01T01:00:01"),
    ("2026-03-01 10:00", "UTC", "2026-03-01T10:00:00", "2026-03-01T10:01:00"),
    ("2026-03-01 23:59:59", SEOUL, "2026-03-01T14:59:59", "2026-03-01T15:00:00"),
    ("2026-03-01 23:59:59.999", SEOUL, "2026-03-01T14:59:59.999", "2026-03-01T15:00:00"),
    ("2026-03-01T10:00:00.250+02:00", "UTC", "2026-03-01T08:00:00.250", "2026-03-01T08:00:00.251"),
    (" 2026-03-01 ", "UTC", "2026-03-01T00:00:00", "2026-03-02T00:00:00"),
]


@pytest.mark.parametrize(
    ("text", "zone", "start", "end"), BOUNDS, ids=[f"{case[0]}-{case[1]}" for case in BOUNDS]
)
def test_a_bound_is_exact(text: str, zone: str, start: str, end: str) -> None:
    assert beginning(text, name="start", timezone=zone) == _utc(start)
    assert ending(text, name="end", timezone=zone) == _utc(end)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2026-3-1",
        "2026-02-30",
        "2026-03-01T25:00",
        "2026-03-01T10",
        "1772359200",
        "2026-03-01T10:00:00 02:00",
    ],
)
def test_anything_else_is_refused_by_name(text: str) -> None:
    with pytest.raises(BadRequest) as refused:
        beginning(text, name="start", timezone="UTC")

    assert refused.value.message == f"start: {EXPECTED}"


@given(
    st.one_of(
        st.text(max_size=40),
        st.from_regex(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2})?(Z|[+-]\d{2}:\d{2})?)?", fullmatch=True),
    )
)
def test_every_text_is_a_storable_moment_or_refused(text: str) -> None:
    for bound in (beginning, ending):
        try:
            moment = bound(text, name="end", timezone="America/St_Johns")
        except BadRequest:
            continue
        assert FIRST <= moment <= LAST


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
