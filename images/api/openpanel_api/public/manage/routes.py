"""What the routes under `/manage` have in common: bounded bodies, refusals, who may call them, how they answer."""

from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any, Final, Generic, TypeVar

import structlog
from fastapi import Depends, Path, Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from redis.exceptions import RedisError
from starlette.exceptions import HTTPException
from starlette.types import Message

from openpanel.metadata import ProjectRecord
from openpanel.tenancy.announcing import tell
from openpanel_api.ingest.news import CHANNEL
from openpanel_api.public.access import (
    Access,
    ClientId,
    ClientSecret,
    address_of,
    check_parameters,
    known,
    pace,
    refusal,
    wrong_secret,
)
from openpanel_api.public.asking import answered
from openpanel_api.public.documented import ErrorBody, example, refusals
from openpanel_api.public.errors import TooMany, Unauthorized
from openpanel_api.public.inquiries import Inquiry, plain_headers
from openpanel_api.public.manage.refusals import INSTEAD, TooLarge, translated
from openpanel_api.public.services import Given, Services

BODY_BYTES: Final = 1_000_000  # of a request; a report with a thousand filter values has a tenth of it
ONLY_ROOT: Final = "Only root clients are allowed to manage resources"

T = TypeVar("T")
_log = structlog.get_logger(__name__)


class Managed(APIRoute):
    """A route whose body is bounded, and where what the metadata refuses is an answer."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def bounded(request: Request) -> Response:
            with translated():
                try:
                    return await handle(Request(request.scope, _bounded(request.receive)))
                except HTTPException as error:
                    # What goes wrong while a body is read, FastAPI takes for a body that is no JSON.
                    if isinstance(error.__cause__, TooLarge):
                        raise error.__cause__ from None
                    raise

        return bounded


class Json(BaseModel):
    """A body: camelCase, nothing unknown."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True, alias_generator=to_camel)


class Data(BaseModel, Generic[T]):
    """What was asked for."""

    data: T


class Success(BaseModel):
    """It is done."""

    success: bool = Field(default=True, examples=[True])


@dataclass(frozen=True, slots=True)
class Manager:
    """A root client that has proved who it is, and what it works with."""

    services: Services
    access: Access

    @property
    def organization(self) -> str:
        """Whose things it manages."""
        return self.access.client.organization

    async def project(self, named: str) -> ProjectRecord:
        """A project of the organization."""
        return await self.access.project(self.services, named=named)

    async def read(self, call: Callable[[], T]) -> T:
        """Run a question to a store."""
        return await self.services.blocking(call)

    async def change(self, call: Callable[[], T]) -> T:
        """Run a change, then tell it to everybody who keeps what it is about."""

        def changed() -> T:
            done = call()
            announce(self.services)
            return done

        return await self.services.blocking(changed)

    async def change_while_asked(self, request: Request, call: Callable[[str], T]) -> T:
        """The same for one that takes its time: its queries carry the comment it is given, and end with the client."""

        def changed(comment: str) -> T:
            done = call(comment)
            announce(self.services)
            return done

        return await answered(request, self.services, changed)

    def about(self, request: Request, response: Response, project: ProjectRecord) -> Inquiry:
        """An inquiry about a project of the organization."""
        return Inquiry(request, plain_headers(response), self.services, project, self.services.now())


def announce(services: Services) -> None:
    """Tell the news that wait. Without Redis they wait on, and are told by the next who can."""
    shared = services.shared
    if shared is None:
        return

    def publish(topic: str) -> None:
        shared.publish(CHANNEL, topic)

    try:
        tell(services.database, announce=publish)
    except (RedisError, OSError) as error:
        _log.warning("change_not_told", reason=str(error))


async def _manager(
    request: Request,
    response: Response,
    services: Given,
    client_id: ClientId = "",
    secret: ClientSecret = "",
) -> Manager:
    address, now = address_of(request, services), services.clock_ms()
    if (bucket := services.bad_credentials.exhausted(address, now)) is not None:
        raise TooMany("Too many refused credentials", retry_after_s=bucket.wait_s(1))
    client = await known(services, client_id)
    problem = "" if client is not None and client.secret_hashes else refusal(client, client_id, "manage")
    if not problem and client is not None and client.type != "root":
        problem = ONLY_ROOT
    problem = problem or await wrong_secret(services, client, secret)
    if problem or client is None:
        services.bad_credentials.count(address, now)
        raise Unauthorized(f"Manage: {problem}")
    await pace(request, response, client)
    check_parameters(request)
    return Manager(services, Access(client))


Managing = Annotated[Manager, Depends(_manager)]
ProjectId = Annotated[
    str, Path(alias="projectId", description="Id of the project.", examples=["shop"], max_length=100)
]

_MESSAGES: Final = {
    400: "name: String should have at least 1 character",
    401: f"Manage: {ONLY_ROOT}",
    403: "You do not have access to this project",
    404: "Project not found",
    409: f"Project shop comes from a manifest, which says spec.domains: {INSTEAD}",
    412: "Somebody has changed it meanwhile: it is version 4 now. Read it again, then change that",
    413: f"The body is longer than {BODY_BYTES:,} bytes",
    429: "You have exceeded the rate limit for this endpoint.",
    503: "A store does not answer right now",
}


def told(model: Any, *also: int) -> dict[int | str, dict[str, Any]]:
    """What a route answers, with an example of each; `also`: refusals beside those that all have."""
    body = example(Data[model] if model is not Success else Success)
    statuses = sorted({400, 401, 403, 404, 413, 429, 503, *also})
    return {
        200: {"content": {"application/json": {"example": body}}},
        **{status: _refusal(status) for status in statuses if status != 422},
        **(refusals(422) if 422 in statuses else {}),
    }


def _refusal(status: int) -> dict[str, Any]:
    name = HTTPStatus(status).phrase
    body = {"status": status, "error": name, "message": _MESSAGES[status]}
    return {
        "model": ErrorBody,
        "description": name,
        "content": {"application/json": {"example": body}},
    }


def _bounded(receive: Callable[[], Awaitable[Message]]) -> Callable[[], Awaitable[Message]]:
    taken = 0

    async def counted() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > BODY_BYTES:
            raise TooLarge(f"The body is longer than {BODY_BYTES:,} bytes", headers={"Connection": "close"})
        return message

    return counted
