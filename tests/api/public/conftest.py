"""The public API over real stores: four projects of two organizations, a few days of events in one of them."""

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient
from redis.asyncio import Redis

from openpanel import tenancy
from openpanel.identity.credentials import hash_secret
from openpanel.identity.ids import person_of_profile
from openpanel.metadata import Database, NewClient, clients, migrate
from openpanel.tenancy import Issued, removal
from openpanel.warehouse import Warehouse, migrations
from openpanel.warehouse.schema import Single
from openpanel_api.public.app import create_app
from openpanel_api.public.services import Services
from openpanel_local.engines.clickhouse import ClickHouse
from tests.api.public import world

_apps: list[FastAPI] = []  # the first one
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MANIFESTS = """
apiVersion: openpanel.dev/v1alpha1
kind: AnalyticsProject
metadata: {name: mine}
spec: &spec
  organization: ours
  timeZone: Asia/Seoul
  domains: ["*"]
  clients: [{name: web, type: write}, {name: reader, type: read}, {name: admin, type: root}]
  events: [{name: checkout, conversion: true, icon: cart, colour: "#00aa00"}]
---
{apiVersion: openpanel.dev/v1alpha1, kind: AnalyticsProject, metadata: {name: sibling}, spec: {organization: ours, clients: [{name: reader, type: read}]}}
---
{apiVersion: openpanel.dev/v1alpha1, kind: AnalyticsProject, metadata: {name: foreign}, spec: {organization: theirs, clients: [{name: reader, type: read}, {name: admin, type: root}]}}
---
{apiVersion: openpanel.dev/v1alpha1, kind: AnalyticsProject, metadata: {name: gone}, spec: {organization: ours, clients: [{name: reader, type: read}]}}
"""


@dataclass
class Clock:
    """Stands still until a test moves it."""

    ms: int = 1_772_366_400_000

    def __call__(self) -> int:
        return self.ms


@dataclass
class Place:
    """What the tests of a session share."""

    database: Database
    warehouse: Warehouse
    issued: dict[str, Issued] = field(default_factory=dict)  # `<project>/<client>` → credentials
    app: FastAPI | None = None  # for tests that need none of their own; making one takes its time

    def headers(self, who: str) -> dict[str, str]:
        """The credentials of `<project>/<client>`."""
        client_id, secret = self.issued[who]
        return {"openpanel-client-id": client_id, "openpanel-client-secret": secret}


@pytest.fixture(scope="package")
def place(
    postgres_database: Callable[[], str], clickhouse: ClickHouse, clickhouse_database: Callable[[], str]
) -> Iterator[Place]:
    """Migrated stores with the projects above; `gone` is deleted again."""
    url = postgres_database()
    migrate(url)
    with Database(url) as database, Warehouse(clickhouse.url, database=clickhouse_database()) as warehouse:
        migrations.migrate(warehouse, form=Single())
        made = Place(database, warehouse)
        _furnish(made)
        yield made


@pytest.fixture(scope="package")
def shop(place: Place) -> Place:
    """The same place with the shop of `world` in it."""
    place.issued |= world.furnish(place.database, place.warehouse)
    return place


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def redis(valkey_url: str) -> AsyncIterator[Redis]:
    """An empty Valkey."""
    async with Redis.from_url(valkey_url) as connection:
        await connection.flushdb()
        yield connection


@pytest.fixture
async def api(place: Place, clock: Clock) -> AsyncIterator[AsyncClient]:
    """A client of the API without Redis: rates count in the process."""
    async with talking_to(Services(place.database, place.warehouse, clock_ms=clock)) as client:
        yield client


def talking_to(services: Services, **options: Any) -> AsyncClient:
    """A client of an API over these services; what it cannot answer is an answer too."""
    transport = ASGITransport(app=an_app(services), raise_app_exceptions=False, **options)
    return AsyncClient(transport=transport, base_url="http://api.example")


def an_app(services: Services) -> FastAPI:
    """An API of its own over these services, with the routes of the first one: they say nothing of the services,
    and what the framework makes of them when they are first asked for takes a good part of a second.
    """
    app = create_app(services)
    _apps.append(app)
    app.router = _apps[0].router
    del _apps[1:]
    return app


def _furnish(place: Place) -> None:
    secrets = iter(range(100))
    for project in tenancy.parse(MANIFESTS):
        report = tenancy.ensure(
            project, database=place.database, warehouse=place.warehouse, announce=lambda _topic: None,
            clock=lambda: NOON, fresh_secret=lambda: f"sec_{next(secrets):040x}",
        )  # fmt: skip
        place.issued |= {f"{project.name}/{name}": issued for name, issued in report.issued.items()}
    _wide_client(place)
    going = removal.World(
        place.database, place.warehouse, lambda _topic: None, lambda: NOON, lambda _project: None
    )
    removal.remove("gone", world=going)


def _wide_client(place: Place) -> None:
    """`ours/*`: a root client of the organization without a project of its own; and one without a secret."""
    wide = Issued("22222222-2222-4222-8222-222222222222", f"sec_{99:040x}")
    new = NewClient(wide.client_id, "wide", None, "ours", "root", hash_secret(wide.secret))
    clients.create(place.database, client=new, at=NOON)
    place.issued["ours/*"] = wide


@pytest.fixture(scope="package")
def events(place: Place) -> int:
    """130 events in `mine`, two a minute backwards from noon, one in `sibling`; one of them with every field."""
    for statement in (MANY, PROFILE, SIBLING):
        place.warehouse.command(statement)
    place.warehouse.command(FULL, parameters={"person": person_of_profile("user-42")})
    return 131


MANY = """
INSERT INTO events (project_id, name, created_at, received_at, event_id, device_id, session_id, session_started_at, person, profile_id, path, country, properties)
SELECT 'mine', if(number % 3 = 0, 'checkout', 'screen_view'),
    toDateTime64('2026-03-01 12:00:00', 3, 'UTC') - INTERVAL intDiv(number, 2) MINUTE,
    toDateTime64('2026-03-01 12:00:01', 3, 'UTC'), 1000 + number, 7, 9, toDateTime64('2026-03-01 10:00:00', 3, 'UTC'),
    7, '', concat('/page/', toString(number % 5)), if(number % 2 = 0, 'KR', ''), map('n', toString(number))
FROM numbers(130)
"""
FULL = """
INSERT INTO events (project_id, name, created_at, received_at, event_id, device_id, device_ref, session_id, session_started_at, person, profile_id,
    groups, path, origin, title, referrer, referrer_name, referrer_type, utm_source, utm_medium, utm_campaign, utm_term, utm_content, revenue, duration,
    country, region, city, longitude, latitude, os, os_version, browser, browser_version, device, brand, model, sdk_name, sdk_version, properties, imported_at)
SELECT 'mine', 'revenue', toDateTime64('2026-02-01 00:00:00.25', 3, 'UTC'), toDateTime64('2026-02-01 00:00:01', 3, 'UTC'), 255, 1, 'kiosk-1', 16,
    toDateTime64('2026-01-31 23:59:00', 3, 'UTC'), {person:UInt64}, 'user-42', ['acme'], '/thanks', 'https://shop.example', 'Thanks', 'https://www.google.com',
    'Google', 'search', 'mail', 'cpc', 'spring', 'shoes', 'a', 4200, 15, 'KR', 'Seoul', 'Seoul', 126.9784, 37.566, 'Mac OS', '10.15.7', 'Chrome', '141.0',
    'desktop', 'Apple', 'Macintosh', 'web', '1.4.1', map('plan', 'pro', 'nested.0', 'x'), toDateTime('2026-02-02 00:00:00', 'UTC')
"""
PROFILE = """
INSERT INTO profiles (project_id, profile_id, first_name, last_name, email, avatar, properties, groups, created_at, version, deleted)
SELECT 'mine', 'user-42', 'Ada', 'L', 'ada@example.com', '', map('plan', 'pro'), ['acme'],
    toDateTime64('2026-01-01 00:00:00', 3, 'UTC'), 1, 0
"""
SIBLING = """
INSERT INTO events (project_id, name, created_at, event_id) SELECT 'sibling', 'secret', toDateTime64('2026-03-01 12:00:00', 3, 'UTC'), 1
"""
