"""An event as the API answers it: camelCase, ids as text, times in UTC with milliseconds.

Pure. `EventJson` is the documented model; what goes out is built by `event_json` from the same fields.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from openpanel.analytics.event_rows import Event
from openpanel.identity.ids import to_hex
from openpanel_api.public.moments import moment_json, moment_text


class _Json(BaseModel):
    """Names in camelCase, each documented."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class ProfileJson(_Json):
    """Who did it, as far as the project was told."""

    id: str
    first_name: str
    last_name: str
    email: str
    avatar: str
    properties: dict[str, str]
    groups: list[str]
    created_at: str | None


class MetaJson(_Json):
    """How events of this name are shown."""

    name: str
    conversion: bool
    icon: str | None
    color: str | None


class EventJson(_Json):
    """One event with what enrichment added; unknown text is empty, unknown numbers and times are null."""

    id: str = Field(description="Id of the event.")
    name: str = Field(description="Name of the event.")
    project_id: str = Field(description="Project of the event.")
    device_id: str = Field(description="16 hexadecimal digits, or the id that the client gave itself.")
    session_id: str = Field(description="16 hexadecimal digits; empty when the event belongs to no session.")
    profile_id: str = Field(description="Id of the profile; the device's while it is anonymous.")
    created_at: str = Field(description="When it happened.")
    received_at: str = Field(description="When it was received.")
    imported_at: str | None = Field(description="When it was imported, if it was.")
    session_started_at: str | None = Field(description="When its session began.")
    path: str = Field(description="Path of the page.")
    origin: str = Field(description="Scheme and host of the page.")
    title: str = Field(description="Title of the page.")
    referrer: str = Field(description="Address the visit came from.")
    referrer_name: str = Field(description="Name of that site.")
    referrer_type: str = Field(description="Kind of that site, such as search or social.")
    utm_source: str
    utm_medium: str
    utm_campaign: str
    utm_term: str
    utm_content: str
    revenue: int = Field(description="Amount in the smallest unit of the currency.")
    duration: int = Field(description="Milliseconds; of `session_end` only.")
    country: str = Field(description="ISO 3166 code.")
    region: str
    city: str
    longitude: float | None
    latitude: float | None
    os: str
    os_version: str
    browser: str
    browser_version: str
    device: str = Field(description="Kind of device, such as desktop, mobile or server.")
    brand: str
    model: str
    sdk_name: str
    sdk_version: str
    groups: list[str]
    properties: dict[str, str] | None = Field(default=None, description="With `includes=properties`.")
    profile: ProfileJson | None = Field(
        default=None, description="With `includes=profile`; null while anonymous."
    )
    meta: MetaJson | None = Field(
        default=None, description="With `includes=meta`; null where nothing was set."
    )


ADDED: Final = ("properties", "profile", "meta")  # fields that are there on demand only
PLAIN_FIELDS: Final = tuple(
    field.alias or name for name, field in EventJson.model_fields.items() if name not in ADDED
)
FIELDS: Final = tuple(field.alias or name for name, field in EventJson.model_fields.items())


def event_json(event: Event, *, project: str) -> dict[str, Any]:
    """The fields that every answer has."""
    return {name: read(event) for name, read in _READ.items()} | {"projectId": project}


def _device(event: Event) -> str:
    return event.device_ref or _id(event.device_id)


def _id(number: int) -> str:
    return to_hex(number) if number else ""


def _place(event: Event, degrees: float) -> float | None:
    return round(degrees, 4) if event.country and (event.longitude or event.latitude) else None


def _plain(name: str) -> Callable[[Event], Any]:
    return lambda event: getattr(event, name)


_SPECIAL: Final[Mapping[str, Callable[[Event], Any]]] = {
    "id": lambda event: to_hex(event.event_id),
    "device_id": _device,
    "session_id": lambda event: _id(event.session_id),
    "profile_id": lambda event: event.profile_id or _device(event),
    "created_at": lambda event: moment_text(event.created_at),
    "received_at": lambda event: moment_text(event.received_at),
    "imported_at": lambda event: moment_json(event.imported_at),
    "session_started_at": lambda event: moment_json(event.session_started_at),
    "longitude": lambda event: _place(event, event.longitude),
    "latitude": lambda event: _place(event, event.latitude),
    "groups": lambda event: list(event.groups),
}
_READ: Final = {
    to_camel(name): _SPECIAL.get(name, _plain(name))
    for name in EventJson.model_fields
    if name not in ADDED and name != "project_id"
}
