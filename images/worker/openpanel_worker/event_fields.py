"""Fields of an event row by name, as a project's filters see them. Only projects with filters pay for it."""

from collections.abc import Callable
from typing import Any, Final

from openpanel.warehouse import tables
from openpanel_worker.batch import Row
from openpanel_worker.layout import value

_COLUMNS: Final = frozenset(tables.EVENTS.column_names)
_PROPERTIES: Final = "properties."


def field_of(row: Row) -> Callable[[str], str]:
    """A function from a column's name or `properties.<key>` to its value as text; '' when there is none."""

    def field(name: str) -> str:
        if name.startswith(_PROPERTIES):
            keys, values = value(row, "properties")
            key = name.removeprefix(_PROPERTIES)
            return _text(values[keys.index(key)]) if key in keys else ""
        return _text(value(row, name)) if name in _COLUMNS else ""

    return field


def _text(held: Any) -> str:
    if isinstance(held, bytes):
        return _unframed(held)
    return held if isinstance(held, str) else str(held)


def _unframed(fragment: bytes) -> str:
    """A text without the length in front of it."""
    start = next(place for place, byte in enumerate(fragment, start=1) if byte < 0x80)
    return fragment[start:].decode()
