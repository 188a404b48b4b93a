"""Where a question is read: the table of cases, and which periods are whole days. No store."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from openpanel.analytics.periods import Period, previous, resolve
from openpanel.analytics.recent import Recent
from openpanel.analytics.routing import Facts, Source, Span, source_for, whole_days
from openpanel.analytics.series import Series
from openpanel.analytics.spans import days_of
from openpanel.warehouse import Unavailable
from tests.analytics.questions import FILTERS, NOW, scope

DAYS = Span(date(2026, 11, 1), date(2026, 11, 8))
LARGE = Facts(
    events=5_000_000, visitors=300_000, sessions=500_000, starts=495_000, ends=490_000, overrides=2_000
)
SEOUL = "Asia/Seoul"


@pytest.mark.parametrize(
    ("facts", "source", "why"),
    [
        (LARGE, Source.ROLLUP, "5,000,000 events"),
        (replace(LARGE, events=1_999_999), Source.SESSIONS, "1,999,999 events are quick to read"),
        (replace(LARGE, overrides=3_001), Source.SESSIONS, "3,001 ids belong to other persons"),
        (replace(LARGE, starts=400_000), Source.SESSIONS, "400,000 of 500,000 sessions have a start row"),
        (replace(LARGE, starts=0, ends=0), Source.SESSIONS, "0 of 500,000 sessions have a start row"),
        (replace(LARGE, ends=400_000), Source.SESSIONS, "400,000 of 495,000 sessions have ended"),
    ],
)
def test_rollup_is_read_where_it_is_needed_and_right(facts: Facts, source: Source, why: str) -> None:
    choice = source_for(Source.SESSIONS, facts=[facts])

    assert choice.source is source
    assert why in choice.reason


def test_question_that_no_rollup_answers_is_read_exactly() -> None:
    assert source_for(Source.EVENTS, facts=[]).source is Source.EVENTS


def test_each_compared_period_must_be_whole_in_the_rollup() -> None:
    incomplete = replace(LARGE, events=10_000, starts=0)

    assert source_for(Source.SESSIONS, facts=[LARGE, LARGE]).source is Source.ROLLUP
    assert source_for(Source.SESSIONS, facts=[LARGE, incomplete]).source is Source.SESSIONS


def test_facts_are_asked_once_by_all_who_want_them_at_the_same_time() -> None:
    recent: Recent[str, Facts] = Recent(kept_s=30)
    asked = []

    def find() -> Facts:
        asked.append(1)
        return LARGE

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: recent.get("p", find=find), range(50)))

    assert found == [LARGE] * 50
    assert len(asked) == 1


def test_facts_are_asked_anew_after_a_while_and_per_project() -> None:
    now = 0.0
    recent: Recent[str, Facts] = Recent(kept_s=30, clock=lambda: now)
    numbers = iter(range(10))

    def events(project: str) -> int:
        return recent.get(project, find=lambda: replace(LARGE, events=next(numbers))).events

    first, again, other = events("p"), events("p"), events("q")
    now = 30.0

    assert (first, again, other, events("p")) == (0, 0, 1, 2)


def test_failure_reaches_who_asked_and_is_not_kept() -> None:
    recent: Recent[str, Facts] = Recent(kept_s=30)

    def fail() -> Facts:
        raise Unavailable("away")

    with pytest.raises(Unavailable):
        recent.get("p", find=fail)

    assert recent.get("p", find=lambda: LARGE) == LARGE


def test_filters_hours_and_parts_of_days_are_in_no_rollup() -> None:
    whole = scope("p")

    assert days_of(whole)
    assert Series(whole).rolled_up
    assert not days_of(replace(whole, filters=FILTERS))
    assert not Series(replace(whole, interval="hour")).rolled_up
    assert not days_of(scope("p", text="24h", now=datetime(2026, 11, 22, 12, tzinfo=UTC)))


@pytest.mark.parametrize(
    ("text", "now", "span"),
    [
        ("7d", NOW, Span(date(2026, 11, 16), date(2026, 11, 23))),
        ("last-month", NOW, Span(date(2026, 10, 1), date(2026, 11, 1))),
        ("2026-11-01T00:30..2026-11-02", NOW, None),
    ],
)
def test_running_day_counts_as_whole(text: str, now: datetime, span: Span | None) -> None:
    period = resolve(text, timezone=SEOUL, now=now)

    assert whole_days(period, timezone=SEOUL, running_now=True) == span


def test_compared_period_is_cut_within_its_last_day() -> None:
    before = previous(resolve("7d", timezone=SEOUL, now=NOW), timezone=SEOUL)

    span = whole_days(before, timezone=SEOUL, running_now=False)

    assert span is not None
    assert (span.first, span.end) == (date(2026, 11, 9), date(2026, 11, 15))
    assert span.cut_from == datetime.fromisoformat("2026-11-15T00:00+09:00")
    assert span.cut_until == datetime.fromisoformat("2026-11-15T23:05:33+09:00")


def test_day_whose_midnight_the_clock_skips_is_whole() -> None:
    period = resolve("2026-03-29..2026-03-29", timezone="Asia/Beirut", now=NOW)

    assert period.start == datetime.fromisoformat("2026-03-29T01:00+03:00")
    assert whole_days(period, timezone="Asia/Beirut", running_now=False) == Span(
        date(2026, 3, 29), date(2026, 3, 30)
    )


def test_cut_at_midnight_leaves_nothing_of_the_day() -> None:
    midnight = datetime(2026, 11, 3, tzinfo=UTC)
    period = Period(
        datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 8, tzinfo=UTC), running_until=midnight
    )

    assert whole_days(period, timezone="UTC", running_now=False) == Span(date(2026, 11, 1), date(2026, 11, 3))
