"""Stretches of time as text: a period under the picker, a bucket under the axis and in a tooltip.

All of it in the project's time zone; the browser never computes a day.
"""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from openpanel.analytics.periods import Bucket, Interval, Period
from openpanel_dashboard.formatting import Formatter
from openpanel_dashboard.languages import Language

_INSTANT = timedelta(microseconds=1)


def zone_name(timezone: str, at: datetime) -> str:
    """Asia/Seoul (UTC+9), with the offset at that moment."""
    offset = at.astimezone(ZoneInfo(timezone)).utcoffset() or timedelta()
    minutes = int(offset.total_seconds()) // 60
    hours, rest = divmod(abs(minutes), 60)
    sign = "−" if minutes < 0 else "+"
    written = f"UTC{sign}{hours}:{rest:02d}" if rest else f"UTC{sign}{hours}"
    return "UTC" if timezone == "UTC" else f"{timezone} ({written})"


def period_text(period: Period, *, timezone: str, now: datetime, language: Language) -> str:
    """Oct 26 – Nov 22; with times when the period is not made of whole days, with years where one could doubt."""
    zone = ZoneInfo(timezone)
    start, end = period.start.astimezone(zone), period.end.astimezone(zone)
    write, this_year = language.write, now.astimezone(zone).year
    last = (end - _INSTANT).date()
    year = start.year != last.year or last.year != this_year
    if not (_midnight(start) and _midnight(end)):
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
    clock = language.write.clock(period.running_until.astimezone(ZoneInfo(timezone)).time())
    return language.say("%(period)s, until %(time)s", period=text, time=clock)


def axis_label(bucket: Bucket, interval: Interval, *, timezone: str, language: Language, years: bool) -> str:
    """What stands under the axis."""
    start, write = bucket.start.astimezone(ZoneInfo(timezone)), language.write
    if interval in {"minute", "hour"}:
        return write.day(start.date()) if _midnight(start) else write.clock(start.time())
    if interval == "month":
        return write.month(start.date(), year=years)
    return write.day(start.date(), year=years and start.month == 1 and start.day <= 7)


def title(bucket: Bucket, interval: Interval, *, timezone: str, language: Language, year: bool) -> str:
    """What stands over a tooltip and in the table: the whole bucket."""
    zone, write = ZoneInfo(timezone), language.write
    start, end = bucket.start.astimezone(zone), bucket.end.astimezone(zone)
    day = write.weekday(start.date(), year=year)
    if interval == "minute":
        return f"{day}, {write.clock(start.time())}"
    if interval == "hour":
        return f"{day}, {write.clock(start.time())} – {write.clock(end.time())}"
    if interval == "month":
        return write.month(start.date(), year=True)
    if interval == "week":
        return f"{write.day(start.date(), year=year)} – {write.day((end - _INSTANT).date())}"
    return day


def address(start: datetime, end: datetime, *, timezone: str) -> str:
    """A stretch as the `range` of an address: days where they are whole, else minutes, both ends included."""
    zone = ZoneInfo(timezone)
    first, after = start.astimezone(zone), end.astimezone(zone)
    if _midnight(first) and _midnight(after):
        return f"{first.date()}..{(after - _INSTANT).date()}"
    last = after - timedelta(minutes=1)
    return f"{first:%Y-%m-%dT%H:%M}..{last:%Y-%m-%dT%H:%M}"


def _moments(start: datetime, end: datetime, *, year: bool, write: Formatter) -> str:
    first = f"{write.day(start.date(), year=year)}, {write.clock(start.time())}"
    if start.date() == end.date():
        return f"{first} – {write.clock(end.time())}"
    return f"{first} – {write.day(end.date(), year=year)}, {write.clock(end.time())}"


def _midnight(moment: datetime) -> bool:
    return moment.hour == moment.minute == moment.second == 0
