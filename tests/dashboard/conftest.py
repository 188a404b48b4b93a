"""The dashboard over real stores, with people and projects to look at, and a clock that stands still."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import redis
from fastapi import FastAPI
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import BrowserContext, expect, sync_playwright

from openpanel.identity.credentials import hash_secret
from openpanel.metadata import (
    Database,
    NewClient,
    ProjectRecord,
    UserRecord,
    clients,
    dashboard_sessions,
    migrate,
    organizations,
    projects,
    users,
)
from openpanel.stream import Pool
from openpanel.warehouse import Warehouse, migrations
from openpanel.warehouse.schema import Single
from openpanel_dashboard import assets
from openpanel_dashboard.app import create_app
from openpanel_local.engines.clickhouse import ClickHouse
from tests.dashboard import traffic
from tests.dashboard.browsers import ORIGIN, Browser
from tests.dashboard.screens import ARGUMENTS, LIVE_EVERY_S, PATIENCE_MS, Screen, screen_in, served, window

expect.set_options(timeout=PATIENCE_MS)

NOW = datetime(2026, 11, 18, 10, 5, tzinfo=UTC)  # a Wednesday, 19:05 in Seoul
SECRET = "sec_" + "0" * 40
SECRET_HASH = hash_secret(SECRET)


@dataclass(frozen=True, slots=True)
class World:
    """Open stores, and who and what is in them."""

    database: Database
    warehouse: Warehouse
    redis: redis.Redis
    member: UserRecord  # of the organization acme
    owner: UserRecord  # set the installation up
    session: str  # the member's browser
    shop: ProjectRecord  # of acme, with traffic
    fresh: ProjectRecord  # of acme, nothing was ever sent
    foreign: ProjectRecord  # of another organization

    def app(self, **change: object) -> FastAPI:
        """The dashboard; `change` replaces arguments of `create_app`."""
        given: dict[str, object] = {
            "database": self.database,
            "warehouse": self.warehouse,
            "redis": self.redis,
            "pool": lambda name: Pool(name, 1),
            "clock": lambda: NOW,
            "ingest_url": "http://ingest.example:3000",
            "dashboard_url": ORIGIN,
            "api_url": "http://api.example:3002",
            **change,
        }
        return create_app(**given)  # type: ignore[arg-type]  # typed by the names above

    def address(self, rest: str = "/overview", project: ProjectRecord | None = None) -> str:
        """A path below a project."""
        one = project or self.shop
        return f"/o/{one.organization}/p/{one.id}{rest}"


@pytest.fixture(scope="session")
def built() -> None:
    """The front end, as the Makefile builds it."""
    try:
        assets.load(assets.FOLDER)
    except assets.NotBuiltError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def world(
    built: None,
    postgres_database: Callable[[], str],
    clickhouse: ClickHouse,
    clickhouse_database: Callable[[], str],
    valkey_url: str,
) -> Iterator[World]:
    """One world for all tests that only look."""
    url = postgres_database()
    migrate(url)
    with (
        Database(url) as database,
        Warehouse(clickhouse.url, database=clickhouse_database()) as warehouse,
        redis.Redis.from_url(valkey_url) as store,
    ):
        migrations.migrate(warehouse, form=Single())
        made = _people(database, warehouse, store)
        rows = traffic.visits(project=made.shop.id, timezone=made.shop.timezone, until=NOW, days=60, a_day=40)
        traffic.insert(warehouse, list(rows), token="traffic")
        yield made


@pytest.fixture
def client(world: World) -> Iterator[Browser]:
    """A browser in which the member is signed in."""
    with Browser(world.app()) as opened:
        opened.cookies.set("openpanel-session", world.session)
        yield opened


@pytest.fixture
def stranger(world: World) -> Iterator[Browser]:
    """A browser in which nobody is signed in."""
    with Browser(world.app()) as opened:
        yield opened


@pytest.fixture(scope="session")
def chromium() -> str:
    """The distribution's Chromium."""
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("no Chromium: apt-get install chromium")
    return path


# Browsers are started anew by each file: the loop that drives one must not run beside tests that are asynchronous.
@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Chromium]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=chromium, args=list(ARGUMENTS), timeout=PATIENCE_MS
        )
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def origin(world: World) -> Iterator[str]:
    """The address of the dashboard, served for browsers."""
    with served(world.app(live_every_s=LIVE_EVERY_S, show_stories=True)) as address:
        yield address


@pytest.fixture(scope="module")
def desktop(browser: Chromium) -> Iterator[BrowserContext]:
    """The window of a desktop for all screens of a file."""
    with window(browser) as opened:
        yield opened


@pytest.fixture
def shown(world: World, desktop: BrowserContext, origin: str) -> Iterator[Screen]:
    """A page of its own, in which the member is signed in."""
    with screen_in(desktop, origin, session=world.session) as opened:
        yield opened


def add_project(
    database: Database, *, name: str, organization: str, timezone: str = "UTC", **change: Any
) -> ProjectRecord:
    """A project with a client that pages use."""
    record = ProjectRecord(
        id=name, name=name.capitalize(), organization=organization, timezone=timezone, **change
    )
    projects.put(database, wanted=record)
    client = NewClient(
        id=str(uuid4()),
        name="web",
        organization=organization,
        project=name,
        type="write",
        secret_hash=SECRET_HASH,
    )
    clients.create(database, client=client, at=NOW)
    return record


def _people(database: Database, warehouse: Warehouse, store: redis.Redis) -> World:
    organizations.ensure(database, organization="acme", name="Acme")
    organizations.ensure(database, organization="rival", name="Rival <b>Ltd</b>")
    owner = users.ensure(database, wanted=UserRecord(str(uuid4()), "owner@example.com", owner=True))
    member = users.ensure(database, wanted=UserRecord(str(uuid4()), "ada@example.com"))
    users.join(database, user=member.id, organization="acme", role="member")
    session = "session-of-ada"
    dashboard_sessions.begin(
        database, user=member.id, token=session, at=NOW, expires_at=NOW + timedelta(days=30)
    )
    return World(
        database=database,
        warehouse=warehouse,
        redis=store,
        member=member,
        owner=owner,
        session=session,
        shop=add_project(
            database,
            name="shop",
            organization="acme",
            timezone="Asia/Seoul",
            cors=("https://*.shop.example.com", "https://shop.example.com"),
        ),
        fresh=add_project(database, name="fresh", organization="acme"),
        foreign=add_project(database, name="foreign", organization="rival"),
    )
