"""Maintenance windows: whether one is open, until when, and when the next opens, against a clock that walks."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openpanel.tenancy.fields import span
from openpanel_operator.resources.maintenance import Maintenance
from openpanel_operator.windows import DAYS, Opening, opening

MINUTE = timedelta(minutes=1)
ZONES = (
    "UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "America/Santiago",
    "Africa/Cairo", "Europe/Dublin", "Pacific/Kiritimati",
)  # fmt: skip
CHANGES = [  # days around which some of these zones change their clocks
    datetime(2026, 3, 8, tzinfo=UTC), datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 4, 5, tzinfo=UTC),
    datetime(2026, 4, 24, tzinfo=UTC), datetime(2026, 9, 6, tzinfo=UTC), datetime(2026, 10, 4, tzinfo=UTC),
    datetime(2026, 10, 25, tzinfo=UTC), datetime(2026, 10, 30, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC),
]  # fmt: skip


def maintenance(*windows: dict[str, object], zone: str = "UTC") -> Maintenance:
    return Maintenance.model_validate({"timeZone": zone, "windows": list(windows)})


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def begins(spec: Maintenance, first: datetime, last: datetime) -> Iterator[tuple[datetime, timedelta]]:
    """When each window opens, and for how long, by looking at the clock of the zone every minute."""
    zone = ZoneInfo(spec.time_zone)
    expected = first.astimezone(zone).replace(tzinfo=None)
    minute = first
    while minute < last:
        local = minute.astimezone(zone)
        shown = local.replace(tzinfo=None, fold=0)
        skipped = shown - expected if shown > expected else timedelta(0)
        for window in spec.windows:
            hour, minutes = (int(part) for part in window.start.split(":"))
            # What the clock shows now, and what it would have shown while it jumped.
            for day in {shown.date(), expected.date()}:
                start = datetime.combine(day, datetime.min.time()) + timedelta(hours=hour, minutes=minutes)
                if window.days and DAYS[day.weekday()] not in window.days:
                    continue
                if start == shown and not local.fold:
                    yield minute, span(window.duration)
                elif expected <= start < expected + skipped:
                    yield minute + (start - expected), span(window.duration)
        expected = shown + MINUTE
        minute += MINUTE


def walked(spec: Maintenance, now: datetime) -> tuple[bool, datetime | None]:
    """Whether a window is open, and when that changes, minute by minute; None: not within a week."""
    first, last = now - timedelta(days=3), now + timedelta(days=8)
    spans = list(begins(spec, first, last))

    def is_open(minute: datetime) -> bool:
        return any(opens <= minute < opens + lasts for opens, lasts in spans)

    state, minute = is_open(now), now
    while minute < now + timedelta(days=7) + timedelta(hours=2):
        if is_open(minute) != state:
            return state, minute
        minute += MINUTE
    return state, None


windows = st.fixed_dictionaries(
    {
        "days": st.lists(st.sampled_from(DAYS), unique=True, max_size=3),
        "start": st.builds("{:02}:{:02}".format, st.sampled_from([0, 1, 2, 3, 12, 23]), st.sampled_from([0, 15, 30, 59])),
        "duration": st.sampled_from(["10m", "45m", "2h", "3h30m", "12h", "23h59m", "24h"]),
    }
)  # fmt: skip
moments = st.builds(
    lambda day, minutes: day + timedelta(minutes=minutes),
    st.sampled_from(CHANGES),
    st.integers(-3 * 1440, 3 * 1440),
)


@settings(max_examples=12, deadline=None)
@given(found=st.lists(windows, min_size=1, max_size=3), zone=st.sampled_from(ZONES), now=moments)
def test_a_clock_that_walks_says_the_same(found: list[dict[str, object]], zone: str, now: datetime) -> None:
    spec = maintenance(*found, zone=zone)

    said = opening(spec, now=now)

    is_open, changes_at = walked(spec, now)
    assert said is not None
    assert said.is_open == is_open
    if changes_at is None:
        assert said.changes_at > now + timedelta(days=7)
    else:
        assert said.changes_at == changes_at


@settings(max_examples=60, deadline=None)
@given(found=st.lists(windows, min_size=1, max_size=3), zone=st.sampled_from(ZONES), now=moments)
def test_what_is_said_of_a_change_is_so_when_it_comes(
    found: list[dict[str, object]], zone: str, now: datetime
) -> None:
    spec = maintenance(*found, zone=zone)

    said = opening(spec, now=now)

    assert said is not None
    assert said.changes_at > now
    before, after = opening(spec, now=said.changes_at - MINUTE / 60), opening(spec, now=said.changes_at)
    assert before is not None
    assert before.is_open == said.is_open
    assert after is not None
    assert after.is_open != said.is_open or said.changes_at > now + timedelta(days=7)


def test_without_windows_nothing_waits() -> None:
    assert opening(maintenance(), now=at("2026-03-01T12:00Z")) is None


SATURDAY = {"days": ["Saturday"], "start": "22:00", "duration": "4h"}
NIGHTLY = {"start": "02:30", "duration": "1h"}


@pytest.mark.parametrize(
    ("window", "zone", "now", "is_open", "changes_at"),
    [
        pytest.param(SATURDAY, "UTC", "2026-11-22T01:59Z", True, "2026-11-22T02:00Z", id="over midnight"),
        pytest.param(SATURDAY, "UTC", "2026-11-22T02:00Z", False, "2026-11-28T22:00Z", id="closed to the second"),
        pytest.param(SATURDAY, "UTC", "2026-11-21T22:00Z", True, "2026-11-22T02:00Z", id="open to the second"),
        pytest.param(SATURDAY, "Asia/Seoul", "2026-11-21T13:30Z", True, "2026-11-21T17:00Z", id="another zone"),
        pytest.param(NIGHTLY, "Europe/Berlin", "2026-03-29T01:29Z", False, "2026-03-29T01:30Z", id="start that is skipped"),
        pytest.param(NIGHTLY, "Europe/Berlin", "2026-10-25T00:29Z", False, "2026-10-25T00:30Z", id="start that comes twice"),
        pytest.param(NIGHTLY, "Europe/Berlin", "2026-10-25T01:30Z", False, "2026-10-26T01:30Z", id="not the second of the two"),
    ],
)  # fmt: skip
def test_windows_by_example(
    window: dict[str, object], zone: str, now: str, is_open: bool, changes_at: str
) -> None:
    assert opening(maintenance(window, zone=zone), now=at(now)) == Opening(is_open, at(changes_at))


def test_windows_that_follow_one_another_are_one() -> None:
    spec = maintenance(
        {"start": "22:00", "duration": "2h", "days": ["Friday"]},
        {"start": "00:00", "duration": "2h", "days": ["Saturday"]},
        {"start": "01:00", "duration": "2h", "days": ["Saturday"]},
    )

    assert opening(spec, now=at("2026-11-20T23:00Z")) == Opening(True, at("2026-11-21T03:00Z"))
