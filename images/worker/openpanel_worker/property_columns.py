"""Properties of an event as columns: keys as they are, values encoded.

The rules are those of `enrich.properties`. What nearly all properties are (short plain text and whole numbers under
a key that was seen before) is known here without asking again; an event with anything else goes the long way.
Bounded: emptied when full. Not shared between threads.
"""

from collections.abc import Mapping
from typing import Any, Final

from openpanel.enrich.properties import (
    CONSUMED,
    FALLBACKS,
    MAX_ENTRIES,
    event_properties,
    is_clean_key,
    number_text,
    plain_form,
)
from openpanel_worker.fragments import EMPTY, MAX_CACHED, MAX_FRAGMENTS, Fragments

MAX_KEYS: Final = 20_000

Columns = tuple[tuple[str, ...], tuple[bytes, ...]]


class _Plain(dict[str, bytes | None]):
    """Fragments of texts; None: it must be looked into; EMPTY: it is left out."""

    def __init__(self, fragments: Fragments) -> None:
        super().__init__()
        self._fragments = fragments

    def __missing__(self, text: str) -> bytes | None:
        kept = plain_form(text)
        fragment = None if kept is None else self._fragments[kept] if kept else EMPTY
        if len(text) <= MAX_CACHED:
            if len(self) >= MAX_FRAGMENTS:
                self.clear()
            self[text] = fragment
        return fragment


class _Keys(dict[str, bool | None]):
    """Whether a property of that name is kept; None: it takes the long way to know."""

    def __missing__(self, key: str) -> bool | None:
        kept = None if key in FALLBACKS or not is_clean_key(key) else key not in CONSUMED
        if len(self) >= MAX_KEYS:
            self.clear()
        self[key] = kept
        return kept


class PropertyColumns:
    """Makes keys and values of properties."""

    def __init__(self, fragments: Fragments) -> None:
        self._fragments = fragments
        self._plain = _Plain(fragments)
        self._keys = _Keys()

    def of(self, properties: Mapping[str, Any]) -> Columns:
        """What `enrich.event_properties` gives, as columns."""
        names: list[str] = []
        values: list[bytes] = []
        plain, keys = self._plain, self._keys
        for key, value in properties.items():
            if not keys[key]:
                if keys[key] is None:
                    return self._long_way(properties)
                continue
            fragment = plain[value] if type(value) is str else self._scalar(value)
            if fragment is None:
                return self._long_way(properties)
            if fragment is not EMPTY:
                names.append(key)
                values.append(fragment)
        if len(names) > MAX_ENTRIES:
            return self._long_way(properties)
        return tuple(names), tuple(values)

    def _scalar(self, value: Any) -> bytes | None:
        """A number, a truth value or nothing; None for all else."""
        if value is None:
            return EMPTY
        if value is True or value is False:
            return self._fragments["true" if value else "false"]
        return self._fragments[number_text(value)] if type(value) in (int, float) else None

    def _long_way(self, properties: Mapping[str, Any]) -> Columns:
        flat = event_properties(properties)
        return tuple(flat), tuple(map(self._fragments.__getitem__, flat.values()))
