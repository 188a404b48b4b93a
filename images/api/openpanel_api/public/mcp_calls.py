"""Calls of tools: by a function of its own, or as a request to this very application, so that a tool and its route give
the same answer, to the same clients, at the same rate, with the same refusals."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, unquote, urlencode

from mcp_types import CallToolResult, Tool
from pydantic_core import to_json
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import Message

from openpanel.metadata import MetadataError
from openpanel_api.public.access import COUNTED, Access
from openpanel_api.public.errors import ApiError, shape
from openpanel_api.public.mcp_answers import Beside, answered, beside, not_asked, refused
from openpanel_api.public.mcp_lists import LISTS, Asked
from openpanel_api.public.mcp_tools import PROJECT, TOOLS, described
from openpanel_api.public.services import Services

WITH_SLASHES: Final = frozenset({"profileId", "groupId"})  # ids that other people make
_ROUTES: Final = {tool.name: tool for tool in TOOLS}


def tools_of(request: Request) -> list[Tool]:
    """All tools, described once for the application."""
    state = request.app.state
    if not hasattr(state, "mcp_tools"):
        openapi = request.app.openapi()
        state.mcp_tools = [
            *(tool for tool, _ in LISTS.values()),
            *(described(openapi, each) for each in TOOLS),
        ]
    tools: list[Tool] = state.mcp_tools
    return tools


async def called(
    request: Request, access: Access, *, secret: str, name: str, arguments: dict[str, Any]
) -> CallToolResult:
    """What the tool answers; what it cannot answer is told as text that an agent can act on."""
    known = next((tool for tool in tools_of(request) if tool.name == name), None)
    if known is None:
        return not_asked(f"There is no tool {name}")
    taken = known.input_schema["properties"]
    if unknown := sorted(arguments.keys() - taken.keys()):
        return not_asked(f"{unknown[0]}: is not known here; expected some of {', '.join(taken)}")
    arguments = {key: value for key, value in arguments.items() if value is not None}  # as good as left out
    if missing := [each for each in known.input_schema["required"] if each not in arguments]:
        return not_asked(f"{missing[0]}: is missing")
    if name in LISTS:
        return await _listed(request, access, name, arguments)
    return await _routed(request, access, secret, name, arguments)


async def _listed(request: Request, access: Access, name: str, arguments: dict[str, Any]) -> CallToolResult:
    services: Services = request.app.state.services
    services = services.asked_by(access.client.organization)
    try:
        found = await LISTS[name][1](Asked(services, access, arguments))
    except ApiError as error:
        return refused(shape(error.status, error.message))
    except MetadataError:
        return refused(shape(503, "A store does not answer right now"))
    return answered(to_json(found).decode(), Beside())


async def _routed(
    request: Request, access: Access, secret: str, name: str, arguments: dict[str, Any]
) -> CallToolResult:
    own = access.client.project
    given = {**({PROJECT: own.id} if own is not None else {}), **arguments}
    if PROJECT not in given:
        return not_asked(f"{PROJECT}: is missing; list_projects names them")
    path, query = _ROUTES[name].path, []
    for key, value in given.items():
        if f"{{{key}}}" not in path:
            query += [(key, _text(each)) for each in (value if _is_plain_list(value) else [value])]
        elif not isinstance(value, str) or not value:
            return not_asked(f"{key}: expected a text")
        elif "/" in value and key not in WITH_SLASHES:
            return not_asked(f"{key}: expected a text without slashes")
        else:
            path = path.replace(f"{{{key}}}", quote(value, safe="", errors="replace"))
    sent = {"openpanel-client-id": access.client.id, "openpanel-client-secret": secret}
    if (how_old := request.headers.get("cache-control")) is not None:
        sent["cache-control"] = how_old
    status, headers, body = await _asked(request, path, urlencode(query), sent)
    if status < 400:
        return answered(body.decode(), beside(headers))
    return refused(json.loads(body), retry_after=headers.get("retry-after"))


async def _asked(
    request: Request, path: str, query: str, headers: Mapping[str, str]
) -> tuple[int, Headers, bytes]:
    """The answer of this application to a request of the same client from the same address."""
    begun = False
    status, told, parts = 500, Headers(), []

    async def receive() -> Message:
        nonlocal begun
        if begun:
            await asyncio.Event().wait()  # the client leaves by ending the call that this is part of
        begun = True
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        nonlocal status, told
        if message["type"] == "http.response.start":
            status, told = message["status"], Headers(raw=message["headers"])
        elif message["type"] == "http.response.body":
            parts.append(message.get("body", b""))

    scope = {
        **{key: request.scope.get(key) for key in ("asgi", "http_version", "scheme", "client", "server")},
        "type": "http", "method": "GET", "path": unquote(path), "raw_path": path.encode(), "root_path": "",
        "query_string": query.encode(),
        COUNTED: True,
        "headers": [(key.encode(), value.encode("latin-1", "replace")) for key, value in headers.items()],
    }  # fmt: skip
    await request.app(scope, receive, send)
    return status, told, b"".join(parts)


def _is_plain_list(value: Any) -> bool:
    """A list of texts is a parameter that is repeated; one of objects is JSON."""
    return isinstance(value, list) and all(isinstance(each, str | int | float | bool) for each in value)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
