"""Ranges, comparisons and buckets, around changes of the clock too. No store."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openpanel.analytics.periods import (
    BadRange,
    Comparison,
    Interval,
    Period,
    allowed_intervals,
    buckets,
    default_interval,
    previous,
    resolve,
)

NOW = datetime(2026, 11, 22, 14, 5, 33, tzinfo=UTC)  # a Sunday; 23:05 in Seoul
SEOUL = "Asia/Seoul"
NEW_YORK = "America/New_York"


def seoul(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+09:00")


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("30m", "2026-11-22T22:36", "2026-11-22T23:06"),
        ("1h", "2026-11-22T22:06", "2026-11-22T23:06"),
        ("24h", "2026-11-22T00:00", "2026-11-23T00:00"),
        ("today", "2026-11-22T00:00", "2026-11-23T00:00"),
        ("yesterday", "2026-11-21T00:00", "2026-11-22T00:00"),
        ("7d", "2026-11-16T00:00", "2026-11-23T00:00"),
        ("28d", "2026-10-26T00:00", "2026-11-23T00:00"),
        ("12m", "2025-12-01T00:00", "2026-12-01T00:00"),
        ("mtd", "2026-11-01T00:00", "2026-11-23T00:00"),
        ("qtd", "2026-10-01T00:00", "2026-11-23T00:00"),
        ("ytd", "2026-01-01T00:00", "2026-11-23T00:00"),
        ("last-week", "2026-11-09T00:00", "2026-11-16T00:00"),
        ("last-month", "2026-10-01T00:00", "2026-11-01T00:00"),
        ("last-year", "2025-01-01T00:00", "2026-01-01T00:00"),
        ("all", "2026-03-02T00:00", "2026-11-23T00:00"),
        ("2026-11-01..2026-11-21", "2026-11-01T00:00", "2026-11-22T00:00"),
        ("2026-11-01..2026-11-01", "2026-11-01T00:00", "2026-11-02T00:00"),
        ("2026-11-01T10:00..2026-11-01T10:59", "2026-11-01T10:00", "2026-11-01T11:00"),
        ("2026-11-01T10:00:05..2026-11-02", "2026-11-01T10:00:05", "2026-11-03T00:00"),
    ],
)
def test_range_names_this_stretch_of_time(text: str, start: str, end: str) -> None:
    earliest = seoul("2026-03-02T15:00")

    period = resolve(text, timezone=SEOUL, now=NOW, earliest=earliest)

    assert (period.start, period.end) == (seoul(start), seoul(end))
    assert period.running_until == (NOW if period.end > NOW else None)


@pytest.mark.parametrize(
    "text",
    ["", "0d", "d", "99999d", "3m", "5h", "tomorrow", "..", "2026-11-01..", "2026-11-21..2026-11-01", "2026-13-01..2027-01-01",
     "2026-11-23..2026-11-30", "2026-11-01T25:00..2026-11-02", "0000-00-00..2026-11-01", "9999-12-31..9999-12-31", "7d; DROP",
     "0001-01-02..0001-01-03", "1969-12-31..1970-01-02", "2026-11-01..2201-01-01"],
)  # fmt: skip
def test_other_text_is_refused_with_what_would_be_right(text: str) -> None:
    with pytest.raises(BadRange) as refused:
        resolve(text, timezone=SEOUL, now=NOW)

    assert refused.value.reason


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "../etc/passwd", "/etc/passwd", "Asia/Seoul\0"])
def test_unknown_time_zone_is_refused(name: str) -> None:
    with pytest.raises(BadRange):
        resolve("7d", timezone=name, now=NOW)


@pytest.mark.parametrize(
    ("text", "comparison", "start", "until"),
    [
        ("today", "prev", "2026-11-21T00:00", "2026-11-21T23:05:33"),
        ("today", "prev-weekday", "2026-11-15T00:00", "2026-11-15T23:05:33"),
        ("7d", "prev", "2026-11-09T00:00", "2026-11-15T23:05:33"),
        ("30d", "prev-weekday", "2026-09-19T00:00", "2026-10-18T23:05:33"),
        ("7d", "year", "2025-11-16T00:00", "2025-11-22T23:05:33"),
        ("7d", "year-weekday", "2025-11-17T00:00", "2025-11-23T23:05:33"),
        ("mtd", "prev", "2026-10-01T00:00", "2026-10-22T23:05:33"),
        ("qtd", "prev", "2026-07-01T00:00", "2026-08-22T23:05:33"),
        ("ytd", "prev", "2025-01-01T00:00", "2025-11-22T23:05:33"),
        ("12m", "prev", "2024-12-01T00:00", "2025-11-22T23:05:33"),
        ("24h", "prev", "2026-11-21T00:00", "2026-11-21T23:05:33"),
        ("last-month", "prev", "2026-09-01T00:00", "2026-10-01T00:00"),
        ("2026-11-01..2026-11-21", "prev", "2026-10-11T00:00", "2026-11-01T00:00"),
        ("2026-11-01T10:00..2026-11-01T10:59", "prev", "2026-11-01T09:00", "2026-11-01T10:00"),
    ],
)
def test_compared_period_has_run_as_long(text: str, comparison: Comparison, start: str, until: str) -> None:
    period = resolve(text, timezone=SEOUL, now=NOW)

    before = previous(period, timezone=SEOUL, comparison=comparison)

    assert (before.start, before.until) == (seoul(start), seoul(until))


@pytest.mark.parametrize(
    ("text", "start", "until"),
    [
        ("mtd", "2026-10-01T00:00", "2026-10-10T14:05"),
        ("qtd", "2026-07-01T00:00", "2026-08-10T14:05"),
        ("ytd", "2025-01-01T00:00", "2025-11-10T14:05"),
        ("last-month", "2026-09-01T00:00", "2026-10-01T00:00"),
        ("last-year", "2024-01-01T00:00", "2025-01-01T00:00"),
    ],
)
def test_month_quarter_and_year_are_compared_with_the_one_before(text: str, start: str, until: str) -> None:
    period = resolve(text, timezone=SEOUL, now=seoul("2026-11-10T14:05"))

    before = previous(period, timezone=SEOUL)

    assert (before.start, before.until) == (seoul(start), seoul(until))


def test_month_to_date_on_the_31st_compares_with_the_whole_short_month() -> None:
    period = resolve("mtd", timezone="UTC", now=datetime(2026, 3, 31, 14, tzinfo=UTC))

    before = previous(period, timezone="UTC")

    assert before.start == datetime(2026, 2, 1, tzinfo=UTC)
    assert before.until == datetime(2026, 2, 28, 14, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "now", "comparison", "start", "until"),
    [
        ("mtd", "2026-03-27", "prev", "2026-02-01", "2026-02-27"),
        ("mtd", "2026-03-28", "prev", "2026-02-01", "2026-02-28"),
        ("mtd", "2026-03-29", "prev", "2026-02-01", "2026-02-28"),
        ("mtd", "2026-03-30", "prev", "2026-02-01", "2026-02-28"),
        ("mtd", "2026-03-31", "prev", "2026-02-01", "2026-02-28"),
        ("mtd", "2028-03-28", "prev", "2028-02-01", "2028-02-28"),
        ("mtd", "2028-03-29", "prev", "2028-02-01", "2028-02-29"),
        ("mtd", "2026-05-29", "prev", "2026-04-01", "2026-04-29"),
        ("mtd", "2026-05-30", "prev", "2026-04-01", "2026-04-30"),
        ("mtd", "2026-07-30", "prev", "2026-06-01", "2026-06-30"),
        ("mtd", "2026-02-28", "prev", "2026-01-01", "2026-01-28"),
        ("qtd", "2026-05-30", "prev", "2026-01-01", "2026-02-28"),
        ("qtd", "2026-05-28", "prev", "2026-01-01", "2026-02-28"),
        ("ytd", "2028-02-28", "prev", "2027-01-01", "2027-02-28"),
        ("ytd", "2028-02-29", "prev", "2027-01-01", "2027-02-28"),
        ("mtd", "2028-02-28", "year", "2027-02-01", "2027-02-28"),
    ],
)
def test_running_period_is_compared_up_to_the_same_day_of_its_month(
    text: str, now: str, comparison: Comparison, start: str, until: str
) -> None:
    period = resolve(text, timezone=SEOUL, now=seoul(f"{now}T14:05"))

    before = previous(period, timezone=SEOUL, comparison=comparison)

    assert (before.start, before.until) == (seoul(f"{start}T00:00"), seoul(f"{until}T14:05"))


@pytest.mark.parametrize(
    ("text", "now", "comparison", "start", "end"),
    [
        ("last-month", "2026-05-10", "prev", "2026-03-01", "2026-04-01"),
        ("last-month", "2026-03-10", "prev", "2026-01-01", "2026-02-01"),
        ("last-month", "2026-04-10", "prev", "2026-02-01", "2026-03-01"),
        ("2026-02-01..2026-02-28", "2028-04-10", "year", "2025-02-01", "2025-03-01"),
        ("2028-02-01..2028-02-28", "2028-04-10", "year", "2027-02-01", "2027-03-01"),
        ("2028-02-01..2028-02-29", "2028-04-10", "year", "2027-02-01", "2027-03-01"),
        ("2028-02-28..2028-02-28", "2028-04-10", "year", "2027-02-28", "2027-03-01"),
        ("2028-02-29..2028-02-29", "2028-04-10", "year", "2027-02-28", "2027-03-01"),
        ("2029-02-01..2029-02-28", "2029-04-10", "year", "2028-02-01", "2028-03-01"),
        ("2028-03-01..2028-03-31", "2028-04-10", "year", "2027-03-01", "2027-04-01"),
    ],
)
def test_whole_days_and_months_are_compared_with_whole_ones(
    text: str, now: str, comparison: Comparison, start: str, end: str
) -> None:
    period = resolve(text, timezone=SEOUL, now=seoul(f"{now}T14:05"))

    before = previous(period, timezone=SEOUL, comparison=comparison)

    assert (before.start, before.end) == (seoul(f"{start}T00:00"), seoul(f"{end}T00:00"))


@pytest.mark.parametrize(
    ("text", "before"),
    [
        ("2026-09-05..2026-09-05", ("2026-09-04T00:00-04:00", "2026-09-05T00:00-04:00")),
        ("2026-09-06..2026-09-06", ("2026-09-05T00:00-04:00", "2026-09-06T01:00-03:00")),
        ("2026-09-07..2026-09-07", ("2026-09-06T01:00-03:00", "2026-09-07T00:00-03:00")),
    ],
)
def test_day_without_midnight_is_compared_from_its_first_instant(text: str, before: tuple[str, str]) -> None:
    zone = "America/Santiago"  # where September 6 begins at one o'clock

    compared = previous(resolve(text, timezone=zone, now=NOW), timezone=zone, comparison="prev")

    assert (compared.start, compared.end) == tuple(map(datetime.fromisoformat, before))


def test_month_to_date_as_a_whole_is_moved_back_with_its_last_day() -> None:
    period = resolve("mtd", timezone=SEOUL, now=seoul("2026-05-30T14:05"))

    before = previous(replace(period, running_until=None), timezone=SEOUL)

    assert (before.start, before.end) == (seoul("2026-04-01T00:00"), seoul("2026-05-01T00:00"))


def test_times_before_1970_are_refused_with_what_is_expected() -> None:
    with pytest.raises(BadRange, match="expected times from 1970 to 2200"):
        resolve("0001-01-02..0001-01-03", timezone=SEOUL, now=NOW)


def test_period_before_one_without_origin_is_as_many_days_long() -> None:
    period = Period(seoul("2026-11-01T00:00"), seoul("2026-11-04T00:00"))

    assert previous(period, timezone=SEOUL).start == seoul("2026-10-29T00:00")


@pytest.mark.parametrize(("day", "hours"), [("2026-03-08", 23), ("2026-11-01", 25), ("2026-11-02", 24)])
def test_day_has_the_hours_that_the_clock_gave_it(day: str, hours: int) -> None:
    period = resolve(f"{day}..{day}", timezone=NEW_YORK, now=NOW)

    points = buckets(period, timezone=NEW_YORK, interval="hour")

    assert len(points) == hours
    assert len({point.start for point in points}) == hours
    assert len(buckets(period, timezone=NEW_YORK, interval="day")) == 1


def test_weeks_start_on_monday_and_months_on_the_first() -> None:
    period = resolve("2026-09-30..2026-11-21", timezone=SEOUL, now=NOW)

    weeks = buckets(period, timezone=SEOUL, interval="week")
    months = buckets(period, timezone=SEOUL, interval="month")

    assert {point.start.weekday() for point in weeks} == {0}
    assert [point.start for point in months] == [
        seoul(f"2026-{month}-01T00:00") for month in ("09", "10", "11")
    ]


def test_running_bucket_is_marked_and_future_ones_are_absent() -> None:
    points = buckets(resolve("today", timezone=SEOUL, now=NOW), timezone=SEOUL, interval="hour")

    assert [point.running for point in points] == [False] * 23 + [True]
    assert points[-1].start == seoul("2026-11-22T23:00")


@pytest.mark.parametrize(
    ("text", "interval"),
    [("30m", "minute"), ("1h", "minute"), ("24h", "hour"), ("today", "hour"), ("7d", "day"), ("90d", "day"), ("180d", "week"), ("12m", "month")],
)  # fmt: skip
def test_interval_that_nobody_chose_suits_the_length(text: str, interval: Interval) -> None:
    period = resolve(text, timezone=SEOUL, now=NOW)

    assert default_interval(period) == interval
    assert interval in allowed_intervals(period)


def test_more_points_than_a_chart_has_are_refused() -> None:
    with pytest.raises(BadRange, match="longer interval"):
        buckets(resolve("12m", timezone=SEOUL, now=NOW), timezone=SEOUL, interval="minute")


@given(
    text=st.sampled_from(["today", "24h", "7d", "90d", "mtd", "12m", "last-week", "all", "2026-03-01..2026-04-10"]),
    timezone=st.sampled_from(["UTC", NEW_YORK, SEOUL, "Asia/Kolkata", "Australia/Lord_Howe", "Asia/Beirut", "Pacific/Apia"]),
    now=st.datetimes(min_value=datetime(2026, 3, 1), max_value=datetime(2027, 12, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    comparison=st.sampled_from(get_args(Comparison)),
)  # fmt: skip
def test_buckets_cover_a_period_without_gap_or_overlap(
    text: str, timezone: str, now: datetime, comparison: Comparison
) -> None:
    period = resolve(text, timezone=timezone, now=now, earliest=datetime(2026, 1, 1, tzinfo=UTC))
    before = previous(period, timezone=timezone, comparison=comparison)

    for asked in (period, before):
        assert asked.start < asked.end
        assert asked.start <= asked.until <= asked.end
        for interval in allowed_intervals(asked):
            points = buckets(asked, timezone=timezone, interval=interval)
            assert points[0].start <= asked.start < points[0].end
            assert points[-1].end >= asked.until
            assert all(first.end == second.start for first, second in pairwise(points))
            assert all(point.start < point.end for point in points)
    assert before.end <= period.start + timedelta(hours=1) or comparison.startswith("year") or text == "all"
