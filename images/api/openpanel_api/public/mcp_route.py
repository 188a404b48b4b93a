"""`/mcp`: the Model Context Protocol over HTTP, for agents that ask about a project. Reads only.

A token is base64 of `clientId:clientSecret` of a `read` or `root` client, as `Authorization: Bearer` or `?token=`. Each
call stands alone: no session is kept, so any process may answer the next one.
"""

import base64
import binascii
from functools import partial
from typing import Any, Final, NamedTuple

from fastapi import APIRouter, Request, Response
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp_types import CallToolRequestParams, CallToolResult, ListToolsResult, PaginatedRequestParams
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope, Send

from openpanel_api.public.access import Access, pace, proved, refusal
from openpanel_api.public.bodies import Body, check_length
from openpanel_api.public.errors import Disconnected, Unauthorized
from openpanel_api.public.inquiries import plain_headers
from openpanel_api.public.mcp_calls import called, tools_of
from openpanel_api.public.services import Given, Services

MAX_TOKEN: Final = 1_000  # characters
INSTRUCTIONS: Final = (
    "Web and product analytics of the projects that the credentials open. Begin with list_projects and "
    "list_event_names. Dates are days of the project's time zone, both ends included. Beside the `answer` a structured "
    "answer says whether there is `more`, and the `cursor` that leads there, whether numbers are `approximate`, how many "
    "of the `newest` events alone were looked at, and its age."
)
_CALLER: Final = "openpanel.caller"  # in the scope of a request: who calls

router = APIRouter(include_in_schema=False)


class Caller(NamedTuple):
    """A client that has proved who it is, and the secret it did that with, for the requests that are made for it."""

    access: Access
    secret: str

    def __repr__(self) -> str:
        return f"Caller({self.access.client.id})"


async def _list_tools(
    context: ServerRequestContext[Any, Any], _params: PaginatedRequestParams | None
) -> ListToolsResult:
    return ListToolsResult(tools=tools_of(_request(context)))


async def _call_tool(
    context: ServerRequestContext[Any, Any], params: CallToolRequestParams
) -> CallToolResult:
    request = _request(context)
    caller: Caller = request.scope[_CALLER]
    arguments = params.arguments or {}
    return await called(request, caller.access, secret=caller.secret, name=params.name, arguments=arguments)


_SERVER: Final = Server(
    "openpanel",
    version="1.0.0",
    instructions=INSTRUCTIONS,
    on_list_tools=_list_tools,
    on_call_tool=_call_tool,
)


class _Conversation(Response):
    """Lets the protocol answer one request, whose body was read, with the headers of every answer."""

    def __init__(self, asked: bytes, *, headers: dict[str, str]) -> None:
        super().__init__(headers=headers)
        self._asked = asked

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        unread: list[Message] = [{"type": "http.request", "body": self._asked}]
        own = [header for header in self.raw_headers if header[0] != b"content-length"]

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], *own]}
            await send(message)

        async def read() -> Message:
            return unread.pop() if unread else await receive()

        manager = StreamableHTTPSessionManager(_SERVER, json_response=True, stateless=True)
        async with manager.run():
            await manager.handle_request(scope, read, told)


@router.post("/mcp")
async def mcp(request: Request, response: Response, services: Given) -> Response:
    """One message of the protocol."""
    check_length(request.headers)
    request.scope[_CALLER] = await _caller(request, response, services)
    return _Conversation(await _body(request, services), headers=plain_headers(response))


@router.delete("/mcp")
async def leave(request: Request, response: Response, services: Given) -> Response:
    """There is no session to close; whoever thinks to have one may go."""
    await _caller(request, response, services)
    return Response(status_code=204, headers=plain_headers(response))


async def _caller(request: Request, response: Response, services: Services) -> Caller:
    client_id, secret = _token(request)
    try:
        client = await proved(
            request,
            services,
            client_id=client_id,
            secret=secret,
            surface="MCP",
            why_not=partial(refusal, verb="use MCP"),
        )
    except Unauthorized as error:
        error.headers["WWW-Authenticate"] = "Bearer"
        raise
    await pace(request, client)
    response.headers.update(request.state.allowance)
    return Caller(Access(client), secret)


async def _body(request: Request, services: Services) -> bytes:
    """What is asked, bounded as on every route."""
    body = Body(request.receive, seconds=services.body_seconds)
    try:
        return await Request(request.scope, body.receive).body()
    except ClientDisconnect as error:
        raise Disconnected("The client has gone") from error


def _token(request: Request) -> tuple[str, str]:
    """Id and secret in the token; empty where there is none that can be read."""
    kind, _, text = request.headers.get("authorization", "").partition(" ")
    token = text.strip() if kind.lower() == "bearer" else request.query_params.get("token", "")
    plain = token.replace("-", "+").replace("_", "/").rstrip("=")[:MAX_TOKEN]
    try:
        decoded = base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True).decode()
    except (binascii.Error, ValueError):
        return "", ""
    client_id, _, secret = decoded.partition(":")
    return client_id, secret


def _request(context: ServerRequestContext[Any, Any]) -> Request:
    """The HTTP request that a message came in."""
    request = context.request
    assert isinstance(request, Request)
    return request
