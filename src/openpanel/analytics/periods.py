"""Stretches of time a question can be asked about, as calendar days of the project's time zone.

`resolve` turns the text of an address (`7d`, `mtd`, `2026-11-01..2026-11-21`) into instants, `previous` names
what to compare with, `buckets` cuts a period for a chart. A day may have 23 or 25 hours; weeks start on Monday.

Instants carry the zone's offset of that moment and not the zone itself: two of them compare and subtract as
instants, which times of one `ZoneInfo` do not around a change of the clock. Knows no store, and no clock but
the one it is given.
"""

import re
from calendar import monthrange
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from itertools import pairwise
from typing import Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

MAX_BUCKETS: Final = 2_000  # points of one series; beyond it a longer interval is asked for
MAX_DAYS: Final = 3_660  # days of `Nd`
FIRST_YEAR: Final = 1970  # nothing happened before, or happens after these
LAST_YEAR: Final = 2200

Interval = Literal["minute", "hour", "day", "week", "month"]
Comparison = Literal["prev", "prev-weekday", "year", "year-weekday"]


class BadRange(ValueError):
    """The text names no stretch of time. `text` is what was given, `reason` says what would be right."""

    def __init__(self, text: str, *, reason: str) -> None:
        super().__init__(f"{text!r}: {reason}")
        self.text = text
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Shift:
    """How far back a compared period lies: by the calendar of the zone, or by an exact time."""

    months: int = 0
    days: int = 0
    exact: timedelta = timedelta()


@dataclass(frozen=True, slots=True)
class Period:
    """From `start` up to, without, `end`.

    `running_until` is set when not all of it counts: "now" within a running period, and the same moment of
    the period it is compared with. `shift` is how far the period before it lies back; `None`: its own length.
    """

    start: datetime
    end: datetime
    running_until: datetime | None = None
    shift: Shift | None = None

    @property
    def until(self) -> datetime:
        """The end of what is counted."""
        return self.running_until or self.end


@dataclass(frozen=True, slots=True)
class Bucket:
    """One point of a series: `start` is the calendar's (a Monday, a first of the month, an hour).

    `running`: it was not over when the question was asked.
    """

    start: datetime
    end: datetime
    running: bool


def resolve(text: str, *, timezone: str, now: datetime, earliest: datetime | None = None) -> Period:
    """The period that `text` names at `now`; `all` starts on the day of `earliest`, the first event.

    `Nd` is N calendar days, the last of them today. `A..B` includes both; each is a date, or a date and a time
    (`2026-11-01T14:05`) that stands for its whole minute. Raises `BadRange` for anything else.
    """
    zone = _zone(timezone)
    if ".." in text:
        return _between(text, zone=zone, now=now)
    if minutes := _MINUTES.get(text):
        return _last_minutes(minutes, zone=zone, now=now)
    today = now.astimezone(zone).date()
    first, end, shift = _days(text, today, earliest=earliest.astimezone(zone).date() if earliest else today)
    return _period(_midnight(first, zone), _midnight(end, zone), zone=zone, now=now, shift=shift)


def previous(period: Period, *, timezone: str, comparison: Comparison = "prev") -> Period:
    """What to compare with: the same length before it, and of a running period the part that has run as well."""
    zone = _zone(timezone)
    shift = _COMPARISONS[comparison](period, zone)
    end = _end_back(period.end, shift, zone)
    running = None if period.running_until is None else min(end, _back(period.running_until, shift, zone))
    return Period(_back(period.start, shift, zone), end, running, shift)


def default_interval(period: Period) -> Interval:
    """The interval of a chart when nobody chose one."""
    length = period.end - period.start
    if length <= timedelta(hours=2):
        return "minute"
    if length <= timedelta(days=2):
        return "hour"
    if length <= timedelta(days=93):
        return "day"
    return "week" if length <= timedelta(days=190) else "month"


def allowed_intervals(period: Period) -> tuple[Interval, ...]:
    """The intervals that give a chart of this period at least one whole and at most `MAX_BUCKETS` points."""
    length = period.end - period.start + timedelta(hours=2)  # a day of 23 hours is a day
    return tuple(name for name, size in _SIZES.items() if size <= length and length / size <= MAX_BUCKETS)


def buckets(period: Period, *, timezone: str, interval: Interval) -> tuple[Bucket, ...]:
    """The points of a chart, oldest first. The first may start before the period; none starts in the future."""
    if (period.end - period.start) / _SIZES[interval] > MAX_BUCKETS:
        raise BadRange(interval, reason=f"more than {MAX_BUCKETS} points, take a longer interval")
    edges = _edges(period, interval, _zone(timezone))
    until = period.running_until
    return tuple(
        Bucket(start, end, running=until is not None and start <= until < end)
        for start, end in pairwise(edges)
        if until is None or start <= until
    )


_Days = tuple[date, date, Shift | None]  # first day, day after the last, distance to the period before

_MINUTES: Final[Mapping[str, int]] = {"30m": 30, "1h": 60, "24h": 24 * 60}
_DAYS: Final = re.compile(r"([1-9][0-9]{0,3})d")
_MOMENT: Final = re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ](\d{2}:\d{2}(?P<seconds>:\d{2})?))?")
_GRAMMAR: Final = (
    "expected 30m, 1h, 24h, today, yesterday, a number of days such as 7d, 12m, mtd, qtd, ytd, last-week, "
    "last-month, last-year, all, or FROM..TO with dates such as 2026-11-01"
)
_SIZES: Final[Mapping[Interval, timedelta]] = {
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(days=7),
    "month": timedelta(days=28),
}
_DAY: Final = timedelta(days=1)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise BadRange(name, reason="no time zone of the tz database, such as Europe/Berlin") from error


def _days(text: str, today: date, *, earliest: date) -> _Days:
    if match := _DAYS.fullmatch(text):
        days = int(match[1])
        if days > MAX_DAYS:
            raise BadRange(text, reason=f"at most {MAX_DAYS} days")
        return today - timedelta(days=days - 1), today + _DAY, Shift(days=days)
    if text == "all":
        return min(earliest, today), today + _DAY, None
    try:
        return _NAMED[text](today)
    except KeyError:
        raise BadRange(text, reason=_GRAMMAR) from None


def _quarter(day: date) -> date:
    return day.replace(month=day.month - (day.month - 1) % 3, day=1)


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


_NAMED: Final[Mapping[str, Callable[[date], _Days]]] = {
    "today": lambda day: (day, day + _DAY, Shift(days=1)),
    "yesterday": lambda day: (day - _DAY, day, Shift(days=1)),
    "12m": lambda day: (
        _add_months(day.replace(day=1), -11),
        _add_months(day.replace(day=1), 1),
        Shift(months=12),
    ),
    "mtd": lambda day: (day.replace(day=1), day + _DAY, Shift(months=1)),
    "qtd": lambda day: (_quarter(day), day + _DAY, Shift(months=3)),
    "ytd": lambda day: (day.replace(month=1, day=1), day + _DAY, Shift(months=12)),
    "last-week": lambda day: (_monday(day) - 7 * _DAY, _monday(day), Shift(days=7)),
    "last-month": lambda day: (_add_months(day.replace(day=1), -1), day.replace(day=1), Shift(months=1)),
    "last-year": lambda day: (
        day.replace(year=day.year - 1, month=1, day=1),
        day.replace(month=1, day=1),
        Shift(months=12),
    ),
}


def _last_minutes(minutes: int, *, zone: ZoneInfo, now: datetime) -> Period:
    """Whole minutes, or whole hours for a day, the last of them running."""
    step = timedelta(hours=1) if minutes > 60 else timedelta(minutes=1)
    start_of_step = _floor(now, step, zone)
    end = _fixed(start_of_step + step, zone)
    length = timedelta(minutes=minutes)
    return _period(_fixed(end - length, zone), end, zone=zone, now=now, shift=Shift(exact=length))


def _floor(moment: datetime, step: timedelta, zone: ZoneInfo) -> datetime:
    local = moment.astimezone(zone)
    within = timedelta(
        minutes=local.minute if step >= timedelta(hours=1) else 0,
        seconds=local.second,
        microseconds=local.microsecond,
    )
    return _fixed(moment.astimezone(UTC) - within, zone)


def _between(text: str, *, zone: ZoneInfo, now: datetime) -> Period:
    first, _, last = text.partition("..")
    start, _ = _moment(first, text=text, zone=zone)
    _, end = _moment(last, text=text, zone=zone)
    if end <= start:
        raise BadRange(text, reason="the end lies before the start")
    if start > now:
        raise BadRange(text, reason="the start lies in the future")
    whole_days = len(first) == len(last) == len("2026-11-01")
    days = date.fromisoformat(last) - date.fromisoformat(first) + _DAY if whole_days else timedelta()
    shift = Shift(days=days.days) if whole_days else Shift(exact=end - start)
    return _period(start, end, zone=zone, now=now, shift=shift)


def _moment(part: str, *, text: str, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """First instant of the named day, minute or second, and the first one after it."""
    match = _MOMENT.fullmatch(part)
    try:
        moment = datetime.fromisoformat(part) if match else None
    except ValueError:
        moment = None
    if match is None or moment is None:
        raise BadRange(text, reason=_GRAMMAR)
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise BadRange(text, reason=f"expected times from {FIRST_YEAR} to {LAST_YEAR}")
    if match[1] is None:
        return _midnight(moment.date(), zone), _midnight(moment.date() + _DAY, zone)
    start = _instant(moment, zone)
    return start, _fixed(start + timedelta(seconds=1 if match["seconds"] else 60), zone)


def _period(start: datetime, end: datetime, *, zone: ZoneInfo, now: datetime, shift: Shift | None) -> Period:
    return Period(start, end, _fixed(now, zone) if start <= now < end else None, shift)


def _own_shift(period: Period, zone: ZoneInfo) -> Shift:
    if period.shift is not None:
        return period.shift
    if all(
        moment == _midnight(moment.astimezone(zone).date(), zone) for moment in (period.start, period.end)
    ):
        return Shift(days=(period.end.astimezone(zone).date() - period.start.astimezone(zone).date()).days)
    return Shift(exact=period.end - period.start)


def _weekday_shift(period: Period, zone: ZoneInfo) -> Shift:
    """Whole weeks, at least as far back as the period before."""
    start = period.start
    distance = (
        start.astimezone(zone).date() - _back(start, _own_shift(period, zone), zone).astimezone(zone).date()
    )
    return Shift(days=7 * max(1, -(-distance.days // 7)))


_COMPARISONS: Final[Mapping[Comparison, Callable[[Period, ZoneInfo], Shift]]] = {
    "prev": _own_shift,
    "prev-weekday": _weekday_shift,
    "year": lambda _period, _zone: Shift(months=12),
    "year-weekday": lambda _period, _zone: Shift(days=364),
}


def _back(moment: datetime, shift: Shift, zone: ZoneInfo) -> datetime:
    if shift.exact:
        return _fixed(moment - shift.exact, zone)
    wall = moment.astimezone(zone).replace(tzinfo=None)
    if moment == _midnight(wall.date(), zone):  # at one o'clock where the clock was put forward at midnight
        return _midnight(_day_back(wall.date(), shift), zone)
    return _instant(datetime.combine(_day_back(wall.date(), shift), wall.time()), zone)


def _end_back(end: datetime, shift: Shift, zone: ZoneInfo) -> datetime:
    """The same of the end of a period, which has all of the last day's counterpart.

    The 28th of March has that of February; what ends with it ends at the 29th, of which February has none.
    """
    day = end.astimezone(zone).date()
    found = _back(end, shift, zone)
    if not shift.months or end != _midnight(day, zone):
        return found
    return max(found, _midnight(_day_back(day - _DAY, shift) + _DAY, zone))


def _day_back(day: date, shift: Shift) -> date:
    return _add_months(day, -shift.months) - timedelta(days=shift.days)


def _add_months(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def _edges(period: Period, interval: Interval, zone: ZoneInfo) -> list[datetime]:
    edges = []
    for edge in _steps(period.start, interval, zone):
        edges.append(edge)
        if edge >= period.end:
            break
    return edges


def _steps(start: datetime, interval: Interval, zone: ZoneInfo) -> Iterator[datetime]:
    day = start.astimezone(zone).date()
    if interval in {"minute", "hour"}:
        yield from _clock_steps(start, _SIZES[interval], zone)
    elif interval == "month":
        first = day.replace(day=1)
        yield from (_midnight(_add_months(first, count), zone) for count in range(MAX_BUCKETS + 2))
    else:
        first, step = (_monday(day), 7) if interval == "week" else (day, 1)
        yield from (_midnight(first + timedelta(days=step * count), zone) for count in range(MAX_BUCKETS + 2))


def _clock_steps(start: datetime, step: timedelta, zone: ZoneInfo) -> Iterator[datetime]:
    """Full minutes or hours of the zone's clock; where the clock is moved by half an hour, one step is shorter."""
    edge = _floor(start, step, zone)
    while True:
        yield edge
        following = _floor(edge + step, step, zone)
        edge = following if following > edge else _fixed(edge + step, zone)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    """The first instant of the day, 01:00 where the clock skips midnight."""
    return _instant(datetime.combine(day, time()), zone)


def _instant(wall: datetime, zone: ZoneInfo) -> datetime:
    return _fixed(wall.replace(tzinfo=zone).astimezone(UTC), zone)


def _fixed(moment: datetime, zone: ZoneInfo) -> datetime:
    local = moment.astimezone(zone)
    offset = local.utcoffset()
    return local.replace(tzinfo=timezone(offset) if offset else UTC)
