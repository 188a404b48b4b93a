"""A project's event filters: which events it does not want to keep.

A filter names an event (`*`: any) and conditions that must all hold. Values are compared as text and, by the
ordering operators, as numbers; a condition that cannot be understood holds for nothing. Knows no store: the event
arrives as a function from field name to value.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

ANY_EVENT: Final = "*"
MAX_PATTERN: Final = 256  # characters of a regular expression


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison: it holds when it holds for any of `values`; the negative ones hold for all of them."""

    field: str
    operator: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Drops the events of this name for which all conditions hold."""

    event: str
    conditions: tuple[Condition, ...] = ()


Field = Callable[[str], str]  # name → value, '' when missing


def dropped(filters: Iterable[EventFilter], *, event: str, field: Field) -> bool:
    """Say whether some filter wants this event gone."""
    return any(
        one.event in (event, ANY_EVENT) and all(holds(condition, field) for condition in one.conditions)
        for one in filters
    )


def holds(condition: Condition, field: Field) -> bool:
    """Evaluate one condition; never raises."""
    value = field(condition.field)
    if (alone := _ALONE.get(condition.operator)) is not None:
        return alone(value)
    if (positive := _NEGATED.get(condition.operator)) is not None:
        return not any(_OPERATORS[positive](value, wanted) for wanted in condition.values)
    compare = _OPERATORS.get(condition.operator)
    return compare is not None and any(compare(value, wanted) for wanted in condition.values)


def column_name(field: str) -> str:
    """The warehouse's name of a field that may be written in camelCase: `referrerName` is `referrer_name`."""
    return re.sub(r"(?<=[a-z])([A-Z])", r"_\1", field).lower() if "." not in field else field


def _matches(value: str, pattern: str) -> bool:
    compiled = _compiled(pattern)
    return compiled is not None and compiled.search(value[:4_096]) is not None


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str] | None:
    try:
        return re.compile(pattern) if len(pattern) <= MAX_PATTERN else None
    except (re.error, RecursionError, OverflowError):
        return None


def _ordered(compare: Callable[[float, float], bool]) -> Callable[[str, str], bool]:
    def numbers(value: str, wanted: str) -> bool:
        try:
            return compare(float(value), float(wanted))
        except ValueError:
            return False

    return numbers


_OPERATORS: Final[Mapping[str, Callable[[str, str], bool]]] = {
    "is": lambda value, wanted: value == wanted,
    "contains": lambda value, wanted: wanted in value,
    "startsWith": lambda value, wanted: value.startswith(wanted),
    "endsWith": lambda value, wanted: value.endswith(wanted),
    "regex": _matches,
    "gt": _ordered(lambda value, wanted: value > wanted),
    "gte": _ordered(lambda value, wanted: value >= wanted),
    "lt": _ordered(lambda value, wanted: value < wanted),
    "lte": _ordered(lambda value, wanted: value <= wanted),
}
_NEGATED: Final[Mapping[str, str]] = {"isNot": "is", "doesNotContain": "contains"}
_ALONE: Final[Mapping[str, Callable[[str], bool]]] = {
    "isNull": lambda value: not value,
    "isNotNull": bool,
}
