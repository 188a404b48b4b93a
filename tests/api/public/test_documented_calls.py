"""The calls in docs/api, as they stand there, against the running API."""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient

from docs.generate import api_pages
from openpanel_api.public.app import create_app
from openpanel_api.public.rates import Rates
from openpanel_api.public.services import Services
from tests.api.public.conftest import Clock, Place

FOLDER = Path(__file__).parents[3] / "docs/api"
ANSWERED = ("export", "health", "insights")  # pages whose calls only read
# What the examples name and the shop does not have.
NOT_THERE = ("/events/5f3c", "/sessions/04be", "/reports/")


class Call(NamedTuple):
    """A call of a page."""

    method: str
    address: str
    body: Any


def calls(page: str) -> Iterator[Call]:
    """The calls of a page."""
    for block in re.findall(r"```sh\n(curl .*?)\n```", (FOLDER / page).read_text(), flags=re.DOTALL):
        _, *words = shlex.split(block.replace("\\\n", " "))
        method, body, address = "GET", None, ""
        while words:
            word = words.pop(0)
            if word in ("-X", "-H", "-d"):
                given = words.pop(0)
                method = given if word == "-X" else method
                body = json.loads(given) if word == "-d" else body
            else:
                address = word.removeprefix("$OPENPANEL_API_URL")
        yield Call(method, address, body)


CALLS = [call for page in ANSWERED for call in calls(f"{page}.md")]


@pytest.fixture(scope="module")
def app(shop: Place) -> FastAPI:
    return create_app(Services(shop.database, shop.warehouse, clock_ms=Clock()))


@pytest.mark.parametrize("name", sorted(api_pages()))
def test_a_page_of_the_api_matches_the_code(name: str) -> None:
    assert (FOLDER / name).read_text() == api_pages()[name]


@pytest.mark.parametrize("call", CALLS, ids=[f"{call.method} {call.address}" for call in CALLS])
async def test_a_documented_call_is_answered(shop: Place, app: FastAPI, call: Call) -> None:
    app.state.rates = Rates(app.state.services)
    address = call.address.replace("/demo/", "/shop/").replace("user-42", "ada")
    transport = ASGITransport(app=app, raise_app_exceptions=False)

    async with AsyncClient(transport=transport, base_url="http://api.example") as api:
        answer = await api.request(call.method, address, json=call.body, headers=shop.headers("shop/reader"))

    expected = {404} if any(part in address for part in NOT_THERE) else {200}
    if address == "/healthcheck":
        expected = {200, 503}
    assert answer.status_code in expected, answer.text
