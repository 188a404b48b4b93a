"""Up to three fields that an answer is broken down by, and which of their values are kept.

A breakdown is a list of texts, one for each field. The largest are kept and named; all the others together are one
more row, "other". In a chart a person is one of it, however many of the values it has. Knows no store: SQL over a
`Reading`.
"""

from collections.abc import Sequence
from typing import Final

from openpanel.analytics.fields import as_text, field, values
from openpanel.analytics.filters import BadFilter
from openpanel.analytics.reading import Reading

MAX_BREAKDOWNS: Final = 3
MAX_KEPT: Final = 500  # values; more than this is an export
NO_LABELS: Final = "emptyArrayString()"


def check_breakdowns(names: Sequence[str], *, limit: int) -> None:
    """Refuse more fields, and more values, than an answer has."""
    if len(names) > MAX_BREAKDOWNS:
        raise BadFilter(f"{len(names)} breakdowns", reason=f"at most {MAX_BREAKDOWNS}")
    if len(set(names)) < len(names):
        raise BadFilter(", ".join(names), reason="each field once")
    if not 1 <= limit <= MAX_KEPT:
        raise BadFilter(f"limit {limit}", reason=f"expected 1 to {MAX_KEPT}")


def labels(names: Sequence[str], reading: Reading) -> str:
    """The list of texts of an event."""
    if not names:
        return NO_LABELS
    return f"[{', '.join(_label(name, reading) for name in names)}]"


def carried(names: Sequence[str], reading: Reading) -> str:
    """The values of each field as a list, to be kept with an event until `spread` makes labels of it."""
    return f"[{', '.join(values(name, reading) for name in names)}]"


def spread(names: Sequence[str], column: str) -> str:
    """The labels of a carried column: a row for each of its values."""
    if not names:
        return NO_LABELS
    each = [f"arrayJoin({column}[{number}])" for number in range(1, len(names) + 1)]
    return f"[{', '.join(each)}]"


def _label(name: str, reading: Reading) -> str:
    found = field(name, reading)
    return f"arrayJoin({values(name, reading)})" if found.many else as_text(found, reading)
