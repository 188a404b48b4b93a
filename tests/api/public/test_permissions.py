"""Every route × every client that may not use it: made from the description, so that no route can be forgotten.

HEAD is a method of every route that has GET. A route belongs to a surface by its path. A surface that is not in the table fails the first test. What is sent is the
call that docs/api shows for the route, so it is refused for who asks and not for how. Websockets and `/mcp` are in no
description; they have tables of their own.
"""

import base64
import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient, Response
from mcp_types import Tool
from starlette.requests import Request

from openpanel.identity.credentials import hash_secret
from openpanel.metadata import NewClient, clients
from openpanel.tenancy import Issued
from openpanel_api.ingest.addresses import Networks
from openpanel_api.public.access import NO_PROJECT
from openpanel_api.public.app import create_app
from openpanel_api.public.mcp_calls import tools_of
from openpanel_api.public.rates import Rates
from openpanel_api.public.services import Services
from tests.api.public.conftest import NOON, Clock, Place
from tests.api.public.documented_calls import Call, documented

FOREIGN = "foreign"  # a project of another organization
UNKNOWN = "66666666-6666-4666-8666-666666666666"
DENIED = {401, 403}
NOT_YOURS = {401, 403, 404}


@dataclass(frozen=True, slots=True)
class Surface:
    """Whose routes these are. `strangers`: without credentials; `others`: of these types, which are refused."""

    open: bool = False
    refused: tuple[str, ...] = ()


READING = {"GET", "HEAD"}
READERS = Surface(refused=("shop/web",))
SURFACES = {
    "/export/": READERS,
    "/insights/": READERS,
    "/live/": READERS,
    "/manage/": Surface(refused=("shop/web", "shop/reader")),
    "/health": Surface(open=True),
}
# Routes without a project in their path that are about one all the same.
LISTS = {"/manage/clients", "/manage/references"}
NAMED_IN_BODY = {*LISTS, "/export/charts", "/live/ticket"}
HIDDEN = {"/metrics"}  # not in the description: for whoever runs it, behind the network's own rules


def surface_of(path: str) -> Surface:
    return next(surface for beginning, surface in SURFACES.items() if path.startswith(beginning))


def operations(app: FastAPI) -> list[tuple[str, str]]:
    """Method and path of every described route."""
    return [(method.upper(), path) for path, each in app.openapi()["paths"].items() for method in each]


@pytest.fixture(scope="module")
def app(shop: Place) -> FastAPI:
    services = Services(
        shop.database, shop.warehouse, clock_ms=Clock(), trusted_proxies=Networks(["127.0.0.1"])
    )
    return create_app(services)


@pytest.fixture(scope="module")
def calls(app: FastAPI) -> Mapping[tuple[str, str], Call]:
    """What docs/api shows for each route; HEAD is asked as GET is."""
    shown = documented(app)
    return {**shown, **{("HEAD", path): call for (method, path), call in shown.items() if method == "GET"}}


@pytest.fixture(scope="module")
def readers(shop: Place) -> Place:
    """The place with `shops/*`: a `read` client of the organization that has no project of its own."""
    wide = Issued("7a7a7a7a-7777-4777-8777-777777777777", f"sec_{77:040x}")
    new = NewClient(wide.client_id, "all", None, "shops", "read", hash_secret(wide.secret))
    clients.create(shop.database, client=new, at=NOON)
    shop.issued["shops/*"] = wide
    return shop


_addresses = itertools.count()


async def answered(app: FastAPI, method: str, path: str, *, headers: dict[str, str], **sent: Any) -> Response:
    """What a request is answered, each from an address of its own."""
    app.state.rates = Rates(app.state.services)
    number = next(_addresses)
    given = {**headers, "x-forwarded-for": f"203.{number // 62_500}.{number // 250 % 250}.{number % 250}"}
    transport = ASGITransport(app=app, raise_app_exceptions=False)
    async with AsyncClient(transport=transport, base_url="http://api.example") as api:
        return await api.request(method, path, headers=given, **sent)


async def status(
    app: FastAPI, method: str, path: str, *, call: Call, project: str, headers: dict[str, str]
) -> int:
    """What the documented call is answered when it is about this project."""
    filled = re.sub(r"\{\w+\}", UNKNOWN, path.replace("{projectId}", project))
    asked: dict[str, Any] = dict(call.asked)
    body = call.body
    if method in READING and (path.startswith("/export/") or path in LISTS):
        asked["projectId"] = project
    if body is not None and path in NAMED_IN_BODY:
        body = {**body, "projectId": project}
    answer = await answered(app, method, filled, headers=headers, params=asked, json=body)
    return answer.status_code


def test_every_route_belongs_to_a_surface(app: FastAPI) -> None:
    paths = {path for _, path in operations(app)}

    assert [path for path in paths if not any(path.startswith(beginning) for beginning in SURFACES)] == []


async def test_strangers_are_let_in_nowhere_but_at_health(
    app: FastAPI, shop: Place, calls: Mapping[tuple[str, str], Call]
) -> None:
    wrong = {**shop.headers("shop/admin"), "openpanel-client-secret": "sec_wrong"}
    found = {
        (*route, kind): await status(app, *route, call=call, project="shop", headers=headers)
        for route, call in calls.items()
        if not surface_of(route[1]).open
        for kind, headers in {"none": {}, "wrong": wrong}.items()
    }

    assert {case: given for case, given in found.items() if given not in DENIED} == {}


async def test_a_revoked_client_is_let_in_nowhere(
    app: FastAPI, shop: Place, calls: Mapping[tuple[str, str], Call]
) -> None:
    issued = shop.issued["shelf/reader"]
    clients.revoke(shop.database, client_id=issued.client_id, at=NOON - timedelta(days=1))
    headers = shop.headers("shelf/reader")

    found = {
        route: await status(app, *route, call=call, project="shelf", headers=headers)
        for route, call in calls.items()
        if not surface_of(route[1]).open
    }

    assert {case: given for case, given in found.items() if given not in DENIED} == {}


async def test_a_client_of_another_type_is_refused(
    app: FastAPI, readers: Place, calls: Mapping[tuple[str, str], Call]
) -> None:
    found = {
        (*route, who): await status(app, *route, call=call, project="shop", headers=readers.headers(who))
        for route, call in calls.items()
        for who in surface_of(route[1]).refused
    }

    assert {case: given for case, given in found.items() if given not in DENIED} == {}


def _is_about_a_project(method: str, path: str) -> bool:
    named = path in (LISTS if method in READING else NAMED_IN_BODY)
    return "{projectId}" in path or path.startswith("/export/") or named


@pytest.mark.parametrize("who", ["shop/reader", "shops/*", "shop/admin"])
@pytest.mark.parametrize("project", [FOREIGN, "nowhere", "gone"])
async def test_nobody_reaches_a_foreign_project(
    app: FastAPI, readers: Place, calls: Mapping[tuple[str, str], Call], who: str, project: str
) -> None:
    found = {
        route: await status(app, *route, call=call, project=project, headers=readers.headers(who))
        for route, call in calls.items()
        if not surface_of(route[1]).open and _is_about_a_project(*route)
    }

    assert len(found) > 100
    assert {case: given for case, given in found.items() if given not in NOT_YOURS} == {}


async def test_a_reader_of_the_organization_sees_each_of_its_projects(app: FastAPI, readers: Place) -> None:
    headers = readers.headers("shops/*")

    for project in ("shop", "shelf"):
        answer = await answered(app, "GET", f"/insights/{project}/metrics", headers=headers)
        assert answer.status_code == 200, answer.text
    unnamed = await answered(app, "GET", "/export/events", headers=headers)
    assert (unnamed.status_code, unnamed.json()["message"]) == (400, "project_id or projectId is required")


SOCKETS = ("/live/visitors/{}", "/live/events/{}")


async def opened(app: FastAPI, path: str, headers: dict[str, str], query: str = "") -> int:
    """The status that a websocket is refused with, 101 where it is not."""
    app.state.rates = Rates(app.state.services)
    told = iter([{"type": "websocket.connect"}, {"type": "websocket.disconnect", "code": 1000}])
    said: list[Any] = []

    async def receive() -> Any:
        return next(told)

    async def send(message: Any) -> None:
        said.append(message)

    number = next(_addresses)
    given = {**headers, "x-forwarded-for": f"204.{number // 62_500}.{number // 250 % 250}.{number % 250}"}
    scope = {
        "type": "websocket",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "scheme": "ws",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in given.items()],
        "client": ("127.0.0.1", 1),
        "server": ("api.example", 80),
        "subprotocols": [],
        "extensions": {"websocket.http.response": {}},
    }
    await app(scope, receive, send)
    return 101 if said[0]["type"] == "websocket.accept" else int(said[0]["status"])


@pytest.mark.parametrize("path", SOCKETS)
async def test_a_websocket_opens_for_nobody_who_may_not_watch(
    app: FastAPI, readers: Place, path: str
) -> None:
    wrong = {**readers.headers("shop/reader"), "openpanel-client-secret": "sec_wrong"}
    strangers = {"none": {}, "wrong": wrong, "write": readers.headers("shop/web")}
    refused = {
        (who, project): await opened(app, path.format(project), headers)
        for who, headers in strangers.items()
        for project in ("shop", FOREIGN)
    }
    foreign = {
        (who, project): await opened(app, path.format(project), readers.headers(who))
        for who in ("shop/reader", "shops/*", "shop/admin")
        for project in (FOREIGN, "nowhere", "gone")
    }

    assert set(refused.values()) == {401}
    assert {case: given for case, given in foreign.items() if given not in NOT_YOURS} == {}
    # There is no Redis here; who may watch is told that, and nobody else is.
    assert await opened(app, path.format("shop"), readers.headers("shop/reader")) == 503


# What a tool is called with, where it demands something.
GIVEN: Mapping[str, Any] = {
    "propertyKey": "plan",
    "profileId": "ada",
    "groupId": "acme",
    "reportId": UNKNOWN,
    "steps": ["screen_view", "signup"],
}
GIVEN_TO: Mapping[str, Mapping[str, Any]] = {
    "get_page_conversions": {"event": ["signup"]},
    "get_user_flow": {"startEvent": "screen_view"},
}


@pytest.fixture(scope="module")
def tools(app: FastAPI) -> list[Tool]:
    """Every tool that is about a project."""
    return [
        tool
        for tool in tools_of(Request({"type": "http", "app": app}))
        if "projectId" in tool.input_schema["properties"]
    ]


async def told(app: FastAPI, readers: Place, who: str, *, tool: Tool, project: str) -> tuple[int, str]:
    """Status and message of a call: 200 where the tool answers."""
    needed = {name: GIVEN[name] for name in tool.input_schema["required"]}
    arguments = {**needed, **GIVEN_TO.get(tool.name, {}), "projectId": project}
    call = {"name": tool.name, "arguments": arguments}
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
    client_id, secret = readers.issued[who]
    token = base64.b64encode(f"{client_id}:{secret}".encode()).decode()
    headers = {"authorization": f"Bearer {token}", "accept": "application/json, text/event-stream"}
    answer = await answered(app, "POST", "/mcp", headers=headers, json=message)
    if answer.status_code != 200:
        return answer.status_code, answer.json()["message"]
    said = answer.json()["result"]["structuredContent"]
    return said.get("status", 200), said.get("message", "")


@pytest.mark.parametrize("who", ["shop/web", "shop/reader", "shops/*", "shop/admin"])
@pytest.mark.parametrize("project", [FOREIGN, "nowhere", "gone"])
async def test_no_tool_reaches_a_foreign_project(
    app: FastAPI, readers: Place, tools: list[Tool], who: str, project: str
) -> None:
    found = {tool.name: await told(app, readers, who, tool=tool, project=project) for tool in tools}

    assert len(found) == 30
    assert {name: given for name, given in found.items() if given[0] not in NOT_YOURS} == {}
    assert who != "shop/web" or {status for status, _ in found.values()} == {401}


@pytest.mark.parametrize(
    "case",
    [
        ("shop/web", "shop", False),
        ("shop/reader", "shop", True),
        ("shop/reader", "shelf", False),
        ("shops/*", "shop", True),
        ("shops/*", "shelf", True),
        ("shop/admin", "shop", True),
        ("shop/admin", "shelf", True),
    ],
)
async def test_a_tool_reads_what_its_client_may_read(
    app: FastAPI, readers: Place, tools: list[Tool], case: tuple[str, str, bool]
) -> None:
    who, project, may = case
    found = {tool.name: await told(app, readers, who, tool=tool, project=project) for tool in tools}
    answers = {name for name, (status, _) in found.items() if status == 200}
    # What is not in the project is looked for in it.
    missing = {name for name, (status, said) in found.items() if status == 404 and said != NO_PROJECT}

    assert (answers | missing) == (found.keys() if may else set()), found
    assert len(answers) >= (26 if may else 0)


LISTING = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}


@pytest.mark.parametrize("method", ["POST", "DELETE"])
async def test_mcp_answers_nobody_who_may_not_read(app: FastAPI, readers: Place, method: str) -> None:
    async def asked(client_id: str, secret: str) -> int:
        token = base64.b64encode(f"{client_id}:{secret}".encode()).decode()
        headers = {"authorization": f"Bearer {token}", "accept": "application/json, text/event-stream"}
        sent = {"json": LISTING} if method == "POST" else {}
        return (await answered(app, method, "/mcp", headers=headers, **sent)).status_code

    reader, writer = readers.issued["shop/reader"], readers.issued["shop/web"]

    assert await asked("", "") == 401
    assert await asked(reader.client_id, "sec_wrong") == 401
    assert await asked(UNKNOWN, reader.secret) == 401
    assert await asked(writer.client_id, writer.secret) == 401
    assert await asked(reader.client_id, reader.secret) in {200, 204}
