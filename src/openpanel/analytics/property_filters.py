"""Filters with every operator and value type, over everything that `fields` knows. For charts, funnels and the rest.

Several filters must all hold, of a filter's values one. An operator that denies (`isNot`, `doesNotContain`, `isNull`,
`notInCohort`) holds exactly where the one it denies does not, so that the two together are everything. Where a field
has many values (groups, a key with `*`), one of them must match, and a denial denies it of all of them.

`contains` looks without regard to case, everything else compares exactly. The empty text is a value: it stands for
what is not there. A text that is no number, date or yes-or-no meets no comparison of that type.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final, Literal

from openpanel.analytics.fields import COHORT, Field, Kind, field, is_member
from openpanel.analytics.filters import (
    MAX_BYTES,
    MAX_FILTERS,
    MAX_VALUES,
    BadFilter,
    Filter,
    finite_numbers,
    found_by,
)
from openpanel.analytics.reading import Reading
from openpanel.analytics.statements import number_in

FilterOperator = Literal[
    "is",
    "isNot",
    "contains",
    "doesNotContain",
    "startsWith",
    "endsWith",
    "regex",
    "isNull",
    "isNotNull",
    "gt",
    "lt",
    "gte",
    "lte",
    "inCohort",
    "notInCohort",
]
ValueType = Literal["string", "number", "date", "datetime", "boolean"]


@dataclass(frozen=True, slots=True)
class PropertyFilter:
    """`PropertyFilter("properties.price", "gt", ("9.5",), "number")`. Without a type, the operator decides."""

    name: str
    operator: FilterOperator
    values: tuple[str, ...] = ()
    type: ValueType | None = None


def widened(filters: Sequence[Filter]) -> tuple[PropertyFilter, ...]:
    """Filters of the overview's address as filters on events."""
    return tuple(
        PropertyFilter(_wide_name(item.dimension), _WIDE_OPERATORS[item.operator], item.values)
        for item in filters
    )


def check_filters(filters: Sequence[PropertyFilter]) -> None:
    """Refuse more filters than a question takes."""
    if len(filters) > MAX_FILTERS:
        raise BadFilter(f"{len(filters)} filters", reason=f"at most {MAX_FILTERS}")
    if sum(len(value.encode(errors="replace")) for item in filters for value in item.values) > MAX_BYTES:
        raise BadFilter("values", reason=f"at most {MAX_BYTES} bytes together")
    for item in filters:
        if len(item.values) > MAX_VALUES:
            raise BadFilter(item.name, reason=f"at most {MAX_VALUES} values")


def check_values(item: PropertyFilter) -> None:
    """Refuse values for an operator that takes none, and none for one that takes some. Raises `BadFilter`."""
    if item.operator in ("isNull", "isNotNull"):
        if item.values:
            raise BadFilter(item.name, reason=f"{item.operator} takes no value", operator=item.operator)
    elif not item.values:
        raise BadFilter(item.name, reason=f"{item.operator} needs a value", operator=item.operator)


def met(filters: Sequence[PropertyFilter], reading: Reading) -> tuple[str, ...]:
    """The conditions on an event, to be joined with AND. Raises `BadFilter` for what cannot be used."""
    check_filters(filters)
    return tuple(_told_apart(item, reading) for item in filters)


_DENIED: Final = {
    "isNot": "is",
    "doesNotContain": "contains",
    "isNull": "isNotNull",
    "notInCohort": "inCohort",
}
_TEXTUAL: Final = ("contains", "startsWith", "endsWith", "regex")
_ORDERED: Final = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
_EQUAL: Final = ("is", "isNotNull")
_TAKEN: Final = {
    "string": (*_EQUAL, *_TEXTUAL),
    "number": (*_EQUAL, *_ORDERED),
    "date": (*_EQUAL, *_ORDERED),
    "datetime": (*_EQUAL, *_ORDERED),
    "boolean": _EQUAL,
}
OPERATORS: Final = (*_EQUAL, *_TEXTUAL, *_ORDERED, *_DENIED, "inCohort")
_TRUE: Final = ("true", "1")
_FALSE: Final = ("false", "0")


def _told_apart(item: PropertyFilter, reading: Reading) -> str:
    """The condition; what is wrong with it is said of this filter, and not of another one on its field."""
    try:
        return _condition(item, reading)
    except BadFilter as error:
        error.operator = item.operator
        raise


def _condition(item: PropertyFilter, reading: Reading) -> str:
    if item.operator not in OPERATORS:
        raise BadFilter(item.operator, reason=f"expected one of {', '.join(sorted(OPERATORS))}")
    plain = _DENIED.get(item.operator, item.operator)
    holds = _in_cohorts(item, reading) if plain == "inCohort" else _holds(item, plain, reading)
    return f"NOT {holds}" if item.operator in _DENIED else holds


def _in_cohorts(item: PropertyFilter, reading: Reading) -> str:
    if item.name != COHORT:
        raise BadFilter(item.name, reason=f"{item.operator} is asked of {COHORT}")
    if not item.values:
        raise BadFilter(item.name, reason=f"{item.operator} needs the id of a cohort")
    if item.type not in (None, "string"):
        raise BadFilter(
            item.name, reason=f"{item.operator} takes ids of cohorts, not values of type {item.type}"
        )
    return _either([is_member(cohort, reading) for cohort in item.values])


def _holds(item: PropertyFilter, operator: str, reading: Reading) -> str:
    subject = field(item.name, reading)
    value_type = _type_of(item, operator, subject)
    if operator not in _TAKEN[value_type]:
        allowed = [*_TAKEN[value_type], *(deny for deny, of in _DENIED.items() if of in _TAKEN[value_type])]
        reason = (
            f"{item.operator} is not for values of type {value_type}, expected one of {', '.join(allowed)}"
        )
        raise BadFilter(item.name, reason=reason)
    check_values(item)
    comparison = _COMPARISONS[value_type]
    if subject.many:
        inner = comparison(item, operator, Field("each"), reading)
        return f"arrayExists(each -> {inner}, {subject.sql})"
    return comparison(item, operator, subject, reading)


def _type_of(item: PropertyFilter, operator: str, subject: Field) -> ValueType:
    if item.type is not None:
        if item.type not in _TAKEN:
            raise BadFilter(item.type, reason=f"expected one of {', '.join(_TAKEN)}")
        if subject.kind is Kind.MOMENT and item.type not in {"date", "datetime"}:
            raise BadFilter(item.name, reason="a point in time is compared as date or datetime")
        return item.type
    if subject.kind is Kind.MOMENT:
        return "datetime"
    return "number" if subject.kind is Kind.NUMBER or operator in _ORDERED else "string"


def _as_text(item: PropertyFilter, operator: str, subject: Field, reading: Reading) -> str:
    text = f"toString({subject.sql})" if subject.kind is Kind.NUMBER else subject.sql
    if operator == "isNotNull":
        return f"({text} != '')"
    if operator == "regex":
        return _either([found_by(reading.text(value), text) for value in item.values])
    given = reading.texts(item.values)
    if operator == "is":
        return f"({text} IN {given})"
    test = {
        "contains": f"positionCaseInsensitiveUTF8({text}, given) > 0",
        "startsWith": f"startsWith({text}, given)",
        "endsWith": f"endsWith({text}, given)",
    }[operator]
    return f"arrayExists(given -> {test}, {given})"


def _as_number(item: PropertyFilter, operator: str, subject: Field, reading: Reading) -> str:
    of_numbers = subject.kind is Kind.NUMBER
    number = f"toFloat64({subject.sql})" if of_numbers else number_in(subject.sql)
    if operator == "isNotNull":
        return f"({number} != 0)" if of_numbers else f"isNotNull({number})"
    return _compared(number, operator, reading.value("Array(Float64)", _numbers(item)))


def _as_date(item: PropertyFilter, operator: str, subject: Field, reading: Reading) -> str:
    moment = _moment(subject, reading)
    if operator == "isNotNull":
        return _is_moment(subject, moment)
    days = [day.year * 10_000 + day.month * 100 + day.day for day in _days(item)]
    number = f"toYYYYMMDD({moment}, {reading.text(reading.timezone)})"
    return _compared(number, operator, reading.value("Array(UInt32)", days))


def _as_datetime(item: PropertyFilter, operator: str, subject: Field, reading: Reading) -> str:
    moment = _moment(subject, reading)
    if operator == "isNotNull":
        return _is_moment(subject, moment)
    read = f"given -> toUnixTimestamp64Milli({_moment_in('given', reading)})"
    given = f"arrayMap({read}, {reading.texts(_moments(item))})"
    return _compared(f"toUnixTimestamp64Milli({moment})", operator, given)


def _as_boolean(item: PropertyFilter, operator: str, subject: Field, reading: Reading) -> str:
    text = f"lowerUTF8(toString({subject.sql}))"
    yes, no = reading.texts(_TRUE), reading.texts(_FALSE)
    if operator == "isNotNull":
        return f"({text} IN {yes} OR {text} IN {no})"
    return _either([f"({text} IN {yes if _yes(item, value) else no})" for value in item.values])


_COMPARISONS: Final = {
    "string": _as_text,
    "number": _as_number,
    "date": _as_date,
    "datetime": _as_datetime,
    "boolean": _as_boolean,
}


def _compared(subject: str, operator: str, given: str) -> str:
    """One of the given values stands in this relation; a subject that has no value stands in none."""
    if operator == "is":
        return f"(has({given}, ifNull({subject}, 0)) AND isNotNull({subject}))"
    return f"ifNull(arrayExists(given -> ifNull({subject} {_ORDERED[operator]} given, 0), {given}), 0)"


def _moment(subject: Field, reading: Reading) -> str:
    if subject.kind is Kind.MOMENT:
        return f"toDateTime64({subject.sql}, 3, 'UTC')"
    return f"if(match({subject.sql}, '^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}'), {_moment_in(subject.sql, reading)}, NULL)"


def _moment_in(text: str, reading: Reading) -> str:
    """The point in time that a text names, or nothing.

    A time that the clock skips lies behind the gap, where the parser puts it before: a skipped midnight onto the day
    before. So a text without a zone, which reads differently in UTC, is its wall clock less the offset before the gap.
    """
    here = f"parseDateTime64BestEffortOrNull({text}, 3, {reading.text(reading.timezone)})"
    wall = f"parseDateTime64BestEffortOrNull({text}, 3, 'UTC')"
    return f"if({here} = {wall}, {here}, subtractSeconds({wall}, timeZoneOffset({here})))"


def _is_moment(subject: Field, moment: str) -> str:
    if subject.kind is Kind.MOMENT:
        return f"(toUnixTimestamp64Milli({moment}) != 0)"
    return f"isNotNull({moment})"


def _numbers(item: PropertyFilter) -> list[float]:
    try:
        return finite_numbers(item.values)
    except ValueError as error:
        raise BadFilter(item.name, reason="expected a number such as 9.5") from error


def _days(item: PropertyFilter) -> list[date]:
    try:
        return [date.fromisoformat(value) for value in item.values]
    except ValueError as error:
        raise BadFilter(item.name, reason="expected a date such as 2026-11-01") from error


def _moments(item: PropertyFilter) -> list[str]:
    """Each written out. They are left to the store to read, as it reads those that they are compared with."""
    try:
        given = [datetime.fromisoformat(value) for value in item.values]
        return [(each.astimezone(UTC) if each.tzinfo else each).isoformat() for each in given]
    except (ValueError, OverflowError) as error:
        raise BadFilter(item.name, reason="expected a date and time such as 2026-11-01T14:05:00") from error


def _yes(item: PropertyFilter, value: str) -> bool:
    if value.lower() not in (*_TRUE, *_FALSE):
        raise BadFilter(item.name, reason="expected true or false")
    return value.lower() in _TRUE


def _either(parts: list[str]) -> str:
    return f"({' OR '.join(parts)})"


_WIDE_OPERATORS: Final[dict[str, FilterOperator]] = {
    "is": "is",
    "not": "isNot",
    "has": "contains",
    "hasnt": "doesNotContain",
    "starts": "startsWith",
    "ends": "endsWith",
    "re": "regex",
    "set": "isNotNull",
    "unset": "isNull",
    "gt": "gt",
    "gte": "gte",
    "lt": "lt",
    "lte": "lte",
}
_WIDE_NAMES: Final = {
    "event": "name",
    "page": "path",
    "entry": "session.entry_path",
    "exit": "session.exit_path",
    "referrer": "referrer_name",
    "referrer_url": "referrer",
    "profile": "profile_id",
    "session": "session_id",
}


def _wide_name(dimension: str) -> str:
    if dimension.startswith("prop."):
        return f"properties.{dimension.removeprefix('prop.')}"
    if dimension.startswith("utm."):
        return f"utm_{dimension.removeprefix('utm.')}"
    return _WIDE_NAMES.get(dimension, dimension)
