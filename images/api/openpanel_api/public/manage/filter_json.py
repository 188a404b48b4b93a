"""Filters of a project as JSON, in the words of a manifest. Pure."""

from collections.abc import Iterable
from typing import Any, Final

from openpanel.metadata import Filter
from openpanel.tenancy.checks import EVENT_FIELDS

_TYPES: Final = {"ip": "ip", "profile_id": "profileId", "event": "event"}
_FIELDS: Final = {column: name for name, column in EVENT_FIELDS.items()}


def filters_json(filters: Iterable[Filter]) -> list[dict[str, Any]]:
    """What was said of each when it was set."""
    return [
        {
            "type": _TYPES[each.type],
            "value": each.value,
            "conditions": [
                {
                    "name": _FIELDS.get(condition.name, condition.name),
                    "operator": condition.operator,
                    "values": list(condition.values),
                }
                for condition in each.conditions
            ],
        }
        for each in filters
    ]
