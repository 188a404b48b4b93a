"""Salts: three days, decided once, older ones gone."""

import secrets
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

from sqlalchemy import Date, cast, func, select

from openpanel.metadata import Database, salts

DAY = date(2026, 3, 1)
ONE = timedelta(days=1)


def test_yesterday_today_and_tomorrow_have_salts(database: Database) -> None:
    found = salts.ensure(database, today=DAY, fresh=_fresh)

    assert sorted(found) == [DAY - ONE, DAY, DAY + ONE]
    assert len(set(found.values())) == 3


def test_a_salt_never_changes(database: Database) -> None:
    first = salts.ensure(database, today=DAY, fresh=_fresh)

    assert salts.ensure(database, today=DAY, fresh=_fresh) == first


def test_the_next_day_keeps_what_was_made_ahead_and_forgets_the_oldest(database: Database) -> None:
    before = salts.ensure(database, today=DAY + ONE, fresh=_fresh)

    after = salts.ensure(database, today=DAY + 2 * ONE, fresh=_fresh)

    assert after[DAY + ONE] == before[DAY + ONE]
    assert after[DAY + 2 * ONE] == before[DAY + 2 * ONE]
    assert DAY not in after


def test_host_whose_clock_runs_ahead_does_not_delete_the_salt_of_today(database: Database) -> None:
    with database.session() as session:
        today: date = session.scalars(select(cast(func.timezone("UTC", func.now()), Date))).one()
    before = salts.ensure(database, today=today, fresh=_fresh)

    salts.ensure(database, today=today + 2 * ONE, fresh=_fresh)

    assert salts.ensure(database, today=today, fresh=_fresh) == before


def test_processes_that_ask_at_once_get_the_same(database: Database) -> None:
    day = DAY + 100 * ONE

    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda _: salts.ensure(database, today=day, fresh=_fresh), range(6)))

    assert all(each == found[0] for each in found)


def _fresh() -> bytes:
    return secrets.token_bytes(32)
