"""Conditions on what is counted: `dimension operator values`, where one of the values must match.

Refuses what it does not know instead of leaving it out. Knows no store: it turns filters into SQL over columns
that the caller names from its own list, with the values as parameters.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Final, Literal

from openpanel.analytics.statements import number_in

Operator = Literal[
    "is", "not", "has", "hasnt", "starts", "ends", "re", "set", "unset", "gt", "gte", "lt", "lte"
]

MAX_FILTERS: Final = 20
MAX_VALUES: Final = 100  # of one filter
MAX_DECLARED: Final = 1_000  # conversions of one project: 500 by its manifest, 500 by people
MAX_BYTES: Final = 16_384  # of all values together; they travel in an address
PROPERTY: Final = "prop."  # a dimension that names a property: prop.plan


class BadFilter(ValueError):
    """A filter that cannot be used. `subject` is what is wrong, `reason` says what would be right.

    `operator` is that of the filter, where it is known: of several on one field it tells which one is meant.
    """

    def __init__(self, subject: str, *, reason: str, operator: str = "") -> None:
        super().__init__(f"filter {subject!r}: {reason}")
        self.subject = subject
        self.reason = reason
        self.operator = operator


@dataclass(frozen=True, slots=True)
class Filter:
    """`Filter("country", "is", ("KR", "JP"))`: several filters must all hold, of the values one.

    `is` and `not` compare exactly, `has` and `hasnt` look for a part without regard to case, `starts` and `ends`
    compare exactly, `re` is a regular expression (RE2), `set` and `unset` take no value, `gt gte lt lte` compare
    numbers. The empty value is a value: `country is ''` are visits from an unknown country.
    """

    dimension: str
    operator: Operator
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Conditions:
    """SQL, each to be joined with AND, and the values of its parameters."""

    sql: tuple[str, ...] = ()
    parameters: Mapping[str, object] | None = None


def conditions(filters: Sequence[Filter], *, columns: Mapping[str, str], prefix: str) -> Conditions:
    """The filters over `columns` (dimension to SQL expression). `prefix` keeps parameters of several calls apart.

    Raises `BadFilter` for a dimension that is not in `columns` and for values the operator cannot take.
    """
    parts: list[str] = []
    parameters: dict[str, object] = {}
    for number, item in enumerate(filters):
        name = f"{prefix}{number}"
        column = _column(item, columns, name, parameters)
        parts.append(_condition(item, column, name, parameters))
    return Conditions(tuple(parts), parameters)


def check(filters: Sequence[Filter]) -> None:
    """Refuse more filters than a question takes."""
    if len(filters) > MAX_FILTERS:
        raise BadFilter(f"{len(filters)} filters", reason=f"at most {MAX_FILTERS}")
    if sum(len(value.encode(errors="replace")) for item in filters for value in item.values) > MAX_BYTES:
        raise BadFilter("values", reason=f"at most {MAX_BYTES} bytes together")
    for item in filters:
        if len(item.values) > MAX_VALUES:
            raise BadFilter(item.dimension, reason=f"at most {MAX_VALUES} values")


def found_by(expression: str, column: str) -> str:
    """Whether the regular expression, a parameter, finds something. A wrong one is refused also where nothing is read."""
    return f"(isNotNull(match('', {expression})) AND match({column}, {expression}))"


_LISTS: Final[Mapping[str, str]] = {
    "is": "{column} IN {values}",
    "not": "{column} NOT IN {values}",
    "has": "arrayExists(value -> positionCaseInsensitiveUTF8({column}, value) > 0, {values})",
    "hasnt": "NOT arrayExists(value -> positionCaseInsensitiveUTF8({column}, value) > 0, {values})",
    "starts": "arrayExists(value -> startsWith({column}, value), {values})",
    "ends": "arrayExists(value -> endsWith({column}, value), {values})",
}
_NUMBERS: Final[Mapping[str, str]] = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
_ALONE: Final[Mapping[str, str]] = {"set": "{column} != ''", "unset": "{column} = ''"}


def _column(item: Filter, columns: Mapping[str, str], name: str, parameters: dict[str, object]) -> str:
    if item.dimension in columns and item.dimension != PROPERTY:
        return columns[item.dimension]
    if PROPERTY in columns and item.dimension.startswith(PROPERTY) and item.dimension != PROPERTY:
        parameters[f"{name}_key"] = item.dimension.removeprefix(PROPERTY)
        return columns[PROPERTY].replace("{key}", f"{{{name}_key:String}}")
    known = ", ".join(f"{name}<key>" if name == PROPERTY else name for name in columns)
    raise BadFilter(item.dimension, reason=f"expected one of {known}")


def _condition(item: Filter, column: str, name: str, parameters: dict[str, object]) -> str:
    if item.operator in _ALONE:
        if item.values:
            raise BadFilter(item.dimension, reason=f"{item.operator} takes no value")
        return _ALONE[item.operator].replace("{column}", column)
    if not item.values:
        raise BadFilter(item.dimension, reason=f"{item.operator} needs a value")
    if item.operator in _LISTS:
        parameters[name] = list(item.values)
        text = _LISTS[item.operator].replace("{column}", column)
        return text.replace("{values}", f"{{{name}:Array(String)}}")
    if item.operator in _NUMBERS:
        parameters[name] = _numbers(item)
        return f"arrayExists(value -> {number_in(column)} {_NUMBERS[item.operator]} value, {{{name}:Array(Float64)}})"
    if item.operator == "re":
        for number, value in enumerate(item.values):
            parameters[f"{name}_{number}"] = value
        return _either(
            [found_by(f"{{{name}_{number}:String}}", column) for number in range(len(item.values))]
        )
    raise BadFilter(item.operator, reason=f"expected one of {', '.join((*_LISTS, 're', *_ALONE, *_NUMBERS))}")


def _either(parts: list[str]) -> str:
    return f"({' OR '.join(parts)})"


def _numbers(item: Filter) -> list[float]:
    try:
        return finite_numbers(item.values)
    except ValueError as error:
        raise BadFilter(item.dimension, reason=f"{item.operator} needs a number") from error


def finite_numbers(texts: Sequence[str]) -> list[float]:
    """Each text as a number; raises ValueError for one that holds none, and for "nan" and "inf"."""
    numbers = [float(text) for text in texts]
    if not all(map(isfinite, numbers)):
        raise ValueError("not a finite number")
    return numbers
