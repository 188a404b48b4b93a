"""Stretches of time as text: a period under the picker, a bucket under the axis and in a tooltip.

All of it in the project's time zone; the browser never computes a day.
"""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from openpanel.analytics.periods import Bucket, Interval, Period
from openpanel_dashboard.formatting import Formatter
from openpanel_dashboard.languages import Language

_INSTANT = timedelta(microseconds=1)
_WEEK = timedelta(days=7)  # no clock is changed and changed back within one
_MINUTE = timedelta(minutes=1)


def zone_name(timezone: str, period: Period) -> str:
    """Asia/Seoul (UTC+9); with all offsets where the clock is changed in between, the first one first."""
    if timezone == "UTC":
        return timezone
    weeks = (period.until - period.start) // _WEEK
    moments = [*(period.start + _WEEK * number for number in range(weeks + 1)), period.until - _INSTANT]
    offsets = dict.fromkeys(_offset(moment, ZoneInfo(timezone)) for moment in moments)
    return f"{timezone} (UTC{'/'.join(offsets)})"


def period_text(period: Period, *, timezone: str, now: datetime, language: Language) -> str:
    """Oct 26 – Nov 22; with times when the period is not made of whole days, with years where one could doubt."""
    zone = ZoneInfo(timezone)
    start, end = period.start.astimezone(zone), period.end.astimezone(zone)
    write, this_year = language.write, now.astimezone(zone).year
    last = _last_day(end, zone)
    year = start.year != last.year or last.year != this_year
    if not (_begins_day(start, zone) and _begins_day(end, zone)):
        return _moments(start, end, year=year, write=write)
    if start.date() == last:
        return write.weekday(last, year=year)
    if (start.year, start.month) == (last.year, last.month) and not year:
        return f"{write.day(start.date())} – {last.day}{'일' if language.code == 'ko' else ''}"
    if start.year == last.year:
        return f"{write.day(start.date())} – {write.day(last, year=year)}"
    return f"{write.day(start.date(), year=True)} – {write.day(last, year=True)}"


def compared_text(period: Period, *, timezone: str, now: datetime, language: Language) -> str:
    """The compared period, and up to when it counts while the shown one is still running."""
    text = period_text(period, timezone=timezone, now=now, language=language)
    if period.running_until is None or period.running_until >= period.end:
        return text
    zone, write = ZoneInfo(timezone), language.write
    until = period.running_until.astimezone(zone)
    moment = write.clock(until.time())
    if until.date() != _last_day(period.end, zone):
        moment = f"{write.day(until.date(), year=until.year != now.astimezone(zone).year)}, {moment}"
    return language.say("%(period)s, until %(time)s", period=text, time=moment)


def axis_label(bucket: Bucket, interval: Interval, *, timezone: str, language: Language, years: bool) -> str:
    """What stands under the axis."""
    start, write = bucket.start.astimezone(ZoneInfo(timezone)), language.write
    if interval in {"minute", "hour"}:
        return write.day(start.date()) if begins_day(start, timezone) else write.clock(start.time())
    if interval == "month":
        return write.month(start.date(), year=years)
    return write.day(start.date(), year=years and start.month == 1 and start.day <= 7)


def title(bucket: Bucket, interval: Interval, *, timezone: str, language: Language, year: bool) -> str:
    """What stands over a tooltip and in the table: the whole bucket, with its offset where its time is there twice."""
    zone, write = ZoneInfo(timezone), language.write
    start, end = bucket.start.astimezone(zone), bucket.end.astimezone(zone)
    day = write.weekday(start.date(), year=year)
    offset = f" (UTC{_offset(start, zone)})" if _is_twice(start, zone) else ""
    if interval == "minute":
        return f"{day}, {write.clock(start.time())}{offset}"
    if interval == "hour":
        return f"{day}, {write.clock(start.time())} – {write.clock(end.time())}{offset}"
    if interval == "month":
        return write.month(start.date(), year=True)
    if interval == "week":
        return f"{write.day(start.date(), year=year)} – {write.day(_last_day(end, zone))}"
    return day


def address(start: datetime, end: datetime, *, timezone: str) -> str:
    """A stretch as the `range` of an address: days where they are whole, else minutes, both ends included.

    Empty where the clock shows an end twice: the text would name the first of the two.
    """
    zone = ZoneInfo(timezone)
    if days := whole_days(start, end, timezone=timezone):
        return f"{days[0]}..{days[1]}"
    first, last = _minute(start, zone), _minute(end.astimezone(UTC) - _MINUTE, zone)
    return f"{first}..{last}" if first and last else ""


def ends(start: datetime, end: datetime, *, timezone: str) -> tuple[str, str]:
    """Both ends of a bucket, each a day where it is the day's: what a stretch of several is put together from.

    One that the clock shows twice has no text.
    """
    zone = ZoneInfo(timezone)
    return (
        str(start.astimezone(zone).date()) if _begins_day(start, zone) else _minute(start, zone),
        str(_last_day(end, zone)) if _begins_day(end, zone) else _minute(end.astimezone(UTC) - _MINUTE, zone),
    )


def whole_days(start: datetime, end: datetime, *, timezone: str) -> tuple[date, date] | None:
    """The first and the last day of a stretch that is made of whole ones."""
    zone = ZoneInfo(timezone)
    if not (_begins_day(start, zone) and _begins_day(end, zone)):
        return None
    return start.astimezone(zone).date(), _last_day(end, zone)


def begins_day(moment: datetime, timezone: str) -> bool:
    """Whether it is the first instant of a day of the zone: 01:00 where the clock skips midnight."""
    return _begins_day(moment, ZoneInfo(timezone))


def _moments(start: datetime, end: datetime, *, year: bool, write: Formatter) -> str:
    first = f"{write.day(start.date(), year=year)}, {write.clock(start.time())}"
    if start.date() == end.date():
        return f"{first} – {write.clock(end.time())}"
    return f"{first} – {write.day(end.date(), year=year)}, {write.clock(end.time())}"


def _minute(moment: datetime, zone: ZoneInfo) -> str:
    return "" if _is_twice(moment, zone) else f"{moment.astimezone(zone):%Y-%m-%dT%H:%M}"


def _begins_day(moment: datetime, zone: ZoneInfo) -> bool:
    day = moment.astimezone(zone).date()
    return moment.astimezone(UTC) == datetime.combine(day, time(), zone).astimezone(UTC)


def _last_day(end: datetime, zone: ZoneInfo) -> date:
    return (end.astimezone(UTC) - _INSTANT).astimezone(zone).date()


def _is_twice(moment: datetime, zone: ZoneInfo) -> bool:
    local = moment.astimezone(zone)
    return local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()


def _offset(moment: datetime, zone: ZoneInfo) -> str:
    offset = moment.astimezone(zone).utcoffset() or timedelta()
    minutes = int(offset.total_seconds()) // 60
    hours, rest = divmod(abs(minutes), 60)
    sign = "−" if minutes < 0 else "+"
    return f"{sign}{hours}:{rest:02d}" if rest else f"{sign}{hours}"
