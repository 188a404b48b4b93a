"""Fields of an event row by name, as a project's filters see them. Only projects with filters pay for it."""

from collections.abc import Callable
from typing import Any, Final

from openpanel.warehouse import tables
from openpanel_worker.batch import Row

_PLACES: Final = {name: place for place, name in enumerate(tables.EVENTS.column_names)}
_PROPERTIES: Final = "properties."


def field_of(row: Row) -> Callable[[str], str]:
    """A function from a column's name or `properties.<key>` to its value as text; '' when there is none."""

    def field(name: str) -> str:
        if name.startswith(_PROPERTIES):
            keys, values = row[_PLACES["properties"]]
            key = name.removeprefix(_PROPERTIES)
            return _text(values[keys.index(key)]) if key in keys else ""
        place = _PLACES.get(name)
        return "" if place is None else _text(row[place])

    return field


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return _unframed(value)
    return value if isinstance(value, str) else str(value)


def _unframed(fragment: bytes) -> str:
    """A text without the length in front of it."""
    start = next(place for place, byte in enumerate(fragment, start=1) if byte < 0x80)
    return fragment[start:].decode()
