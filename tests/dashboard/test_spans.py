"""Stretches of time as text, in the project's zone and the reader's language."""

from datetime import UTC, datetime
from itertools import pairwise

import pytest

from openpanel.analytics.periods import Bucket, previous, resolve
from openpanel_dashboard import languages
from openpanel_dashboard.pages.overview import spans

NOW = datetime(2026, 11, 22, 5, 5, tzinfo=UTC)  # 14:05 in Seoul, a Sunday
SEOUL = "Asia/Seoul"
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


@pytest.mark.parametrize("text", ["today", "7d", "1h", "24h", "2026-11-01T08:00..2026-11-01T09:30"])
def test_address_of_a_period_names_the_same_period(text: str) -> None:
    period = resolve(text, timezone=SEOUL, now=NOW)

    written = spans.address(period.start, period.end, timezone=SEOUL)

    again = resolve(written, timezone=SEOUL, now=NOW)
    assert (again.start, again.end) == (period.start, period.end)


@pytest.mark.parametrize(
    ("zone", "moment", "written"),
    [
        (SEOUL, NOW, "Asia/Seoul (UTC+9)"),
        ("Europe/Berlin", NOW, "Europe/Berlin (UTC+1)"),
        ("Europe/Berlin", datetime(2026, 7, 1, tzinfo=UTC), "Europe/Berlin (UTC+2)"),
        ("America/St_Johns", NOW, "America/St_Johns (UTC−3:30)"),
        ("UTC", NOW, "UTC"),
    ],
)
def test_zone_is_written_with_its_offset_of_the_moment(zone: str, moment: datetime, written: str) -> None:
    assert spans.zone_name(zone, moment) == written


def test_hour_that_is_there_twice_is_two_buckets_of_one_name() -> None:
    hours = [datetime(2026, 10, 25, hour, tzinfo=UTC) for hour in (0, 1, 2)]
    titles = [
        spans.title(
            Bucket(start, end, running=False),
            "hour",
            timezone="Europe/Berlin",
            language=LANGUAGES["en"],
            year=False,
        )
        for start, end in pairwise(hours)
    ]

    assert titles == ["Sun, Oct 25, 02:00 – 02:00", "Sun, Oct 25, 02:00 – 03:00"]
