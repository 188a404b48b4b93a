"""An organization that manages itself, one of its projects described by a manifest, and another organization beside."""

import itertools
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from httpx import AsyncClient, Response
from redis import Redis

from openpanel import tenancy
from openpanel.identity.credentials import hash_secret
from openpanel.metadata import NewClient, clients
from openpanel.tenancy import Issued
from openpanel_api.public.services import Services
from tests.api.public.conftest import NOON, Clock, Place, talking_to

MANIFESTS = """
{apiVersion: openpanel.dev/v1alpha1, kind: AnalyticsProject, metadata: {name: described}, spec: {organization: managed-org,
  domains: ["https://a.example"], events: [{name: paid, conversion: true}], filters: [{type: ip, value: 203.0.113.7}],
  clients: [{name: web, type: write}, {name: reader, type: read}, {name: admin, type: root}]}}
---
{apiVersion: openpanel.dev/v1alpha1, kind: AnalyticsProject, metadata: {name: next-door}, spec: {organization: next-door-org,
  clients: [{name: admin, type: root}]}}
"""
WIDE = Issued("44444444-4444-4444-8444-444444444444", f"sec_{444:040x}")

WAIT_S = 60.0  # for what comes at once on a machine that has time

_numbers = itertools.count(1)


@dataclass
class Asking:
    """Speaks to the API as somebody."""

    api: AsyncClient
    place: Place
    clock: Clock

    async def __call__(
        self, method: str, path: str, body: Any = None, *, who: str = "managed-org/*", **options: Any
    ) -> Response:
        self.clock.ms += 1_000  # rates have tests of their own
        headers = {**self.place.headers(who), **options.pop("headers", {})}
        sent = {} if body is None else {"json": body}
        return await self.api.request(method, f"/manage{path}", headers=headers, **sent, **options)

    async def data(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        """The `data` of an answer that is as wanted."""
        answer = await self(method, path, body, **options)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    async def project(self, **fields: Any) -> Any:
        """A new project."""
        return await self.data("POST", "/projects", {"name": f"Trial {next(_numbers)}", **fields})

    async def dashboard(self, project: str, name: str = "Board") -> Any:
        """A new dashboard."""
        return await self.data("POST", f"/projects/{project}/dashboards", {"name": name})


@pytest.fixture(scope="package")
def organizations(place: Place) -> Place:
    """The place with these organizations in it."""
    for project in tenancy.parse(MANIFESTS):
        report = tenancy.ensure(
            project, database=place.database, warehouse=place.warehouse, announce=lambda _topic: None,
            clock=lambda: NOON, fresh_secret=lambda: f"sec_{700 + next(_numbers):040x}",
        )  # fmt: skip
        place.issued |= {f"{project.name}/{name}": issued for name, issued in report.issued.items()}
    wide = NewClient(WIDE.client_id, "wide", None, "managed-org", "root", hash_secret(WIDE.secret))
    clients.create(place.database, client=wide, at=NOON)
    place.issued["managed-org/*"] = WIDE
    return place


@pytest.fixture
def shared(valkey_url: str) -> Iterator[Redis]:
    """An empty Valkey for blocking calls."""
    with Redis.from_url(valkey_url) as connection:
        connection.flushdb()
        yield connection


@pytest.fixture
async def ask(organizations: Place, clock: Clock, shared: Redis) -> AsyncIterator[Asking]:
    """Speaks as the root client of the organization, unless another is named."""
    services = Services(organizations.database, organizations.warehouse, shared=shared, clock_ms=clock)
    async with talking_to(services) as api:
        yield Asking(api, organizations, clock)
