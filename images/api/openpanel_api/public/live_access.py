"""Who may watch a project live: the credentials of any reader, or a ticket. And how many may watch at once."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from fastapi import Request
from redis.exceptions import RedisError
from starlette.requests import HTTPConnection

from openpanel.metadata import ProjectRecord, Unavailable
from openpanel_api.public import live_tickets
from openpanel_api.public.access import (
    Access,
    check_parameters,
    known,
    pace,
    proved,
    refusal,
    refused,
    sender_of,
)
from openpanel_api.public.errors import ApiError, Forbidden, TooMany, TryLater
from openpanel_api.public.services import Services

MOST_OF_CLIENT: Final = 100  # connections of one client to this process
MOST: Final = 2_000  # connections of all
ROOM_S: Final = 10  # until another try may find room


@dataclass(frozen=True, slots=True)
class Watcher:
    """Somebody who may watch this project."""

    client: str
    project: ProjectRecord


@dataclass(slots=True)
class Room:
    """Counts who is connected, so that neither one client nor all together take more than there is."""

    watchers: Counter[str] = field(default_factory=Counter)

    def check(self, client: str) -> None:
        """Raise `TooMany` or `TryLater` where there is no room for one more."""
        if self.watchers[client] >= MOST_OF_CLIENT:
            raise TooMany(f"At most {MOST_OF_CLIENT} live connections of a client", retry_after_s=ROOM_S)
        if self.watchers.total() >= MOST:
            raise TryLater("Too many live connections right now", retry_after_s=ROOM_S)

    @contextmanager
    def entered(self, client: str) -> Iterator[None]:
        """While one more is connected."""
        self.watchers[client] += 1
        try:
            yield
        finally:
            self.watchers[client] -= 1
            if not self.watchers[client]:
                del self.watchers[client]


async def admitted(connection: HTTPConnection, services: Services, *, project: str) -> Watcher:
    """Who watches, by the ticket if there is one, else by the headers."""
    # The beginning of a websocket is a request like any other.
    request = Request({**connection.scope, "type": "http", "method": "GET"})
    word = request.query_params.get("ticket", "")
    access = await (_by_ticket(request, services, word, project) if word else _by_secret(request, services))
    await pace(request, access.client)
    connection.state.allowance = request.state.allowance
    check_parameters(request)
    watcher = Watcher(access.client.id, await access.project(services, named=project))
    if services.redis is None:
        raise TryLater("Live figures need Redis", retry_after_s=ROOM_S)
    return watcher


async def still_admitted(services: Services, watcher: Watcher) -> bool:
    """Whether the client has not been revoked since, nor the project removed."""
    try:
        client = await known(services, watcher.client, asked_by=watcher.client)
        if client is None:
            return False
        await Access(client).project(services, named=watcher.project.id)
    except ApiError:
        return False
    except Unavailable:
        return True  # nobody can say otherwise now
    return True


async def _by_secret(request: Request, services: Services) -> Access:
    client = await proved(
        request,
        services,
        client_id=request.headers.get("openpanel-client-id", ""),
        secret=request.headers.get("openpanel-client-secret", ""),
        surface="Live",
        why_not=partial(refusal, verb="watch"),
    )
    return Access(client)


async def _by_ticket(request: Request, services: Services, word: str, project: str) -> Access:
    if services.redis is None:
        raise TryLater("Live figures need Redis", retry_after_s=ROOM_S)
    try:
        ticket = await live_tickets.redeem(services.redis, word=word)
    except (RedisError, OSError) as error:
        raise TryLater("Live figures need Redis", retry_after_s=ROOM_S) from error
    sender = sender_of(request, services)
    client = await known(services, ticket.client, asked_by=sender) if ticket is not None else None
    if ticket is None or client is None:
        raise refused(services, sender, "Live: Ticket is unknown or over")
    if ticket.project != project:
        raise Forbidden("Live: Ticket is for another project")
    return Access(client)
