"""Which events: of a name, with filters. What series, steps, rules and ways are made of."""

from collections.abc import Sequence
from dataclasses import dataclass

from openpanel.analytics.filters import BadFilter
from openpanel.analytics.property_filters import PropertyFilter, check_filters, met
from openpanel.analytics.reading import ANY_EVENT, SYNTHETIC, Reading


@dataclass(frozen=True, slots=True)
class Step:
    """An event of a name (`*`: any that a visitor did) that passes the filters."""

    name: str
    filters: tuple[PropertyFilter, ...] = ()
    display_name: str = ""


def check_event(name: str, filters: Sequence[PropertyFilter]) -> None:
    """Refuse an event without a name, and more filters than a question takes. Raises `BadFilter`."""
    check_filters(filters)
    if not name:
        raise BadFilter("name", reason=f"expected the name of an event, or {ANY_EVENT}")


def named(name: str, *, column: str, reading: Reading) -> str:
    """The condition on a name; any event is any that a visitor did."""
    if name == ANY_EVENT:
        return f"{column} NOT IN {SYNTHETIC}"
    return f"{column} = {reading.text(name)}"


def occurs(name: str, filters: Sequence[PropertyFilter], reading: Reading) -> str:
    """The condition on events of this name that pass the filters."""
    return " AND ".join((named(name, column="seen.name", reading=reading), *met(filters, reading)))


def any_of(conditions: Sequence[str]) -> str:
    """At least one of them, each only once."""
    different = tuple(dict.fromkeys(conditions))
    return different[0] if len(different) == 1 else f"({' OR '.join(f'({part})' for part in different)})"
