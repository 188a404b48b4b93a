"""Every route × every client that may not use it: made from the description, so that no route can be forgotten.

A route belongs to a surface by its path. A surface that is not in the table fails the first test.
"""

import itertools
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient

from openpanel.metadata import clients
from openpanel_api.ingest.addresses import Networks
from openpanel_api.public.app import create_app
from openpanel_api.public.rates import Rates
from openpanel_api.public.services import Services
from tests.api.public.conftest import NOON, Clock, Place

FOREIGN = "foreign"  # a project of another organization
UNKNOWN = "66666666-6666-4666-8666-666666666666"
DENIED = {401, 403}
NOT_YOURS = {401, 403, 404}


@dataclass(frozen=True, slots=True)
class Surface:
    """Whose routes these are. `strangers`: without credentials; `others`: of these types, which are refused."""

    open: bool = False
    refused: tuple[str, ...] = ()


READERS = Surface(refused=("shop/web",))
SURFACES = {
    "/export/": READERS,
    "/insights/": READERS,
    "/live/": READERS,
    "/manage/": Surface(refused=("shop/web", "shop/reader")),
    "/health": Surface(open=True),
}
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


_addresses = itertools.count()


async def status(app: FastAPI, method: str, path: str, *, project: str, headers: dict[str, str]) -> int:
    """What a call about the project is answered, each from an address of its own."""
    app.state.rates = Rates(app.state.services)
    number = next(_addresses)
    filled = re.sub(r"\{\w+\}", UNKNOWN, path.replace("{projectId}", project))
    asked = {"projectId": project} if "{projectId}" not in path else {}
    body = {"projectId": project} if method in {"POST", "PUT", "PATCH"} else None
    transport = ASGITransport(app=app, raise_app_exceptions=False)
    async with AsyncClient(transport=transport, base_url="http://api.example") as api:
        given = {**headers, "x-forwarded-for": f"203.{number // 62_500}.{number // 250 % 250}.{number % 250}"}
        answer = await api.request(method, filled, params=asked, json=body, headers=given)
    return answer.status_code


def test_every_route_belongs_to_a_surface(app: FastAPI) -> None:
    paths = {path for _, path in operations(app)}

    assert [path for path in paths if not any(path.startswith(beginning) for beginning in SURFACES)] == []


async def test_strangers_are_let_in_nowhere_but_at_health(app: FastAPI, shop: Place) -> None:
    wrong = {**shop.headers("shop/admin"), "openpanel-client-secret": "sec_wrong"}
    found = {
        (method, path, kind): await status(app, method, path, project="shop", headers=headers)
        for method, path in operations(app)
        if not surface_of(path).open
        for kind, headers in {"none": {}, "wrong": wrong}.items()
    }

    assert {case: given for case, given in found.items() if given not in DENIED} == {}


async def test_a_revoked_client_is_let_in_nowhere(app: FastAPI, shop: Place) -> None:
    issued = shop.issued["shelf/reader"]
    clients.revoke(shop.database, client_id=issued.client_id, at=NOON - timedelta(days=1))
    headers = shop.headers("shelf/reader")

    found = {
        (method, path): await status(app, method, path, project="shelf", headers=headers)
        for method, path in operations(app)
        if not surface_of(path).open
    }

    assert {case: given for case, given in found.items() if given not in DENIED} == {}


async def test_a_client_of_another_type_is_refused(app: FastAPI, shop: Place) -> None:
    found = {
        (method, path, who): await status(app, method, path, project="shop", headers=shop.headers(who))
        for method, path in operations(app)
        for who in surface_of(path).refused
    }

    assert {case: given for case, given in found.items() if given not in DENIED} == {}


def _is_about_a_project(path: str) -> bool:
    return "{projectId}" in path or path.startswith("/export/")


@pytest.mark.parametrize("who", ["shop/reader", "shop/admin"])
@pytest.mark.parametrize("project", [FOREIGN, "nowhere", "gone"])
async def test_nobody_reaches_a_foreign_project(app: FastAPI, shop: Place, who: str, project: str) -> None:
    found: dict[Any, int] = {
        (method, path): await status(app, method, path, project=project, headers=shop.headers(who))
        for method, path in operations(app)
        if not surface_of(path).open and _is_about_a_project(path)
    }

    # A body is looked at before it is known whose project it is about, and then nothing is told of it.
    told = {case: given for case, given in found.items() if given not in NOT_YOURS}
    assert {case: given for case, given in told.items() if given not in {400, 422}} == {}
    assert {case for case in told if case[0] == "GET"} == set()
