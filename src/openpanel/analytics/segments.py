"""What is counted of the events of a series, as aggregate states that merge over buckets, shards and the rest.

Every segment gives the same number of one bucket, of a whole period and of "all others" from the same states: a
person who comes on two days is one person of the period. Knows no store: SQL over a `Reading`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from openpanel.analytics.fields import Kind, field
from openpanel.analytics.filters import BadFilter
from openpanel.analytics.reading import Reading
from openpanel.analytics.statements import number_in

Segment = Literal[
    "event",
    "user",
    "session",
    "group",
    "user_average",
    "one_event_per_user",
    "property_sum",
    "property_average",
    "property_max",
    "property_min",
    "property_median",
    "property_p90",
    "property_distinct",
]


@dataclass(frozen=True, slots=True)
class State:
    """An aggregate state: how rows make it (`make`), and the name of its aggregate function for merging."""

    make: str
    function: str


@dataclass(frozen=True, slots=True)
class Measure:
    """The states of one series. With two, the value is the first per one of the second."""

    states: tuple[State, ...]


def of_events(segment: Segment, property_name: str, *, condition: str, reading: Reading) -> Measure:
    """The measure over events that meet the condition."""
    if segment in _PROPERTY:
        return _of_property(segment, property_name, condition, reading)
    if segment not in _PLAIN:
        expected = ", ".join((*_PLAIN, *_PROPERTY))
        raise BadFilter(segment, reason=f"expected one of {expected}")
    if property_name:
        raise BadFilter(property_name, reason=f"segment {segment} is of no property")
    count = State(f"countStateIf({condition})", "count")
    if segment in {"event", "one_event_per_user"}:
        return Measure((count,))
    if segment == "session":
        return Measure((_distinct("seen.session_id", f"{condition} AND seen.session_id != 0"),))
    if segment == "group":
        return Measure((State(f"uniqExactArrayStateIf(seen.groups, {condition})", "uniqExactArray"),))
    person = reading.person()
    persons = _distinct(person, f"{condition} AND {person} != 0")
    if segment == "user":
        return Measure((persons,))
    return Measure((State(f"countStateIf({condition} AND {person} != 0)", "count"), persons))


def of_days(segment: Segment, *, condition: str) -> Measure:
    """The measure over rows of the daily rollup `rolled`; persons and sessions are estimates."""
    state = {
        "event": State(f"sumStateIf(rolled.events, {condition})", "sum"),
        "user": State(f"uniqHLL12MergeStateIf(rolled.persons, {condition})", "uniqHLL12"),
        "session": State(f"uniqHLL12MergeStateIf(rolled.sessions, {condition})", "uniqHLL12"),
        "property_sum": State(f"sumStateIf(toFloat64(rolled.revenue), {condition})", "sum"),
    }[segment]
    return Measure((state,))


def empty(segment: Segment) -> float | None:
    """The value where there are no events: a count or a sum of nothing is 0, a mean of nothing is none."""
    return 0.0 if segment not in _MEANS else None


def in_rollup(segment: Segment, property_name: str) -> bool:
    """Whether the daily rollup knows this."""
    return segment in {"event", "user", "session"} or (segment, property_name) == ("property_sum", "revenue")


_PLAIN: Final = ("event", "user", "session", "group", "user_average", "one_event_per_user")
_MEANS: Final = (
    "user_average",
    "property_average",
    "property_max",
    "property_min",
    "property_median",
    "property_p90",
)
_PROPERTY: Final[Mapping[str, str]] = {
    "property_sum": "sum",
    "property_average": "avg",
    "property_max": "max",
    "property_min": "min",
    "property_median": "quantileExactInclusive(0.5)",
    "property_p90": "quantileExactInclusive(0.9)",
    "property_distinct": "uniqExact",
}


def _distinct(value: str, condition: str) -> State:
    return State(f"uniqExactStateIf({value}, {condition})", "uniqExact")


def _of_property(segment: Segment, name: str, condition: str, reading: Reading) -> Measure:
    if not name:
        raise BadFilter(segment, reason="needs a property, such as properties.price")
    found = field(name, reading)
    if found.many or found.kind is Kind.MOMENT:
        raise BadFilter(name, reason=f"{segment} needs a field with one text or number")
    if segment == "property_distinct":
        of_numbers = found.kind is Kind.NUMBER
        value, none = (found.sql, "0") if of_numbers else (f"CAST({found.sql}, 'String')", "''")
        return Measure((_distinct(value, f"{condition} AND {value} != {none}"),))
    number = _number(found.sql, of_numbers=found.kind is Kind.NUMBER)
    function, bracket, level = _PROPERTY[segment].partition("(")
    if segment == "property_sum":
        return Measure((State(f"sumStateIf(ifNull({number}, 0), {condition})", "sum"),))
    made = f"{function}State{bracket}{level}(if({condition}, {number}, NULL))"
    return Measure((State(made, _PROPERTY[segment]),))


def _number(sql: str, *, of_numbers: bool) -> str:
    """The value as a number; nothing for 0 of a column, which stands for none, and for a text that is no number."""
    return f"nullIf(toFloat64({sql}), 0)" if of_numbers else number_in(sql)


def merged_state(state: State, column: str) -> str:
    """The column's states as one state."""
    return f"{_combined(state.function, 'MergeState')}({column})"


def merged(state: State, column: str) -> str:
    """The value of the column's states together."""
    return f"{_combined(state.function, 'Merge')}({column})"


def merged_if(state: State, column: str, condition: str) -> str:
    """The value of the states where a condition holds."""
    return f"{_combined(state.function, 'MergeIf')}({column}, {condition})"


def _combined(function: str, combinator: str) -> str:
    name, bracket, level = function.partition("(")
    return f"{name}{combinator}{bracket}{level}"
