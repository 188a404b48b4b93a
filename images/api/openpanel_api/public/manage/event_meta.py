"""`/manage/projects/{projectId}/events`: how events of a name are shown, and which of them are conversions."""

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import Field

from openpanel.metadata import EventMeta, event_meta
from openpanel.tenancy.fields import Colour, Icon
from openpanel_api.public.errors import NotFound
from openpanel_api.public.manage.routes import Data, Json, Managed, Managing, ProjectId, Success, told

router = APIRouter(prefix="/manage/projects/{projectId}/events", tags=["manage: events"], route_class=Managed)
EventName = Annotated[
    str,
    Path(
        alias="eventName",
        description="Name of the event; a slash in it as it is.",
        examples=["checkout"],
        min_length=1,
        max_length=200,
    ),
]


class EventMetaJson(Json):
    """How events of a name are shown."""

    name: str = Field(examples=["checkout"])
    conversion: bool = Field(description="Whether it counts as a conversion.", examples=[True])
    icon: str | None = Field(examples=["shopping-cart"])
    color: str | None = Field(examples=["#00aa00"])
    managed: bool = Field(description="Whether a manifest describes it.")


class EventMetaToSet(Json):
    """All that is said of the name; what is left out is taken back."""

    conversion: bool = Field(default=False, examples=[True])
    icon: Icon | None = Field(default=None, examples=["shopping-cart"])
    color: Colour | None = Field(default=None, examples=["#00aa00"])


@router.get(
    "", summary="List events", response_model=Data[list[EventMetaJson]], responses=told(list[EventMetaJson])
)
async def list_events(manager: Managing, project: ProjectId) -> dict[str, Any]:
    """The names of which anything is said."""
    await manager.project(project)
    database = manager.services.database
    said, managed = await manager.read(
        lambda: (event_meta.listed(database, project=project), event_meta.managed(database, project=project))
    )
    return {"data": [_json(each, managed=each.name in managed) for each in said]}


@router.put(
    "/{eventName:path}",
    summary="Describe an event",
    response_model=Data[EventMetaJson],
    responses=told(EventMetaJson, 409),
)
async def describe_event(
    manager: Managing, project: ProjectId, name: EventName, asked: EventMetaToSet
) -> dict[str, Any]:
    """Sets icon, colour and whether it is a conversion."""
    await manager.project(project)
    event = EventMeta(name, conversion=asked.conversion, icon=asked.icon or "", colour=asked.color or "")
    database = manager.services.database
    await manager.change(partial(event_meta.put, database, project=project, event=event))
    managed = await manager.read(partial(event_meta.managed, database, project=project))
    return {"data": _json(event, managed=name in managed)}


@router.delete(
    "/{eventName:path}",
    summary="Forget an event's description",
    response_model=Success,
    responses=told(Success, 409),
)
async def forget_event(manager: Managing, project: ProjectId, name: EventName) -> dict[str, Any]:
    """Takes back what was said of the name. Its events stay."""
    await manager.project(project)
    delete = partial(event_meta.delete, manager.services.database, project=project, name=name)
    if not await manager.change(delete):
        raise NotFound("Nothing is said of an event of this name")
    return {"success": True}


def _json(event: EventMeta, *, managed: bool) -> dict[str, Any]:
    return {
        "name": event.name,
        "conversion": event.conversion,
        "icon": event.icon or None,
        "color": event.colour or None,
        "managed": managed,
    }
