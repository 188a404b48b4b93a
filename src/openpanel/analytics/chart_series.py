"""What a chart counts: series of events, and formulas over them. Series are called by letters in their order."""

from dataclasses import dataclass
from typing import Final

from openpanel.analytics.property_filters import PropertyFilter
from openpanel.analytics.reading import ANY_EVENT
from openpanel.analytics.segments import Segment

MAX_SERIES: Final = 12


@dataclass(frozen=True, slots=True)
class EventSeries:
    """Events of a name (`*`: any that a visitor did) that pass the filters, counted by a segment."""

    name: str = ANY_EVENT
    segment: Segment = "event"
    property: str = ""
    filters: tuple[PropertyFilter, ...] = ()
    display_name: str = ""
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class FormulaSeries:
    """Computed from series before it, which it calls by their letters."""

    formula: str
    display_name: str = ""
    hidden: bool = False


def letter(place: int) -> str:
    """What formulas call the series at this place, from 0."""
    return chr(ord("A") + place)
