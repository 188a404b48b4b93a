"""Which salt is in force at which moment."""

from datetime import UTC, date, datetime, timedelta

import pytest

from openpanel.identity.salts import DAY_MS, NoSaltError, Salts, next_rotation_ms, salts_at, utc_day

TODAY = date(2026, 3, 29)
MIDNIGHT_MS = int(datetime(2026, 3, 29, tzinfo=UTC).timestamp() * 1000)
DAYS = {TODAY - timedelta(days=1): b"yesterday", TODAY: b"today", TODAY + timedelta(days=1): b"tomorrow"}


def test_salts_of_a_day_hold_until_midnight() -> None:
    assert salts_at(DAYS, MIDNIGHT_MS) == Salts(TODAY, b"today", b"yesterday")
    assert salts_at(DAYS, MIDNIGHT_MS + DAY_MS - 1) == Salts(TODAY, b"today", b"yesterday")


def test_salt_made_ahead_takes_over_at_midnight() -> None:
    assert salts_at(DAYS, MIDNIGHT_MS + DAY_MS) == Salts(TODAY + timedelta(days=1), b"tomorrow", b"today")


def test_first_salt_has_none_before_it() -> None:
    assert salts_at({TODAY: b"today"}, MIDNIGHT_MS) == Salts(TODAY, b"today", None)


def test_missing_salt_lets_the_last_one_go_on() -> None:
    assert salts_at(DAYS, MIDNIGHT_MS + 3 * DAY_MS) == Salts(TODAY + timedelta(days=1), b"tomorrow", b"today")


def test_without_any_salt_nobody_is_identified() -> None:
    with pytest.raises(NoSaltError, match="2026-03-29"):
        salts_at({TODAY + timedelta(days=1): b"tomorrow"}, MIDNIGHT_MS)


def test_rotation_is_at_the_next_midnight() -> None:
    assert next_rotation_ms(MIDNIGHT_MS) == MIDNIGHT_MS + DAY_MS
    assert next_rotation_ms(MIDNIGHT_MS - 1) == MIDNIGHT_MS
    assert utc_day(MIDNIGHT_MS - 1) == TODAY - timedelta(days=1)
