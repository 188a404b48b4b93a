"""Numbers, shares, changes, durations, dates and times as text, in the languages of the pages.

Called when view models are built; `frontend/src/formatting.ts` is its twin, and both are held by one table
of cases. Knows no catalogue, no request and no clock. Rounding is half up on whole steps, so that both
implementations cut the same digit.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time
from typing import Final

NOTHING: Final = "–"  # nothing to divide, nothing known
MINUS: Final = "−"
PERCENT: Final = "\u202f%"  # a narrow space that never breaks

COMPACT_FROM: Final = 10_000  # below this a count is written in full
RELATIVE_UP_TO: Final = 86_400  # seconds; older than a day is written as a date


@dataclass(frozen=True, slots=True)
class Unit:
    """A step of compact counts: `size` ones are written with `suffix`."""

    size: int
    suffix: str


@dataclass(frozen=True, slots=True)
class Words:
    """What differs between languages when numbers are written."""

    units: tuple[Unit, ...]
    decimals: tuple[int, ...]  # of compact counts, most first; the first that leaves three digits is taken
    new: str
    points: str
    seconds: str
    minutes: str
    hours: str
    days: str
    padded: bool  # 1h 04m, not 1h 4m
    months: tuple[str, ...]
    weekdays: tuple[str, ...]
    currencies: Mapping[str, str]


ENGLISH: Final = Words(
    units=(Unit(10**3, "K"), Unit(10**6, "M"), Unit(10**9, "B"), Unit(10**12, "T")),
    decimals=(2, 1),
    new="new",
    points=" pp",
    seconds="s",
    minutes="m",
    hours="h",
    days="d",
    padded=True,
    months=("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
    weekdays=("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
    currencies={"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "KRW": "₩"},
)
KOREAN: Final = Words(
    units=(Unit(10**4, "만"), Unit(10**8, "억"), Unit(10**12, "조")),
    decimals=(1,),
    new="신규",
    points="%p",
    seconds="초",
    minutes="분",
    hours="시간",
    days="일",
    padded=False,
    months=tuple(f"{month}월" for month in range(1, 13)),
    weekdays=("월", "화", "수", "목", "금", "토", "일"),
    currencies={"USD": "US$", "EUR": "€", "GBP": "£", "JPY": "JP¥", "KRW": "₩"},
)


@dataclass(frozen=True, slots=True)
class Formatter:
    """Writes values for readers of `language`; anything but Korean is written in English."""

    language: str

    @property
    def words(self) -> Words:
        return KOREAN if self.language == "ko" else ENGLISH

    def exact(self, value: float | None) -> str:
        """1,234,567: for titles, accessible names and tables."""
        return NOTHING if value is None else _grouped(_round(value))

    def count(self, value: float | None) -> str:
        """In full below ten thousand, compact from there on."""
        if value is None:
            return NOTHING
        number = _round(value)
        return _compact(number, self.words) if abs(number) >= COMPACT_FROM else _grouped(number)

    def ratio(self, value: float | None) -> str:
        """Views per session and the like: two decimals, one from ten on."""
        if value is None:
            return NOTHING
        return _decimal(value, 2 if abs(value) < 9.995 else 1)

    def share(self, value: float | None) -> str:
        """A part of one as per cent: one decimal under ten, none above."""
        return NOTHING if value is None else _percent(value * 100) + PERCENT

    def conversion(self, value: float | None) -> str:
        """As `share`, with two decimals under one per cent."""
        if value is None or not 0 < value < 0.00995:
            return self.share(value)
        return _trimmed(value * 100, 2) + PERCENT

    def change(self, value: float | None, before: float | None) -> str:
        """Per cent against before; from nothing it is new, not infinite."""
        if value is None or before is None:
            return NOTHING
        if value == before:
            return "0" + PERCENT
        if before == 0:
            return self.words.new
        percent = (value - before) / abs(before) * 100
        return _signed(percent) + _percent(abs(percent)) + PERCENT

    def points(self, value: float | None, before: float | None) -> str:
        """The change of a rate, in points."""
        if value is None or before is None:
            return NOTHING
        tenths = _round((value - before) * 1000)
        sign = "" if tenths == 0 else _signed(tenths)
        return sign + _decimal(abs(tenths) / 10, 1) + self.words.points

    def duration(self, seconds: float | None) -> str:
        """Two units: 4m 32s, 1h 04m, 2d 3h."""
        if seconds is None:
            return NOTHING
        words, whole = self.words, _round(seconds)
        if whole < 60:
            return f"{whole}{words.seconds}"
        if whole < 3600:
            return f"{whole // 60}{words.minutes} {self._second(whole % 60)}{words.seconds}"
        if whole < 86_400:
            return f"{whole // 3600}{words.hours} {self._second(whole % 3600 // 60)}{words.minutes}"
        return f"{_grouped(whole // 86_400)}{words.days} {whole % 86_400 // 3600}{words.hours}"

    def money(self, value: float | None, currency: str) -> str:
        """Whole units of the project's currency, compact like counts."""
        if value is None:
            return NOTHING
        symbol = self.words.currencies.get(currency, currency + " ")
        return (MINUS if value < 0 else "") + symbol + self.count(abs(value))

    def day(self, day: date, *, year: bool = False) -> str:
        """Nov 22; with the year where the reader could doubt it."""
        month, words = self.words.months[day.month - 1], self.words
        if words is KOREAN:
            return f"{day.year}년 {month} {day.day}일" if year else f"{month} {day.day}일"
        return f"{month} {day.day}, {day.year}" if year else f"{month} {day.day}"

    def weekday(self, day: date, *, year: bool = False) -> str:
        """Sun, Nov 22."""
        name = self.words.weekdays[day.weekday()]
        written = self.day(day, year=year)
        return f"{written} ({name})" if self.words is KOREAN else f"{name}, {written}"

    def month(self, day: date, *, year: bool = False) -> str:
        """Nov; with the year where the reader could doubt it."""
        month = self.words.months[day.month - 1]
        if not year:
            return month
        return f"{day.year}년 {month}" if self.words is KOREAN else f"{month} {day.year}"

    def clock(self, moment: time, *, hours: int = 24) -> str:
        """14:05, or 2:05 PM for readers who set twelve hours."""
        if hours == 24:
            return f"{moment.hour:02d}:{moment.minute:02d}"
        face = f"{(moment.hour + 11) % 12 + 1}:{moment.minute:02d}"
        if self.words is KOREAN:
            return ("오전 " if moment.hour < 12 else "오후 ") + face
        return face + (" AM" if moment.hour < 12 else " PM")

    def relative(self, seconds: float) -> str | None:
        """3 min ago; `None` from a day on, when the date says more."""
        whole = max(0, math.floor(seconds))
        if whole >= RELATIVE_UP_TO:
            return None
        korean = self.words is KOREAN
        if whole < 60:
            return "방금" if korean else "just now"
        if whole < 3600:
            return f"{whole // 60}분 전" if korean else f"{whole // 60} min ago"
        return f"{whole // 3600}시간 전" if korean else f"{whole // 3600} h ago"

    def _second(self, value: int) -> str:
        return f"{value:02d}" if self.words.padded else str(value)


def _round(value: float) -> int:
    return math.floor(value + 0.5) if value >= 0 else -math.floor(0.5 - value)


def _grouped(number: int) -> str:
    return f"{number:,}".replace("-", MINUS)


def _signed(value: float) -> str:
    return MINUS if value < 0 else "+"


def _decimal(value: float, decimals: int) -> str:
    """Rounded on whole steps: `f"{x:.1f}"` and JavaScript's `toFixed` see different halves."""
    scaled = _round(value * 10**decimals)
    whole, rest = divmod(abs(scaled), 10**decimals)
    sign = MINUS if scaled < 0 else ""
    return f"{sign}{whole:,}.{rest:0{decimals}d}" if decimals else f"{sign}{whole:,}"


def _trimmed(value: float, decimals: int) -> str:
    text = _decimal(value, decimals)
    return text.rstrip("0").rstrip(".") if "." in text else text


def _percent(percent: float) -> str:
    if 0 < percent < 0.1:
        return "<0.1"
    return _trimmed(percent, 1 if percent < 9.95 else 0)


def _compact(number: int, words: Words) -> str:
    """Three digits in English; whole ten-thousands in Korean, one decimal below a hundred of a unit."""
    sign, size = (MINUS if number < 0 else ""), abs(number)
    index = max(at for at, unit in enumerate(words.units) if size >= unit.size)
    if index + 1 < len(words.units) and _steps(size, words.units[index], 0) >= _ratio(words, index):
        index += 1  # 999,950 is a million, not 1,000 thousands
    return f"{sign}{_in_unit(size, words.units[index], words.decimals)}{words.units[index].suffix}"


def _ratio(words: Words, index: int) -> int:
    return words.units[index + 1].size // words.units[index].size


def _steps(size: int, unit: Unit, decimals: int) -> int:
    step: int = unit.size // 10**decimals
    return (size + step // 2) // step


def _in_unit(size: int, unit: Unit, candidates: tuple[int, ...]) -> str:
    for decimals in candidates:
        steps = _steps(size, unit, decimals)
        if steps < 1000:
            whole, rest = divmod(steps, 10**decimals)
            return f"{whole}.{rest:0{decimals}d}".rstrip("0").rstrip(".")
    return _grouped(_steps(size, unit, 0))
