"""Asking the API about the shop of `world`, as its reader."""

from typing import Any

from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient, Response

from openpanel_api.public.app import create_app
from openpanel_api.public.rates import Rates
from openpanel_api.public.services import Services
from tests.api.public.conftest import Clock, Place

Json = Any


async def asked(
    shop: Place,
    path: str,
    parameters: dict[str, Any] | None = None,
    *,
    body: Json = None,
    who: str = "shop/reader",
    method: str = "",
    headers: dict[str, str] | None = None,
    app: FastAPI | None = None,
) -> Response:
    """The answer to a GET, or to a POST of `body`, at noon of March 1 (UTC)."""
    transport = ASGITransport(app=app or _app(shop), raise_app_exceptions=False)
    async with AsyncClient(transport=transport, base_url="http://api.example") as api:
        return await api.request(
            method or ("GET" if body is None else "POST"),
            path,
            params=parameters,
            json=body,
            headers={**shop.headers(who), **(headers or {})},
        )


async def insight(
    shop: Place, path: str, parameters: dict[str, Any] | None = None, *, body: Json = None
) -> Json:
    """What an insight about the shop is answered with."""
    answer = await asked(shop, f"/insights/shop/{path}", parameters, body=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def managed(shop: Place, method: str, path: str, body: Json = None) -> Json:
    """What a call to `/manage` by the root client of the shop is answered with."""
    answer = await asked(shop, f"/manage/{path}", body=body, method=method, who="shop/admin")
    assert answer.status_code == 200, answer.text
    return answer.json().get("data")


def _app(shop: Place) -> FastAPI:
    """One application for all tests of a place, which counts rates anew for each request."""
    if shop.app is None:
        shop.app = create_app(Services(shop.database, shop.warehouse, clock_ms=Clock()))
    shop.app.state.rates = Rates(shop.app.state.services)
    return shop.app
