"""`/live`: visitors online and events counted, pushed by websocket or as server-sent events while they change.

Nobody watches without credentials: those of a `read` or `root` client as headers, or `?ticket=` from `POST /live/ticket`.
"""

import asyncio
import secrets
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Query, Request, WebSocket
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from redis.exceptions import RedisError
from starlette.websockets import WebSocketDisconnect

from openpanel.metadata import Unavailable
from openpanel_api.public import live_tickets
from openpanel_api.public.access import Access, reader
from openpanel_api.public.documented import OF_BODIES, example, refusals
from openpanel_api.public.errors import STORE_RETRY_S, ApiError, TryLater, shape
from openpanel_api.public.guarded import Guarded
from openpanel_api.public.live_access import Watcher, admitted
from openpanel_api.public.live_messages import Kind, messages, room_of
from openpanel_api.public.live_stream import BEAT, RETRY_MS, SEND_S, EventStream, event
from openpanel_api.public.live_tickets import Ticket
from openpanel_api.public.moments import moment_json
from openpanel_api.public.services import Given, Services

GOING_AWAY: Final = 1001  # of RFC 6455: the process stops, or the watcher may not watch any more

router = APIRouter(prefix="/live", tags=["live"], route_class=Guarded)
ProjectPath = Annotated[
    str, Path(alias="projectId", description="Id of the project.", examples=["demo"], max_length=100)
]
TicketWord = Annotated[str, Query(alias="ticket", description="In place of credentials.", max_length=100)]


class TicketToIssue(BaseModel):
    """What to open."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True, alias_generator=to_camel)

    project_id: Annotated[str, Field(max_length=100)] | None = Field(
        default=None, description="Left out: the client's own project.", examples=["demo"]
    )


class TicketJson(BaseModel):
    """A word that opens one project's live figures for a minute."""

    model_config = ConfigDict(populate_by_name=True, alias_generator=to_camel)

    ticket: str = Field(examples=["f0c9…"])
    project_id: str = Field(examples=["demo"])
    expires_at: str = Field(examples=["2026-03-01T10:01:00.000Z"])


class TicketAnswer(BaseModel):
    """The ticket."""

    data: TicketJson


_EXAMPLES: Final = {
    "visitors": "event: visitors\ndata: 12\n\n",
    "events": 'event: events\ndata: {"count":3}\n\n',
}


_ISSUED: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {"application/json": {"example": example(TicketAnswer)}}},
    **refusals(400, 401, 403, 404, *OF_BODIES, 429, 503),
}


def _streamed(*kinds: Kind) -> dict[int | str, dict[str, Any]]:
    said = "".join(_EXAMPLES[kind] for kind in kinds)
    return {
        200: {"content": {"text/event-stream": {"schema": {"type": "string"}, "example": said}}},
        **refusals(400, 401, 403, 404, 429, 503),
    }


@router.post("/ticket", summary="Get a ticket", response_model=TicketAnswer, responses=_ISSUED)
async def ticket(
    services: Given,
    access: Annotated[Access, Depends(reader("Live", verb="watch"))],
    asked: TicketToIssue,
) -> dict[str, Any]:
    """For a page that may not know the secret. Within its minute it opens streams; those go on after it."""
    project = await access.project(services, named=asked.project_id)
    if services.redis is None:
        raise TryLater("Live figures need Redis", retry_after_s=10)
    word = secrets.token_urlsafe(live_tickets.BYTES)
    try:
        await live_tickets.issue(services.redis, word=word, ticket=Ticket(access.client.id, project.id))
    except (RedisError, OSError) as error:
        raise TryLater("Live figures need Redis", retry_after_s=10) from error
    expires = moment_json(services.now() + live_tickets.KEPT)
    return {"data": {"ticket": word, "projectId": project.id, "expiresAt": expires}}


@router.get(
    "/visitors/{projectId}",
    summary="Watch visitors",
    status_code=200,
    response_class=EventStream,
    responses=_streamed("visitors"),
)
async def visitors(
    request: Request, services: Given, project: ProjectPath, _ticket: TicketWord = ""
) -> EventStream:
    """How many devices were seen within five minutes, at once and whenever it changes. As a websocket: the number as text."""
    return await _stream(request, services, project, ("visitors",))


@router.get(
    "/events/{projectId}",
    summary="Watch events",
    status_code=200,
    response_class=EventStream,
    responses=_streamed("events"),
)
async def events(
    request: Request, services: Given, project: ProjectPath, _ticket: TicketWord = ""
) -> EventStream:
    """How many events were counted since the message before. As a websocket: `{"count":3}`."""
    return await _stream(request, services, project, ("events",))


@router.get(
    "/{projectId}/stream",
    summary="Watch visitors and events",
    status_code=200,
    response_class=EventStream,
    responses=_streamed("visitors", "events"),
)
async def everything(
    request: Request, services: Given, project: ProjectPath, _ticket: TicketWord = ""
) -> EventStream:
    """Both in one stream."""
    return await _stream(request, services, project, ("visitors", "events"))


@router.websocket("/visitors/{projectId}")
async def visitors_socket(
    socket: WebSocket, project: Annotated[str, Path(alias="projectId")], _ticket: TicketWord = ""
) -> None:
    """The number of visitors as text."""
    await _serve(socket, project, "visitors")


@router.websocket("/events/{projectId}")
async def events_socket(
    socket: WebSocket, project: Annotated[str, Path(alias="projectId")], _ticket: TicketWord = ""
) -> None:
    """`{"count": n}` for events counted since the message before."""
    await _serve(socket, project, "events")


async def _stream(request: Request, services: Services, project: str, kinds: tuple[Kind, ...]) -> EventStream:
    watcher = await admitted(request, services, project=project)
    room = room_of(request)
    room.check(watcher.client)

    async def told() -> AsyncGenerator[bytes, None]:
        yield f"retry: {RETRY_MS}\n\n".encode()
        with room.entered(watcher.client):
            async with aclosing(messages(request, services, watcher, kinds)) as found:
                async for message in found:
                    yield BEAT if message is None else event(*message)

    return EventStream(told())


async def _serve(socket: WebSocket, project: str, kind: Kind) -> None:
    services: Services = socket.app.state.services
    room = room_of(socket)
    try:
        watcher = await _watcher(socket, services, project)
        room.check(watcher.client)
    except ApiError as refused:
        body = shape(refused.status, refused.message)
        await socket.send_denial_response(JSONResponse(body, refused.status, refused.headers))
        return
    await socket.accept()
    with room.entered(watcher.client):
        sending = asyncio.create_task(_send(socket, services, watcher, kind), name="live socket")
        leaving = asyncio.create_task(_left(socket), name="live socket leaves")
        try:
            await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sending, leaving):
                task.cancel()
                with suppress(asyncio.CancelledError, TimeoutError, WebSocketDisconnect):
                    await task


async def _watcher(socket: WebSocket, services: Services, project: str) -> Watcher:
    """Who watches; what other requests are answered by the application's handlers of errors is said here."""
    try:
        return await admitted(socket, services, project=project)
    except Unavailable as error:
        raise TryLater("A store does not answer right now", retry_after_s=STORE_RETRY_S) from error


async def _send(socket: WebSocket, services: Services, watcher: Watcher, kind: Kind) -> None:
    """Until the process stops, the watcher may not any more, or does not read. uvicorn pings the silent ones."""
    async with aclosing(messages(socket, services, watcher, (kind,))) as found:
        async for message in found:
            if message is not None:
                async with asyncio.timeout(SEND_S):
                    await socket.send_text(message[1])
    await socket.close(GOING_AWAY)


async def _left(socket: WebSocket) -> None:
    """Returns when the other side has gone; what it says is of no interest."""
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass
