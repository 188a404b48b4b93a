"""The calls in docs/api, as they stand there, against the running API.

What the examples name is put in the place of: the demo by the shop, an event by one of the shop's, and what only a
manager makes (a dashboard, a cohort, …) by one that is made for the call.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient, Response
from redis import Redis as BlockingRedis
from redis.asyncio import Redis

from docs.generate import api_pages
from openpanel import tenancy
from openpanel_api.public.rates import Rates
from openpanel_api.public.services import Services
from tests.api.public.conftest import NOON, Clock, Place, an_app
from tests.api.public.documented_calls import FOLDER, Call, calls
from tests.api.public.live.conftest import Live, following, serving

ASKED = ("export", "health", "insights")  # pages whose calls only read
# Read from the folder, so that nothing is built before a test runs; that these are all is a test of its own.
PAGES = sorted(path.name for path in FOLDER.glob("*.md"))
MANAGED = [name.removesuffix(".md") for name in PAGES if name.startswith("manage-")]
EVENT, SESSION = "5f3c1b2a99e01d47", "04be7712fa90c3d1"
CLIENT = "5a1f6b1e-6a0e-4f0b-9c5e-0d1c2b3a4f50"
COHORT = "3f9d2a10-7b64-4e0e-8a55-2b1c0d9e8f70"
DASHBOARD = "7c0d7e0a-5a51-4d3f-9d0b-1c2d3e4f5a60"
REPORT = "1d2c3b4a-0000-4000-8000-5f6e7d8c9b0a"
REFERENCE = "0b9b7b86-8f57-4c39-8f3b-0b6c1d2e3f40"
ERASURE = "2f6d1c80-3a7e-4b19-9c42-8e5f0a1b2c3d"
COUNTED = {"kind": "events", "rules": [{"name": "checkout"}]}
LINES = {"chartType": "linear", "series": [{"name": "screen_view"}]}
MANIFEST = """
{apiVersion: openpanel.dev/v1alpha1, kind: AnalyticsProject, metadata: {name: documented}, spec: {
  organization: documented-org, clients: [{name: admin, type: root}]}}
"""


def _calls(*pages: str) -> list[Call]:
    return [call for page in pages for call in calls((FOLDER / f"{page}.md").read_text())]


def _name(call: Call) -> str:
    return f"{call.method} {call.address}"


@pytest.fixture(scope="module")
def app(shop: Place) -> FastAPI:
    return an_app(Services(shop.database, shop.warehouse, clock_ms=Clock()))


async def sent(app: FastAPI, call: Call, headers: dict[str, str]) -> Response:
    """What the call is answered."""
    app.state.rates = Rates(app.state.services)
    transport = ASGITransport(app=app, raise_app_exceptions=False)
    async with AsyncClient(transport=transport, base_url="http://api.example") as api:
        return await api.request(call.method, call.address, json=call.body, headers=headers)


@pytest.fixture(scope="module")
def written() -> Mapping[str, str]:
    """The pages as the code has them now."""
    return api_pages()


def test_every_part_of_the_api_has_a_page_and_no_other_page_is_there(written: Mapping[str, str]) -> None:
    assert sorted(written) == PAGES
    assert MANAGED


@pytest.mark.parametrize("name", PAGES)
def test_a_page_of_the_api_matches_the_code(written: Mapping[str, str], name: str) -> None:
    assert (FOLDER / name).read_text() == written[name]


@pytest.mark.parametrize("call", _calls(*ASKED), ids=_name)
async def test_a_documented_question_is_answered(shop: Place, app: FastAPI, call: Call) -> None:
    async def first(things: str) -> str:
        found = await sent(app, Call("GET", f"/insights/shop/{things}", None), shop.headers("shop/reader"))
        return str(found.json()[0]["id"])

    address = call.address.replace("/demo/", "/shop/").replace("user-42", "ada")
    for example, things in ((EVENT, "events"), (SESSION, "sessions")):
        if example in address:
            address = address.replace(example, await first(things))
    if "/reports/text/" in address:
        report = await Things(app, shop.headers("shop/admin"), "shop").report()
        address = address.replace("/reports/text/", f"/reports/{report}/")

    answer = await sent(app, call._replace(address=address), shop.headers("shop/reader"))

    assert answer.status_code in ({200, 503} if address == "/healthcheck" else {200}), answer.text


@dataclass
class Things:
    """Makes what examples name, each when it is first named."""

    app: FastAPI
    headers: dict[str, str]
    project: str
    _made: dict[str, str] = field(default_factory=dict)

    async def filled(self, text: str) -> str:
        """The text with what was made in the place of the examples."""
        makers: dict[str, Callable[[], Awaitable[str]]] = {
            REPORT: self.report,
            DASHBOARD: self.dashboard,
            COHORT: self.cohort,
            CLIENT: self.client,
            REFERENCE: self.reference,
            ERASURE: self.erasure,
        }
        for example, make in makers.items():
            if example in text:
                text = text.replace(example, await make())
        return re.sub(r"/projects/shop\b", f"/projects/{self.project}", text)

    async def dashboard(self) -> str:
        return await self._once("dashboard", f"/projects/{self.project}/dashboards", {"name": "Board"})

    async def report(self) -> str:
        path = f"/projects/{self.project}/dashboards/{await self.dashboard()}/reports"
        return await self._once("report", path, {"name": "Lines", "report": LINES})

    async def cohort(self) -> str:
        body = {"name": "Buyers", "definition": COUNTED}
        return await self._once("cohort", f"/projects/{self.project}/cohorts", body)

    async def client(self) -> str:
        return await self._once("client", "/clients", {"name": "app", "projectId": self.project})

    async def reference(self) -> str:
        body = {"projectId": self.project, "title": "Release", "datetime": "2026-03-01T10:00:00Z"}
        return await self._once("reference", "/references", body)

    async def erasure(self) -> str:
        return await self._once("erasure", f"/projects/{self.project}/erasures", {"profileId": "user-42"})

    async def _once(self, kind: str, path: str, body: Any) -> str:
        if kind not in self._made:
            call = Call("POST", f"/manage{path}", body)
            answer = await sent(self.app, call, self.headers)
            assert answer.status_code == _done(call), answer.text
            self._made[kind] = answer.json()["data"]["id"]
        return self._made[kind]


_numbers = count(1)


def _done(call: Call) -> int:
    """What it is answered when it is done as described: who is to be erased is taken note of."""
    return 202 if call.method == "POST" and call.address.endswith("/erasures") else 200


@pytest.fixture(scope="module")
def manager(place: Place) -> dict[str, str]:
    """The headers of an organization's root client."""
    (project,) = tenancy.parse(MANIFEST)
    report = tenancy.ensure(
        project, database=place.database, warehouse=place.warehouse, announce=lambda _topic: None,
        clock=lambda: NOON, fresh_secret=lambda: f"sec_{900 + next(_numbers):040x}",
    )  # fmt: skip
    issued = report.issued["admin"]
    return {"openpanel-client-id": issued.client_id, "openpanel-client-secret": issued.secret}


# What has to happen before a call can be answered.
BEFORE = {
    "/manage/projects/shop/restore": Call("DELETE", "/manage/projects/shop", None),
    "/manage/projects/shop/events/checkout": Call("PUT", "/manage/projects/shop/events/checkout", {}),
}


@pytest.fixture(scope="module")
def managing(place: Place, valkey_url: str) -> Iterator[FastAPI]:
    """An API that writes; what it makes first takes its time."""
    with BlockingRedis.from_url(valkey_url) as shared:
        yield an_app(Services(place.database, place.warehouse, shared=shared, clock_ms=Clock()))


@pytest.mark.parametrize("call", _calls(*MANAGED), ids=_name)
async def test_a_documented_change_is_made(managing: FastAPI, manager: dict[str, str], call: Call) -> None:
    named = {"name": f"Documented {next(_numbers)}"}
    project = (await sent(managing, Call("POST", "/manage/projects", named), manager)).json()["data"]["id"]
    things = Things(managing, manager, project)

    async def made(wanted: Call) -> Response:
        body = wanted.body
        if isinstance(body, dict):
            body = {**body, "projectId": project} if "projectId" in body else body
            if "places" in body:
                body = {"places": {await things.report(): place for place in body["places"].values()}}
        filled = await things.filled(wanted.address)
        return await sent(managing, Call(wanted.method, filled, body), manager)

    if call.address in BEFORE:
        await made(BEFORE[call.address])
    answer = await made(call)

    assert answer.status_code == _done(call), answer.text


@pytest.fixture
async def live(shop: Place, clock: Clock, redis: Redis) -> AsyncIterator[Live]:
    """The API over a Redis, served."""
    stopping = asyncio.Event()
    services = Services(shop.database, shop.warehouse, redis=redis, clock_ms=clock, stopping=stopping.is_set)
    async with serving(services) as port:
        yield Live(shop, redis, clock, port, services, stopping)
        stopping.set()


async def test_the_documented_streams_begin(live: Live) -> None:
    streams = [call.address for call in _calls("live") if call.method == "GET"]
    assert len(streams) == 3

    for address in streams:
        path = address.removeprefix("/live/").replace("demo", "shop")
        async with live.stream(path, who="shop/reader") as events:
            begun = await following(events)
        assert begun == (("events", '{"count": 0}') if path.startswith("events") else ("visitors", "0"))


async def test_the_documented_ticket_is_issued(live: Live) -> None:
    (call,) = [call for call in _calls("live") if call.method == "POST"]
    app = an_app(live.services)

    answer = await sent(app, call, live.place.headers("shop/reader"))

    assert answer.status_code == 200, answer.text
    assert answer.json()["data"]["projectId"] == "shop"
