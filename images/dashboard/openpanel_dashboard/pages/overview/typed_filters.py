"""A filter as somebody types it: `country is kr`, `국가: 대한민국`, `page contains docs`, `browser != Chrome`. Pure.

Dimensions and operators are known by their names in English and in the reader's language, and by those in addresses.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from openpanel_dashboard.address import BARE, MAX_VALUE, Condition
from openpanel_dashboard.languages import Language
from openpanel_dashboard.pages.overview import wording
from openpanel_dashboard.pages.overview.scope import DIMENSIONS

SIGNS: Final = {"=": "is", ":": "is", "!=": "not", "≠": "not", "~": "has"}


def typed(text: str, language: Language) -> Condition | None:
    """The filter that the text is, if it is one; without an operator the value is the one."""
    dimension, rest = _first(text.strip(), _dimensions(language))
    if not dimension:
        return None
    operator, value = _first(rest, _operators(language))
    if operator in BARE:
        return None if value else Condition(dimension, operator)
    return _condition(dimension, operator or "is", value or ("" if operator else rest), language)


def countries(text: str, language: Language, *, limit: int) -> tuple[Condition, ...]:
    """Filters by the countries whose names begin with the text."""
    begin = text.strip().lower()
    found = sorted(
        (name, code) for code, name in _territories(language) if begin and name.lower().startswith(begin)
    )
    return tuple(Condition("country", "is", (code,)) for _, code in found[:limit])


def _condition(dimension: str, operator: str, value: str, language: Language) -> Condition | None:
    if not 0 < len(value) <= MAX_VALUE:
        return None
    named = wording.stored(dimension, value, language) if operator in {"is", "not"} else (value,)
    return Condition(dimension, operator, named)


def _first(text: str, names: Iterable[tuple[str, str]]) -> tuple[str, str]:
    """What the longest name at the beginning stands for, and what follows it; nothing where none does."""
    lower = text.lower()
    for name, meaning in sorted(names, key=lambda pair: -len(pair[0])):
        rest = text[len(name) :]
        ends = not rest or rest[0] in " :=!≠~" or name in SIGNS
        if lower.startswith(name) and ends:
            return meaning, rest.strip()
    return "", ""


def _dimensions(language: Language) -> Iterator[tuple[str, str]]:
    for dimension in DIMENSIONS:
        yield dimension, dimension
        yield wording.DIMENSIONS.get(dimension, dimension).lower(), dimension
        yield wording.dimension_name(dimension, language).lower(), dimension


def _operators(language: Language) -> Iterator[tuple[str, str]]:
    yield from SIGNS.items()
    for operator, name in wording.OPERATORS.items():
        yield name.lower(), operator
        yield language.say(name).lower(), operator


def _territories(language: Language) -> Iterator[tuple[str, str]]:
    for code, name in language.locale.territories.items():
        if len(code) == 2 and code.isalpha():
            yield code, str(name)
