"""Stretches of time as text, in the project's zone and the reader's language."""

from datetime import UTC, datetime

import pytest

from openpanel.analytics.periods import Bucket, Interval, buckets, previous, resolve
from openpanel_dashboard import languages
from openpanel_dashboard.pages.overview import spans

NOW = datetime(2026, 11, 22, 5, 5, tzinfo=UTC)  # 14:05 in Seoul, a Sunday
SEOUL = "Asia/Seoul"
NEW_YORK = "America/New_York"  # 01:00 to 02:00 is there twice on November 1
SANTIAGO = "America/Santiago"  # September 6 begins at 01:00
LANGUAGES = languages.load()


@pytest.mark.parametrize(
    ("text", "english", "korean"),
    [
        ("today", "Sun, Nov 22", "11월 22일 (일)"),
        ("28d", "Oct 26 – Nov 22", "10월 26일 – 11월 22일"),
        ("2026-11-01..2026-11-21", "Nov 1 – 21", "11월 1일 – 21일"),
        ("2025-11-01..2025-11-21", "Nov 1 – Nov 21, 2025", "11월 1일 – 2025년 11월 21일"),
        ("2025-12-30..2026-01-02", "Dec 30, 2025 – Jan 2, 2026", "2025년 12월 30일 – 2026년 1월 2일"),
        ("2025-11-22..2025-11-22", "Sat, Nov 22, 2025", "2025년 11월 22일 (토)"),
        ("1h", "Nov 22, 13:06 – 14:06", "11월 22일, 13:06 – 14:06"),
        ("24h", "Nov 21, 15:00 – Nov 22, 15:00", "11월 21일, 15:00 – 11월 22일, 15:00"),
    ],
)
def test_period_is_written_with_years_only_where_one_could_doubt(
    text: str, english: str, korean: str
) -> None:
    period = resolve(text, timezone=SEOUL, now=NOW)

    for code, written in (("en", english), ("ko", korean)):
        language = LANGUAGES[code]
        assert spans.period_text(period, timezone=SEOUL, now=NOW, language=language) == written


def test_compared_period_says_up_to_when_it_counts() -> None:
    period = previous(resolve("today", timezone=SEOUL, now=NOW), timezone=SEOUL)

    written = spans.compared_text(period, timezone=SEOUL, now=NOW, language=LANGUAGES["en"])

    assert written == "Sat, Nov 21, until 14:05"


def test_compared_period_names_the_day_up_to_which_it_counts_unless_that_is_its_last() -> None:
    period = previous(resolve("12m", timezone=SEOUL, now=NOW), timezone=SEOUL)

    written = spans.compared_text(period, timezone=SEOUL, now=NOW, language=LANGUAGES["en"])

    assert written == "Dec 1, 2024 – Nov 30, 2025, until Nov 22, 2025, 14:05"


@pytest.mark.parametrize("text", ["today", "7d", "1h", "24h", "2026-11-01T08:00..2026-11-01T09:30"])
def test_address_of_a_period_names_the_same_period(text: str) -> None:
    period = resolve(text, timezone=SEOUL, now=NOW)

    written = spans.address(period.start, period.end, timezone=SEOUL)

    again = resolve(written, timezone=SEOUL, now=NOW)
    assert (again.start, again.end) == (period.start, period.end)


@pytest.mark.parametrize(
    ("zone", "text", "written"),
    [
        (SEOUL, "today", "Asia/Seoul (UTC+9)"),
        ("Europe/Berlin", "today", "Europe/Berlin (UTC+1)"),
        ("Europe/Berlin", "2026-07-01..2026-07-02", "Europe/Berlin (UTC+2)"),
        ("Europe/Berlin", "2026-10-24..2026-10-26", "Europe/Berlin (UTC+2/+1)"),
        ("Europe/Berlin", "12m", "Europe/Berlin (UTC+1/+2)"),
        (NEW_YORK, "2026-11-01..2026-11-01", "America/New_York (UTC−4/−5)"),
        (NEW_YORK, "2026-11-02..2026-11-02", "America/New_York (UTC−5)"),
        (SANTIAGO, "2026-09-05..2026-09-05", "America/Santiago (UTC−4)"),
        ("America/St_Johns", "today", "America/St_Johns (UTC−3:30)"),
        ("UTC", "today", "UTC"),
    ],
)
def test_zone_is_written_with_the_offsets_of_what_is_shown(zone: str, text: str, written: str) -> None:
    assert spans.zone_name(zone, resolve(text, timezone=zone, now=NOW)) == written


def hours(zone: str, day: str) -> tuple[Bucket, ...]:
    return buckets(resolve(f"{day}..{day}", timezone=zone, now=NOW), timezone=zone, interval="hour")


def hour_titles(zone: str, day: str) -> list[str]:
    return [
        spans.title(one, "hour", timezone=zone, language=LANGUAGES["en"], year=False)
        for one in hours(zone, day)
    ]


def test_hour_that_is_there_twice_is_told_apart_by_its_offset() -> None:
    assert hour_titles("Europe/Berlin", "2026-10-25")[1:5] == [
        "Sun, Oct 25, 01:00 – 02:00",
        "Sun, Oct 25, 02:00 – 02:00 (UTC+2)",
        "Sun, Oct 25, 02:00 – 03:00 (UTC+1)",
        "Sun, Oct 25, 03:00 – 04:00",
    ]
    assert hour_titles(NEW_YORK, "2026-11-01")[1:3] == [
        "Sun, Nov 1, 01:00 – 01:00 (UTC−4)",
        "Sun, Nov 1, 01:00 – 02:00 (UTC−5)",
    ]


@pytest.mark.parametrize("day", ["2026-10-31", "2026-11-01", "2026-11-02"])
def test_hour_has_an_address_unless_the_clock_shows_it_twice(day: str) -> None:
    for number, hour in enumerate(hours(NEW_YORK, day)):
        written = spans.address(hour.start, hour.end, timezone=NEW_YORK)

        if day == "2026-11-01" and number in {1, 2}:
            assert written == ""
        else:
            again = resolve(written, timezone=NEW_YORK, now=NOW)
            assert (again.start, again.end) == (hour.start, hour.end)


@pytest.mark.parametrize("day", ["2026-09-05", "2026-09-06", "2026-09-07"])
@pytest.mark.parametrize("interval", ["hour", "day"])
def test_addresses_name_their_own_bucket_where_a_day_has_no_midnight(day: str, interval: Interval) -> None:
    period = resolve(f"{day}..{day}", timezone=SANTIAGO, now=NOW)

    for one in buckets(period, timezone=SANTIAGO, interval=interval):
        again = resolve(spans.address(one.start, one.end, timezone=SANTIAGO), timezone=SANTIAGO, now=NOW)
        assert (again.start, again.end) == (one.start, one.end)
    assert spans.address(period.start, period.end, timezone=SANTIAGO) == f"{day}..{day}"


def test_day_without_midnight_is_written_as_a_day() -> None:
    written = [
        spans.period_text(
            resolve(text, timezone=SANTIAGO, now=NOW),
            timezone=SANTIAGO,
            now=NOW,
            language=LANGUAGES["en"],
        )
        for text in ("2026-09-05..2026-09-05", "2026-09-06..2026-09-06", "2026-09-05..2026-09-07")
    ]
    first = hours(SANTIAGO, "2026-09-06")[0]

    assert written == ["Sat, Sep 5", "Sun, Sep 6", "Sep 5 – 7"]
    label = spans.axis_label(first, "hour", timezone=SANTIAGO, language=LANGUAGES["en"], years=False)
    assert label == "Sep 6"
