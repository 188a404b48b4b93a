"""Properties of an event that steer how it is processed, as far as the API needs them.

`path` and `timestamp` are accepted under their old names too. Everything else is the worker's.
"""

from typing import Final

from openpanel.identity.ids import DEVICE_REF_MAX
from openpanel.wire.messages import Properties
from openpanel.wire.moments import to_ms

PATH: Final = "__path"
OLD_PATH: Final = "path"
TIMESTAMP: Final = "__timestamp"
OLD_TIMESTAMP: Final = "timestamp"
REVENUE: Final = "__revenue"
DEVICE: Final = "__deviceId"
ADDRESS: Final = "__ip"
IDENTIFY: Final = "__identify"

SCREEN_VIEW: Final = "screen_view"
REVENUE_EVENT: Final = "revenue"


def path_of(properties: Properties) -> str:
    """The address of the page as the client sent it; '' when there is none."""
    value = properties.get(PATH)
    if value is None:
        value = properties.get(OLD_PATH)
    return value if isinstance(value, str) else ""


def sent_ms_of(properties: Properties) -> int | None:
    """When the client says it happened; None when it says nothing that can be read."""
    value = properties.get(TIMESTAMP)
    if value is None:
        value = properties.get(OLD_TIMESTAMP)
    return None if value is None else to_ms(value)


def device_of(properties: Properties) -> str:
    """The device as the client names it, trimmed; '' when it names none. Longer than allowed never gets here."""
    value = properties.get(DEVICE)
    return value.strip()[:DEVICE_REF_MAX] if isinstance(value, str) else ""


def address_of(properties: Properties) -> str:
    """The address that the sender says the visitor has; '' when it says none."""
    value = properties.get(ADDRESS)
    return value if isinstance(value, str) else ""
