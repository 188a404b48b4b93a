"""What there is to choose from: names of events, the keys of their properties, the values of one."""

from dataclasses import fields
from typing import Annotated, Final

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from openpanel.analytics.event_rows import Event
from openpanel.analytics.fields import PROPERTIES, is_field
from openpanel.analytics.pickers import EventNames, PickedAnswer, PropertyKeys
from openpanel.analytics.property_values import EventsToLookThrough, PropertyValues
from openpanel_api.public.documented import described
from openpanel_api.public.inquiries import AsTable, How, Inquiring
from openpanel_api.public.insights.events import MOST_EVENTS, Search
from openpanel_api.public.insights.parameters import Text
from openpanel_api.public.shapes import Day, Shape, shaped
from openpanel_api.public.tables import columns_of

router = APIRouter(prefix="/events")
COLUMNS: Final = tuple(
    each.name
    for each in fields(Event)
    if each.name not in {"event_id", "person", "device_ref", "properties", "groups"}
)


class Picking(How):
    """What to choose from."""

    search: Search = ""
    limit: int = Field(default=100, ge=1, le=MOST_EVENTS)


class PickingNames(Picking, AsTable):
    """Which names."""


class OfEvent(Picking):
    """Of one event, or of all."""

    event_name: Text | None = Field(default=None, alias="eventName", examples=["screen_view"])


class OfProperty(OfEvent):
    """Of which property."""

    property_key: Text = Field(
        alias="propertyKey", min_length=1, examples=["plan"],
        description="Key of a property, or a field as filters name it.",
    )  # fmt: skip


class PickedJson(Shape):
    """Something to choose."""

    name: str = Field(examples=["screen_view"])
    count: int = Field(description="How often it was there.", examples=[6000])
    last_day: Day | None = Field(default=None, description="When it was last there.", examples=["2026-03-01"])


class NamesJson(BaseModel):
    """Names of events."""

    event_names: list[str] = Field(examples=[["screen_view"]])
    events: list[PickedJson]
    more: bool = Field(description="Whether there are more than were asked for.", examples=[False])


class KeysJson(BaseModel):
    """What an event may be filtered and broken down by."""

    columns: list[str] = Field(description="Fields that every event has.", examples=[["path", "country"]])
    properties: list[str] = Field(description="Keys of its properties.", examples=[["plan"]])
    more: bool = Field(description="Whether there are more than were asked for.", examples=[False])


class ValuesJson(BaseModel):
    """Values of a property, most frequent first."""

    event: str | None = Field(examples=["signup"])
    property: str = Field(examples=["plan"])
    values: list[str] = Field(examples=[["pro", "free"]])
    more: bool = Field(description="Whether there are more than were asked for.", examples=[False])
    newest: int | None = Field(
        description="Where not all events were looked at: how many of the newest were.", examples=[None]
    )


@router.get("/names", **described(NamesJson, "Names of events", rows=True))
async def names(given: Inquiring, asked: Annotated[PickingNames, Query()]) -> Response:
    """The names that there are, most frequent first."""

    def shown(found: PickedAnswer) -> NamesJson:
        picked = [shaped(PickedJson, each) for each in found.found]
        return NamesJson(event_names=[each.name for each in picked], events=picked, more=found.more)

    question = EventNames(given.project.id, asked.search, asked.limit)
    columns = columns_of(PickedJson)
    return await given.answer(asked, shown, question, rows=lambda body: body.events, columns=columns)


@router.get("/properties", **described(KeysJson, "Properties of events"))
async def properties(given: Inquiring, asked: Annotated[OfEvent, Query()]) -> Response:
    """The columns of events, and the keys of their properties."""

    def shown(found: PickedAnswer) -> KeysJson:
        keys = [each.name for each in found.found]
        return KeysJson(columns=list(COLUMNS), properties=keys, more=found.more)

    question = PropertyKeys(given.project.id, asked.event_name, asked.search, asked.limit)
    return await given.answer(asked, shown, question)


@router.get("/property_values", **described(ValuesJson, "Values of a property"))
async def property_values(given: Inquiring, asked: Annotated[OfProperty, Query()]) -> Response:
    """The values that a property, or a field, has."""
    given.remember(asked)
    key = asked.property_key
    name = key if is_field(key) else f"{PROPERTIES}{key}"
    question = PropertyValues(given.project.id, name, asked.event_name, asked.search, asked.limit)

    newest = question.newest

    def shown(found: PickedAnswer, events: int = 0) -> ValuesJson:
        values = [each.name for each in found.found]
        return ValuesJson(
            event=asked.event_name,
            property=asked.property_key,
            values=values,
            more=found.more,
            newest=newest if newest is not None and events > newest else None,
        )

    if newest is None:
        return await given.answer(asked, shown, question)
    there_are = EventsToLookThrough(given.project.id, asked.event_name)
    return await given.answer(asked, shown, question, there_are)
