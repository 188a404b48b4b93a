"""One event with all that enrichment added, and back from a row.

Knows no store and no clock: text and rows only.
"""

from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, Final

from openpanel.analytics.statements import Row


@dataclass(frozen=True, slots=True)
class Event:
    """One event with all that enrichment added. Ids are numbers; 0 is none."""

    event_id: int
    name: str
    device_id: int
    device_ref: str
    session_id: int
    session_started_at: datetime
    person: int
    profile_id: str
    created_at: datetime
    groups: tuple[str, ...]
    path: str
    origin: str
    title: str
    referrer: str
    referrer_name: str
    referrer_type: str
    utm_source: str
    utm_medium: str
    utm_campaign: str
    utm_term: str
    utm_content: str
    revenue: int
    duration: int
    country: str
    region: str
    city: str
    longitude: float
    latitude: float
    os: str
    os_version: str
    browser: str
    browser_version: str
    device: str
    brand: str
    model: str
    sdk_name: str
    sdk_version: str
    properties: dict[str, str]
    imported_at: datetime | None
    received_at: datetime


def event(row: Row) -> Event:
    """The event in a row of the columns `EVENT`."""
    values: dict[str, Any] = dict(zip(_FIELDS, row, strict=True))
    for name in _MOMENTS:
        values[name] = values[name].replace(tzinfo=UTC)
    values["imported_at"] = values["imported_at"] if values["imported_at"].timestamp() else None
    values["groups"] = tuple(values["groups"])
    return Event(**values)


_FIELDS: Final = tuple(item.name for item in fields(Event))
_MOMENTS: Final = ("created_at", "session_started_at", "received_at", "imported_at")

# What to select of `events AS seen`.
EVENT: Final = ",\n    ".join(f"seen.{name} AS {name}" for name in _FIELDS)
