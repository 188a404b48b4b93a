"""The daily salts of device ids: made ahead of time, forgotten after a day of grace."""

from collections.abc import Callable, Mapping
from datetime import date, timedelta

from sqlalchemy import Date, cast, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from openpanel.metadata.database import Database
from openpanel.metadata.models import Salt

_DAY = timedelta(days=1)


def ensure(database: Database, *, today: date, fresh: Callable[[], bytes]) -> Mapping[date, bytes]:
    """The salts of yesterday, today and tomorrow; the missing ones are made and older ones deleted.

    What is older is judged by the earlier of `today` and PostgreSQL's own day (UTC): a host whose clock runs ahead
    must not delete the salt that all others work with. Whoever comes first decides a day's salt; all others read that
    one.
    """
    days = (today - _DAY, today, today + _DAY)
    with database.session() as session:
        its_today = cast(func.timezone("UTC", func.now()), Date)
        session.execute(delete(Salt).where(Salt.day < days[0], Salt.day < its_today - 1))
        known = _kept(session, days)
        missing = [{"day": day, "value": fresh()} for day in days if day not in known]
        if missing:
            session.execute(insert(Salt).on_conflict_do_nothing(), missing)
            known = _kept(session, days)
        return known


def _kept(session: Session, days: tuple[date, ...]) -> dict[date, bytes]:
    return {row.day: row.value for row in session.scalars(select(Salt).where(Salt.day.in_(days)))}
