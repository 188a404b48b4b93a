"""Lists in a query string: the parameter is repeated, or it is one JSON array. Pure."""

from typing import Any

import msgspec


def listed(value: Any) -> Any:
    """The entries; what is no list of texts is left for the model to refuse."""
    given = value if isinstance(value, list) else [value]
    return [entry for each in given for entry in _entries(each)]


def _entries(value: Any) -> tuple[Any, ...]:
    if not isinstance(value, str) or not value.startswith("["):
        return (value,)
    try:
        return msgspec.json.decode(value, type=tuple[str, ...])
    except msgspec.DecodeError:
        return (value,)  # an event may be named so
