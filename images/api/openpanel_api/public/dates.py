"""The stretch of time that a request asks about: `startDate` and `endDate`, or `range`, in the project's time zone.

A date names the whole day, wherever it stands; both ends belong to the stretch. Pure: the clock is given.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, ClassVar, Final
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from openpanel.analytics.periods import (
    BadRange,
    Comparison,
    Interval,
    Period,
    Shift,
    allowed_intervals,
    default_interval,
    previous,
    resolve,
)
from openpanel_api.public.errors import BadRequest
from openpanel_api.public.moments import beginning, ending

CUSTOM: Final = "custom"
ALL: Final = "all"
DAYS: Final = 30  # up to `endDate`, where there is no `startDate`

# The names that OpenPanel has for ranges, and what they are called here.
OTHER_NAMES: Final = {
    "30min": "30m",
    "lastHour": "1h",
    "last24h": "24h",
    "monthToDate": "mtd",
    "yearToDate": "ytd",
    "lastMonth": "last-month",
    "lastYear": "last-year",
}
MONTHS: Final = {"3m": 3, "6m": 6}

Text = Annotated[str, StringConstraints(max_length=100)]


class Dates(BaseModel):
    """When. Without any of it: the last 30 days, today included."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)
    usual: ClassVar[str] = "30d"

    start_date: Text | None = Field(
        default=None, alias="startDate", examples=["2026-03-01"],
        description="First day or moment; a day is one of the project's time zone.",
    )  # fmt: skip
    end_date: Text | None = Field(
        default=None, alias="endDate", examples=["2026-03-31"],
        description="Last day or moment, included: `23:59:59` is all of that second. Left out: today.",
    )  # fmt: skip
    range: Text | None = Field(
        default=None,
        examples=["7d"],
        description="In place of dates: `30m`, `1h`, `24h`, `today`, `yesterday`, a number of days such as `7d`, "
        "`3m`, `6m` and `12m` (calendar months, this one included), `mtd`, `qtd`, `ytd`, `last-week`, "
        "`last-month`, `last-year`, `all`. OpenPanel's names are taken too.",
    )


class InBuckets(Dates):
    """When, and cut into which buckets."""

    interval: Interval | None = Field(default=None, description="Length of a bucket. Left out: by the range.")


class Against(Dates):
    """When, and whether to compare it with an earlier time."""

    previous: bool | None = Field(
        default=None,
        description="Whether to answer for the earlier time as well. Left out: whether `compare` names one.",
    )
    compare: Comparison | None = Field(
        default=None,
        description="Which earlier time: of the same length just before (so if it is left out), the same with equal "
        "weekdays, a year earlier, a year earlier with equal weekdays. Just before `3m`, `6m`, `12m`, `last-month` and "
        "`last-year` lie as many calendar months; before `mtd`, `qtd` and `ytd` it is the same part of the month, "
        "quarter or year before.",
    )


class Compared(InBuckets, Against):
    """When, cut into which buckets, and whether to compare it with an earlier time."""


def period_of(asked: Dates, *, timezone: str, now: datetime, earliest: datetime | None = None) -> Period:
    """The period; `earliest` is the first event, for `all`. Raises `BadRequest` with the parameter's name."""
    if asked.start_date is None and asked.end_date is None:
        return _ranged(
            asked.usual if asked.range is None else asked.range, timezone=timezone, now=now, earliest=earliest
        )
    if asked.range not in (None, CUSTOM):
        raise BadRequest("range: expected either range, or startDate and endDate")
    zone = ZoneInfo(timezone)
    last = now.astimezone(zone).date().isoformat() if asked.end_date is None else asked.end_date
    until = ending(last, name="endDate", timezone=timezone)
    usual = (until.astimezone(zone).date() - timedelta(days=DAYS)).isoformat()
    start = beginning(
        usual if asked.start_date is None else asked.start_date, name="startDate", timezone=timezone
    )
    check_range(start, until, now=now, names=("startDate", "endDate"))
    return Period(start, until, now if now < until else None)


def check_range(
    start: datetime | None, until: datetime | None, *, now: datetime, names: tuple[str, str]
) -> None:
    """Refuse a stretch in which nothing can have happened; `names` are those of the parameters of its ends."""
    first, last = names
    if start is not None and start > now:
        raise BadRequest(f"{first}: lies in the future")
    if start is not None and until is not None and start >= until:
        raise BadRequest(f"{last}: lies before {first}")


def is_dated(asked: Dates) -> bool:
    """Whether a time is named at all."""
    return any(each is not None for each in (asked.range, asked.start_date, asked.end_date))


def wants_earliest(asked: Dates) -> bool:
    """Whether the period depends on when the project began."""
    return asked.range == ALL and asked.start_date is None and asked.end_date is None


def interval_of(asked: InBuckets, period: Period) -> Interval:
    """The asked interval if the period can be cut so, else what suits it."""
    if asked.interval is None:
        return default_interval(period)
    allowed = allowed_intervals(period)
    if asked.interval not in allowed and asked.interval in ("minute", "hour"):
        raise BadRequest(f"interval: too many buckets; expected one of {', '.join(allowed)}")
    return asked.interval


def before(asked: Against, period: Period, *, timezone: str) -> Period | None:
    """The earlier time, if it is wanted. Raises `BadRequest`."""
    wanted = asked.compare is not None if asked.previous is None else asked.previous
    if asked.compare is not None and not wanted:
        raise BadRequest("compare: says nothing where previous is false; expected one of them")
    return previous(period, timezone=timezone, comparison=asked.compare or "prev") if wanted else None


def _ranged(text: str, *, timezone: str, now: datetime, earliest: datetime | None) -> Period:
    if text == CUSTOM:
        raise BadRequest("range: custom needs startDate or endDate")
    try:
        if text in MONTHS:
            return _months(MONTHS[text], timezone=timezone, now=now)
        return resolve(OTHER_NAMES.get(text, text), timezone=timezone, now=now, earliest=earliest)
    except BadRange as error:
        reason = error.reason.replace(" 12m,", " 3m, 6m, 12m,")  # the months that only this API has
        raise BadRequest(f"range: {reason}") from error


def _months(count: int, *, timezone: str, now: datetime) -> Period:
    """So many calendar months up to the end of this one; as many months before it are what it is compared with."""
    whole = resolve("12m", timezone=timezone, now=now)
    first = resolve("mtd", timezone=timezone, now=now).start.date()
    year, month = divmod(first.year * 12 + first.month - count, 12)
    days = f"{year:04}-{month + 1:02}-01..{whole.end.date() - timedelta(days=1):%Y-%m-%d}"
    return replace(resolve(days, timezone=timezone, now=now), shift=Shift(months=count))
