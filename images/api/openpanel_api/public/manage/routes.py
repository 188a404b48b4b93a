"""What the routes under `/manage` have in common: refusals, who may call them, how they answer."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any, Final, Generic, TypeVar

import structlog
from fastapi import Depends, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from redis.exceptions import RedisError

from openpanel.metadata import ClientRecord, ProjectRecord
from openpanel.tenancy.announcing import tell
from openpanel_api.ingest.news import CHANNEL
from openpanel_api.public.access import Access, Door, refusal
from openpanel_api.public.asking import answered
from openpanel_api.public.bodies import BODY_SECONDS, TOO_LONG
from openpanel_api.public.documented import OF_BODIES, ErrorBody, example, refusals
from openpanel_api.public.guarded import Guarded
from openpanel_api.public.inquiries import Inquiry, plain_headers
from openpanel_api.public.manage.refusals import INSTEAD, translated
from openpanel_api.public.services import Given, Services

ONLY_ROOT: Final = "Only root clients are allowed to manage resources"

T = TypeVar("T")
_log = structlog.get_logger(__name__)


class Managed(Guarded):
    """A route where what the metadata refuses is an answer."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def managed(request: Request) -> Response:
            with translated():
                return await handle(request)

        return managed


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


def _why_not(client: ClientRecord | None, client_id: str) -> str:
    if client is None or not client.secret_hashes:
        return refusal(client, client_id, verb="manage")
    return "" if client.type == "root" else ONLY_ROOT


async def _manager(services: Given, access: Annotated[Access, Depends(Door("Manage", _why_not))]) -> Manager:
    return Manager(services.asked_by(access.client.organization), access)


Managing = Annotated[Manager, Depends(_manager)]
ProjectId = Annotated[
    str, Path(alias="projectId", description="Id of the project.", examples=["shop"], max_length=100)
]

_MESSAGES: Final = {
    400: "name: String should have at least 1 character",
    401: f"Manage: {ONLY_ROOT}",
    403: "You do not have access to this project",
    404: "Project not found",
    408: f"The body did not come whole within {BODY_SECONDS:g} seconds",
    409: f"Project shop comes from a manifest, which says spec.domains: {INSTEAD}",
    412: "Somebody has changed it meanwhile: it is version 4 now. Read it again, then change that",
    413: TOO_LONG,
    429: "You have exceeded the rate limit for this endpoint.",
    503: "A store does not answer right now",
}


def told(model: Any, *also: int) -> dict[int | str, dict[str, Any]]:
    """What a route answers, with an example of each; `also`: refusals beside those that all have."""
    body = example(Data[model] if model is not Success else Success)
    statuses = sorted({400, 401, 403, 404, *OF_BODIES, 429, 503, *also})
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
